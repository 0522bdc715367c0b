"""Test rows that are nearly the same as a training row: a copy that was rounded, or changed in a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from modelway.data.quality.kind import PairKind, QualityKeys
from modelway.data.quality.outcomes import Finding, judged, percent
from modelway.data.report import QualityCheck

if TYPE_CHECKING:
    from modelway.data.quality.pairs import Pair

Percent = Annotated[float, Meta(ge=0, le=100)]
PARTS = 8
"""Groups of columns: two rows that differ in one column differ in one of them."""


class NearlySharedKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 1
    """Of the test rows, without those that are shared as they are."""


class RowsNearlyShared(PairKind[NearlySharedKeys]):
    field, keys, order = "nearly_shared", NearlySharedKeys, 2
    about = "Test rows that stand in the training data but for rounding and an eighth of their columns."

    def compare(self, keys: NearlySharedKeys, pair: Pair) -> Sequence[QualityCheck | str]:
        names = [name for name in pair.test.columns if name in pair.train.columns]
        parts = [part for at in range(PARTS) if (part := names[at::PARTS])]
        if len(parts) < 2:
            return ["nearly shared rows: the two have fewer than two columns in common"]
        found, limit = pair.nearly_shared(parts), keys.at_most_percent
        chance = percent(round(found.by_chance), found.rows) or 0
        if 2 * chance > limit:
            meet = f"{chance:.3g} % of the test rows would be like a training row by chance"
            return [f"nearly shared rows: the columns are so few, or so coarse, that {meet}"]
        count = found.near - (pair.shared.shared if pair.shared else 0)
        rule = (
            f"at most {limit:g} % of the test rows differ from a row of {pair.train.name} by rounding,"
            f" or in one part of {len(parts)}, alone"
        )
        said = f"{count:,} of {found.rows:,}" if count else ""
        return [
            judged(self, keys, "nearly shared rows", Finding(found.rows, percent(count, found.rows), limit, rule, said))
        ]


KIND = RowsNearlyShared()

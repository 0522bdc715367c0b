"""Test rows that stand in the training data, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from modelway.data.quality.kind import PairKind, QualityKeys, Severity
from modelway.data.quality.outcomes import Finding, judged, percent
from modelway.data.report import QualityCheck

if TYPE_CHECKING:
    from modelway.data.quality.pairs import Pair

Percent = Annotated[float, Meta(ge=0, le=100)]


class SharedRowKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    at_most_percent: Percent = 1
    """Of the test rows."""


class RowsShared(PairKind[SharedRowKeys]):
    field, keys, order = "shared_rows", SharedRowKeys, 1
    about = "Test rows that stand in the training data, too, in every column that both have."

    def compare(self, keys: SharedRowKeys, pair: Pair) -> Sequence[QualityCheck | str]:
        found, limit = pair.shared, keys.at_most_percent
        rule = f"at most {limit:g} % of the test rows stand in {pair.train.name} too"
        if found is None:
            made = Finding(0, None, limit, rule, "the two have no column in common")
        else:
            said = f"{found.shared:,} of {found.rows:,}" if found.shared else ""
            if found.repeated:
                said += f"; rows repeat within {pair.train.name} anyway, {found.repeated:,} of {found.others:,}"
            made = Finding(found.rows, percent(found.shared, found.rows), limit, rule, said.lstrip("; "))
        return [judged(self, keys, "shared rows", made)]


KIND = RowsShared()

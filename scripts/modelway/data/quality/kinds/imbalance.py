"""Classes of the label that are rare beside the others."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import log
from typing import Annotated, Any

from msgspec import Meta

from modelway.data.quality.kind import QualityCase, QualityKeys, TableKind
from modelway.data.quality.outcomes import Finding, judged
from modelway.data.quality.queries import Answers, Question
from modelway.data.report import QualityCheck
from modelway.distributions import normal_quantile, wilson

Z = normal_quantile(0.95)
Percent = Annotated[float, Meta(ge=0, le=100)]


class ImbalanceKeys(QualityKeys, frozen=True):
    at_least_percent: Percent = 5
    """The share of the smallest class, in percent of an equal share: of two classes 5 means 2.5 % of rows, of ten 0.5 %."""


class ClassImbalance(TableKind[ImbalanceKeys]):
    field, keys, level, order = "imbalance", ImbalanceKeys, "table", 6
    about = "How rare the smallest class of the label is, for any number of classes."

    def checks(
        self, case: QualityCase[ImbalanceKeys]
    ) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        yield ()
        spread = case.table.columns[case.label].values if case.label else None
        if case.label is None or spread is None or not case.classes or spread.distinct < 2:
            return []
        limit, classes = case.keys.at_least_percent, spread.distinct
        counts = [count for _, count in spread.top]
        value, least = spread.rarest[0]
        low, high = (100 * classes * bound for bound in wilson(least, spread.n, Z))
        share = 100 * least / spread.n
        said = f"{case.shown(case.label, value)} has {least:,} of {spread.n:,} rows ({share:.3g} %)"
        said += f"; {classes:,} classes" + (f", evenness {evenness(counts):.2f}" if classes <= len(counts) else "")
        said += "" if low > limit or high < limit else "; too few rows to be sure"
        rule = f"at least {limit:g} % of an equal share ({limit / classes:.3g} % of rows)"
        found = Finding(spread.n, classes * share, limit, rule, said, at_least=True, interval=(low, high))
        return [judged(self, case.keys, f"{case.label} imbalance", found, case.label)]


def evenness(counts: Sequence[int]) -> float:
    """Shannon's entropy of the classes, of the largest that it could be: 1 where they are equal, near 0 where one has all.
    Pielou, The measurement of diversity in different types of biological collections (1966)."""
    n = sum(counts)
    return -sum(count / n * log(count / n) for count in counts) / log(len(counts))


KIND = ClassImbalance()

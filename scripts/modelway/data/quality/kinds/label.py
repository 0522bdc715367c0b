"""A label that nothing can be learnt from."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from modelway.config.keys import Count
from modelway.data.quality.kind import QualityCase, QualityKeys, Severity, TableKind
from modelway.data.quality.outcomes import Finding, judged, percent
from modelway.data.quality.queries import Answers, Question
from modelway.data.report import QualityCheck


class LabelKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    at_least_rows: Count = 10
    """Of the smallest class."""


class LabelOfRows(TableKind[LabelKeys]):
    field, keys, level, order = "label", LabelKeys, "table", 5
    about = "Whether each row has a label, and each class some rows."

    def checks(
        self, case: QualityCase[LabelKeys]
    ) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        yield ()
        if case.label is None:
            return []
        facts, name, keys = case.table.columns[case.label], case.label, case.keys
        absent = facts.missing + facts.other
        said = f"{absent:,} rows have none" if absent else ""
        none = Finding(facts.rows, percent(absent, facts.rows), 0, "every row has a label", said)
        checks = [judged(self, keys, f"{name} there", none, name)]
        spread = facts.values
        if spread is None:
            return checks
        several = Finding(spread.n, spread.distinct, 2, "at least 2 different labels", at_least=True)
        checks.append(judged(self, keys, f"{name} differs", several, name))
        if case.classes and spread.distinct > 1:
            value, least = spread.rarest[0]
            shown = case.shown(name, value)
            rule = f"at least {keys.at_least_rows} rows of each class"
            said = f"{shown} is the smallest of {spread.distinct:,} classes" if least < keys.at_least_rows else ""
            smallest = Finding(spread.n, least, keys.at_least_rows, rule, said, at_least=True)
            checks.append(judged(self, keys, f"{name} smallest class", smallest, name))
        return checks


KIND = LabelOfRows()

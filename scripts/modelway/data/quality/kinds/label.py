"""A label that nothing can be learnt from."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from modelway.config.keys import Count
from modelway.data.quality.kind import Case, QualityKeys, Severity, TableKind
from modelway.data.quality.outcomes import Found, judged, percent
from modelway.data.quality.queries import Answers, Asked
from modelway.data.report import QualityCheck


class LabelKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    """What a broken check of this kind comes to: `fail` ends the call with exit code 1, `warn` is told and does not."""
    at_least_rows: Count = 10
    """Of the smallest class."""


class LabelOfRows(TableKind[LabelKeys]):
    field, keys, level, order = "label", LabelKeys, "table", 5
    about = "Whether each row has a label, and each class some rows."

    def checks(self, case: Case[LabelKeys]) -> Generator[Sequence[Asked[Any]], Answers, Sequence[QualityCheck]]:
        yield ()
        if case.label is None:
            return []
        facts, name, keys = case.table.columns[case.label], case.label, case.keys
        absent = facts.missing + facts.other
        said = f"{absent:,} rows have none" if absent else ""
        none = Found(facts.rows, percent(absent, facts.rows), 0, "every row has a label", said)
        checks = [judged(self, keys, f"{name} there", none, name)]
        spread = facts.values
        if spread is None:
            return checks
        several = Found(spread.n, spread.distinct, 2, "at least 2 different labels", at_least=True)
        checks.append(judged(self, keys, f"{name} differs", several, name))
        if case.classes and spread.distinct > 1:
            value, count = spread.top[-1]
            whole = spread.distinct <= len(spread.top)
            least = count if whole else min(count, 1)
            shown = case.shown(name, value)
            rule = f"at least {keys.at_least_rows} rows of each class"
            said = f"{shown} is the smallest of {spread.distinct:,} classes" if least < keys.at_least_rows else ""
            smallest = Found(spread.n, least, keys.at_least_rows, rule, said, at_least=True)
            checks.append(judged(self, keys, f"{name} smallest class", smallest, name))
        return checks


KIND = LabelOfRows()

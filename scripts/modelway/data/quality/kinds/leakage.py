"""A column that alone gives the label away."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from modelway.data.quality.information import Crossing, most_mixed, told
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys, Severity, TableKind
from modelway.data.quality.outcomes import Finding, judged
from modelway.data.quality.queries import Answers, Crossed, Parted, Question, Spread
from modelway.data.report import QualityCheck

Percent = Annotated[float, Meta(ge=0, le=100)]
MOST_CLASSES = 10
"""Those beyond the most frequent are one."""
LABEL_CELLS = (0.2, 0.4, 0.6, 0.8)
"""A label that is a number: which fifth it is in."""
FEW_VALUES = 100
WORTH_A_LOOK = 30
"""From this percentage on, the cell that tells least is looked at more closely."""
LEAST_ROWS, ROWS_OF_A_CELL = 50, 20


class LeakageKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    at_most_percent: Percent = 90
    """How much of the label's entropy one column may tell."""


class LeakageOfLabel(TableKind[LeakageKeys]):
    field, keys, order = "leakage", LeakageKeys, 7
    about = "Columns that alone tell the label of nearly every row."

    def checks(
        self, case: QualityCase[LeakageKeys]
    ) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        yield ()
        label = _label(case)
        if label is None:
            return []
        parts = {
            name: part
            for name in case.columns
            if name != case.label and (part := _parted(case.table.columns[name])) is not None
        }
        answers = yield [Crossed(part, label) for part in parts.values()]
        crossings = {name: answers[Crossed(part, label)] for name, part in parts.items()}
        finer = {}
        for name, part in parts.items():
            seen = told(crossings[name])
            worth = part.edges and seen is not None and seen.percent > WORTH_A_LOOK
            if worth and (cell := _within(part, crossings[name])) is not None:
                finer[name] = cell
        spreads = yield [question for question, _ in finer.values()]
        refined = {}
        for name, (question, within) in finer.items():
            inner = spreads[question].quantiles
            if inner:
                edges = tuple(sorted({*parts[name].edges, *_edges(inner, within)}))
                refined[name] = Crossed(Parted(name, parts[name].type, edges), label)
        closer = yield list(refined.values())
        crossings |= {name: closer[question] for name, question in refined.items()}
        return [
            check for name, crossing in crossings.items() if (check := self._judged(case, name, crossing)) is not None
        ]

    def _judged(self, case: QualityCase[LeakageKeys], name: str, crossing: Crossing) -> QualityCheck | None:
        found, keys = told(crossing), case.columns[name]
        if found is None or found.n < LEAST_ROWS:
            return None
        limit = keys.at_most_percent
        rule = f"tells at most {limit:g} % of {case.label}"
        said = f"alone tells {found.percent:.1f} % of {case.label}: is it known when a prediction is asked for?"
        made = Finding(
            found.n, found.percent, limit, rule, said * (found.percent > limit), interval=(found.low, found.high)
        )
        return judged(self, keys, f"{name} tells {case.label}", made, name)


def _label(case: QualityCase[LeakageKeys]) -> Parted | None:
    """The label in cells; None where it has one value alone, or none."""
    if case.label is None:
        return None
    facts = case.table.columns[case.label]
    spread = facts.values
    if spread is None or facts.type is None or spread.distinct < 2:
        return None
    if case.classes:
        values = tuple(value for value, _ in spread.top[:MOST_CLASSES])
        return Parted(facts.name, facts.type, values=values)
    assert spread.quantiles is not None
    edges = tuple(sorted({float(spread.quantiles[p]) for p in LABEL_CELLS}))
    return Parted(facts.name, facts.type, edges)


def _parted(facts: ColumnFacts) -> Parted | None:
    spread = facts.values
    if spread is None or facts.type is None:
        return None
    if spread.quantiles is None or spread.distinct <= FEW_VALUES:
        return Parted(facts.name, facts.type, values=tuple(value for value, _ in spread.top))
    return Parted(facts.name, facts.type, _edges(spread.quantiles, facts.n))


def _edges(quantiles: Mapping[float, Any], n: int) -> tuple[float, ...]:
    """Of cells that hold about ROWS_OF_A_CELL values each at least: with less the shares of classes are guesses."""
    wanted = max(1, n // ROWS_OF_A_CELL)
    step = max(1, -(-len(quantiles) // wanted))
    values = [float(quantiles[p]) for p in sorted(quantiles)]
    return tuple(sorted(set(values[step // 2 :: step])))


def _within(part: Parted, crossing: Crossing) -> tuple[Spread, int] | None:
    """The values of the cell that tells least, and how many of the crossed rows are in it."""
    mixed = most_mixed(crossing)
    if mixed is None:
        return None
    cell, n = mixed
    above = part.edges[cell - 1] if cell else None
    up_to = part.edges[cell] if cell < len(part.edges) else None
    return Spread(part.column, part.type, None, (), above, up_to), n


KIND = LeakageOfLabel()

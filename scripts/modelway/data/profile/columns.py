"""What a profile tells of each column: its bars, its most frequent values, its moments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import frexp, sqrt
from typing import Any

from msgspec import UNSET

from modelway.data.profile.bins import Bars, bars_of, bars_of_times
from modelway.data.profile.queries import Celled, Moments
from modelway.data.profile.record import ProfileBars, ProfileColumn, ProfileValue, Shown
from modelway.data.quality.kind import ColumnFacts, TableFacts, moment
from modelway.data.quality.queries import Crossed, Parted, QualityTable, Value

TOP_SHOWN = 10
FEW = 12
"""Numbers with no more different values than this are told value by value."""
TOLD_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BITS = 48
"""Of the whole numbers that moments are sums of: their squares, over a billion rows, fit 127 bits."""

Cells = Mapping[int, tuple[int, int, int]]
"""Cell -> (rows, those of them that have a label, those of the class that is drawn); of many rows over ROWS_CROSSED."""


@dataclass(frozen=True)
class Drawn:
    """label: in cells of which 1 is the class whose share is drawn. shown: that class in words."""

    label: Parted
    shown: str


@dataclass(frozen=True)
class DrawnColumn:
    """How a column is drawn, alike in every data set. bars: of numbers and times; else by values."""

    part: Parted
    bars: Bars | None


def parts_of(known: Sequence[TableFacts], names: Sequence[str]) -> dict[str, DrawnColumn]:
    """How each column is drawn that has values, and is of the same type in all that have it."""
    parts = {}
    for name in names:
        facts = [one.columns[name] for one in known if name in one.columns and one.columns[name].values is not None]
        if facts and (part := _part(name, facts)) is not None:
            parts[name] = part
    return parts


def _part(name: str, facts: Sequence[ColumnFacts]) -> DrawnColumn | None:
    kind, spreads = facts[0].type, [one.values for one in facts if one.values is not None]
    if kind is None or any(one.type != kind for one in facts):
        return None
    quantiles = [one.quantiles for one in spreads if one.quantiles is not None]
    few = facts[0].is_number and all(one.distinct <= FEW for one in spreads)
    if quantiles and not few:
        low, high = min(one.low[0][0] for one in spreads), max(one.high[0][0] for one in spreads)
        floats = [{p: float(value) for p, value in one.items()} for one in quantiles]
        whole = all(one.whole == one.n for one in spreads)
        times = facts[0].is_time
        made = (
            bars_of_times(floats, float(low), float(high)) if times else bars_of(floats, float(low), float(high), whole)
        )
        return DrawnColumn(Parted(name, kind, made.edges), made)
    counts: dict[Value, int] = {}
    for spread in spreads:
        for value, count in spread.top[: TOP_SHOWN + FEW]:
            counts[value] = counts.get(value, 0) + count
    most = sorted(counts, key=lambda value: (-counts[value], str(value)))[: FEW if few else TOP_SHOWN]
    values = sorted(most, key=float) if few else most
    return DrawnColumn(Parted(name, kind, values=tuple(values)), None)


def counted(
    table: QualityTable, facts: TableFacts, parts: Mapping[str, DrawnColumn], drawn: Drawn | None
) -> dict[str, Cells]:
    """How many rows each bar, or value, has."""
    if not facts.rows:
        return {}
    other = drawn.label if drawn and drawn.label.column in facts.columns else None
    crossed = {name: Crossed(one.part, other) for name, one in parts.items() if name in facts.columns}
    answers = table.tell(list(crossed.values()), 0)
    found = dict[str, Cells]()
    for name, question in crossed.items():
        cells: dict[int, tuple[int, int, int]] = {}
        for (cell, label, _), count in answers[question].items():
            rows, labelled, positive = cells.get(cell, (0, 0, 0))
            known = count if other else 0
            cells[cell] = rows + count, labelled + known * (label >= 0), positive + known * (label == 1)
        found[name] = cells
    return found


def _values_of_all(
    table: QualityTable, facts: TableFacts, parts: Mapping[str, DrawnColumn]
) -> dict[str, dict[Value, int]]:
    """Of the columns that are drawn by their values: how many of all rows each has."""
    found, unknown = dict[str, dict[Value, int]](), dict[str, Celled]()
    for name, one in parts.items():
        column = facts.columns.get(name)
        if one.bars is None and column is not None and column.values is not None:
            top = dict(column.values.top)
            found[name] = {value: top.get(value, 0) for value in one.part.values}
            if column.values.distinct > len(top) and not top.keys() >= found[name].keys():
                unknown[name] = Celled(one.part)
    told = table.tell(list(unknown.values()), 0)
    for name, question in unknown.items():
        found[name] = {value: told[question].get(at, 0) for at, value in enumerate(question.part.values, 1)}
    return found


def described(
    facts: TableFacts,
    parts: Mapping[str, DrawnColumn],
    drawn: Drawn | None,
    found: Mapping[str, Cells],
    masked: Collection[str],
    table: QualityTable,
) -> Iterator[ProfileColumn]:
    """Each column, in the order of the file."""
    moments = {name: _moments(column) for name, column in facts.columns.items() if name not in masked}
    told = table.tell([question for question in moments.values() if question is not None], 0)
    counts = _values_of_all(table, facts, parts)
    for name, column in facts.columns.items():
        known: dict[str, Any] = {
            "name": name,
            "type": column.type or "other",
            "stored": column.stored.physical,
            "missing": column.missing,
        }
        if name in masked or column.values is None:
            hidden = name in masked
            n = column.rows - column.missing if hidden or column.type is None else column.n
            yield ProfileColumn(**known, n=n, other=0 if hidden else column.other, masked=hidden)
            continue
        question = moments[name]
        mean, deviation = _mean(question, told[question], column.n) if question else (None, None)
        yield ProfileColumn(
            **known,
            n=column.n,
            other=column.other,
            mean=mean,
            deviation=deviation,
            **_spread(column),
            **_drawn_as(parts.get(name), found.get(name, {}), counts.get(name, {}), column, drawn is not None),
        )


def _spread(column: ColumnFacts) -> dict[str, Any]:
    spread = column.values
    assert spread is not None
    quantiles = {f"{p:g}": _shown(column, spread.quantiles[p]) for p in TOLD_QUANTILES} if spread.quantiles else {}
    ends = (spread.low, spread.high) if spread.quantiles else ((), ())
    return {
        "distinct": spread.distinct,
        "low": _shown(column, ends[0][0][0]) if ends[0] else None,
        "high": _shown(column, ends[1][0][0]) if ends[1] else None,
        "quantiles": quantiles,
        "zero": spread.zero if column.is_number else 0,
        "negative": spread.negative if column.is_number else 0,
        "shortest": spread.shortest,
        "longest": spread.longest,
    }


def _drawn_as(
    part: DrawnColumn | None, cells: Cells, counts: Mapping[Value, int], column: ColumnFacts, labelled: bool
) -> dict[str, Any]:
    nothing = (0, 0, 0)
    if part is None:
        return {}
    if part.bars is not None:
        seen = [cells.get(at, nothing) for at in range(len(part.bars.edges) + 1)]
        edges = tuple(_number(edge) for edge in part.bars.edges)
        bars = ProfileBars(
            edges=edges,
            logarithmic=part.bars.logarithmic,
            whole=part.bars.whole,
            counts=tuple(rows for rows, _, _ in seen),
            labelled=tuple(one[1] for one in seen) if labelled else (),
            positive=tuple(one[2] for one in seen) if labelled else (),
        )
        return {"bars": bars}
    top = list[ProfileValue]()
    for at, value in enumerate(part.part.values):
        _, of, positive = cells.get(at + 1, nothing)
        more = {"labelled": of if labelled else UNSET, "positive": positive if labelled else UNSET}
        top.append(ProfileValue(value=_shown(column, value), count=counts[value], **more))
    return {"top": tuple(top)}


def distances(one: Mapping[str, Cells], other: Mapping[str, Cells]) -> dict[str, float]:
    """Half the sum of the differences of shares, missing values included, of columns that both have."""
    found = {}
    for name in one:
        totals = [sum(rows for rows, _, _ in cells.values()) for cells in (one[name], other.get(name, {}))]
        if all(totals):
            cells = {*one[name], *other[name]}
            shares = [
                [side[name].get(cell, (0, 0, 0))[0] / total for cell in sorted(cells)]
                for side, total in zip((one, other), totals, strict=True)
            ]
            found[name] = sum(abs(a - b) for a, b in zip(*shares, strict=True)) / 2
    return found


def _moments(column: ColumnFacts) -> Moments | None:
    spread = column.values
    if spread is None or not column.is_number or spread.quantiles is None or column.type is None:
        return None
    low, high, centre = float(spread.low[0][0]), float(spread.high[0][0]), float(spread.quantiles[0.5])
    _, exponent = frexp(max(high - centre, centre - low, 1e-290))
    return Moments(column.name, column.type, centre, 2.0 ** min(BITS - exponent, 1000)) if exponent < 1000 else None


def _mean(question: Moments, sums: tuple[int, int], n: int) -> tuple[float, float | None]:
    """The mean, and the standard deviation of the sample (n - 1); None of one value."""
    first, second = sums
    mean = question.centre + first / n / question.scale
    if n < 2:
        return mean, None
    return mean, sqrt(max(0, n * second - first * first) / (n * (n - 1))) / question.scale


def _shown(column: ColumnFacts, value: Any) -> Shown:
    if column.is_time and isinstance(value, int):
        return moment(value)
    shown: Shown = _number(value) if isinstance(value, float) else value
    return shown


def _number(value: float) -> float | int:
    """A whole number without a fraction."""
    return int(value) if value == int(value) and abs(value) < 1 << 53 else value

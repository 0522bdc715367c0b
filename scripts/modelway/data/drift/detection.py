"""From two data sets to a report: which columns, slices and windows have drifted, and what was not looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from modelway.config.drift import Drift
from modelway.data.cells import ColumnCells, Grouping
from modelway.data.drift.classifier import DomainTest, domain_test
from modelway.data.drift.effects import ENOUGH_FOR_A_CELL, Levels
from modelway.data.drift.groups import group_ends
from modelway.data.drift.judging import PARTS, Margins, Role, compare, worst_of
from modelway.data.drift.report import DriftReport, DriftSource, GroupDrift
from modelway.data.drift.sides import DriftSide
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.data.drift.sketching import OpenedCells
from modelway.errors import InvalidInput

FEWEST_ROWS = 100
"""Of a slice or a window, in each data set: with fewer it is shown, and not judged."""
MOST_SLICES = 50
"""Of one column: those with the most rows of the reference."""
MICROSECONDS_OF_HOUR = 3_600_000_000
SAMPLED_VALUES = 500_000
"""That the classifier sees of each data set, at most: fewer rows where there are many columns."""
SHOWN = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Say = Callable[[str], None]


@dataclass(frozen=True)
class DriftFound:
    """The report, and the sketches of both data sets in the same cells."""

    report: DriftReport
    reference: DataSketch
    current: DataSketch


@dataclass(frozen=True)
class _Group:
    """A slice or a window, before it is judged."""

    name: str
    before: DataSketch
    after: DataSketch

    @property
    def enough(self) -> bool:
        return min(self.before.rows, self.after.rows) >= FEWEST_ROWS


def detect(reference: DriftSide, current: DriftSide, settings: Drift, say: Say) -> DriftFound:
    """InvalidInput: no rows, a column that is named and not there, sketches that do not fit each other."""
    notes: list[str] = []
    cells = _cells(reference, current, notes)
    roles = _roles(cells, reference, current, settings, notes)
    apart = {settings.cluster} | {
        name for name, role in roles.items() if role != "feature" and not _in_both(name, reference, current)
    }
    kept = tuple(column for column in cells if column.name not in apart)
    if not kept:
        raise InvalidInput("no column is left to compare", where=reference.name, fix="leave fewer columns out")
    before, after = _sketched(reference, kept, settings, own=True), _sketched(current, kept, settings, own=False)
    for side, sketch in ((reference, before), (current, after)):
        if not sketch.rows:
            raise InvalidInput("has no rows", where=side.name, fix="name data with rows in it")
        say(f"{side.name}: {sketch.rows:,} rows in the cells of {len(sketch.columns)} columns")
    if bool(before.clusters) != bool(after.clusters):
        what, fix = "is counted by clusters, the other data set is not", "give rows or sketches with the same `cluster`"
        raise InvalidInput(what, where=(reference if before.clusters else current).name, fix=fix)
    slices = [group for name in settings.slices for group in _slices(name, kept, reference, current, settings, notes)]
    windows = _windows(kept, before, current, settings)
    judged = [group for group in (*slices, *windows) if group.enough]
    comparisons = PARTS * sum(len(sketch.columns) for sketch in (before, *(group.before for group in judged))) + 1
    levels = Levels(drift=settings.error_rate / comparisons, none=settings.error_rate)
    margins = Margins(settings.margin, settings.missing_margin, settings.limits, settings.columns)
    columns = compare(before, after, margins, levels, roles)
    classifier = _classifier(kept, before, roles, reference, current, settings, levels, notes)

    def of(groups: Iterable[_Group]) -> tuple[GroupDrift, ...]:
        return tuple(_judged(group, margins, levels, roles) for group in groups)

    sliced, windowed = of(slices), of(windows)
    new = tuple(name for name in after.others if name not in before.others and not _is_named(name, settings))
    outcomes = [column.outcome for column in columns]
    outcomes += [group.outcome for group in (*sliced, *windowed) if group.outcome]
    outcomes += [classifier.outcome] if classifier else []
    outcomes += ["drift"] if new and settings.new_columns == "drift" else []
    report = DriftReport(
        outcome=worst_of(outcomes),
        reference=_source(reference, before),
        current=_source(current, after),
        error_rate=settings.error_rate,
        comparisons=comparisons,
        columns=columns,
        new_columns=new,
        classifier=classifier,
        slices=sliced,
        windows=windowed,
        notes=tuple(notes),
    )
    return DriftFound(report, before, after)


def _source(side: DriftSide, sketch: DataSketch) -> DriftSource:
    return DriftSource(
        data=side.name, rows=sketch.rows, clusters=sketch.clusters, digest=side.digest, from_sketch=side.rows is None
    )


def _cells(reference: DriftSide, current: DriftSide, notes: list[str]) -> tuple[ColumnCells, ...]:
    """Those of a sketch, where there is one; else those that fit the reference."""
    known = [side.sketch for side in (reference, current) if side.sketch]
    if len(known) == 2 and known[0].cells != known[1].cells:
        fix = "make both sketches with one reference"
        raise InvalidInput(f"has other columns or cells than {reference.name}", where=current.name, fix=fix)
    rows = reference.rows or current.rows
    if known:
        wanted = rows.reading.wants if rows else lambda name: True
        return tuple(column for column in known[0].cells if wanted(column.name))
    assert rows
    rows.require(rows.reading.columns or ())
    cells, inferred = rows.cells({})
    if inferred:
        kinds = {column.name: "text" if column.kind == "category" else column.kind for column in cells}
        shown = ", ".join(f"{name} {kinds[name]}" for name in inferred[:SHOWN])
        more = f" and {len(inferred) - SHOWN} more" if len(inferred) > SHOWN else ""
        notes.append(f"kinds told from the reference's values, because no contract gives a type: {shown}{more}")
    return cells


def _in_both(name: str, reference: DriftSide, current: DriftSide) -> bool:
    return all(_has(side, name) for side in (reference, current))


def _has(side: DriftSide, name: str) -> bool:
    if side.rows:
        return name in side.rows.stored
    assert side.sketch
    return name in side.sketch.by_name or name in side.sketch.others


def _roles(
    cells: Sequence[ColumnCells], reference: DriftSide, current: DriftSide, settings: Drift, notes: list[str]
) -> dict[str, Role]:
    """Which column is the label, and which the prediction. One that only one of the data sets has is not compared: labels come
    late, and training data has no predictions."""
    roles: dict[str, Role] = {column.name: "feature" for column in cells}
    named: tuple[tuple[str | None, Role], ...] = ((settings.label, "label"), (settings.prediction, "prediction"))
    for name, role in named:
        if name is None:
            continue
        roles[name] = role
        there = [side for side in (reference, current) if _has(side, name)]
        if not there:
            fix = f"name a column of the data as drift.{role}, or none"
            raise InvalidInput(f"has no column {name[:100]!r}", where=reference.name, fix=fix)
        if len(there) == 1:
            notes.append(f"the {role} {name} is in {there[0].name} alone, and was not compared")
    return roles


def _is_named(name: str, settings: Drift) -> bool:
    return name in (settings.label, settings.prediction, settings.cluster, settings.time_column)


def _sketched(side: DriftSide, cells: Sequence[ColumnCells], settings: Drift, *, own: bool) -> DataSketch:
    if side.rows:
        return side.rows.sketch(cells, own=own, cluster=settings.cluster)
    assert side.sketch
    names = {column.name for column in cells}
    return msgspec.structs.replace(
        side.sketch,
        columns=tuple(column for column in side.sketch.columns if column.name in names),
        absent=tuple(column for column in side.sketch.absent if column.name in names),
        unlike={name: stored for name, stored in side.sketch.unlike.items() if name in names},
    )


def _rows_of(side: DriftSide, what: str) -> OpenedCells:
    if side.rows is None:
        raise InvalidInput(f"is a sketch, and {what} need rows", where=side.name, fix=f"give rows, or no {what}")
    return side.rows


def _slices(
    name: str, cells: Sequence[ColumnCells], reference: DriftSide, current: DriftSide, settings: Drift, notes: list[str]
) -> list[_Group]:
    """The rows of each value of a column, against those of the same value in the reference."""
    others = [column for column in cells if column.name != name]
    by = Grouping(group=name, cluster=settings.cluster)
    before = _rows_of(reference, "slices").groups(others, by, own=False)
    after = _rows_of(current, "slices").groups(others, by, own=False)
    common = sorted(before.keys() & after.keys(), key=lambda value: (-before[value].rows, value or ""))
    if len(common) > MOST_SLICES:
        notes.append(
            f"of the {len(common)} values of {name}, the {MOST_SLICES} with the most rows were looked at as slices"
        )
    return [
        _Group(f"{name} = {'(missing)' if value is None else value}", before[value], after[value])
        for value in common[:MOST_SLICES]
    ]


def _windows(cells: Sequence[ColumnCells], before: DataSketch, current: DriftSide, settings: Drift) -> list[_Group]:
    """The current rows window by window, each against all of the reference."""
    if settings.window_hours is None:
        return []
    if settings.time_column is None:
        raise InvalidInput(
            "is given without a column of times", where="drift.window-hours", fix="set drift.time-column too"
        )
    rows = _rows_of(current, "windows")
    width = max(1, round(settings.window_hours * MICROSECONDS_OF_HOUR))
    rows.require_times(settings.time_column)
    by = Grouping(time=settings.time_column, width_us=width, cluster=settings.cluster)
    found = rows.groups(cells, by, own=False)
    order = sorted(found, key=lambda start: (start is None, int(start or 0)))
    return [_Group(_moment(start), before, found[start]) for start in order]


def _moment(start: str | None) -> str:
    """A window's beginning, as ISO 8601 in UTC."""
    if start is None:
        return "(without a time)"
    try:
        return (EPOCH + timedelta(microseconds=int(start))).isoformat().replace("+00:00", "Z")
    except OverflowError:  # a year that Python has not
        return f"{start} us since 1970"


def _judged(group: _Group, margins: Margins, levels: Levels, roles: Mapping[str, Role]) -> GroupDrift:
    n = (group.before.rows, group.after.rows)
    if not group.enough:
        return GroupDrift(name=group.name, n=n, outcome=None)
    columns = compare(group.before, group.after, margins, levels, roles)
    moved = tuple(msgspec.structs.replace(column, bars=()) for column in columns if column.outcome != "no drift")
    return GroupDrift(name=group.name, n=n, outcome=worst_of([column.outcome for column in columns]), columns=moved)


def _coarse(column: SketchColumn) -> ColumnCells:
    """Cells for the classifier: numbers in about ten groups, since it learns little of many small ones; of texts only the
    frequent ones. A text that the reference has once has a cell because the cells were made of the reference: that the current
    rows have it not says nothing."""
    cells = column.cells
    if cells.kind != "category":
        edges = tuple(cells.edges[end] for end in group_ends(column) if end < len(cells.edges))
        return msgspec.structs.replace(cells, edges=edges)
    least = max(ENOUGH_FOR_A_CELL, cells.least + 1)
    values = tuple(value for value, n in zip(cells.values, column.counts, strict=True) if n >= least)
    return msgspec.structs.replace(cells, values=values)


def _classifier(
    cells: Sequence[ColumnCells],
    before: DataSketch,
    roles: Mapping[str, Role],
    reference: DriftSide,
    current: DriftSide,
    settings: Drift,
    levels: Levels,
    notes: list[str],
) -> DomainTest | None:
    asked = settings.classifier
    if not asked.rows:
        return None
    if reference.rows is None or current.rows is None:
        notes.append("the classifier needs the rows of both data sets, and was left out")
        return None
    gone = {column.name for side in (reference.rows, current.rows) for column in side.countable(cells)[1].absent}
    seen = [
        column
        for column in cells
        if roles[column.name] == "feature" and column.kind not in ("time", "other") and column.name not in gone
    ]
    seen = [_coarse(before.by_name[column.name]) for column in seen]
    if not seen:
        notes.append("the classifier was left out: there is no feature that it could look at")
        return None
    rows = min(asked.rows, SAMPLED_VALUES // len(seen))
    old, new = (side.table.sampled(seen, rows, settings.cluster) for side in (reference.rows, current.rows))
    return domain_test(seen, old, new, asked.margin, levels, clustered=settings.cluster is not None)

"""From two data sets to a report: which columns, slices and windows have drifted, and what was not looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from modelway import interim
from modelway.config.document import suggestion
from modelway.config.drift import Drift
from modelway.data.cells import CellKind, ColumnCells
from modelway.data.drift.classifier import DomainTest, domain_test
from modelway.data.drift.effects import ENOUGH_FOR_A_CELL, Levels
from modelway.data.drift.groups import group_ends
from modelway.data.drift.judging import PARTS, Margins, Role, compare, worst_of
from modelway.data.drift.report import DriftReport, DriftSource, GroupDrift
from modelway.data.drift.sides import DriftSide
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.data.drift.sketching import OpenedCells, can_be_read
from modelway.data.drift.slicing import ComparedRows, slices_of, windows_of
from modelway.data.values import few
from modelway.errors import InvalidInput

SAMPLED_VALUES = 500_000
"""That the classifier sees of each data set, at most: fewer rows where there are many columns."""
SHOWN = 10

Say = Callable[[str], None]


@dataclass(frozen=True)
class DriftFound:
    """The report, and the sketches of both data sets in the same cells."""

    report: DriftReport
    reference: DataSketch
    current: DataSketch


def detect(
    reference: DriftSide, current: DriftSide, settings: Drift, say: Say, usual_label: str | None = None
) -> DriftFound:
    """usual_label: the label where the settings name none and the data has it. InvalidInput: no rows, a column that is named
    and not there, sketches that do not fit each other."""
    if settings.label is None and usual_label and any(_has(side, usual_label) for side in (reference, current)):
        settings = msgspec.structs.replace(settings, label=usual_label)
    _require_named(reference, current, settings)
    notes: list[str] = []
    _require_its_sketch(reference, current, settings)
    cells = _cells(reference, current, settings, notes)
    if reference.rows and current.rows:
        current.rows.no_text = reference.rows.typed
    roles = _roles(cells, reference, current, settings, notes)
    apart = {settings.cluster} | {
        name for name, role in roles.items() if role != "feature" and not _in_both(name, reference, current)
    }
    kept = tuple(column for column in cells if column.name not in apart)
    if not kept:
        raise InvalidInput("no column is left to compare", where=reference.name, fix="leave fewer columns out")
    together = f"{current.name} beside {reference.name}"
    asked = {
        "slices": settings.slices,
        "windows": settings.window_hours,
        "all columns together": settings.classifier.rows,
    }
    interim.begun(together, {name: name for name in ("columns", *filter(asked.get, asked))})
    before, after = _sketched(reference, kept, settings, own=True), _sketched(current, kept, settings, own=False)
    for side, sketch in ((reference, before), (current, after)):
        if not sketch.rows:
            raise InvalidInput("has no rows", where=side.name, fix="name data with rows in it")
        say(f"{side.name}: {sketch.rows:,} rows in the cells of {len(sketch.columns)} columns")
    if bool(before.clusters) != bool(after.clusters):
        what, fix = "is counted by clusters, the other data set is not", "give rows or sketches with the same `cluster`"
        raise InvalidInput(what, where=(reference if before.clusters else current).name, fix=fix)
    slices = [group for name in settings.slices for group in slices_of(name, kept, reference, current, settings, notes)]
    windows = windows_of(kept, before, current, settings)
    judged = [group for group in (*slices, *windows) if group.enough]
    comparisons = PARTS * sum(len(sketch.columns) for sketch in (before, *(group.before for group in judged))) + 1
    levels = Levels(drift=settings.error_rate / comparisons, none=settings.error_rate)
    margins = Margins(settings.margin, settings.missing_margin, settings.limits, settings.columns)
    columns = compare(before, after, margins, levels, roles)

    def of(groups: Iterable[ComparedRows]) -> tuple[GroupDrift, ...]:
        return tuple(_judged(group, margins, levels, roles) for group in groups)

    sliced, windowed = of(slices), of(windows)
    for key, found in (("columns", columns), ("slices", sliced), ("windows", windowed)):
        interim.decided(together, key, found)
    classifier = _classifier(kept, before, roles, reference, current, settings, levels, notes)
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
        data=side.name, rows=sketch.rows, clusters=sketch.clusters, digest=side.digest(), from_sketch=side.rows is None
    )


def _times(rows: OpenedCells, settings: Drift) -> dict[str, CellKind]:
    """The column of times is one also where it is stored as text: else each window would drift in it."""
    stored = rows.stored.get(settings.time_column or "")
    return {stored.name: "time"} if stored and can_be_read(stored, "time") else {}


def _require_its_sketch(reference: DriftSide, current: DriftSide, settings: Drift) -> None:
    """That a sketch of current data has cells for every column of the reference: any other would not be compared."""
    rows, sketch = reference.rows, current.sketch
    if rows is None or sketch is None:
        return
    named = {column.name for column in sketch.cells}
    wanted = [name for name in rows.stored if rows.reading.wants(name) and not _is_named(name, settings)]
    new = [column.name for column in sketch.columns if column.name not in rows.stored]
    unlike = [name for name in wanted if name not in named] + [name for name in new if not _is_named(name, settings)]
    if unlike:
        raise InvalidInput(
            f"is a sketch in other columns than {reference.name} has: {', '.join(unlike[:SHOWN])[:200]}",
            where=current.name,
            fix="make the sketch with this reference, or leave out here what was left out there",
        )


def _cells(reference: DriftSide, current: DriftSide, settings: Drift, notes: list[str]) -> tuple[ColumnCells, ...]:
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
    cells, inferred = rows.cells(_times(rows, settings))
    if inferred:
        kinds = {column.name: "text" if column.kind == "category" else column.kind for column in cells}
        shown = few([f"{name} {kinds[name]}" for name in inferred], SHOWN)
        notes.append(f"kinds told from the reference's values, because no contract gives a type: {shown}")
    return cells


def _require_named(reference: DriftSide, current: DriftSide, settings: Drift) -> None:
    """A margin, or a word to leave a column out, that is for no column is a slip: the column would be judged as any other."""
    for key, names in (("leave-out", settings.leave_out), ("columns", tuple(settings.columns))):
        for name in names:
            if not any(_has(side, name) for side in (reference, current)) and (reference.rows or key == "columns"):
                known = (
                    reference.rows.stored if reference.rows else reference.sketch.by_name if reference.sketch else ()
                )
                what = f"has no column {name[:100]!r}, which drift.{key} names"
                raise InvalidInput(what, where=reference.name, fix=suggestion(name, known))
    if settings.time_column and settings.window_hours is None:
        what = "names the time of each row, and there are no windows of time"
        raise InvalidInput(what, where="drift.time-column", fix="set drift.window-hours too, or neither")


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


def _judged(group: ComparedRows, margins: Margins, levels: Levels, roles: Mapping[str, Role]) -> GroupDrift:
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

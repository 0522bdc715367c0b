"""A profile of one data set, or of two side by side: every figure asked of the engine, with what check-quality finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from msgspec import UNSET

from modelway import interim
from modelway.data.profile import association, columns
from modelway.data.profile.columns import Drawn
from modelway.data.profile.queries import FirstRows, Joint, MissingTogether
from modelway.data.profile.record import Association, ColumnDistance, DataProfile, MissingPattern, ProfileReport
from modelway.data.quality.checking import (
    QualityAsked,
    check_table,
    check_together,
    is_class,
    opened,
    refuse_unknown_columns,
)
from modelway.data.quality.kind import ColumnFacts, TableFacts
from modelway.data.quality.queries import Parted, QualityTable
from modelway.data.quality.survey import survey
from modelway.data.report import DataQuality
from modelway.data.sources import Source, find_source

MOST_COMPARED = 24
"""Columns of which each pair is compared: those that tell most of the label, else the first."""
ROWS_COMPARED = 100_000
EXAMPLE_COLUMNS, PATTERNS, MOST_MISSING = 60, 10, 60
CODED = 20
"""Cells of a column that is compared."""


@dataclass(frozen=True)
class _Opened:
    table: QualityTable
    facts: TableFacts
    source: Source


def profile(asked: QualityAsked, paths: Mapping[str, Path], source: str) -> ProfileReport:
    """paths: by the names of the data sets; of two, the first is the training data. source: what messages call who asks. Data
    that cannot be read is InvalidInput."""
    with ExitStack() as stack:
        sets = list[_Opened]()
        for name, path in paths.items():
            found = find_source(path, name)
            table = stack.enter_context(opened(asked, found))
            sets.append(_Opened(table, survey(table, name, asked.types), found))
        known = [one.facts for one in sets]
        refuse_unknown_columns(asked, known, source)
        interim.begun("the page", {"page": "distributions, what goes together, first rows"})
        quality = [check_table(asked, one.table, one.facts, one.source) for one in sets]
        drawn = _drawn(asked, known)
        names = dict.fromkeys(name for facts in known for name in facts.columns)
        parts = columns.parts_of(known, [name for name in names if name not in asked.hidden])
        counted = [columns.counted(one.table, one.facts, parts, drawn) for one in sets]
        profiles = tuple(
            DataProfile(
                data=one.facts.name,
                rows=one.facts.rows,
                columns=tuple(columns.described(one.facts, parts, drawn, found, asked.hidden, one.table)),
                missing_together=_missing_together(one, asked),
                examples=_examples(one, asked),
                data_digest=checks.data_digest,
                **_associations(one, asked, checks),
            )
            for one, found, checks in zip(sets, counted, quality, strict=True)
        )
    quality += check_together(asked, known, [one.source.path for one in sets])
    distances = columns.distances(*counted) if len(counted) == 2 else {}
    apart = sorted(distances.items(), key=lambda item: (-item[1], item[0]))
    return ProfileReport(
        now=asked.now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        label=asked.label,
        drawn_class=drawn.shown if drawn else None,
        profiles=profiles,
        distances=tuple(ColumnDistance(column=name, distance=value) for name, value in apart),
        quality=tuple(quality),
    )


def _drawn(asked: QualityAsked, known: Sequence[TableFacts]) -> Drawn | None:
    """The class whose share is drawn: of a label of two, 1 or true or yes, else the rarer one."""
    name, facts = asked.label, known[0]
    if name is None or name in asked.hidden or name not in facts.columns or not is_class(facts, name):
        return None
    column = facts.columns[name]
    spread = column.values
    if spread is None or spread.distinct != 2 or column.type is None:
        return None
    values = [value for value, _ in spread.top]
    positive = next((value for value in values if str(value).lower() in ("1", "1.0", "true", "yes")), values[-1])
    shown = (
        f"{positive:g}"
        if isinstance(positive, float)
        else str(positive).lower()
        if isinstance(positive, bool)
        else str(positive)
    )
    return Drawn(Parted(name, column.type, values=(positive,)), shown)


def _missing_together(one: _Opened, asked: QualityAsked) -> tuple[MissingPattern, ...]:
    names = tuple(name for name, facts in one.facts.columns.items() if facts.missing > 0)
    most = sorted(names, key=lambda name: -one.facts.columns[name].missing)[:MOST_MISSING]
    names = tuple(name for name in names if name in most)
    if len(names) < 2 or not one.facts.rows:
        return ()
    question = MissingTogether(names, PATTERNS)
    found = one.table.tell([question], 0)[question]
    return tuple(MissingPattern(columns=columns, rows=rows) for columns, rows in found.items())


def _examples(one: _Opened, asked: QualityAsked) -> dict[str, Any]:
    names = tuple(name for name in one.facts.columns if name not in asked.hidden)[:EXAMPLE_COLUMNS]
    if not asked.examples or not names or not one.facts.rows:
        return {"columns": [], "rows": []}
    question = FirstRows(names, asked.examples)
    return {"columns": list(names), "rows": [list(row) for row in one.table.tell([question], 0)[question]]}


def _associations(one: _Opened, asked: QualityAsked, checks: DataQuality) -> dict[str, Any]:
    """Of each pair of some columns, over rows that are spread evenly where there are many."""
    tells = {check.column: check.value or 0 for check in checks.checks if check.kind == "leakage"}
    can = {
        name: part
        for name, facts in one.facts.columns.items()
        if name not in asked.hidden and (part := _coded(facts)) is not None
    }
    order = sorted(can, key=lambda name: (name != asked.label, -tells.get(name, 0)))
    names = [name for name in can if name in order[:MOST_COMPARED]]
    if len(names) < 2:
        return {"associations": (), "associations_of": ()}
    question = Joint(tuple(can[name] for name in names), ROWS_COMPARED)
    _, pairs = one.table.tell([question], 0)[question]
    found = list[Association]()
    for (a, b), cells in pairs.items():
        if one.facts.columns[a].is_number and one.facts.columns[b].is_number:
            ranked = association.rank_correlation(cells)
            if ranked:
                n, value, low, high = ranked
                found.append(_association(a, b, "rank correlation", n, value, (low, high)))
        elif together := association.cramers_v(cells):
            found.append(_association(a, b, "Cramer's V", *together, UNSET))
    found.sort(key=lambda item: (-abs(item.value), item.one, item.other))
    return {"associations": tuple(found), "associations_of": tuple(names)}


def _association(one: str, other: str, measure: str, n: int, value: float, interval: Any) -> Association:
    return Association(one=one, other=other, measure=measure, n=n, value=value, interval=interval)


def _coded(facts: ColumnFacts) -> Parted | None:
    """A column in cells of about equal numbers of rows, or of its most frequent values. None where it has one value alone, or
    nearly as many as rows."""
    spread = facts.values
    if spread is None or facts.type is None or spread.distinct < 2:
        return None
    if spread.quantiles is not None and spread.distinct > CODED:
        return Parted(facts.name, facts.type, tuple(sorted({float(value) for value in spread.quantiles.values()})))
    if spread.quantiles is None and spread.distinct > spread.n / 2:
        return None
    values = sorted((value for value, _ in spread.top[:CODED]), key=lambda value: (str(type(value)), value))
    return Parted(facts.name, facts.type, values=tuple(values))

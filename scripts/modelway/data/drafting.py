"""A first contract, drafted from data: types, what may be missing, limits with room, small sets of values, keys.

Every limit is a guess from one set of data, with room for the next; what was seen stands beside it, for whoever edits it. The
same data gives the same draft.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from modelway.data import engines
from modelway.data.csv_text import dialect_of
from modelway.data.dialect import USUAL, CsvDialect
from modelway.data.queries import Malformed, Missing, Repeated, StoredColumn
from modelway.data.rule_queries import Mismatched
from modelway.data.sources import find_source
from modelway.data.summaries import SummaryTable
from modelway.data.values import NUMERIC, ORDERED, READABLE, Bound, ValueType, in_words
from modelway.errors import InvalidInput

GUESSES: tuple[ValueType, ...] = ("integer", "number", "boolean", "date", "timestamp")
"""Types that a text may be of, the narrowest first; what is of none is a string."""
STORED: dict[str, ValueType] = {"integer": "integer", "number": "number", "boolean": "boolean", "date": "date"}
STORED |= {"timestamp": "timestamp"}
ROOM = 0.25
"""Of the spread of a column's numbers: how far a limit lies outside of it."""
TIMES_SEEN = 10
"""Rows for each different value, at least, where the values are taken for a closed list."""
MOST_KEYS = 50
"""Columns that are looked at for repeated values."""
LARGEST = 1e290
"""A larger number has no limit in the draft."""
EXACT = 1e15
"""Whole numbers of floating point below are written without a fraction."""
NOT_ZERO_LED = r"^\s*[-+]?([^-+0]|0([^0-9]|$))"
"""Of a number's text: its first digit is no 0 that says nothing."""
KEY_ROWS = 20
"""Fewer rows say nothing about uniqueness."""


@dataclass(frozen=True)
class DraftedColumn:
    """asked: its keys of a contract. seen: what the data has, in words."""

    asked: dict[str, Any]
    seen: str


@dataclass(frozen=True)
class DraftedContract:
    """dialect: how the data is written. fewest: rows of the smallest data that it is for; 0: of those that it was drafted
    from."""

    rows: int
    columns: Mapping[str, DraftedColumn]
    dialect: CsvDialect = USUAL
    fewest: int = 0

    @property
    def value(self) -> dict[str, Any]:
        """As a document of our own form."""
        least = _rounded_down((self.fewest or self.rows) / 2)
        head: dict[str, Any] = {"rows": {"at-least": least}} if least > 1 else {}
        written = {"delimiter": self.dialect.delimiter, "encoding": self.dialect.encoding}
        head |= {key: value for key, value in written.items() if value != getattr(USUAL, key)}
        return {**head, "columns": {name: column.asked for name, column in self.columns.items()}}


def drafted(
    path: Path,
    name: str,
    *,
    most_values: int,
    memory_mb: int = 1024,
    by: str = engines.DEFAULT,
    said: CsvDialect = USUAL,
) -> DraftedContract:
    """A contract that the data at `path` keeps. most_values: of a closed list. said: by the contract that is added to, of how
    CSV is written. InvalidInput where it cannot be read, or has no rows."""
    source = find_source(path, name)
    dialect = dialect_of(source, said)
    with (
        tempfile.TemporaryDirectory(prefix="modelway-data-") as folder,
        engines.engine(by).open_table(source, dialect, Path(folder), memory_mb) as table,
    ):
        if not isinstance(table, SummaryTable):
            what = f"the engine {by} does not tell what columns hold"
            raise InvalidInput(what, where="data.engine", fix="use the engine duckdb")
        if source.format == "csv":
            table.keep([])  # it is read several times
        names = [column.name for column in table.columns]
        rows, answers = table.answers([Missing(column) for column in names], 0)
        if rows == 0:
            raise InvalidInput("has no rows", where=name, fix="give data that a contract can be drafted from")
        missing = {column: answer.count for column, answer in zip(names, answers, strict=True)}
        kinds = _types(table, [column for column in table.columns if missing[column.name] < rows])
        extents = table.extents({column: kind for column, kind in kinds.items() if kind in ORDERED})
        listable = {column: kind for column, kind in kinds.items() if kind in ("string", "integer")}
        few = table.few_values(listable, most_values)
        keys = [column for column in listable if few[column] is None and not missing[column] and rows >= KEY_ROWS]
        unique, codes = _unique(table, keys[:MOST_KEYS]), _zero_led(table, kinds)
    columns = {
        column: _column(
            kinds.get(column), rows, missing[column], extents.get(column), few.get(column), column in unique
        )
        for column in names
    }
    for column in codes:
        seen = [*filter(None, [columns[column].seen]), "has leading zeros: type: string where it is a code"]
        columns[column] = replace(columns[column], seen=", ".join(seen))
    return DraftedContract(rows, columns, dialect)


def _zero_led(table: SummaryTable, kinds: Mapping[str, ValueType]) -> list[str]:
    """Columns of numbers some of which are written as 01067. They stay numbers: whoever trains by pandas has read them so."""
    written = {column.name for column in table.columns if column.stored == "text"}
    asked = [column for column, kind in kinds.items() if kind in NUMERIC and column in written]
    _, answers = table.answers([Mismatched(column, "string", NOT_ZERO_LED) for column in asked], 0)
    return [column for column, answer in zip(asked, answers, strict=True) if answer.count]


def _types(table: SummaryTable, columns: list[StoredColumn]) -> dict[str, ValueType]:
    """The type of each column that has values: as it is stored, or the narrowest that every text is of."""
    found = {column.name: STORED[column.stored] for column in columns if column.stored in STORED}
    fractions = [column.name for column in columns if column.stored == "number"]
    _, answers = table.answers([Malformed(name, "number") for name in fractions], 0)  # infinity is no number
    for name, answer in zip(fractions, answers, strict=True):
        if answer.count:
            del found[name]
    open_ = [column.name for column in columns if column.stored in READABLE["string"]]
    for kind in GUESSES:
        _, answers = table.answers([Malformed(name, kind) for name in open_], 0)
        of_kind = {name for name, answer in zip(open_, answers, strict=True) if answer.n and not answer.count}
        found |= dict.fromkeys(of_kind, kind)
        open_ = [name for name in open_ if name not in of_kind]
    return found | dict.fromkeys(open_, "string")


def _unique(table: SummaryTable, columns: list[str]) -> set[str]:
    _, answers = table.answers([Repeated((name,), of_present=True) for name in columns], 0)
    return {name for name, answer in zip(columns, answers, strict=True) if answer.n and not answer.count}


def _column(
    kind: ValueType | None,
    rows: int,
    missing: int,
    extent: tuple[Bound, Bound] | None,
    values: tuple[Bound, ...] | None,
    unique: bool,
) -> DraftedColumn:
    asked: dict[str, Any] = {} if kind is None else {"type": kind}
    seen = []
    if missing == 0:
        asked["nullable"] = False
    else:
        asked["max-null-percent"] = _null_percent(missing / rows)
        share = 100 * missing / rows
        seen.append("no value at all" if missing == rows else f"{share:.2g} % missing")
    there = rows - missing
    listed = values is not None and 0 < len(values) * TIMES_SEEN <= there and (kind == "string" or len(values) <= 10)
    if listed:
        asked["allowed"] = list(values or ())
    elif extent is not None:
        low, high = extent
        seen.insert(0, f"from {in_words(low)} to {in_words(high)}")
        if (limits := _limits(low, high, unique)) is not None:
            asked["range"] = limits
    if unique:
        asked["unique"] = True
    return DraftedColumn(asked, ", ".join(seen))


def _null_percent(share: float) -> float:
    """Twice what is missing, and a hundredth more, in whole percent."""
    return 100 if share == 1 else min(99, math.ceil(200 * share + 1))


def _limits(low: Any, high: Any, unique: bool) -> list[Any] | None:
    """None where a number is larger than a contract's. Times go on, and so have no end; their beginning is that of the year
    before. Numbers that name rows go on too. What is never negative stays so, and shares stay shares."""
    if isinstance(low, date):
        return [f"{max(low.year - 1, 1):04d}-01-01", None]
    if isinstance(low, float) and low >= 0 and high <= 1:
        return [0, 1]
    if max(abs(low), abs(high)) >= LARGEST:
        return None
    bottom, top = _with_room(low, high)
    return [0 if low >= 0 and bottom <= 0 else bottom, None if unique else 0 if high <= 0 and top >= 0 else top]


def _with_room(low: Any, high: Any) -> tuple[Any, Any]:
    """A part of the spread outside on either side, to a number of few digits."""
    if isinstance(low, int):
        room = int(ROOM * 100) * (high - low) // 100 or abs(high) or 1
        step = 10 ** (len(str(room)) - 1)
        return (low - room) // step * step, -((-high - room) // step) * step
    room = ROOM * (high - low) or abs(high) or 1.0
    digits = min(-math.floor(math.log10(room)), 300)
    bottom, top = min(round(low - room, digits), low), max(round(high + room, digits), high)
    return _plain(bottom), _plain(top)


def _plain(value: float) -> int | float:
    """3.0 as 3."""
    return int(value) if value == int(value) and abs(value) < EXACT else value


def _rounded_down(value: float) -> int:
    """To one digit."""
    if value < 1:
        return 1
    step = 10 ** math.floor(math.log10(value))
    return int(value // step * step)

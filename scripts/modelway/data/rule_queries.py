"""Queries beyond a column's single values: patterns and lengths, order, references, rules between columns, groups, SQL.

As modelway.data.queries: what is counted, exactly, in every engine. "Valid" is a value that is there and of the type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from modelway.data.values import ValueType

if TYPE_CHECKING:  # whoever reads modelway.yml loads the queries, and neither files nor rules
    from modelway.data.dialect import CsvDialect
    from modelway.data.expressions import Expression
    from modelway.data.sources import Source

Measure = Literal["rows", "share", "sum", "mean", "lowest", "highest"]


class Lacking(msgspec.Struct, frozen=True):
    """Rows without a value, and those whose value, as text, is one of `texts`."""

    column: str
    texts: tuple[str, ...]


class Mismatched(msgspec.Struct, frozen=True):
    """Valid texts in which the pattern is found nowhere. pattern: a regular expression of RE2, which takes a time that is
    linear in the text; `^` and `$` are the text's ends."""

    column: str
    type: ValueType
    pattern: str


class WrongLength(msgspec.Struct, frozen=True):
    """Valid texts of fewer than `low` or more than `high` characters (code points of Unicode)."""

    column: str
    type: ValueType
    low: int | None
    high: int | None


class Descending(msgspec.Struct, frozen=True):
    """Valid values that are below the valid one before, in the order of files and rows, and within the rows that are alike
    in the columns `by` (null equals null). strictly: equal ones too. n: the valid values."""

    column: str
    type: ValueType
    by: tuple[str, ...] = ()
    strictly: bool = False


class Unreferenced(msgspec.Struct, frozen=True):
    """Rows whose values in `columns` no row of another data set has in its columns `theirs`. Each is read by its type on
    both sides; of a type None, values are compared as text. A row with a missing value is counted where `nullable` is false,
    and else not looked at; nor is one with a value that is not of its type."""

    columns: tuple[str, ...]
    types: tuple[ValueType | None, ...]
    source: Source
    dialect: CsvDialect
    theirs: tuple[str, ...]
    nullable: bool = True


class Broken(msgspec.Struct, frozen=True):
    """Rows of which `when` is true and `rule` is false, or cannot be worked out although each of its values is valid (a
    division by zero). n: the rows of which `when` is true and `rule` is true or broken.

    tolerance: two numbers that differ by at most so much are equal. None: they may differ by ROUNDING of the larger where one
    is calculated, and else not at all."""

    rule: Expression
    when: Expression | None = None
    tolerance: float | None = None

    ROUNDING = 1e-9

    @property
    def columns(self) -> tuple[str, ...]:
        from modelway.data.expressions import columns_in

        found = (*columns_in(self.when), *columns_in(self.rule))
        return tuple(dict.fromkeys(column.name for column in found))


class GroupsOutside(msgspec.Struct, frozen=True):
    """Groups of rows that are alike in `by` (null equals null; of no column: one group of all rows) whose measure is below
    `low` or above `high`. n: the groups.

    rows: how many; share: of all rows, from 0 to 1. sum, mean, lowest, highest: of the valid values of `column` in double
    precision, added in a way that does not depend on the order of rows; a group without a valid value is outside."""

    by: tuple[str, ...]
    measure: Measure
    column: str | None
    type: ValueType | None
    low: float | None
    high: float | None

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.by, *(() if self.column is None else (self.column,)))


class SqlColumn(msgspec.Struct, frozen=True):
    name: str
    type: ValueType | None


class Returned(msgspec.Struct, frozen=True):
    """What one SELECT of the engine's SQL returns over the table `data`: its rows are counted, or, where `number`, its one
    value is told.

    The columns of `data` have their own names, are of their type where they have one, and null where they are not of it. The
    statement sees nothing else: no file, no network, no setting, no other table; it cannot change anything, and ends after
    `seconds`. n: the rows of the data."""

    sql: str
    columns: tuple[SqlColumn, ...]
    number: bool
    seconds: float


RowQuery = Lacking | Mismatched | WrongLength
"""Of one column's values, beside those of modelway.data.queries."""
TableQuery = Descending | Unreferenced | Broken | GroupsOutside | Returned

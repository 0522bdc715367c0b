"""How DuckDB reads JSON lines: each object's values by key, into a table of its own.

Keys are bound as JSON pointers, so that no key means anything to DuckDB, and keys that differ in case only stay two columns.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelway.data.engines.duckdb.failures import refuse_fault
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.sql import FILE, Statement
from modelway.data.json_text import LONGEST_OBJECT_BYTES, ONE_OBJECT, is_list
from modelway.data.queries import StoredColumn
from modelway.data.sources import Source
from modelway.data.values import Stored
from modelway.errors import InvalidInput

MOST_KEYS = 20_000
"""More keys than that are values that somebody has written as keys."""
_TABLES = itertools.count()
TEXT, TRUTH, WHOLE, NUMBER, OTHER = 1, 2, 4, 8, 16
"""Kinds of values; their sum is what a column has. WHOLE: numbers that DuckDB's JSON knows as integers of 64 bits."""
KIND_OF = {"NULL": 0, "VARCHAR": TEXT, "BOOLEAN": TRUTH, "BIGINT": WHOLE, "UBIGINT": WHOLE, "DOUBLE": NUMBER}
BATCH = 100
"""Columns of one statement; see table.BATCH."""
MOST_WRITTEN = 400
"""Columns that are written down by their kinds at once, which takes memory for a block of rows of each. Of more, so many at a
time are written as Parquet."""
WIDEST = "HUGEINT"
INTEGERS = ("BIGINT", WIDEST)


def open_lines(
    source: Source, connection: duckdb.DuckDBPyConnection, links: dict[str, Path]
) -> tuple[tuple[StoredColumn, ...], Statement]:
    """Every key of any object is a column, in the order of their first appearance; where an object does not have it, the
    value is missing, as null is."""
    read = _objects(links)
    keys = _keys(source, connection, links, read)
    columns, parts = list[StoredColumn](), list[Path]()
    for first in range(0, len(keys), MOST_WRITTEN):
        found, values, raw = _part(connection, read, keys[first : first + MOST_WRITTEN], first)
        columns += found
        names = [f"c{at}" for at in range(first, first + len(found))]
        if len(keys) <= MOST_WRITTEN:
            read_as = ", ".join(f"{value} AS {name}" for value, name in zip(values, names, strict=True))
            table = f"json_table_{next(_TABLES)}"
            connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {read_as}, {FILE} FROM {raw}")
            connection.execute(f"DROP TABLE {raw}")
            return tuple(columns), Statement(table)
        parts.append(Path(next(iter(links))).with_name(f"{raw}.parquet"))
        written = (
            f"CAST({value} AS VARCHAR) AS {name}" if column.physical == WIDEST else f"{value} AS {name}"
            for column, value, name in zip(found, values, names, strict=True)
        )
        _rows(connection, Statement(f"SELECT {', '.join(written)}, {FILE}, rowid FROM {raw}").copied_to(parts[-1]))
        connection.execute(f"DROP TABLE {raw}")
    return tuple(columns), _joined(columns, parts)


def _part(
    connection: duckdb.DuckDBPyConnection, read: Statement, keys: Sequence[str], first: int
) -> tuple[list[StoredColumn], list[str], str]:
    """Of some keys: their columns, the expressions of their values, and the table that these are of."""
    raw = f"json_rows_{next(_TABLES)}"
    statement = Statement(f"CREATE TEMP TABLE {raw} AS SELECT ")
    parted, value_at = _parted(statement, keys)
    statement.add(f"{parted} AS row_values, {FILE} FROM ").then(read)
    connection.execute(statement.text, statement.parameters)
    columns, values = list[StoredColumn](), list[str]()
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        kinds = _kinds(connection, raw, value_at, start, len(batch))
        for at, (key, its) in enumerate(zip(batch, kinds, strict=True), start):
            stored, physical, value = _stored(value_at(at), *its)
            columns.append(StoredColumn(key, stored, physical))
            values.append(value)
    return columns, values, raw


def _joined(columns: Sequence[StoredColumn], parts: Sequence[Path]) -> Statement:
    """The rows of Parquet files of some columns each; those of one place belong together. (Parquet has no integers of 128
    bits, and DuckDB would make numbers of them that lose digits: they are written as text.)"""
    statement = Statement("(SELECT * FROM ")
    for at, part in enumerate(parts):
        its = columns[at * MOST_WRITTEN : (at + 1) * MOST_WRITTEN]
        wide = [place for place, column in enumerate(its, at * MOST_WRITTEN) if column.physical == WIDEST]
        read = ", ".join(f"CAST(c{place} AS {WIDEST}) AS c{place}" for place in wide)
        replaced = f" REPLACE ({read})" if wide else ""
        left_out = f" EXCLUDE ({FILE}, rowid)" if at else ""
        statement.add(" POSITIONAL JOIN " if at else "").add(f"(SELECT *{left_out}{replaced} FROM read_parquet(")
        statement.add(f"{statement.bind(str(part))}))")
    return statement.add(")")


def _objects(links: dict[str, Path]) -> Statement:
    """One column `json`, and the file, a row for each object."""
    lists = [link for link in links if is_list(Path(link))]
    parts = []
    for kind, files in (("newline_delimited", [link for link in links if link not in lists]), ("array", lists)):
        if files:
            part = Statement(f"SELECT json, filename AS {FILE} FROM read_json_objects(")
            part.add(f"{part.bind(files)}, format = '{kind}', filename = true, compression = 'none',")
            parts.append(part.add(f" maximum_object_size = {LONGEST_OBJECT_BYTES})"))
    statement = Statement("(")
    for at, part in enumerate(parts):
        statement.add(" UNION ALL " if at else "").then(part)
    return statement.add(")")


def _keys(
    source: Source, connection: duckdb.DuckDBPyConnection, links: dict[str, Path], read: Statement
) -> tuple[str, ...]:
    wrong = Statement(
        "SELECT count(*) FILTER (WHERE json_type(json) <> 'OBJECT' OR len(json_keys(json)) <>"
        " len(list_distinct(json_keys(json)))) FROM "
    ).then(read)
    if _rows(connection, wrong)[0][0]:
        refuse_fault(source, links)
        raise InvalidInput("holds something other than JSON objects", where=source.name, fix=ONE_OBJECT)
    found = Statement(
        "SELECT key FROM (SELECT unnest(json_keys(json)) AS key, unnest(range(len(json_keys(json)))) AS place, row FROM"
        " (SELECT json, row_number() OVER () AS row FROM "
    ).then(read)
    found.add(f")) GROUP BY key ORDER BY min(row), arg_min(place, row) LIMIT {MOST_KEYS + 1:d}")
    keys = tuple(str(row[0]) for row in _rows(connection, found))
    if len(keys) > MOST_KEYS:
        raise InvalidInput(
            f"has over {MOST_KEYS:,} keys", where=source.name, fix="write what differs from row to row as a value"
        )
    if not keys:
        raise InvalidInput("has no columns", where=source.name, fix=ONE_OBJECT)
    return keys


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _parted(statement: Statement, keys: Sequence[str]) -> tuple[str, Callable[[int], str]]:
    """An object as its values, and the expression for the value of the key at a place. To look for each of its keys takes as
    long as the square of their number; so it is parted at once, where its keys can be names of DuckDB."""
    if all(keys) and len({key.lower() for key in keys}) == len(keys):
        names = statement.bind(json.dumps(dict.fromkeys(keys, "JSON"), ensure_ascii=False))
        return f"json_transform(json, {names})", lambda at: f"struct_extract_at(row_values, {at + 1})"
    pointers = statement.bind([_pointer(key) for key in keys])
    return f"json_extract(json, {pointers})", lambda at: f"row_values[{at + 1}]"


def _kinds(
    connection: duckdb.DuckDBPyConnection, raw: str, value_at: Callable[[int], str], first: int, count: int
) -> Sequence[tuple[int, bool, str]]:
    """Of each column: the sum of the kinds of its values, whether every number is whole, and the smallest type that
    holds those that are (none: nothing)."""
    cases = " ".join(f"WHEN '{name}' THEN {kind:d}" for name, kind in KIND_OF.items())
    wanted, found = [], list[tuple[int, bool, str]]()
    for at in range(first, first + count):
        kind = f"CASE coalesce(json_type({value_at(at)}), 'NULL') {cases} ELSE {OTHER:d} END"
        wanted += [f"bit_or({kind})", f"max(TRY_CAST({value_at(at)}::VARCHAR AS UBIGINT))"]
    row = _rows(connection, Statement(f"SELECT {', '.join(wanted)} FROM {raw}"))[0]
    for at, (kinds, most) in enumerate(zip(row[::2], row[1::2], strict=True), first):
        if kinds in (NUMBER, WHOLE | NUMBER):  # only their digits tell
            found.append((NUMBER, *_digits(connection, raw, value_at(at))))
        elif kinds == WHOLE:
            found.append((NUMBER, True, INTEGERS[(most or 0) >= 1 << 63]))
        else:
            found.append((int(kinds or 0), True, ""))
    return found


def _digits(connection: duckdb.DuckDBPyConnection, raw: str, value: str) -> tuple[bool, str]:
    """Of a column of numbers: whether each is whole, and the smallest type that holds those that are."""
    number = f"coalesce(json_type({value}), 'NULL') <> 'NULL'"
    whole = f"regexp_full_match({value}::VARCHAR, '-?[0-9]+')"
    wanted = [f"coalesce(bool_and({whole}) FILTER (WHERE {number}), true)"]
    for kind in INTEGERS:
        fits = f"TRY_CAST({value}::VARCHAR AS {kind}) IS NOT NULL"
        wanted.append(f"coalesce(bool_and({fits}) FILTER (WHERE {number} AND {whole}), true)")
    all_whole, *fits_in = _rows(connection, Statement(f"SELECT {', '.join(wanted)} FROM {raw}"))[0]
    return bool(all_whole), next((kind for kind, good in zip(INTEGERS, fits_in, strict=True) if good), "")


def _stored(value: str, kinds: int, whole: bool, integer: str) -> tuple[Stored, str, str]:
    """How a column is stored, its type in DuckDB's words, and the expression of its value."""
    text = f"CASE WHEN json_type({value}) <> 'NULL' THEN {value} ->> '$' END"
    if kinds in (0, TEXT):
        return "text", "VARCHAR", text
    if kinds == TRUTH:
        return "boolean", "BOOLEAN", f"CAST({text} AS BOOLEAN)"
    if kinds == NUMBER:
        if whole and integer:
            return "integer", integer, f"CAST({text} AS {integer})"
        if whole:
            return "text", "VARCHAR", text  # digits that no number holds
        return "number", "DOUBLE", f"CAST({text} AS DOUBLE)"
    return "other", "JSON of several kinds", text


def _rows(connection: duckdb.DuckDBPyConnection, statement: Statement) -> list[tuple[Any, ...]]:
    return connection.execute(statement.text, statement.parameters).fetchall()

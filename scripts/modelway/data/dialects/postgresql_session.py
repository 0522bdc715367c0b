"""psycopg and sqlglot: what the checks ask of a table, counted in the server, in one reading of it that changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelway.data.dialects import Uncounted, Untranslatable, postgresql, translated
from modelway.data.workers.postgresql import SETTINGS as OF_A_READING

SETTINGS = (
    f"{OF_A_READING}; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres';"
    " SET LOCAL bytea_output = 'hex';"
    " SET LOCAL synchronize_seqscans = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;"
    " SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off"
)
"""Rows come in the order of the table, and texts as every server writes them."""
STOP_SECONDS = 10
"""The server looks so often whether this process is still there."""
TYPES = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    25: "VARCHAR",
    700: "FLOAT",
    701: "DOUBLE",
    1042: "VARCHAR",
    1043: "VARCHAR",
    1082: "DATE",
    1114: "TIMESTAMP",
    1184: "TIMESTAMP WITH TIME ZONE",
    1700: "DECIMAL",
    19: "VARCHAR",
    2950: "VARCHAR",
}
"""Numbers in pg_type -> DuckDB's word for such a column. An enumeration is text, too; anything else is of no type."""
NUMERIC = 1700
HALF = 1 << 64


class _Session:
    connection: Any = None
    relation = ""
    columns: tuple[tuple[str, str], ...] = ()


def answer(asked: Mapping[str, Any]) -> Any:
    """asked: first server and table (its name, or that of its schema and its own), of which the columns are told: name, type;
    then sql, DuckDB's, and its values, of which the rows are told; or digest.
    Uncounted where PostgreSQL does not count as DuckDB does."""
    import psycopg

    if "server" in asked:
        return _opened(asked["server"], asked["table"])
    if "digest" in asked:
        return _digest()
    try:
        done = translated(asked["sql"], asked["values"], _Session.relation, postgresql)
        threads = 0 if done.is_ordered else 2
        _Session.connection.execute(f"SET LOCAL max_parallel_workers_per_gather = {threads:d}")
        return _Session.connection.execute(done.text, done.values).fetchall()
    except Untranslatable as error:
        raise Uncounted(f"PostgreSQL has no words for {error}") from None
    except psycopg.errors.NumericValueOutOfRange:
        raise Uncounted("a number that a check calculates is out of PostgreSQL's range") from None


def _opened(server: str, table: Sequence[str]) -> list[tuple[str, str]]:
    import psycopg
    from psycopg.sql import SQL, Identifier

    connection = psycopg.connect(server, cursor_factory=psycopg.RawCursor)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute(SETTINGS)
    if connection.info.server_version >= 140_000:
        connection.execute(f"SET LOCAL client_connection_check_interval = '{STOP_SECONDS}s'")
    named = Identifier(*table)
    described = connection.execute(SQL("SELECT * FROM {} LIMIT 0").format(named)).description or ()
    if not described:
        raise LookupError("the table has no columns")
    kinds = dict(
        connection.execute(
            "SELECT oid::bigint, CASE typtype WHEN 'e' THEN 'VARCHAR' ELSE format_type(oid, NULL) END FROM pg_type"
            " WHERE oid = ANY($1)",
            [[column.type_code for column in described]],
        ).fetchall()
    )
    columns, values = [], []
    for at, column in enumerate(described):
        physical = TYPES.get(column.type_code) or kinds[column.type_code]
        value = SQL("{}").format(Identifier(column.name))
        if physical == "VARCHAR" or column.type_code not in TYPES:
            value = SQL('CAST({} AS text) COLLATE "C"').format(value)
        elif column.type_code == NUMERIC:  # whose NaN is missing, as it is in Parquet
            value = SQL("NULLIF({}, 'NaN')").format(value)
        values.append(SQL("{} AS {}").format(value, Identifier(f"c{at}")))
        columns.append((column.name, physical))
    relation = SQL("SELECT {}, CAST('table' AS text) AS modelway_file FROM {}").format(SQL(", ").join(values), named)
    _Session.connection, _Session.relation = connection, relation.as_string(connection)
    _Session.columns = tuple(columns)
    return columns


def _digest() -> str:
    """Of the columns and of the rows, whatever their order: the sums of two halves of each row's MD5."""
    half = "sum(CAST(CAST(CAST('x' || {}(h, 16) AS bit(64)) AS bigint) AS numeric))"
    halves = ", ".join(half.format(side) for side in ("left", "right"))
    statement = (
        f"SELECT count(*), {halves} FROM (SELECT md5(CAST(q AS text)) AS h FROM ({_Session.relation}) AS q) AS hashed"
    )
    n, *sums = _Session.connection.execute(statement).fetchone()
    told = [_Session.columns, n, *(int(one or 0) % HALF for one in sums)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()

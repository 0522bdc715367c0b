"""psycopg: a table as JSON lines; or what is counted of it in its server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelway.data.workers import Described, message_of

NAME = "table.jsonl"
WORD_SECONDS = 10.0
SETTINGS = "SET TRANSACTION READ ONLY; SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 3"
WITH_NAN = (700, 701, 1700)
"""The types (their numbers in pg_type) of float4, float8 and numeric, which hold NaN and infinity."""
NUMBER = (
    "CASE {0}::text WHEN 'NaN' THEN NULL WHEN 'Infinity' THEN '1e999'::json WHEN '-Infinity' THEN '-1e999'::json"
    " ELSE to_json({0}) END AS {0}"
)
"""NaN is missing, as it is in Parquet; infinity is a number beyond all others, and not text among numbers."""
LOOK = 4096
"""Rows between two looks at the clock."""


def answer(asked: Mapping[str, Any], say: Callable[[str], None]) -> Any:
    """asked: server, table (its name, or that of its schema and its own), folder. The path, relative to the folder. Without a
    folder: see modelway.data.dialects.postgresql_session."""
    if "folder" not in asked:
        from modelway.data.dialects import postgresql_session

        return postgresql_session.answer(asked)
    import psycopg
    from psycopg.sql import SQL, Identifier

    file = Path(asked["folder"], NAME)
    part, rows, told = file.with_name(f".{file.name}.part"), 0, time.monotonic()
    try:
        with psycopg.connect(asked["server"]) as connection:
            connection.execute(SETTINGS)  # of this transaction, since a pool in between takes none with the connection
            named = Identifier(*asked["table"])
            columns = connection.execute(SQL("SELECT * FROM {} LIMIT 0").format(named)).description or ()
            if not columns:
                raise LookupError("the table has no columns")
            values = [
                SQL(NUMBER if column.type_code in WITH_NAN else "{}").format(Identifier(column.name))
                for column in columns
            ]
            statement = SQL("COPY (SELECT row_to_json(row_) FROM (SELECT {} FROM {}) row_) TO STDOUT").format(
                SQL(", ").join(values), named
            )
            with connection.cursor().copy(statement) as copy, part.open("w", encoding="utf-8") as stream:
                for (row,) in copy.rows():
                    stream.write(f"{row}\n")
                    rows += 1
                    if rows % LOOK == 0 and time.monotonic() - told > WORD_SECONDS:
                        told = time.monotonic()
                        say(f"{rows:,} rows")
                if not rows:  # so that its columns are known
                    raise LookupError("the table has no rows")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return NAME


def described(error: Exception) -> Described:
    """sqlstate: of PostgreSQL, whose first two characters say whose fault it is."""
    from modelway.data.dialects import Uncounted

    message = message_of(error)
    if isinstance(error, Uncounted):
        return {"error": message, "user": True, "fix": "use the engine duckdb, or leave that check out"}
    state = getattr(error, "sqlstate", None) or ""
    if isinstance(error, LookupError):
        return {"error": str(error.args[0]), "user": True, "fix": "name a table with rows"}
    if isinstance(error, OSError):
        return {"error": f"cannot be written: {error.strerror}", "user": False}
    if state.startswith("28") or "password" in message:
        return {"error": message, "user": True, "fix": "set PGPASSWORD, and the user in the address"}
    if state == "42501":
        return {"error": message, "user": True, "fix": "grant the user SELECT on it"}
    if state.startswith(("3D", "42")) or "does not exist" in message:
        return {"error": message, "user": True, "fix": "look at the names of database, schema and table"}
    if state.startswith(("22", "54", "57014")):
        return {"error": message, "user": True, "fix": "look at the table, the view or the limit of time there"}
    if type(error).__name__ == "ProgrammingError":  # libpq's message may hold a part of the password
        option = re.search(r'invalid (?:URI query parameter|connection option): "\w+"', message)
        what = option[0] if option else "it is no address that libpq takes"
        fix = "write it as postgresql://user@host/database?table=schema.table, with %XX for signs that are no letters"
        return {"error": what, "user": True, "fix": fix}
    return {"error": message, "user": False}

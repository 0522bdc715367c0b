"""psycopg as a program, for an environment of its own: a table as JSON lines.

It reads {"server": ..., "table": [schema, table] or [table], "folder": ...} and writes lines of JSON: {"progress": ...}, and
at the end {"answer": the path, relative to the folder}, or {"error": ..., "user": whether the caller can mend it, "fix": ...}.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    asked = json.load(sys.stdin)

    def answer(**said: object) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    folder = Path(asked["folder"])
    try:
        bring(asked["server"], asked["table"], folder / NAME, lambda rows: answer(progress=f"{rows:,} rows"))
        answer(answer=NAME)
    except Exception as error:
        answer(**described(error))


def bring(server: str, table: Sequence[str], file: Path, say: Any) -> None:
    import psycopg
    from psycopg.sql import SQL, Identifier

    part, rows, told = file.with_name(f".{file.name}.part"), 0, time.monotonic()
    try:
        with psycopg.connect(server) as connection:
            connection.execute(SETTINGS)  # of this transaction, since a pool in between takes none with the connection
            named = Identifier(*table)
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
                        say(rows)
                if not rows:  # so that its columns are known
                    raise LookupError("the table has no rows")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def described(error: Exception) -> dict[str, Any]:
    """sqlstate: of PostgreSQL, whose first two characters say whose fault it is."""
    message = " ".join(str(error).split())[:300] or type(error).__name__
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


if __name__ == "__main__":
    main()

"""A contract's own SQL sees the data under its own names and types, and can reach, change and outlast nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modelway.data.engines.duckdb import sandbox

ROWS = 'id,we"ird name,seen,ok\n1,x,2026-11-21T08:00:00+01:00,true\n2,y,soon,FALSE\n3.0,NA,2026-11-21,true\n'
COLUMNS = "columns: {id: {type: integer}, seen: {type: timestamp}, ok: {type: boolean}}\n"


def contract(**statements: str) -> str:
    given = [{"name": "asked", **{key.replace("_", "-"): value for key, value in statements.items()}}]
    return COLUMNS + f"sql: {json.dumps(given)}\n"


def test_rows_that_it_returns_break_it(judge: Any) -> None:
    check = judge(contract(violations='SELECT id, "we""ird name" AS n FROM data WHERE id >= 2'), ROWS)["asked"]
    assert (check.outcome, check.n, check.value, check.limit) == ("fail", 3, 2, 0)
    assert [example.value for example in check.examples] == ["id=2, n=y", "id=3, n=null"]
    assert judge(contract(violations="SELECT * FROM data WHERE id > 3"), ROWS).failing == ["seen is a time"]


def test_columns_have_their_types_and_what_is_not_of_them_is_null(judge: Any) -> None:
    statement = "SELECT count(*) FROM data WHERE typeof(id) = 'BIGINT' AND seen IS NULL AND NOT ok"
    check = judge(contract(number=statement, at_least=1, below=2), ROWS)["asked"]
    assert (check.outcome, check.value) == ("pass", 1)
    hour = "SELECT max(hour(seen)) FROM data"
    assert judge(contract(number=hour, at_least=7, at_most=7), ROWS).failing == ["seen is a time"]


@pytest.mark.parametrize(
    ("number", "value"), [("SELECT NULL", None), ("SELECT 'nan'::DOUBLE", None), ("SELECT 'inf'::DOUBLE", None)]
)
def test_what_is_no_finite_number_never_passes(judge: Any, number: str, value: float | None) -> None:
    check = judge(contract(number=number, at_most=1, other_than=7), ROWS)["asked"]
    assert (check.outcome, check.value) == ("fail", value)


ATTACKS = (
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM read_parquet('/**/*.parquet')",
    "SELECT * FROM parquet_metadata('{secret}')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT getenv('MODELWAY_SECRET')",
    "COPY data TO '{planted}'",
    "COPY (SELECT 1) TO '{planted}' (FORMAT csv)",
    "EXPORT DATABASE '{planted}'",
    "ATTACH '{planted}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SELECT 1; COPY data TO '{planted}'",
    "SELECT 1) UNION ALL (SELECT 2",
    "CREATE TABLE t AS SELECT 1",
    "DROP VIEW data",
    "CREATE OR REPLACE VIEW data AS SELECT 1",
    "UPDATE data SET id = 0",
    "WITH gone AS (DELETE FROM data RETURNING *) SELECT * FROM gone",
    "SELECT * FROM query('COPY data TO ''{planted}''')",
    "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{planted}')",
    "CALL enable_logging('QueryLog', storage = 'file', storage_path = '{planted}')",
    "SELECT * FROM 'https://example.com/x.csv'",
    "EXPLAIN ANALYZE SELECT 1",
    "BEGIN",
    "",
    "-- nothing",
    "SELECT $given",
    "SELECT * FROM nowhere",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_reaches_nothing_but_the_data(judge: Any, attack: str, tmp_path: Path, refusal: Any) -> None:
    secret, planted = tmp_path / "secret.csv", tmp_path / "planted"
    secret.write_text("a\nhidden\n")
    statement = attack.format(secret=secret, planted=planted) or " "
    told = refusal(lambda: judge(contract(violations=statement), ROWS))
    assert told.startswith("2: the SQL ")
    assert "hidden" not in told
    assert not planted.exists()


def test_it_reaches_no_variable_of_python(judge: Any, refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "planted", pd.DataFrame({"a": ["hidden"]}), raising=False)
    assert "does not exist" in refusal(lambda: judge(contract(violations="SELECT * FROM planted"), ROWS))


def test_a_value_is_not_told_where_it_cannot_be_converted(judge: Any, refusal: Any) -> None:
    told = refusal(lambda: judge(contract(violations='SELECT "we""ird name"::INTEGER FROM data'), ROWS))
    assert "cannot convert a value" in told
    assert "'x'" not in told


@pytest.mark.parametrize(
    "endless",
    [
        "SELECT count(*) FROM range(10000000000) a, range(1000000000) b",
        "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT x FROM r WHERE x < 0",
    ],
)
def test_it_ends(judge: Any, refusal: Any, endless: str) -> None:
    told = refusal(lambda: judge(contract(violations=endless, at_most_seconds=0.3), ROWS))
    assert "takes longer than 0.3 s" in told


def test_it_is_bounded_in_memory(judge: Any, refusal: Any) -> None:
    greedy = "SELECT list(a.range) FROM range(1000000000) a"
    assert "needs more than 64 MB" in refusal(lambda: judge(contract(violations=greedy), ROWS, memory_mb=64))


def test_two_statements_do_not_see_each_other(judge: Any) -> None:
    asked = [{"name": f"n{at}", "number": "SELECT count(*) FROM data", "at-least": 3} for at in range(2)]
    judged = judge(f"{COLUMNS}sql: {asked}", ROWS)
    assert [judged[name].value for name in ("n0", "n1")] == [3, 3]


def test_names_that_sql_takes_for_one_are_told(judge: Any, refusal: Any) -> None:
    told = refusal(lambda: judge("sql: [{name: x, violations: SELECT 1}]", "a,A\n1,2\n"))
    assert told.startswith("2: ") and "has columns 'a' and 'A', which are one in SQL" in told


def test_numbers_that_sql_would_not_see_are_told(judge: Any, refusal: Any) -> None:
    told = refusal(lambda: judge(contract(violations="SELECT 1"), ROWS.replace("\n1,", f"\n{10**30},")))
    assert "column 'id' has 1 whole numbers of more than 64 bits" in told


def test_nothing_of_the_environment_is_left_in_the_database(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELWAY_SECRET", "hidden-value")
    settings = "SELECT name, value FROM duckdb_settings() WHERE value LIKE '%hidden-value%'"
    assert judge(contract(violations=settings), ROWS)["asked"].outcome == "pass"
    assert os.environ["MODELWAY_SECRET"]

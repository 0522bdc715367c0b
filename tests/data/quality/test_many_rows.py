"""What is done otherwise where there are many rows gives the same figures, or says of how many rows they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.quality.conftest import LookThrough, asked_for
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb import sorting
from modelway.data.engines.duckdb.profiles import open_quality_table
from modelway.data.engines.duckdb.sql import Statement
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.profile.profiling import profile
from modelway.data.quality import queries
from modelway.data.quality.checking import opened
from modelway.data.quality.queries import Crossed, Parted
from modelway.data.quality.survey import survey
from modelway.data.queries import Outside, Query
from modelway.data.sources import find_source
from modelway.report.profile_page import page

ROWS = 5000
DRAWN = "(hash(i * 31 + 7) >> 1)::BIGINT"
COLUMNS = {
    "doubles": f"({DRAWN} % 100000) / 7.0 - 3000",
    "mostly_apart": f"{DRAWN}::HUGEINT / 3.0::DOUBLE",
    "with_wrong": f"CASE i % 50 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN 'inf'::DOUBLE ELSE {DRAWN} % 9999 END",
    "zeros": f"CASE WHEN i % 3 = 0 THEN 0 WHEN i % 3 = 1 THEN -0.0::DOUBLE ELSE {DRAWN} % 5000 - 2500 END",
    "single": f"(({DRAWN} % 30000) / 10)::FLOAT",
    "large_whole": f"9007199254740992 + ({DRAWN} % 4000)::BIGINT",
    "time": f"TIMESTAMP '2026-01-01' - INTERVAL ({DRAWN} % 100000) SECOND",
    "day": f"DATE '1969-06-01' + ({DRAWN} % 3000)::INTEGER",
    "beyond_64_bits": f"{DRAWN}::HUGEINT * 1000000000000",
    "few": f"{DRAWN} % 40",
}
SORTED = {"parquet": 9, "csv": 7}
"""All but `few`; whole numbers of CSV may have more than 64 bits, which Parquet has as doubles."""


def written(path: Path, columns: dict[str, str], rows: int = ROWS) -> Path:
    query = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    duckdb.execute(f"COPY (SELECT {query} FROM range({rows}) t(i)) TO '{path}'")
    return path


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_sorted_columns_are_told_the_same(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, told, arrays = written(tmp_path / f"rows.{form}", COLUMNS), [], list[int]()
    read = DuckDBTable.array

    def array(table: DuckDBTable, statement: Any) -> Any:
        arrays.append(1)
        return read(table, statement)

    monkeypatch.setattr(DuckDBTable, "array", array)
    monkeypatch.setattr(sorting, "DIFFERENT", 1000)
    for worth_it in (10**9, 100):
        monkeypatch.setattr(sorting, "WORTH_IT", worth_it)
        with opened(asked_for(), find_source(path, "rows")) as table:
            told.append({name: facts.values for name, facts in survey(table, "rows", {}).columns.items()})
    assert len(arrays) == SORTED[form]
    assert told[0] == told[1]


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], list(range(100)), [*range(100), 5], [*range(101), 5, 5, 7, 7]])
def test_the_most_frequent_are_those_of_the_highest_count_and_then_the_largest(values: list[float]) -> None:
    found = sorting.distribution_of(np.array(values, dtype=float), number=True)
    counts = pd.Series(values).value_counts()
    assert list(found.top) == sorted(counts.items(), key=lambda one: (-one[1], -one[0]))[: queries.TOP]  # type: ignore[operator]
    assert found.rarest == (min(counts.items(), key=lambda one: (one[1], one[0])),)  # type: ignore[operator]
    assert (found.n, found.distinct) == (len(values), len(counts))


def test_where_duckdb_cannot_do_with_less_memory_nothing_is_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where statements hold on to what they have read."""
    path, told, run = (
        written(tmp_path / "rows.parquet", {"x": f"{DRAWN} / 3.0", "y": f"{DRAWN} % 4000"}),
        [],
        DuckDBTable._rows_or_error,
    )

    def holding_on(table: DuckDBTable, statement: Statement) -> Any:
        if statement.text.startswith("SET memory_limit"):
            raise duckdb.OutOfMemoryException("could not free up enough memory for the new limit")
        return run(table, statement)

    monkeypatch.setattr(sorting, "WORTH_IT", 100)
    for _ in range(2):
        with opened(asked_for(), find_source(path, "rows")) as table:
            told.append({name: facts.values for name, facts in survey(table, "rows", {}).columns.items()})
        monkeypatch.setattr(DuckDBTable, "_rows_or_error", holding_on)
        monkeypatch.setattr(DuckDBTable, "array", lambda *_: pytest.fail("it is sorted"))
    assert told[0] == told[1]


def test_what_memory_does_not_hold_is_not_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "rows.parquet", {"x": f"{DRAWN} / 3.0"})
    monkeypatch.setattr(sorting, "WORTH_IT", 100)
    monkeypatch.setattr(sorting, "BYTES_OF_A_VALUE", (1024 << 20) // ROWS + 1)
    monkeypatch.setattr(DuckDBTable, "array", lambda *_: pytest.fail("it is sorted"))
    with opened(asked_for(), find_source(path, "rows")) as table:
        found = survey(table, "rows", {}).columns["x"].values
    assert found is not None
    assert found.n == found.distinct == ROWS


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_rows_that_are_crossed_are_spread_evenly(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "ROWS_CROSSED", 1000)
    cycles = {f"of_{cycle}": f"i % {cycle}" for cycle in (2, 3, 7, 10, 20)}
    path = written(tmp_path / f"rows.{form}", {**cycles, "place": "i"}, 20_000)
    with opened(asked_for(), find_source(path, "rows")) as table:
        kind = survey(table, "rows", {}).columns["place"].type
        assert kind
        parts = {name: Parted(name, kind, values=tuple(range(20))) for name in cycles}
        parts["place"] = Parted("place", kind, tuple(range(1000, 20_000, 1000)))
        questions = {name: Crossed(part, parts["of_2"]) for name, part in parts.items()}
        told = table.tell(list(questions.values()), 0)
        again = table.tell([Crossed(parts["place"], None)], 0)[Crossed(parts["place"], None)]
    for name, question in questions.items():
        counts: dict[int, int] = {}
        for (cell, _, _), count in told[question].items():
            counts[cell] = counts.get(cell, 0) + count
        cells = len(counts)
        assert sum(counts.values()) == pytest.approx(1000, abs=3), name
        assert cells == {"place": 20}.get(name) or f"of_{cells}" == name
        assert max(counts.values()) - min(counts.values()) <= 0.2 * 1000 / cells, (name, counts)
    halves = [sum(count for (_, _, half), count in again.items() if half == one) for one in (0, 1)]
    assert halves == [pytest.approx(500, abs=50)] * 2


def test_a_leak_is_found_among_many_rows_and_says_of_how_many(
    look: LookThrough, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_CROSSED", 5000)
    columns = {
        "leak": f"CASE WHEN {DRAWN} % 1000 < 300 THEN 50 + {DRAWN} % 999999 / 1e6 ELSE {DRAWN} % 50 END",
        "inner": f"CASE WHEN {DRAWN} % 1000 < 10 THEN 30.001 + {DRAWN} % 17 / 1e5 ELSE {DRAWN} % 6000 / 100 END",
        "other": "hash(i) % 1000 / 7",
        "y": f"{DRAWN} % 1000 < 300",
    }
    found = look(written(tmp_path / "rows.parquet", columns, 60_000), label="y")
    leak, other = found["leak tells y"], found["other tells y"]
    assert leak.outcome == "fail"
    assert leak.n == pytest.approx(5000, abs=5)
    assert (other.outcome, other.n) == ("pass", leak.n)


def test_a_profile_of_many_rows_counts_values_whole_and_says_what_it_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_CROSSED", 1000)
    monkeypatch.setattr("modelway.report.profile_page.ROWS_CROSSED", 1000)
    rows = pd.DataFrame({"x": np.random.default_rng(3).normal(size=8000).round(3)})
    rows["kind"] = np.where(rows.index % 5 == 0, "rare", "common")
    rows["many"] = [f"v{at % 150}" if at < 6000 else "most" for at in rows.index]
    other = rows.assign(many=[f"v{at % 150}" for at in rows.index])  # `most` is not there, and others are as frequent
    paths = {}
    for name, frame in (("train", rows), ("test", pd.concat([other, other.assign(many="most")[:1]]))):
        paths[name] = tmp_path / f"{name}.parquet"
        duckdb.from_df(frame).write_parquet(str(paths[name]))
    for label in ("kind", None):
        found = profile(asked_for(label=label), paths, "the test")
        train, test = ({column.name: column for column in one.columns} for one in found.profiles)
        assert {value.value: value.count for value in train["kind"].top} == {"rare": 1600, "common": 6400}
        most = [next(value.count for value in side["many"].top if value.value == "most") for side in (train, test)]
        assert most == [2000, 1]
        bars = train["x"].bars
        assert bars is not None
        assert sum(bars.counts) == pytest.approx(1000, abs=3) != train["x"].n == 8000
        assert train["x"].mean == pytest.approx(rows["x"].mean())
        assert "bars, and what goes with what, of about 1,000 rows that are spread evenly" in page(found)


def test_bounds_that_hold_every_value_are_not_asked_of_the_rows(
    look: LookThrough, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = list[Query](), DuckDBTable.answers

    def counting(table: DuckDBTable, wanted: Any, examples: int) -> Any:
        asked.extend(wanted)
        return answers(table, wanted, examples)

    monkeypatch.setattr(DuckDBTable, "answers", counting)
    columns = {
        "inside": "i % 100",
        "beyond": "CASE WHEN i = 77 THEN 1e9 ELSE i % 100 END",
        "day": "DATE '2026-01-01' + (i % 300)::INTEGER",
        "late": "DATE '2026-11-20' + (i % 4)::INTEGER",
        "time": "TIMESTAMP '2026-01-01' + INTERVAL (i % 300) DAY",
    }
    found = look(written(tmp_path / "rows.parquet", columns))
    assert {query.column for query in asked if isinstance(query, Outside)} == {"beyond", "late"}
    assert (found["inside outliers"].outcome, found["inside outliers"].n) == ("pass", ROWS)
    assert found["beyond outliers"].value == pytest.approx(100 / ROWS)
    assert found["day possible dates"].outcome == found["time possible dates"].outcome == "pass"
    assert found["late possible dates"].outcome == "fail"


def test_columns_are_sorted_within_the_memory_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half of it is left to DuckDB meanwhile, and all of it afterwards."""
    path, limits, read = written(tmp_path / "rows.parquet", {"x": f"{DRAWN} / 3.0"}), list[str](), DuckDBTable.array
    current = Statement("SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'")

    def array(table: DuckDBTable, statement: Any) -> Any:
        limits.append(table.rows(current)[0][0])
        return read(table, statement)

    monkeypatch.setattr(sorting, "WORTH_IT", 100)
    monkeypatch.setattr(sorting, "BYTES_OF_A_VALUE", (512 << 20) // ROWS)
    monkeypatch.setattr(DuckDBTable, "array", array)
    (tmp_path / "scratch").mkdir()
    with open_quality_table(find_source(path, "rows"), CsvDialect(), tmp_path / "scratch", 1024) as table:
        before = table._fetched(current)
        survey(table, "rows", {})
        assert table._fetched(current) == before != [(limits[0],)]
    assert len(limits) == 1

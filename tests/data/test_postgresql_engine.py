"""A table that is counted in its server is told as the same rows in a file are: the same contract, the same report."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec
import pytest

import modelway
import servers
from modelway.data.contract import load_contract
from modelway.data.failing_rows import FailingRow
from modelway.data.report import ContractReport
from modelway.data.validation import validate
from modelway.errors import InvalidInput

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TYPED = """
SELECT i AS id, i % 97 AS code, i * 1.5 - 20 AS amount, (i * 7 % 13)::FLOAT AS single, (i * 0.37)::DECIMAL(9, 2) AS price,
  CASE WHEN i % 11 = 0 THEN NULL ELSE chr((97 + i % 5)::INTEGER) || '-' || i % 30 END AS word, i % 3 = 0 AS flag,
  DATE '2026-01-01' + (i % 300)::INTEGER AS day, TIMESTAMP '2026-11-20 00:00:00' + INTERVAL (i) MINUTE AS seen,
  CASE WHEN i % 50 = 0 THEN 'NaN'::DOUBLE WHEN i % 70 = 0 THEN 'Infinity'::DOUBLE ELSE i / 7.0 END AS odd,
  (i - 400)::BIGINT * 1000000007 AS large
FROM range(1, 801) t(i)
"""
TEXTS = [
    *(
        " 1 ",
        "\t1\n",
        "1.",
        "+1",
        ".5",
        "1e5",
        "1e",
        ".e5",
        ".",
        "-",
        "1d",
        "0x10",
        "1e400",
        "1e-400",
        "\xa01",
        "１",
        "1 2",
    ),
    *(
        "--1",
        "1e+",
        "00012",
        "-.5",
        "1_0",
        "  ",
        "",
        "Infinity",
        "nan",
        "1e3",
        "1.0",
        "1.5",
        "170141183460469231731687303715884105727",
    ),
    *(
        "170141183460469231731687303715884105728",
        "9007199254740993",
        "0.1",
        "true",
        "TRUE",
        "False",
        "yes",
        "ümlaut",
        "a'b\"c\\d",
    ),
    *(
        "2026-02-29",
        "2024-02-29",
        "0001-01-01",
        "9999-12-31",
        "2026-13-01",
        "1582-10-10",
        "2026-1-1",
        "1900-02-29",
        "2000-02-29",
    ),
    *(
        "2026-01-01T24:00",
        "2026-01-01T24:00:01",
        "2026-01-01T23:59:60",
        "2026-01-01 10:00:00.1234567",
        "2026-01-01T10:00+01",
    ),
    *(
        "2026-01-01T10:00 +0130",
        "2026-01-01T10:00:00-05:30",
        "2026-01-01T10:00:00+0130",
        "1969-12-31T23:59:59.5",
        "2026-01-01T10:00Z",
    ),
    *(
        "2026-01-01T10:00:00.5Z",
        "2026-01-01T10:00:00.25-00:30",
        "2026-02-30T10:00:00Z",
        "2026-01-01T10:00:00 Z",
        "2026-01-01T25:00",
    ),
]
CONTRACT = """
rows: {at-least: 10, at-most: 700}
unique: [[code, flag], [day]]
freshness: {column: seen, at-most-hours: 1}
unlisted-columns: refuse
increasing: [{column: id}, {column: seen, strictly: true}, {column: amount, by: [flag]}]
groups:
  - {by: [flag], measure: rows, at-least: 300}
  - {by: [code], measure: share, at-most: 0.011}
  - {by: [word], measure: sum, of: amount, at-most: 20000}
  - {by: [flag], measure: mean, of: price, at-least: 150}
rules:
  - amount > code * 3
  - price <= amount or flag
  - amount / (code - 5) < 100
  - word is null or code < 90
columns:
  id: {type: integer, nullable: false, range: [5, 790], unique: true}
  code: {type: integer, allowed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
  amount: {type: number, range: [-10.5, 900]}
  single: {type: number, range: [0.1, 11], allowed: [0, 1, 2, 3, 4.5]}
  price: {type: number, range: [1, 200.1], unique: true}
  word: {type: string, max-null-percent: 5, pattern: '^[abc]-\\d+$', length: [3, 3]}
  flag: {type: boolean, allowed: [true]}
  day: {type: date, range: [2026-02-01, 2026-09-01]}
  seen: {type: timestamp, range: [2026-11-20T01:00:00Z, 2026-11-20T12:00:00Z]}
  odd: {type: number, nullable: false}
  large: {type: integer, range: [-9000000000, 9000000000]}
"""


@dataclass(frozen=True)
class Database:
    uri: str
    folder: str

    def run(self, sql: str) -> None:
        programs = servers.postgresql_programs()
        command = [str(programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "mlflow", "postgres"]
        subprocess.run(command, input=sql, text=True, check=True, capture_output=True)

    def load(self, table: str, kinds: str, file: Path) -> None:
        self.run(f"CREATE TABLE {table} ({kinds});\n\\copy {table} FROM '{file}' WITH (FORMAT csv, HEADER, NULL '\\N')")

    def address(self, table: str) -> str:
        return f"{self.uri}&table={table}"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with servers.postgresql() as uri:
        yield Database(uri.replace("+psycopg2", ""), uri.partition("?host=")[2])


def in_file(path: Path, contract: Path) -> ContractReport:
    return validate(load_contract(contract), path, NOW, name="table")


def in_server(address: str, contract: Path) -> ContractReport:
    return validate(load_contract(contract), address, NOW, name="table", by="postgresql")


def plain(report: ContractReport) -> str:
    """Byte for byte, but for the digest: a file's is of its bytes, a table's of its rows."""
    return msgspec.json.encode(msgspec.structs.replace(report, data_digest="")).decode().replace("},{", "},\n{")


def test_a_typed_table_is_told_as_the_same_rows_in_parquet(database: Database, tmp_path: Path) -> None:
    (tmp_path / "contract.yml").write_text(CONTRACT)
    duckdb.execute(f"COPY ({TYPED}) TO '{tmp_path}/rows.parquet'")
    duckdb.execute(f"COPY ({TYPED}) TO '{tmp_path}/rows.csv' (HEADER, NULLSTR '\\N')")
    kinds = (
        "id bigint, code bigint, amount numeric(12, 1), single real, price numeric(9, 2), word text, flag boolean, day date,"
        " seen timestamp, odd float8, large bigint"
    )
    database.load("typed", kinds, tmp_path / "rows.csv")
    file, server = (
        in_file(tmp_path / "rows.parquet", tmp_path / "contract.yml"),
        in_server(database.address("typed"), tmp_path / "contract.yml"),
    )
    assert plain(server) == plain(file)
    assert len(server.checks) >= 40
    assert len(server.failing) > 15


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "date", "timestamp", "string"])
def test_texts_are_read_as_the_file_is(kind: str, database: Database, tmp_path: Path) -> None:
    limits = {
        "number": ", range: [0.5, 100]",
        "integer": ", range: [1, 1000]",
        "date": ", range: [1900-01-01, 2024-12-31]",
    }
    limits |= {"timestamp": ", range: [1970-01-01T00:00:00Z, 2026-01-01T10:00:00Z]"}
    (tmp_path / "contract.yml").write_text(
        f"columns: {{nth: {{type: integer}}, t: {{type: {kind}, unique: true{limits.get(kind, '')}}}}}\n"
    )
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE texts (nth BIGINT, t VARCHAR)")
        connection.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(TEXTS)))
        connection.execute(f"COPY texts TO '{tmp_path}/rows.parquet'")
        connection.execute(f"COPY texts TO '{tmp_path}/rows.csv' (HEADER, FORCE_QUOTE *, NULLSTR '\\N')")
    database.load(f"texts_{kind}", "nth bigint, t text", tmp_path / "rows.csv")
    address, contract = database.address(f"texts_{kind}"), tmp_path / "contract.yml"
    loaded = load_contract(contract)
    file = validate(loaded, tmp_path / "rows.parquet", NOW, name="table", examples=100)
    server = validate(loaded, address, NOW, name="table", examples=100, by="postgresql")
    assert plain(server) == plain(file)


def test_numbers_are_shown_as_the_file_shows_them(database: Database, tmp_path: Path) -> None:
    numbers = [
        0.0,
        -0.0,
        1.0,
        1e15,
        123456789012345.0,
        1e16,
        1.5e300,
        5e-324,
        0.0001,
        1e-5,
        12345678.0,
        0.1,
        1234567.5,
        -1e22,
        1e20,
    ]
    (tmp_path / "contract.yml").write_text(
        "columns: {v: {type: number, range: [7, 7]}, s: {type: number, range: [7, 7]}}\n"
    )
    rows = "".join(f"{one!r},{one if abs(one) < 1e30 and one != 5e-324 else 0.5!r}\n" for one in numbers)
    (tmp_path / "rows.csv").write_text(f"v,s\n{rows}")
    copied = f"SELECT v::DOUBLE AS v, s::FLOAT AS s FROM read_csv('{tmp_path}/rows.csv', all_varchar = true)"
    duckdb.execute(f"COPY ({copied}) TO '{tmp_path}/rows.parquet'")
    database.load("numbers", "v float8, s real", tmp_path / "rows.csv")
    contract = load_contract(tmp_path / "contract.yml")
    file = validate(contract, tmp_path / "rows.parquet", NOW, name="table", examples=50)
    server = validate(contract, database.address("numbers"), NOW, name="table", examples=50, by="postgresql")
    shown = [[seen.value for check in report.checks for seen in check.examples] for report in (server, file)]
    assert shown[0] == shown[1]
    assert plain(server) == plain(file)


def test_names_and_values_are_no_part_of_a_statement(database: Database, tmp_path: Path) -> None:
    name = "a\"; DROP TABLE kept; --'$1 %s {}"
    quoted = name.replace('"', '""')
    database.run(f'CREATE TABLE kept (x int); CREATE SCHEMA "s.1"; CREATE TABLE "s.1"."odd table" ("{quoted}" text)')
    database.run("INSERT INTO \"s.1\".\"odd table\" VALUES ('1\"; DROP TABLE kept; --'), ('$2'), ('%s'), (NULL)")
    contract = json.dumps({"columns": {name: {"type": "string", "allowed": ["$2", "'); DROP TABLE kept; --"]}}})
    (tmp_path / "contract.yml").write_text(contract)
    database.run('ALTER SCHEMA "s.1" RENAME TO "s1"')
    report = in_server(f"{database.uri}&table=s1.odd+table", tmp_path / "contract.yml")
    assert [(check.name.rpartition("--'$1 %s {}")[2], check.n, check.value) for check in report.failing] == [
        (" among allowed", 3, 2)
    ]
    database.run("SELECT * FROM kept")


def test_failing_rows_are_found_again(database: Database, tmp_path: Path) -> None:
    database.run("CREATE TABLE found AS SELECT i AS id, i * 1.5::float8 AS amount FROM generate_series(1, 20) AS t(i)")
    (tmp_path / "contract.yml").write_text("columns: {id: {type: integer}, amount: {type: number, range: [0, 27]}}\n")
    told: list[FailingRow] = []
    contract = load_contract(tmp_path / "contract.yml")
    address = database.address("public.found")
    validate(contract, address, NOW, name="table", by="postgresql", most_rows=5, on_rows=told.extend)
    assert [(row.row, row.cells["id"], row.cells["amount"]) for row in told] == [(19, "19", "28.5"), (20, "20", "30.0")]


def test_the_digest_is_of_the_rows_and_not_of_their_order(database: Database, tmp_path: Path) -> None:
    (tmp_path / "contract.yml").write_text("columns: {a: {type: integer}}\n")
    database.run("CREATE TABLE one AS SELECT a FROM generate_series(1, 50) AS t(a)")
    database.run("CREATE TABLE two AS SELECT a FROM generate_series(1, 50) AS t(a) ORDER BY a DESC")
    database.run("CREATE TABLE three AS SELECT a FROM generate_series(1, 51) AS t(a)")
    digests = [
        in_server(database.address(table), tmp_path / "contract.yml").data_digest for table in ("one", "two", "three")
    ]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        ("references: [{columns: [id], data: other.csv}]", "the engine postgresql has no answer to Unreferenced"),
        ("sql: [{name: all, violations: SELECT * FROM data}]", "the engine postgresql has no answer to Returned"),
        (
            "columns: {word: {type: string, pattern: '\\bx'}}",
            r"PostgreSQL has no words for the pattern's .*b'. Fix: use the engine duckdb",
        ),
        ("columns: {word: {type: string, pattern: '(?i)x'}}", r"PostgreSQL has no words for the pattern's"),
        (
            "rules: ['big * 10 > 0']\ncolumns: {big: {type: number}}",
            "is out of PostgreSQL's range. Fix: use the engine",
        ),
    ],
)
def test_what_it_does_not_count_is_told(contract: str, words: str, database: Database, tmp_path: Path) -> None:
    database.run("CREATE TABLE IF NOT EXISTS untold AS SELECT 1 AS id, 'x' AS word, 1e308::float8 AS big")
    (tmp_path / "other.csv").write_text("id\n1\n")
    more = "" if "columns: {" in contract.replace("columns: [", "") else "\ncolumns: {id: {type: integer}}"
    (tmp_path / "contract.yml").write_text(f"{contract}{more}\n")
    contract_ = load_contract(tmp_path / "contract.yml")
    with pytest.raises(InvalidInput) as raised:
        validate(contract_, database.address("untold"), NOW, name="table", by="postgresql", folder=tmp_path)
    assert re.search(words, str(raised.value)), str(raised.value)


def test_the_action_counts_there_and_tells_no_password(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run("CREATE TABLE daily AS SELECT a FROM generate_series(1, 5) AS t(a)")
    address = database.address("daily").replace("mlflow@", "mlflow:SECRET@")
    (tmp_path / "contract.yml").write_text("columns: {a: {type: integer, range: [1, 5]}}\n")
    (tmp_path / "modelway.yml").write_text(
        f"model: m\ndata: {{test: '{address}', contract: contract.yml, engine: postgresql, command: touch fetched}}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = modelway.validate_data()
    assert found.outcome == "pass"
    assert (tmp_path / "fetched").exists()
    assert "SECRET" not in (tmp_path / "out/modelway/validate-data.json").read_text()
    assert list(found.data_digests) == ["postgresql:///postgres?table=daily"]
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(
        InvalidInput, match=r"rows.csv: the engine postgresql counts tables of its server, and not files"
    ):
        modelway.validate_data(data="rows.csv")
    with pytest.raises(InvalidInput, match="look at the names of database, schema and table"):
        modelway.validate_data(data=database.address("nowhere"))

"""Data that is elsewhere: an HTTP server that breaks off, changes its file and says no; an S3."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

import modelway
import servers
from modelway.data import schemes
from modelway.data.downloads import KEPT_SECONDS
from modelway.data.schemes import https
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure


@dataclass
class Shelf:
    """What the server has, and what it was asked. cut: bytes after which it breaks off, once for each entry."""

    content: bytes = b"a\n1\n"
    etag: str = '"1"'
    status: int = 200
    ranges: bool = True
    cut: list[int] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    address: str = ""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(https, "PAUSE_SECONDS", 0.01)
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shelf.asked.append(dict(self.headers))
            if self.headers.get("If-None-Match") == shelf.etag and shelf.etag:
                self.send_response(304)
                self.end_headers()
                return
            begin, status = 0, shelf.status
            wanted = self.headers.get("Range", "")
            if wanted and shelf.ranges and self.headers.get("If-Range") == shelf.etag:
                begin, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            body = shelf.content[begin:]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in shelf.headers.items():
                self.send_header(name, value)
            if shelf.etag:
                self.send_header("ETag", shelf.etag)
            self.end_headers()
            self.wfile.write(body[: shelf.cut.pop(0)] if shelf.cut else body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    shelf.address = f"http://127.0.0.1:{server.server_port}"
    yield shelf
    server.shutdown()
    server.server_close()
    thread.join()


def brought(address: str) -> tuple[Path, list[str]]:
    said: list[str] = []
    return schemes.path_of(address, Path(), "data.train", said.append), said


def refused(address: str) -> ModelwayError:
    with pytest.raises(ModelwayError) as raised:
        brought(address)
    return raised.value


def test_a_file_is_fetched_once_and_again_when_it_changed(shelf: Shelf) -> None:
    path, _ = brought(f"{shelf.address}/data/train.csv")
    assert (path.name, path.read_bytes()) == ("train.csv", shelf.content)
    path.write_bytes(b"kept")
    assert brought(f"{shelf.address}/data/train.csv")[0].read_bytes() == b"kept"  # 304: nothing was sent
    shelf.content, shelf.etag = b"a\n2\n", '"2"'
    assert brought(f"{shelf.address}/data/train.csv")[0].read_bytes() == b"a\n2\n"


def test_a_download_that_breaks_off_goes_on_where_it_was(shelf: Shelf) -> None:
    shelf.content, shelf.cut = os.urandom(300_000), [100_000, 80_000]
    path, said = brought(f"{shelf.address}/rows.parquet")
    assert path.read_bytes() == shelf.content
    assert [asked.get("Range") for asked in shelf.asked] == [None, "bytes=65536-", "bytes=131072-"]
    assert len(said) == 2
    assert all("broke off" in line and line.endswith("; once more") for line in said)


def test_where_parts_are_not_given_it_begins_again(shelf: Shelf) -> None:
    shelf.content, shelf.cut, shelf.ranges = os.urandom(300_000), [100_000], False
    assert brought(f"{shelf.address}/rows.parquet")[0].read_bytes() == shelf.content


def test_another_file_is_never_joined_to_half_of_the_first(shelf: Shelf) -> None:
    shelf.content, shelf.cut = b"1" * 1_000_000, [100_000] * 5
    with pytest.raises(OutsideFailure):
        brought(f"{shelf.address}/rows.parquet")
    shelf.content, shelf.etag, shelf.cut = b"2" * 300_000, '"2"', []
    assert brought(f"{shelf.address}/rows.parquet")[0].read_bytes() == shelf.content


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_no_is_no(shelf: Shelf, status: int) -> None:
    shelf.status = status
    failure = refused(f"{shelf.address}/a.csv")
    assert failure.exit_code == 2
    assert f"the server answers {status}" in failure.line()
    assert len(shelf.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_fails_is_asked_again(shelf: Shelf, status: int) -> None:
    shelf.status = status
    assert refused(f"{shelf.address}/a.csv").exit_code == 4
    assert len(shelf.asked) == 5


def test_nothing_secret_is_told(shelf: Shelf) -> None:
    shelf.status = 503
    address = shelf.address.replace("http://", "http://me:hunter2@") + "/a.csv?sig=s3cr3t#part"
    with pytest.raises(OutsideFailure) as raised:
        brought(address)
    line = raised.value.line()
    assert f"{shelf.address}/a.csv: " in line
    assert "hunter2" not in line
    assert "s3cr3t" not in line
    assert schemes.name_of("s3://bucket/a?b") == "s3://bucket/a?b"  # a key may hold any sign


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a.csv", "https://localhost:1/a.csv"])
def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(https, "PAUSE_SECONDS", 0.01)
    failure = refused(address)
    assert failure.exit_code == 4
    assert "it cannot be reached" in failure.line()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "https://h", "https://[/a.csv", "s3:///a.csv"])
def test_an_address_of_nothing(address: str) -> None:
    assert refused(address).exit_code == 2


def test_what_nobody_asks_for_is_gone_after_a_week(shelf: Shelf) -> None:
    old = brought(f"{shelf.address}/old.csv")[0]
    used = brought(f"{shelf.address}/used.csv")[0]
    past = time.time() - KEPT_SECONDS - 1
    for folder in (old.parent, used.parent):
        os.utime(folder, (past, past))
    brought(f"{shelf.address}/used.csv")
    assert used.exists()
    assert not old.exists()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers.s3(tmp_path_factory.mktemp("s3")) as found:
        uri = found["MLFLOW_S3_ENDPOINT_URL"]
        for key in ("one.csv", "many/1.csv", "many/2.csv", "many/deep/3.csv", "year=2026/a b+c.csv", "up/../x.csv"):
            quoted = quote(key).replace("..", "%2E%2E")
            assert requests.put(f"{uri}/models/{quoted}", data=f"a\n{key}\n", timeout=30).status_code == 200
        yield {**found, "AWS_ENDPOINT_URL": uri}


@pytest.fixture
def s3(bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The bucket's own address."""
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    return f"{bucket['AWS_ENDPOINT_URL']}/models"


def test_an_object_a_prefix_and_a_pattern(s3: str) -> None:
    assert brought("s3://models/one.csv")[0].read_text() == "a\none.csv\n"
    folder = brought("s3://models/many")[0]
    assert sorted(file.name for file in folder.rglob("*.csv")) == ["1.csv", "2.csv", "3.csv"]
    assert sorted(file.name for file in brought("s3://models/many/")[0].rglob("*.csv")) == ["1.csv", "2.csv", "3.csv"]
    pattern = brought("s3://models/many/*.csv")[0]
    assert sorted(file.name for file in pattern.parent.glob(pattern.name)) == ["1.csv", "2.csv"]
    assert brought("s3://models/year=2026/a b+c.csv")[0].read_text() == "a\nyear=2026/a b+c.csv\n"


def test_what_is_gone_there_is_gone_here(s3: str) -> None:
    address = f"{s3}/going"
    for name in ("1", "2"):
        requests.put(f"{address}/{name}.csv", data=b"a\n1\n", timeout=30)
    assert len(list(brought("s3://models/going/")[0].glob("*.csv"))) == 2
    client = "import boto3; bucket = boto3.resource('s3').Bucket('models'); bucket.Object('going/1.csv').delete();"
    subprocess.run(
        [servers.stores_python(), "-c", f"{client} bucket.put_object(Key='going/2.csv', Body=b'a\\n2\\n')"], check=True
    )
    assert [file.read_text() for file in brought("s3://models/going/")[0].glob("*.csv")] == ["a\n2\n"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://models/none.csv", "nothing is there"),
        ("s3://models/many/*.parquet", "nothing is there"),
        ("s3://nobucket/a.csv", "look at the bucket's name"),
        ("s3://models/up/", "has no name that a file can have"),
    ],
)
def test_what_is_not_there(s3: str, address: str, words: str) -> None:
    failure = refused(address)
    assert isinstance(failure, InvalidInput)
    assert words in failure.line()


def test_a_store_that_nobody_is_at(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert refused("s3://models/one.csv").exit_code == 4


def test_without_credentials(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    failure = refused("s3://models/one.csv")
    assert failure.exit_code == 2
    assert "set AWS_ACCESS_KEY_ID" in failure.line()


ODD = 'odd "table"; --'


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a PostgreSQL of our own with some tables, to which `?table=` is added."""
    with servers.postgresql() as uri:
        address = uri.replace("+psycopg2", "")
        odd = ODD.replace('"', '""')
        values = "9007199254740993, 1234567890.123456789012, 0.5"
        values += ", E'a\\\\\"b\\n\\tc', '2026-01-01 09:00+01', '2026-02-03', true"
        statements = [
            "CREATE TABLE plain (id bigint, amount numeric, score float8, name text, seen timestamptz, day date, ok boolean)",
            f"INSERT INTO plain VALUES ({values}), (2, 'NaN', 'NaN', NULL, NULL, NULL, NULL)",
            "CREATE SCHEMA shop; CREATE VIEW shop.seen AS SELECT id, name FROM plain",
            "CREATE TABLE empty (a int); CREATE ROLE guest LOGIN",
            f'CREATE TABLE "{odd}" ("select" int); INSERT INTO "{odd}" VALUES (7)',
        ]
        programs = servers.postgresql_programs()
        assert programs
        for statement in statements:
            subprocess.run(
                [programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", statement], check=True
            )
        yield address


def lines(address: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in brought(address)[0].read_text(encoding="utf-8").splitlines()]


def test_a_table_is_brought_whole_and_exact(database: str) -> None:
    first, second = lines(f"{database}&table=plain")
    assert first == {
        "id": 9007199254740993,
        "amount": 1234567890.123456789012,
        "score": 0.5,
        "name": 'a\\"b\n\tc',
        "seen": "2026-01-01T08:00:00+00:00",
        "day": "2026-02-03",
        "ok": True,
    }
    assert {key for key, value in second.items() if value is not None} == {"id"}
    text = brought(f"{database}&table=plain")[0].read_text()
    assert "1234567890.123456789012" in text  # every digit


def test_a_view_of_a_schema_and_a_name_that_is_no_name(database: str) -> None:
    assert [row["id"] for row in lines(f"{database}&table=shop.seen")] == [9007199254740993, 2]
    assert lines(f"{database}&table={quote(ODD)}") == [{"select": 7}]


def test_its_rows_are_checked_as_any_others(database: str, tmp_path: Path) -> None:
    (tmp_path / "contract.yml").write_text(
        "columns: {id: {type: integer, range: [3, null]}, seen: {type: timestamp}, amount: {type: number}}\n"
    )
    checked = modelway.validate_data(
        data=f"{database}&table=plain", contract="contract.yml", working_directory=str(tmp_path)
    )
    assert list((checked.failing_checks or {}).values()) == [["id in range"]]


@pytest.mark.parametrize(
    ("end", "words", "code"),
    [
        ("&table=none", 'relation "none" does not exist', 2),
        ("&table=empty", "the table has no rows", 2),
        ("", "names no table", 2),
        ("&table=", "names no table", 2),
        ("&table=plain&user=guest", "permission denied", 2),
        ("&table=plain&dbname=nowhere", 'database "nowhere" does not exist', 2),
        ("&table=plain&nonsense=1", "nonsense", 2),
        ("&table=plain&host=/nowhere", "No such file or directory", 4),
    ],
)
def test_what_cannot_be_read_from_postgresql(database: str, end: str, words: str, code: int) -> None:
    failure = refused(database + end)
    assert words in failure.line()
    assert failure.exit_code == code
    assert "\n" not in failure.line()


def test_a_page_is_no_data(shelf: Shelf) -> None:
    shelf.headers = {"Content-Type": "text/html; charset=utf-8"}
    failure = refused(f"{shelf.address}/a.csv")
    assert failure.exit_code == 2 and "a page (HTML), not with data" in failure.line()
    assert len(shelf.asked) == 1


def test_what_the_server_packs_unasked_is_unpacked(shelf: Shelf) -> None:
    shelf.headers, shelf.content = {"Content-Encoding": "gzip"}, gzip.compress(b"a\n1\n")
    assert brought(f"{shelf.address}/a.csv")[0].read_bytes() == b"a\n1\n"


@pytest.mark.parametrize(
    ("location", "words"),
    [("file:///etc/passwd", "another kind of address"), ("/again.csv", "without an end"), ("https://[", "no address")],
)
def test_where_a_server_sends_elsewhere(shelf: Shelf, location: str, words: str) -> None:
    shelf.status, shelf.headers = 302, {"Location": location}
    failure = refused(f"{shelf.address}/a.csv")
    assert failure.exit_code == 2 and words in failure.line()


def test_names_that_no_file_has(shelf: Shelf) -> None:
    for name in ("..", "%2E%2E", "."):
        assert "names no file" in refused(f"{shelf.address}/x/{name}").line()
    for name in ("a%00b.csv", f"{'ü' * 300}.csv", "a%0Ab.csv"):
        assert brought(f"{shelf.address}/{name}")[0].suffix == ".csv"


def test_a_name_with_the_signs_of_a_pattern(s3: str) -> None:
    requests.put(f"{s3}/{quote('x[1].csv')}", data=b"a\n5\n", timeout=30).raise_for_status()
    assert brought("s3://models/x[1].csv")[0].read_text() == "a\n5\n"


def test_an_object_that_is_a_folder_too(s3: str) -> None:
    for key in ("both/a", "both/a/b.csv"):
        requests.put(f"{s3}/{key}", data=b"a\n5\n", timeout=30).raise_for_status()
    failure = refused("s3://models/both/")
    assert failure.exit_code == 2 and "'both/a' is an object, and a folder of others" in failure.line()


def test_a_list_of_objects_that_was_cut_off_does_no_harm(s3: str) -> None:
    record = brought("s3://models/one.csv")[0].parents[1] / ".modelway-objects.json"
    record.write_text('{"one')
    assert brought("s3://models/one.csv")[0].read_text() == "a\none.csv\n"


def test_infinity_digits_and_a_failing_view(database: str) -> None:
    programs = servers.postgresql_programs()
    assert programs
    for statement in (
        "ALTER ROLE CURRENT_USER SET extra_float_digits = -10",
        "CREATE TABLE numbers AS SELECT 0.1234567890123456::float8 AS f, 'Infinity'::float8 AS up",
        "CREATE VIEW failing AS SELECT 1 / (3 - g) AS a FROM generate_series(1, 5) g",
    ):
        subprocess.run([programs / "psql", "-q", "-d", database, "-c", statement], check=True)
    assert lines(f"{database}&table=numbers") == [{"f": 0.1234567890123456, "up": math.inf}]
    failure = refused(f"{database}&table=failing")
    assert failure.exit_code == 2 and "division by zero" in failure.line()


def test_a_password_that_libpq_cannot_read_is_not_told() -> None:
    failure = refused("postgresql://u:SECRET%zz@127.0.0.1/db?table=x")
    assert failure.exit_code == 2 and "SECRET" not in failure.line()

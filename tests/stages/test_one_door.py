"""One door for rows: contract, gate and endpoint read the same files, in the same way, and say the same of what is wrong."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from modelway.data import Contract, load_contract, validate
from modelway.data.contract import Column
from modelway.data.json_rows import rows_of
from modelway.data.sources import digest_of_data
from modelway.errors import InvalidInput
from modelway.stages.steps.rows import HeldOutRows, read_held_out

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def gate(
    path: Path, types: dict[str, str], contract: Contract | None = None, columns: tuple[str, ...] = ()
) -> HeldOutRows:
    return read_held_out(path, path.name, contract or Contract(), columns, types, None)


def said(read: Callable[[], Any]) -> str:
    """The one line that a reading ends in; empty where it does not."""
    try:
        read()
    except InvalidInput as error:
        line = error.line()
        assert "\n" not in line
        assert ". Fix: " in line
        return line
    return ""


def three(path: Path, contract: Contract, types: dict[str, str]) -> tuple[str, str, str]:
    """What contract, gate and endpoint say of a file."""
    return (
        said(lambda: validate(contract, path, NOW, name=path.name)),
        said(lambda: gate(path, types, contract)),
        said(lambda: rows_of(path, path.name, contract, list(types))),
    )


@dataclass(frozen=True)
class Odd:
    """A file, and what all three say of it; a part of `contract` where it has one."""

    data: bytes
    says: str
    contract: str = "columns: {x: {type: string}}"
    name: str = "rows.csv"


def csv(text: str, says: str = "", **more: Any) -> Odd:
    return Odd(text.encode(), says, **more)


X = "columns: {x: {type: string}}\n"
SAME_WIDTH = "Fix: give every row as many cells as the header has (they are parted by ',')"
ODD = {
    "a byte order mark": csv("\ufeffx,y\na,1\n"),
    "CRLF": csv("x,y\r\na,1\r\n"),
    "two line ends": csv("x,y\r\na,1\nb,1\r\n", "rows.csv: cannot be read as CSV: line 2 ends in LF, and those before"),
    "a cell with everything": csv('x,y\n"a,""b""\n",1\n'),
    "a blank line": csv("x,y\na,1\n\nb,1\n"),
    "Latin-1": Odd("x,y\na,1\né,1\n".encode("latin-1"), "rows.csv:3: is not UTF-8: byte 0xe9 (in Latin-1 'é'). Fix: save"),
    "Latin-1, said": Odd("x,y\né,1\n".encode("latin-1"), "", X + "encoding: latin-1"),
    "UTF-16": Odd("x,y\né,1\n".encode("utf-16"), "rows.csv: is UTF-16. Fix: save it as UTF-8, or say `encoding: utf-16`"),
    "UTF-16, said": Odd("x,y\né,1\n".encode("utf-16"), "", X + "encoding: utf-16"),
    "another encoding, said": csv("x,y\na\n", "rows.csv: is not utf-16, as the", contract=X + "encoding: utf-16"),
    "NUL": csv("x,y\na\0,1\n", "rows.csv: is not CSV but binary"),
    "a short row": csv("x,y\na,1\nb\n", f"rows.csv: cannot be read as CSV: line 3 has 1 cell, the header 2. {SAME_WIDTH}"),
    "a long row": csv("x,y\na,1\nb,1,2\n", f"rows.csv: cannot be read as CSV: line 3 has 3 cells, the header 2. {SAME_WIDTH}"),
    "an open quote": csv('x,y\na,1\n"b,1\nc,1\n', "line 3 opens a quote that is never closed. Fix: write \" within"),
    "text after a quote": csv('x,y\na,1\n"b"c,1\n', "line 3 is not CSV: ',' expected after '\"'"),
    "a column twice": csv("x,y,x\na,1,b\n", "rows.csv: two columns are named 'x'"),
    "columns that differ in case only": csv("x,X\na,b\n"),
    "a delimiter, said": csv("x;y\na;1\n", contract=X + 'delimiter: ";"'),
    "single quotes, not said": csv("x,y\n'a,b',1\n", "rows.csv:2: the first row has 3 cells, the header 2"),
    "single quotes, said": csv("x,y\n'a,b',1\n", contract=X + 'quote: "\'"'),
    "no quotes, said": csv('x,y\n"a,1\n', contract=X + 'quote: ""'),
    "an empty file": csv("", "rows.csv: is empty"),
    "gzip": Odd(gzip.compress(b"x,y\na,1\n"), "", name="rows.csv.gz"),
    "gzip by its content": Odd(gzip.compress(b"x,y\na,1\n"), ""),
    "cut gzip": Odd(gzip.compress(b"x,y\n" + b"a,1\n" * 999)[:-9], "rows.csv.gz: is damaged gzip: ", name="rows.csv.gz"),
    "damaged gzip": Odd(gzip.compress(b"x\na\n")[:-8] + b"12345678", "rows.csv: is damaged gzip: CRC check failed"),
    "cut Parquet": Odd(b"PAR1 and then nothing", "rows.parquet: cannot be read as Parquet", name="rows.parquet"),
    "CSV named Parquet": csv("x\na\n", "rows.parquet: is not Parquet", name="rows.parquet"),
    "a workbook": Odd(b"PK\3\4", "rows.xlsx: is neither CSV, Parquet, JSON lines nor Arrow but .xlsx", name="rows.xlsx"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_the_same_file_is_the_same_to_all_three(kind: str, tmp_path: Path) -> None:
    odd = ODD[kind]
    (tmp_path / "contract.yml").write_text(odd.contract)
    path = tmp_path / odd.name
    path.write_bytes(odd.data)
    heard = three(path, load_contract(tmp_path / "contract.yml"), {"x": "string"})
    assert len(set(heard)) == 1
    assert odd.says in heard[0]
    assert bool(heard[0]) == bool(odd.says)


def test_a_header_alone_is_no_rows_to_any(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n")
    assert validate(Contract(), path, NOW).outcome == "fail"
    assert gate(path, {"x": "double"}).candidate.count == 0
    assert "has no rows" in said(lambda: rows_of(path, "rows.csv", Contract()))


def test_a_column_that_is_there_in_another_case_only(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Text\na\n")
    for read in (lambda: gate(path, {"text": "string"}), lambda: rows_of(path, "rows.csv", Contract(), ["text"])):
        assert said(read) == "rows.csv: has no column 'text'. Fix: did you mean 'Text'?"


FILES = {
    "part-1.csv": "x,y\n1,a\n",
    "deeper/2026/part-2.csv": "x,y\n2,b\n",
    ".hidden/part.csv": "x,y\n9,z\n",
    "_temporary/part.csv": "x,y\n9,z\n",
    ".part.csv.crc": "x",
    ".part.csv": "x,y\n9,z\n",
    "_SUCCESS": "",
    "notes.txt": "x",
}


def test_all_agree_on_which_files_are_the_data(tmp_path: Path) -> None:
    """Also the digest: what is hidden, or no data, changes nothing; a file that counts changes all."""
    folder = tmp_path / "rows"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "linked.csv").symlink_to(folder / "part-1.csv")
    report = validate(Contract(), folder, NOW)
    assert report.rows == 3
    assert sorted(gate(folder, {"x": "long"}).candidate.columns["x"].tolist()) == [1, 1, 2]
    assert sorted(row["x"] for row in rows_of(folder, "rows", Contract())) == [1, 1, 2]
    assert digest_of_data(folder) == report.data_digest
    for name in (".hidden/part.csv", "notes.txt", "_SUCCESS"):
        (folder / name).write_text("x,y\n10,z\n")
    assert digest_of_data(folder) == report.data_digest
    (folder / "deeper" / "more.csv").write_text("x,y\n3,c\n")
    assert digest_of_data(folder) != report.data_digest


def test_a_pattern_is_the_same_files_to_all(tmp_path: Path) -> None:
    for name in ("a-1", "a-2", "b-1"):
        (tmp_path / f"{name}.csv").write_text(f"x,y\n{name[-1]},1\n")
    pattern = tmp_path / "a-*.csv"
    report = validate(Contract(), pattern, NOW)
    assert report.rows == 2
    assert gate(pattern, {"x": "long"}).candidate.columns["x"].tolist() == [1, 2]
    assert [row["x"] for row in rows_of(pattern, "a-*", Contract())] == [1, 2]
    before = digest_of_data(pattern)
    assert before == report.data_digest
    (tmp_path / "b-1.csv").write_text("x,y\n7,1\n")
    assert digest_of_data(pattern) == before
    (tmp_path / "a-1.csv").write_text("x,y\n7,1\n")
    assert digest_of_data(pattern) != before


def test_a_folder_s_name_never_replaces_a_column(tmp_path: Path) -> None:
    """Hive's year=2026 would replace the file's own column of that name."""
    for suffix, write in (("csv", "(FORMAT csv, HEADER)"), ("parquet", "(FORMAT parquet)")):
        folder = tmp_path / suffix / "year=1999"
        folder.mkdir(parents=True)
        duckdb.execute(f"COPY (SELECT 2026 AS year, 1 AS x) TO '{folder}/part.{suffix}' {write}")
        assert gate(tmp_path / suffix, {"year": "long"}).candidate.columns["year"].tolist() == [2026]
        assert rows_of(tmp_path / suffix, "rows", Contract()) == [{"year": 2026, "x": 1}]
        contract = Contract(columns={"year": Column(type="integer", allowed=(2026,))})
        assert validate(contract, tmp_path / suffix, NOW).outcome == "pass"


@pytest.mark.parametrize(("link", "says"), [("part-3.csv", "is a link to nothing"), ("more", "is a link to a folder")])
def test_a_link_that_would_leave_rows_out_is_refused_by_all(link: str, says: str, tmp_path: Path) -> None:
    folder, other = tmp_path / "rows", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "part-1.csv").write_text("x\n1\n")
    (folder / link).symlink_to(tmp_path / "none" if "csv" in link else other)
    heard = {*three(folder, Contract(), {"x": "long"}), said(lambda: digest_of_data(folder, "rows"))}
    assert len(heard) == 1
    assert f"{link} in rows: {says}" in heard.pop()


def test_many_rows_in_many_files_keep_their_order_and_their_lines(tmp_path: Path) -> None:
    """Threads read at once; still every column is in the files' order, and the first wrong value is found in its file."""
    for part in range(3):
        rows = "".join(f"{part * 100_000 + at},{at}\n" for at in range(100_000))
        (tmp_path / f"{part}.csv").write_text("x,y\n" + rows)
    columns = gate(tmp_path, {"x": "long", "y": "long"}).candidate.columns
    assert columns["x"].tolist() == list(range(300_000))
    assert columns["y"].tolist() == list(range(100_000)) * 3
    text = (tmp_path / "1.csv").read_text().replace("\n177777,77777\n", "\n177777,7.5\n")
    (tmp_path / "1.csv").write_text(text)
    says = f"1.csv in {tmp_path.name}:77779: '7.5' in column 'y' is no long"
    assert says in said(lambda: gate(tmp_path, {"x": "long", "y": "long"}))

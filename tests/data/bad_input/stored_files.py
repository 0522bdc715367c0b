"""Parquet, Arrow, and tables of Delta and Iceberg that are damaged or not whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from data.bad_input.case import BadInput, Make

ROWS = "SELECT range AS a, (range * 7919)::VARCHAR AS b FROM range(50000)"
LAKE = Path(__file__).parents[1] / "lake"


def whole(folder: Path) -> None:
    duckdb.sql(ROWS).write_parquet(str(folder / "rows.parquet"))


def changed(change: object) -> Make:
    def make(folder: Path) -> None:
        whole(folder)
        path = folder / "rows.parquet"
        path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]

    return make


def damaged(change: object, *told: str) -> BadInput:
    """The contract asks for every column: a damaged page is found only where its column is read."""
    contract = "columns: {a: {nullable: false}, b: {nullable: false}}\n"
    return BadInput(changed(change), ("rows.parquet", *told), data="rows.parquet", contract=contract, mended=whole)


def table(kind: str, spoil: object) -> Make:
    def make(folder: Path) -> None:
        spoil(Path(shutil.copytree(LAKE / kind, folder / "table")))  # type: ignore[operator]

    return make


def logs_of(pattern: str, content: str) -> object:
    def spoil(path: Path) -> None:
        for file in path.glob(pattern):
            file.write_text(content)

    return spoil


def without_data(path: Path) -> None:
    for file in path.rglob("*.parquet"):
        file.unlink()


def different(folder: Path) -> None:
    (folder / "data").mkdir()
    duckdb.sql("SELECT 1 AS a").write_parquet(str(folder / "data" / "1.parquet"))
    duckdb.sql("SELECT 'x' AS a").write_parquet(str(folder / "data" / "2.parquet"))


CASES: dict[str, BadInput] = {
    "Parquet of no byte": damaged(lambda data: b"", "is empty"),
    "Parquet of its mark alone": damaged(lambda data: data[:4], "cannot be read as Parquet"),
    "Parquet cut in the middle": damaged(lambda data: data[: len(data) // 2], "cannot be read as Parquet"),
    "Parquet without its last byte": damaged(lambda data: data[:-1], "cannot be read as Parquet"),
    "Parquet with a wrong footer length": damaged(
        lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1", "cannot be read as Parquet"
    ),
    "Parquet with zeros for pages": damaged(
        lambda data: data[:4] + bytes(len(data) // 2) + data[4 + len(data) // 2 :], "cannot be read as Parquet"
    ),
    "Parquet that is encrypted": damaged(lambda data: b"PARE" + data[4:-4] + b"PARE", "is not Parquet"),
    "CSV called Parquet": BadInput(
        {"rows.parquet": "a,b\n1,2\n"}, ("rows.parquet", "is not Parquet"), data="rows.parquet", mended=whole
    ),
    "a Git-LFS pointer of Parquet": BadInput(
        {"rows.parquet": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"},
        ("rows.parquet", "is a Git-LFS pointer"),
        data="rows.parquet",
        mended=whole,
    ),
    "Parquet files of other types": BadInput(different, ("2.parquet in data", "is stored as VARCHAR"), data="data"),
    "Arrow of no byte": BadInput({"rows.arrow": b""}, ("rows.arrow", "is empty"), data="rows.arrow"),
    "Arrow that is none": BadInput({"rows.arrow": b"ARROW1\0\0nothing"}, ("no sound Arrow file",), data="rows.arrow"),
    "a Delta log that is cut": BadInput(
        table("delta", logs_of("_delta_log/*.json", "{")), ("table: cannot be read",), data="table"
    ),
    "a Delta table without its files": BadInput(
        table("delta", without_data), ("table", "whose file part-", "is not there"), data="table"
    ),
    "a Delta table without a log": BadInput(table("delta", logs_of("_delta_log/*.json", "")), ("table",), data="table"),
    "an Iceberg log that is cut": BadInput(
        table("iceberg", logs_of("metadata/*.metadata.json", "{")), ("table: cannot be read",), data="table"
    ),
    "an Iceberg table without its files": BadInput(
        table("iceberg", without_data), ("table", "is not there"), data="table"
    ),
    "an Iceberg table with a renamed column": BadInput(
        lambda folder: (shutil.copytree(LAKE / "renamed", folder / "table"), None)[1],
        ("before a column was renamed",),
        data="table",
    ),
}

"""Places without data: files that are not there, links, folders of several kinds, files of other programs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from data.bad_input.case import THE_DATA_DOOR, BadInput, Make

LINES = "a,b\n1,2\n3,4\n"


def linked(name: str, target: str) -> Make:
    def make(folder: Path) -> None:
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / "rows.csv").write_text(LINES)
        (folder / name).symlink_to(target)

    return make


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "rows.csv")


def door(folder: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("rows.csv")
    finally:
        os.fchdir(here)
        os.close(here)


def of(name: str, content: str | bytes, *told: str) -> BadInput:
    return BadInput({name: content}, told or (name, name[name.rindex(".") :]), data=name)


CASES: dict[str, BadInput] = {
    "no such file": BadInput({}, ("rows.csv: no such file",), mended={"rows.csv": LINES}),
    "no such folder": BadInput({}, ("data/2026: no such file",), data="data/2026"),
    "a pattern that matches nothing": BadInput({}, ("rows-*.csv: no data in it",), data="rows-*.csv"),
    "a folder without data": BadInput(
        {"data/notes.txt": "x"}, ("data: no data in it",), data="data", mended={"data/1.csv": LINES}
    ),
    "a folder of hidden files": BadInput(
        {"data/.rows.csv": LINES, "data/_tmp/1.csv": LINES}, ("data: no data in it",), data="data"
    ),
    "a link to nothing": BadInput(linked("rows.csv", "gone.csv"), ("rows.csv",)),
    "a link to nothing in a folder": BadInput(
        linked("data/more.csv", "gone.csv"), ("more.csv in data: is a link to nothing",), data="data"
    ),
    "a link to itself": BadInput(linked("rows.csv", "rows.csv"), ("rows.csv",)),
    "a link to itself in a folder": BadInput(linked("data/more.csv", "more.csv"), ("more.csv in data",), data="data"),
    "a loop of folders": BadInput(
        linked("data/again", "../data"), ("again in data: is a link to a folder",), data="data"
    ),
    "a loop of folders, by a pattern": BadInput(linked("data/again", "../data"), ("data",), data="data/*.parquet"),
    "CSV and Parquet": BadInput(
        {"data/1.csv": LINES, "data/2.parquet": b"PAR1"}, ("CSV and Parquet files are mixed",), data="data"
    ),
    "CSV and JSON lines": BadInput(
        {"data/1.csv": LINES, "data/2.jsonl": '{"a": 1}\n'}, ("CSV and JSON lines files are mixed",), data="data"
    ),
    "an empty file among others": BadInput(
        {"data/1.csv": LINES, "data/2.csv": ""}, ("2.csv in data", "is empty"), data="data"
    ),
    "a cut file among others": BadInput(
        {"data/1.csv": LINES, "data/2.csv": "a,b\n1,2\n3\n"}, ("2.csv in data", "line 3 has 1 cell"), data="data"
    ),
    "a folder without data in a partition": BadInput(
        {"data/year=2025/1.txt": LINES, "data/year=2026/2.txt": LINES}, ("no data in it",), data="data"
    ),
    "an empty file in a partition": BadInput(
        {"data/year=2025/1.csv": LINES, "data/year=2026/2.csv": ""},
        ("year=2026/2.csv in data", "is empty"),
        data="data",
    ),
    "files beside a partition": BadInput(
        {"data/year=2025/month=1/1.csv": LINES, "data/year=2026/2.csv": LINES}, ("is in folders of year=",), data="data"
    ),
    "a workbook": of("rows.xlsx", b"PK\x03\x04 more", "rows.xlsx", ".xlsx"),
    "a pickle": of("rows.pkl", b"\x80\x04."),
    "an archive": of("rows.zip", b"PK\x03\x04 more"),
    "a database": of("rows.sqlite", b"SQLite format 3\0"),
    "ORC": of("rows.orc", b"ORC"),
    "zstandard": of("rows.csv.zst", b"\x28\xb5\x2f\xfd"),
    "a pipe": BadInput(pipe, ("rows.csv: is neither a file nor a folder",)),
    "a socket": BadInput(door, ("rows.csv: is neither a file nor a folder",)),
    "a name that is too long": BadInput({}, ("ile name too long",), data="x" * 300 + ".csv"),
    "an address that nothing fetches": BadInput(
        {}, ("nothing here fetches the address 'gs://bucket/a.csv'",), data="gs://bucket/a.csv", readers=THE_DATA_DOOR
    ),
    "an address of another machine": BadInput(
        {}, ("names the machine 'elsewhere'",), data="file://elsewhere/rows.csv", readers=THE_DATA_DOOR
    ),
}

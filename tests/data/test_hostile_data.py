"""Names, values and files may hold anything: they are data, and what is counted is what a plain reading counts."""

from __future__ import annotations

import csv
import io
import math
import re
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelway.data import ContractReport, validate
from modelway.data.contract import Column, Contract
from modelway.report.validation import markdown

NOW = datetime(2026, 11, 21, tzinfo=UTC)

HOSTILE = (
    "'; DROP TABLE data; --",
    '"); SELECT 1; --',
    "c0",
    "modelway_file",
    "a') OR 1=1 --",
    "$p0",
    "{x}",
    "::set-output name=x::y",
    "<script>alert(1)</script>",
    "| cell | cell |",
    "`code` **bold** [link](http://x)",
    "line\nline\r\nline",
    "\u202egnp.exe",
    "$(id)",
    "\\",
    "%s",
    "*.csv",
)

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
WORDS = st.sampled_from(HOSTILE) | TEXT
NAMES = WORDS.map(lambda name: re.sub(r"[\r\n]", " ", name))
NUMBERISH = st.text("0123456789+-.eE_ xinfa,", max_size=8) | st.floats().map(str) | st.integers().map(str)


def judged(contract: Contract, rows: list[list[str]], name: str = "rows.csv") -> ContractReport:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        return validate(contract, path, NOW, memory_mb=128)


def found(report: ContractReport) -> dict[str, tuple[int, float | None]]:
    return {check.name: (check.n, check.value) for check in report.checks}


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    cells=st.lists(WORDS, min_size=1, max_size=6),
    data=st.data(),
)
def test_names_and_values_are_data(names: list[str], cells: list[str], data: Any) -> None:
    """The counts are those of plain Python, whatever the columns are called and whatever is in them."""
    allowed = tuple(data.draw(st.lists(WORDS, min_size=1, max_size=3, unique=True)))
    contract = Contract(
        columns={name: Column(type="string", nullable=False, allowed=allowed) for name in names},
        unique=(tuple(names),),
        unlisted_columns="refuse",
        null_values=("NA",),
    )
    report = judged(contract, [names, *([cell] * len(names) for cell in cells)])
    present = [cell for cell in cells if cell != "NA"]
    values = [(check.n, check.value) for check in report.checks[3:]]
    per_column = [
        (len(cells), len(cells) - len(present)),
        (len(present), 0),
        (len(present), sum(cell not in allowed for cell in present)),
    ]
    repeats = sum(times - 1 for times in Counter(cells).values())
    assert values == [*per_column * len(names), (len(cells), repeats)]


@settings(max_examples=100, deadline=None)
@given(cells=st.lists(NUMBERISH, min_size=1, max_size=20))
@example(cells=["1e", "1e5", ".5", "5.", ".", "-", "+-1", "1_0", "0x1", " 1", "1 ", "1e400", "-0", "1,0"])
def test_numbers_are_those_that_python_reads(cells: list[str]) -> None:
    """A number is what float() takes, finite and without `_`; a whole number is one without a fraction."""

    def number(cell: str) -> float | None:
        plain = re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", cell)
        return float(cell) if plain and math.isfinite(float(cell)) else None

    numbers = [number(cell) for cell in cells]
    finite = [value for value in numbers if value is not None]
    contract = Contract(columns={"a": Column(type="number", range=(-1, 100))}, null_values=("none",))
    report = found(judged(contract, [["a", "b"], *([cell, "x"] for cell in cells)]))
    assert report["a is a number"] == (len(cells), len(cells) - len(finite))
    assert report["a in range"] == (len(finite), sum(not -1 <= value <= 100 for value in finite))
    contract = Contract(columns={"a": Column(type="integer")}, null_values=("none",))
    report = found(judged(contract, [["a", "b"], *([cell, "x"] for cell in cells)]))
    whole = [value for value in finite if value == int(value) and abs(value) < 2**127]
    assert report["a is a whole number"] == (len(cells), len(cells) - len(whole))


@settings(max_examples=40, deadline=None)
@given(name=WORDS)
@example(name="data[1]*?.csv")
@example(name="http:x.csv")
def test_any_file_name_is_only_a_name(name: str) -> None:
    """No URL, no statement: exactly this file is read."""
    safe = name.replace("/", "-").encode()[:200].decode(errors="ignore")
    if safe in ("", ".", ".."):
        return
    report = judged(Contract(columns={"a": Column(type="integer")}), [["a"], ["1"], ["x"]], safe)
    assert found(report)["a is a whole number"] == (2, 1)


@pytest.mark.parametrize(("name", "neighbour"), [("a*.csv", "ab.csv"), ("x[1].csv", "x1.csv"), ("q?.csv", "qq.csv")])
def test_a_name_that_is_a_pattern_reads_that_file_only(name: str, neighbour: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("a\n1\n")
    (tmp_path / neighbour).write_text("a\n2\n3\n")
    contract = Contract(columns={"a": Column(type="integer", allowed=(1,))})
    assert found(validate(contract, tmp_path / name, NOW))["a among allowed"] == (1, 0)


@pytest.mark.parametrize("name", HOSTILE)
def test_parquet_columns_may_be_called_anything(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    quoted = '"' + name.replace('"', '""') + '"'
    duckdb.execute(f"COPY (SELECT 1 AS {quoted}, 2 AS b UNION ALL SELECT 1, 3) TO '{path}' (FORMAT parquet)")
    contract = Contract(columns={name: Column(type="integer", range=(2, None))}, unique=((name,),))
    report = validate(contract, path, NOW)
    assert [check.value for check in report.checks] == [2, 0, 0, 2, 1]


@settings(max_examples=60, deadline=None)
@given(cell=NAMES)
def test_a_report_s_table_keeps_its_shape(cell: str) -> None:
    """Whatever is in the data and the contract: one line for each check, the same number of cells, no markup."""
    contract = Contract(
        columns={cell: Column(type="integer", allowed=(1,)), "b": Column(type="string", allowed=(cell + "x",))}
    )
    report = judged(contract, [[cell, "b"], [cell, cell]]) if cell != "b" else None
    if report is None:
        return
    lines = markdown(report).split("\n")
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == len(report.checks) + 4
    assert {line.count(" | ") for line in rows} <= {4, 5}
    assert not any(char in line for line in rows for char in ("<", "`", "*", "\r"))
    assert all(example.value.isprintable() for check in report.checks for example in check.examples)


def test_a_cell_of_a_megabyte_is_cut_in_the_report(judge: Any) -> None:
    big = "x" * 1_000_000
    check = judge("columns: {a: {type: integer}, b: {type: string, allowed: [y]}}", f"a,b\n1,{big}\n")[
        "b among allowed"
    ]
    assert check.examples[0].value == "x" * 59 + "…"
    assert judge("unique: [[a]]", f"a,b\n{big},1\n{big},2\n")["a unique"].value == 1


def test_many_allowed_values_and_columns(judge: Any) -> None:
    names = [f"col{at}" for at in range(300)]
    allowed = ", ".join(f"v{at}" for at in range(2000))
    contract = f"columns:\n  {names[0]}: {{type: string, allowed: [{allowed}]}}\n"
    contract += "".join(f"  {name}: {{type: string, nullable: false}}\n" for name in names[1:])
    rows = ",".join(names) + "\n" + ("v1999" + ",x" * 299 + "\n") * 10 + "v2000" + ",x" * 299 + "\n"
    judged = judge(contract, rows)
    assert judged.failing == ["col0 among allowed"]
    assert judged["col0 among allowed"].value == 1

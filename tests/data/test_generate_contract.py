"""A drafted contract is kept by its data, stays what a person made of it, and grows by what newer data adds."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import generate_contract
from modelway.config.document import Document
from modelway.data import load_contract, validate
from modelway.data.contract import contract_of
from modelway.data.contract_edits import first_text
from modelway.data.csv_text import dialect_of
from modelway.data.dialect import CsvDialect
from modelway.data.drafting import drafted
from modelway.data.sources import find_source

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def trips(rows: int = 300, more: str = "") -> str:
    head = f"id,carrier,day,delay,ratio,ok,note{more and f',{more}'}\n"
    kinds = ("AA", "UA", "9E")
    return head + "".join(
        f"{at},{kinds[at % 3]},2026-01-{at % 28 + 1:02d},{at * 7 % 1344 - 43},{at % 90 / 100},{str(at % 2 == 0).lower()},"
        f"{'' if at % 10 == 0 else f'text {at}'}{',1.5' if more else ''}\n"
        for at in range(1, rows + 1)
    )


def test_what_is_drafted(github_folder: Path) -> None:
    (github_folder / "trips.csv").write_text(trips())
    assert generate_contract.main(["--data", "trips.csv"]) == 0
    assert (github_folder / "contract.yml").read_text() == (
        "# Drafted from trips.csv, 300 rows, by generate-contract. Its limits are guesses with some room:\n"
        "# correct them. Run it again on newer data, and only columns that are new are added.\n"
        "rows: {at-least: 100}\n"
        "columns:\n"
        "  id: {type: integer, nullable: false, range: [0, null], unique: true} # from 1 to 300\n"
        '  carrier: {type: string, nullable: false, allowed: ["9E", AA, UA]}\n'
        '  day: {type: date, nullable: false, range: ["2025-01-01", null]} # from 2026-01-01 to 2026-01-28\n'
        "  delay: {type: integer, nullable: false, range: [-400, 1700]} # from -43 to 1294\n"
        "  ratio: {type: number, nullable: false, range: [0, 1]} # from 0.0 to 0.89\n"
        "  ok: {type: boolean, nullable: false}\n"
        "  note: {type: string, max-null-percent: 21} # 10 % missing\n"
    )
    assert validate(load_contract(github_folder / "contract.yml"), github_folder / "trips.csv", NOW).outcome == "pass"


@pytest.mark.parametrize(
    ("values", "said"), [("01067 80331", True), ("-007 1", True), ("0 0.5 10", False), ("-0.5 0", False)]
)
def test_a_number_that_may_be_a_code_is_told(values: str, said: bool, github_folder: Path) -> None:
    (github_folder / "trips.csv").write_text("\n".join(["postcode", *values.split()]))
    assert generate_contract.main(["--data", "trips.csv"]) == 0
    text = (github_folder / "contract.yml").read_text()
    assert ("has leading zeros: type: string where it is a code" in text) == said


@pytest.mark.parametrize(
    ("delimiter", "encoding", "said"),
    [(";", "utf-8", 'delimiter: ";"\n'), ("\t", "utf-8", 'delimiter: "\\t"\n'), ("|", "utf-16", "encoding: utf-16\n")],
)
def test_how_the_file_is_written_is_in_the_draft(delimiter: str, encoding: str, said: str, github_folder: Path) -> None:
    lines = [f"{n / 7:.2f}".replace(".", ",") + f"{delimiter}x, y{delimiter}{n}" for n in range(40)]
    text = "\n".join([delimiter.join(("price", "note", "n")), *lines])
    (github_folder / "trips.csv").write_bytes(text.encode(encoding))
    assert generate_contract.main(["--data", "trips.csv"]) == 0
    contract = load_contract(github_folder / "contract.yml")
    assert said in (github_folder / "contract.yml").read_text() and contract.delimiter == delimiter
    assert list(contract.columns) == ["price", "note", "n"]
    assert validate(contract, github_folder / "trips.csv", NOW).outcome == "pass"


def test_a_contract_says_first_how_the_file_is_written(github_folder: Path, mistake: Any) -> None:
    """The fix for a file that is not UTF-8; a word for what is missing is none in a new column either."""
    (github_folder / "trips.csv").write_bytes("straße;n\r\nMüllerweg;1\r\nAm Süd;-\r\n".encode("cp1252"))
    assert "say `encoding: latin-1`, windows-1252" in mistake(generate_contract.main, ["--data", "trips.csv"])
    (github_folder / "contract.yml").write_text('encoding: windows-1252\nnull-values: ["-"]\n')
    assert generate_contract.main(["--data", "trips.csv"]) == 0
    text = (github_folder / "contract.yml").read_text()
    assert text.startswith('encoding: windows-1252\nnull-values: ["-"]\ndelimiter: ";"\ncolumns:\n  "straße": ')
    assert '  "n": {type: integer, max-null-percent: 99, range: [0, 2]} # from 1 to 1, 50 % missing' in text
    assert validate(load_contract(github_folder / "contract.yml"), github_folder / "trips.csv", NOW).outcome == "pass"


@pytest.mark.parametrize(
    "text", ["note\nhello; dear friend\nhello; you\n", "a\n1\n", "a,b\nx;y;z,1\nx;y;z,2\n", "a;b\n1;2\n1;2;3\n"]
)
def test_where_nothing_parts_all_rows_alike_commas_do(text: str, github_folder: Path) -> None:
    (github_folder / "trips.csv").write_text(text)
    assert dialect_of(find_source(github_folder / "trips.csv", "trips.csv")) == CsvDialect()


def test_what_a_person_made_of_it_stays(github_folder: Path, capsys: Any) -> None:
    (github_folder / "trips.csv").write_text(trips())
    assert generate_contract.main(["--data", "trips.csv"]) == 0
    edited = (
        (github_folder / "contract.yml")
        .read_text()
        .replace("range: [-400, 1700]} # from", "range: [-60, 1440]} # a day; was")
    )
    edited = "# ours\n" + edited.replace("  ok: {type: boolean, nullable: false}\n", "  gone: {type: date} # soon\n")
    (github_folder / "contract.yml").write_text(edited)
    (github_folder / "newer.csv").write_text(trips(500, "fare"))
    capsys.readouterr()
    assert generate_contract.main(["--data", "newer.csv"]) == 0
    added = (
        "  ok: {type: boolean, nullable: false}\n"
        "  fare: {type: number, nullable: false, range: [0, 3]} # from 1.5 to 1.5\n"
    )
    assert (github_folder / "contract.yml").read_text() == edited + added
    record = json.loads((github_folder / "out/modelway/generate-contract.json").read_text())
    assert (record["new_columns"], record["gone_columns"]) == (["ok", "fare"], ["gone"])
    assert record["difference"].splitlines()[-2:] == [f"+{line}" for line in added.splitlines()]
    summary = (github_folder.parent / "summary").read_text()
    assert "New columns (2): ok, fare." in summary and "Columns that the data has no more (1): gone." in summary
    before = (github_folder / "contract.yml").stat().st_mtime_ns
    assert generate_contract.main(["--data", "newer.csv"]) == 0
    assert (github_folder / "contract.yml").stat().st_mtime_ns == before
    assert "Nothing is new." in (github_folder / "out/modelway/generate-contract.md").read_text()


ID = "id: {type: integer, nullable: false, range: [0, 8]} # from 1 to 7\n"
BLOCK = "columns:\n    a:\n        type: string\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unique: [[id]]\n", f"unique: [[id]]\ncolumns:\n  {ID}"),
        (f"{BLOCK}\n# end\nunique: [[a]]", f"{BLOCK}    {ID}\n# end\nunique: [[a]]\n"),
    ],
)
def test_columns_are_added_wherever_theirs_stand(text: str, expected: str, github_folder: Path) -> None:
    (github_folder / "rows.csv").write_text("id\n1\n7\n1\n")
    (github_folder / "contract.yml").write_text(text)
    assert generate_contract.main(["--data", "rows.csv"]) == 0
    assert (github_folder / "contract.yml").read_text() == expected


@pytest.mark.parametrize(
    ("arguments", "text", "told"),
    [
        (["--data", "rows.csv"], "columns: {a: {}}\n", "has columns that do not stand one below the other"),
        (["--data", "rows.csv", "--form", "odcs"], "columns:\n  a: {}\n", "contract.yml: is there already"),
        (["--data", "rows.csv"], "columns: [", "is not YAML"),
        (["--data", "rows.csv"], "# nothing yet\n", "contract.yml: is empty, not a mapping"),
        (["--data", "rows.csv"], "delimiter: ab\n", "contract.yml:1: delimiter: cannot part the cells"),
        (["--data", "rows.csv", "--convert", "contract.yml"], "", "input data: given together with convert"),
        (["--convert", "contract.yml"], "columns: {a: {}}\n", "is the contract that is converted"),
        (["--data", "rows.csv", "--contract", "folder"], "", "input contract: is a folder"),
        (["--data", "empty.csv"], "", "empty.csv: has no rows"),
        (["--data", "none.csv"], "", "none.csv: no such file"),
        ([], "", "modelway.yml: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    arguments: list[str], text: str, told: str, github_folder: Path, mistake: Any
) -> None:
    (github_folder / "folder").mkdir()
    (github_folder / "rows.csv").write_text("id\n1\n7\n")
    (github_folder / "empty.csv").write_text("id\n")
    (github_folder / "contract.yml").write_text(text)
    assert told in mistake(generate_contract.main, arguments)
    assert (github_folder / "contract.yml").read_text() == text


def test_a_contract_is_converted_and_what_is_lost_is_said(github_folder: Path, capsys: Any) -> None:
    (github_folder / "old.yml").write_text(
        "rows: {at-least: 5}\ncolumns:\n  a: {type: integer, range: [0, 9], nullable: false}\n"
    )
    arguments = ["--convert", "old.yml", "--contract", "new.json", "--form", "json-schema"]
    assert generate_contract.main(arguments) == 0
    assert json.loads((github_folder / "new.json").read_text())["properties"]["a"] == {
        "type": "integer", "minimum": 0, "maximum": 9,
    }  # fmt: skip
    assert "::warning title=new.json%3A not all of it is said there::rows" in capsys.readouterr().out
    assert generate_contract.main(["--convert", "new.json", "--contract", "back/again.yml"]) == 0
    assert (
        github_folder / "back/again.yml"
    ).read_text() == "columns:\n  a: {type: integer, nullable: false, range: [0, 9]}\n"


def test_other_forms_are_drafted_too(github_folder: Path) -> None:
    (github_folder / "trips.csv").write_text(trips())
    for form, name in (("odcs", "trips.odcs.yaml"), ("json-schema", "trips.json"), ("schema-json", "schema.json")):
        assert generate_contract.main(["--data", "trips.csv", "--form", form, "--contract", name]) == 0
        assert validate(load_contract(github_folder / name), github_folder / "trips.csv", NOW).outcome == "pass"


def test_parquet_has_the_types_that_it_is_stored_in(parquet: Any) -> None:
    path = parquet(
        "SELECT range AS i, range / 3.0 AS f, range::DECIMAL(9,2) AS d, TIMESTAMP '2026-01-01' + INTERVAL (range) HOUR AS t,"
        " CASE WHEN range = 5 THEN 'inf'::DOUBLE ELSE range END AS infinite, [range] AS list, 'nan'::FLOAT AS nothing,"
        " range % 2 = 0 AS b, DATE '2026-01-01' AS day, '7' AS text FROM range(40)"
    )
    found = drafted(path, "rows", most_values=5)
    assert {name: column.asked.get("type") for name, column in found.columns.items()} == {
        "i": "integer", "f": "number", "d": "number", "t": "timestamp", "infinite": None, "list": None, "nothing": None,
        "b": "boolean", "day": "date", "text": "integer",
    }  # fmt: skip
    contract = contract_of(Document("c", found.value))
    assert validate(contract, path, NOW).outcome == "pass"


WORDS = ("", "NA", "0", "1", "-7", "1e308", "-1e308", "1e-320", "2.50", "x", "2026-01-01", "true", "1e40", "0001-01-01")
WORDS += ("2026-01-01T10:00:00+05:00", "9" * 38, "=1", " ", "é|`", "#", "null")
CELLS = st.sampled_from(WORDS) | st.integers().map(str)
NAMES = st.sampled_from(["a", "b c", "NO", "1", "# x", "ü", "a: b", '"', "'", "`", "\u2028", "?", "- x", "😀"])


@settings(max_examples=20, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=3, unique=True), data=st.data())
def test_data_keeps_the_contract_that_is_drafted_from_it(names: list[str], data: Any, tmp_path_factory: Any) -> None:
    """Whatever is in it; the same data gives the same text; and it is read as it was drafted."""
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=30))
    github_folder: Path = tmp_path_factory.mktemp("draft")
    path = github_folder / "rows.csv"
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    path.write_text(text.getvalue(), newline="")
    draft = drafted(path, "rows", most_values=5, memory_mb=128)
    drawn = first_text(draft, "rows")
    assert drawn == first_text(drafted(path, "rows", most_values=5, memory_mb=64), "rows")
    (github_folder / "contract.yml").write_text(drawn)
    contract = load_contract(github_folder / "contract.yml")
    assert contract.digest == contract_of(Document("c", draft.value)).digest
    report = validate(contract, path, NOW, memory_mb=128)
    assert report.outcome == "pass", (report.failing, drawn)

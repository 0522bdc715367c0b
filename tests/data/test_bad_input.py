"""Whatever is wrong with data, and whoever reads it: exit code 2, and one line with the place and the fix, never a pass and
never a traceback. Of many cases the fix is tried, too. The table is tests/data/bad_input."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import check_quality
import detect_drift
import generate_contract
import profile_data
import validate_data
from data.bad_input import right_counts
from data.bad_input.case import READERS, BadInput, write
from modelway.ci.job import on_disk
from modelway.data.contract import load_contract
from modelway.data.json_rows import rows_of
from modelway.errors import ModelwayError
from sampled import sampled

CASES: dict[str, BadInput] = {}
for module in ("csv_files", "json_files", "stored_files", "places", "contract_files", "machines"):
    CASES |= importlib.import_module(f"data.bad_input.{module}").CASES

CONTRACT = ["--contract", "contract.yml"]


def rows(data: str) -> int:
    """As the gate and the tests of an endpoint read."""
    try:
        return 0 if rows_of(Path(data), data, load_contract(Path("contract.yml"), "contract.yml")) else 1
    except (ModelwayError, OSError) as failure:
        error = on_disk(failure, Path.cwd()) if isinstance(failure, OSError) else failure  # as a script says it
        print(f"::error::{error.line()}")
        return error.exit_code


RUN: dict[str, Callable[[str], int]] = {
    "validate-data": lambda data: validate_data.main(["--data", data, *CONTRACT]),
    "check-quality": lambda data: check_quality.main(["--data", data, *CONTRACT]),
    "detect-drift": lambda data: detect_drift.main(["--reference", data, "--current", data, *CONTRACT]),
    "profile-data": lambda data: profile_data.main(["--data", data, *CONTRACT]),
    "generate-contract": lambda data: generate_contract.main(["--data", data, "--contract", "drafted.yml"]),
    "rows": rows,
}


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", sampled(list(CASES), 3))
def test_bad_input_is_one_line_whoever_reads_it(
    name: str, github_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[name]
    write(case.made, github_folder)
    (github_folder / "contract.yml").write_text(case.contract)
    for reader in case.readers:
        with case.around(github_folder):
            code = RUN[reader](case.data)
        printed = capsys.readouterr()
        errors = [line for line in printed.out.splitlines() if line.startswith("::error")]
        assert (code, len(errors)) == (case.code, 1), (reader, printed.out[-500:])
        assert "Traceback" not in printed.out + printed.err and "defect of modelway" not in printed.out
        assert ". Fix: " in errors[0] and len(errors[0]) < 900 and "modelway-data-" not in errors[0]
        assert [part for part in case.told if part not in errors[0]] == [], (reader, errors)
        outcomes = [json.loads(file.read_text())["outcome"] for file in (github_folder / "out").rglob("*.json")]
        assert set(outcomes) <= {"interrupted"} and not (github_folder / "drafted.yml").exists(), reader


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.mended is not None])
def test_the_fix_of_the_line_is_one(name: str, github_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    assert case.mended is not None
    write(case.made, github_folder)
    (github_folder / "contract.yml").write_text(case.contract)
    write(case.mended, github_folder)
    assert RUN["validate-data"](case.data) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", right_counts.CASES)
def test_what_looks_odd_is_counted_right(name: str, github_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And every reader comes to an answer, or says in one line why not."""
    case = right_counts.CASES[name]
    write(case.made, github_folder)
    (github_folder / "contract.yml").write_text(case.contract)
    code = RUN["validate-data"](case.data)
    printed = capsys.readouterr().out
    report = json.loads((github_folder / "out/modelway/validate-data.json").read_text())["reports"][0]
    found = {check["name"]: (check["n"], check["value"]) for check in report["checks"]}
    assert {check: found.get(check) for check in case.found} == case.found
    assert code == case.code, printed
    assert case.told in (github_folder / "out/modelway/validate-data.md").read_text() + printed
    for reader in READERS[1:]:
        code = RUN[reader](case.data)
        printed = capsys.readouterr().out
        assert code in (0, 1, 2, 3) and printed.count("::error") <= 1, (reader, printed[-500:])
        assert "defect of modelway" not in printed, reader


@pytest.mark.parametrize(
    "sides", [("rows.json", "rows.json"), ("sketch.json", "rows.json"), ("rows.json", "sketch.json")]
)
def test_a_json_file_is_what_it_holds(
    sides: tuple[str, str], github_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows or a sketch, on either side of detect-drift, whatever the file is called."""
    (github_folder / "rows.json").write_text(json.dumps([{"a": at % 7} for at in range(3000)]))
    made = ["--reference", "rows.json", "--current", "rows.json", "--reference-sketch", "sketch.json"]
    assert detect_drift.main(made) == 0, capsys.readouterr().out
    assert detect_drift.main(["--reference", sides[0], "--current", sides[1]]) == 0, capsys.readouterr().out
    assert detect_drift.main(["--reference", "rows.json", "--current", "*.json"]) == 2
    assert "rows.json in *.json: is no sketch, and others that the pattern matches are" in capsys.readouterr().out
    assert (
        detect_drift.main(["--reference", "rows.json", "--current", "rows.json", "--current-sketch", "rows.json"]) == 2
    )
    assert "input current-sketch: 'rows.json' is there, and no sketch" in capsys.readouterr().out

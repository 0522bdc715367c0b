"""The script behind validate-data: exit codes, outputs, reports, one line for every mistake."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import validate_data
from github_files import outputs_in

CONTRACT = "columns: {a: {type: integer, range: [0, 10]}}\n"
PROJECT = "model: m\ndata: {train: train.csv, test: test.csv, contract: contract.yml}\n"


@pytest.fixture
def project(github_folder: Path) -> Path:
    """A project whose training data is sound and whose test data breaks the contract; GitHub's files are beside it."""
    for name, text in {
        "modelway.yml": PROJECT,
        "contract.yml": CONTRACT,
        "train.csv": "a\n1\n2\n",
        "test.csv": "a\n1\n11\n",
    }.items():
        (github_folder / name).write_text(text)
    return github_folder


def outputs(project: Path) -> dict[str, str]:
    return outputs_in(project.parent / "output")


def test_without_a_contract_it_is_skipped_where_that_is_allowed_and_an_error_elsewhere(
    project: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Skipped is said, is no pass, and fetches nothing."""
    (project / "modelway.yml").write_text("model: m\ndata: {train: train.csv, command: exit 1}\n")
    monkeypatch.setenv("MODELWAY_SKIP_WITHOUT_CONTRACT", "true")
    assert validate_data.main([]) == 0
    given = outputs(project)
    assert (given["outcome"], given["failing-checks"], given["contract-digest"]) == ("skipped", "", "")
    assert "**SKIPPED**: the data was not checked: modelway.yml" in (project.parent / "summary").read_text()
    assert "::error" not in capsys.readouterr().out
    for allowed in ("", "false"):
        monkeypatch.setenv("MODELWAY_SKIP_WITHOUT_CONTRACT", allowed)
        assert validate_data.main([]) == 2
        assert "data.contract is not set" in capsys.readouterr().out


def test_a_contract_that_is_named_is_never_skipped(project: Path) -> None:
    assert validate_data.main(["--skip-without-contract", "true"]) == 1
    (project / "modelway.yml").write_text("model: m\ndata: {train: train.csv, test: test.csv}\n")
    assert validate_data.main(["--skip-without-contract", "true", "--contract", "contract.yml"]) == 1


def test_both_data_sets_are_judged_and_a_broken_one_refuses(project: Path, capsys: Any) -> None:
    assert validate_data.main(["--examples", "1"]) == 1
    given = outputs(project)
    assert given["outcome"] == "fail"
    assert json.loads(given["failing-checks"]) == {"test.csv": ["a in range"]}
    report = json.loads((project / "out/modelway/validate-data.json").read_text())
    assert [(part["data"], part["outcome"]) for part in report["reports"]] == [
        ("train.csv", "pass"),
        ("test.csv", "fail"),
    ]
    assert json.loads(given["data-digests"])["train.csv"] == report["reports"][0]["data_digest"]
    assert "11 (row 2)" in (project.parent / "summary").read_text()
    error = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(error) == 1
    assert "test.csv breaks its contract: a in range, such as 11 (row 2)" in error[0]


def test_failing_rows_are_written_where_they_are_asked_for(project: Path) -> None:
    (project / "train.csv").write_text("a,b\n1,1\n12,x\n")
    assert validate_data.main(["--failing-rows", "out/rows.csv"]) == 1
    lines = (project / "out" / "rows.csv").read_text().splitlines()
    assert lines == [
        "modelway_data,modelway_file,modelway_row,modelway_checks,a,b",
        "train.csv,,2,a in range,12,x",
        "test.csv,,2,a in range,11,",
    ]
    assert validate_data.main(["--failing-rows", "out/rows.csv", "--most-failing-rows", "1"]) == 1
    assert len((project / "out" / "rows.csv").read_text().splitlines()) == 2


def test_what_a_contract_asks_and_no_check_holds_is_said(project: Path, capsys: Any) -> None:
    (project / "contract.yml").write_text(
        "apiVersion: v3.1.0\nkind: DataContract\nid: i\nversion: '1'\nstatus: s\nschema:\n- name: t\n"
        "  properties: [{name: a, logicalType: integer, logicalTypeOptions: {multipleOf: 5}}]\n"
    )
    assert validate_data.main([]) == 0
    assert (
        "::warning title=contract.yml%3A not all of it is checked::line 8: a: multipleOf 5" in capsys.readouterr().out
    )
    assert "- line 8: a: multipleOf 5" in (project.parent / "summary").read_text()
    report = json.loads((project / "out/modelway/validate-data.json").read_text())
    assert report["reports"][0]["not_held"] == ["line 8: a: multipleOf 5"]


def test_sound_data_passes(project: Path) -> None:
    assert validate_data.main(["--data", "train.csv"]) == 0
    assert outputs(project)["outcome"] == "pass"


def test_no_configuration_is_needed_where_both_are_named(project: Path) -> None:
    (project / "modelway.yml").unlink()
    assert validate_data.main(["--data", "train.csv", "--contract", "contract.yml"]) == 0
    assert validate_data.main(["--data", "test.csv", "--contract", "contract.yml"]) == 1
    assert validate_data.main(["--data", "train.csv"]) == 2


def test_the_data_is_fetched_first(project: Path) -> None:
    (project / "modelway.yml").write_text(PROJECT.replace("{train", "{command: cp train.csv test.csv, train"))
    assert validate_data.main([]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "none.csv"], "none.csv: no such file"),
        (["--data", "gs://bucket/a.parquet"], "input data: nothing here fetches the address 'gs://bucket/a.parquet'"),
        (["--data", "$(id)\n::set-output name=x::y"], "no such file"),
        (["--contract", "none.yml"], "none.yml: cannot be read"),
        (["--now", "yesterday"], "input now: 'yesterday' is not a time"),
        (["--examples", "-1"], "input examples: -1 is not a whole number at least 0"),
        (["--memory-mb", "1"], "input memory-mb: 1 is not a whole number at least 32"),
        (["--memory-mb", "much"], "input memory-mb: 'much' is not a whole number"),
        (["--environment", "moon"], "unknown environment 'moon'"),
        (["--config", "none.yml", "--data", "train.csv", "--contract", "contract.yml"], "none.yml: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_report(
    project: Path, mistake: Any, arguments: list[str], told: str
) -> None:
    assert told in mistake(validate_data.main, arguments)
    assert not (project / "out").exists()


def test_nothing_to_check_is_told(project: Path, capsys: Any) -> None:
    (project / "modelway.yml").write_text("model: m\ndata: {contract: contract.yml}\n")
    assert validate_data.main([]) == 2
    assert "neither data.train nor data.test is set" in capsys.readouterr().out
    (project / "modelway.yml").write_text("model: m\ndata: {train: train.csv}\n")
    assert validate_data.main([]) == 2
    assert "data.contract is not set" in capsys.readouterr().out


def test_it_can_be_cancelled_while_the_engine_works(tmp_path: Path) -> None:
    """SIGINT ends a long query at once; nothing is left in the temporary folder."""
    (tmp_path / "contract.yml").write_text("unique: [[a, b]]\n")
    rows = "".join(f"{at},{at * 7}\n" for at in range(400_000))
    for part in range(20):
        (tmp_path / f"{part}.csv").write_text(f"a,b\n{rows}")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    scripts = Path(validate_data.__file__).parent
    code = f"import sys; sys.path.insert(0, {str(scripts)!r}); import validate_data; sys.exit(validate_data.main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--data", "*.csv", "--contract", "contract.yml", "--memory-mb", "64"],
        cwd=tmp_path,
        env={"TMPDIR": str(scratch), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(scratch.glob("modelway-data-*/spill")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert "cancelled" in printed
    assert list(scratch.iterdir()) == []

"""The script behind check-quality: exit codes, outputs, reports, what is never shown, one line for every mistake."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

import check_quality
from data.quality.conftest import csv
from github_files import outputs_in

PROJECT = "model: m\ndata: {train: train.csv, test: test.csv}\ngate: {label: y}\n"


def rows(seed: int, count: int = 400) -> str:
    chance = random.Random(seed)
    return csv(
        a=[f"{chance.gauss(0, 1):.6f}" for _ in range(count)],
        b=[f"{chance.gauss(9, 1):.6f}" for _ in range(count)],
        c=[f"{chance.gauss(5, 1):.6f}" for _ in range(count)],
        name=[f"person{chance.randrange(10**6)}" for _ in range(count)],
        y=[chance.randrange(2) for _ in range(count)],
    )


@pytest.fixture
def project(github_folder: Path) -> Path:
    """A project whose data are sound; GitHub's files are beside it."""
    for name, text in {"modelway.yml": PROJECT, "train.csv": rows(1), "test.csv": rows(2)}.items():
        (github_folder / name).write_text(text)
    return github_folder


def outputs(project: Path) -> dict[str, str]:
    return outputs_in(project.parent / "output")


def test_a_contract_may_say_how_the_data_is_written_alone(project: Path) -> None:
    (project / "latin.csv").write_bytes("stra\u00dfe;n\n".encode("cp1252") + b"a;1\nb;2\n" * 60)
    (project / "contract.yml").write_text('encoding: windows-1252\ndelimiter: ";"\n')
    assert check_quality.main(["--data", "latin.csv", "--contract", "contract.yml", "--label", "n"]) in (0, 1)
    report = json.loads((project / "out/modelway/check-quality.json").read_text())
    assert (report["reports"][0]["rows"], report["reports"][0]["columns"]) == (120, 2)


def test_sound_data_pass_and_the_pair_is_compared(project: Path) -> None:
    assert check_quality.main([]) == 0
    given = outputs(project)
    assert (given["outcome"], given["failing-checks"], given["warnings"]) == ("pass", "{}", "{}")
    assert list(json.loads(given["data-digests"])) == ["test.csv", "train.csv"]
    report = json.loads((project / "out/modelway/check-quality.json").read_text())
    assert [part["data"] for part in report["reports"]] == ["train.csv", "test.csv", "test.csv beside train.csv"]
    assert "## Data quality, test.csv beside train.csv: pass" in (project.parent / "summary").read_text()


def test_a_warning_is_told_and_does_not_fail_and_a_failure_does(project: Path, capsys: Any) -> None:
    (project / "test.csv").write_text(rows(2) + "9999,9,5,person0,1\n")
    assert check_quality.main([]) == 0
    given = outputs(project)
    assert given["outcome"] == "warn" and json.loads(given["warnings"]) == {"test.csv": ["a outliers"]}
    assert "::error" not in capsys.readouterr().out
    (project / "test.csv").write_text(rows(1))
    assert check_quality.main([]) == 1
    [error] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert "test.csv beside train.csv: shared rows" in error and "Fix: mend the data, or change `quality:`" in error
    assert "400 of 400" in (project / "out/modelway/check-quality.md").read_text()


def test_no_configuration_is_needed_where_data_is_named(project: Path) -> None:
    (project / "modelway.yml").unlink()
    assert check_quality.main(["--data", "train.csv"]) == 0
    leak = csv(x=[at * 7 % 11 % 2 for at in range(400)], y=[at * 7 % 11 % 2 for at in range(400)])
    (project / "leak.csv").write_text(leak)
    assert check_quality.main(["--data", "leak.csv", "--label", "y"]) == 1
    assert json.loads(outputs(project)["failing-checks"]) == {"leak.csv": ["x tells y"]}


SECRET = "Zsofia-Secret"


@pytest.mark.parametrize("how", [["--masked", "name, city"], ["--examples", "0"], []], ids=["input", "examples", "key"])
def test_no_value_of_a_masked_column_is_anywhere(how: list[str], project: Path, capsys: Any) -> None:
    """Whatever is found in it: a constant, variants, blanks, damage, a label, mixed text, dates, outliers."""
    columns = {
        "name": [SECRET] * 200 + [f"{SECRET} "] * 3 + [SECRET.lower()] * 2 + [f"{SECRET}\ufffd"],
        "city": [SECRET] * 206,
        "y": [at % 2 for at in range(206)],
    }
    (project / "train.csv").write_text(csv(**columns))
    (project / "test.csv").write_text(csv(**columns))
    if not how:
        (project / "modelway.yml").write_text(PROJECT + "quality: {masked: [name, city]}\n")
    assert check_quality.main(how) == 1
    reports = [path.read_text() for path in (project / "out/modelway").iterdir()]
    said = "\n".join([capsys.readouterr().out, (project.parent / "summary").read_text(), *reports]).lower()
    assert SECRET.lower() not in said and "name spelling" in said and "city most frequent value" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "none.csv"], "none.csv: no such file"),
        (["--label", "yy"], "gate.label: the data has no column 'yy'. Fix: did you mean 'y'?"),
        (["--masked", "nam"], "quality.masked: the data has no column 'nam'. Fix: did you mean 'name'?"),
        (["--contract", "none.yml"], "none.yml: cannot be read"),
        (["--now", "yesterday"], "input now: 'yesterday' is not a time"),
        (["--examples", "-1"], "input examples: -1 is not a whole number at least 0"),
        (["--environment", "moon"], "unknown environment 'moon'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_report(
    project: Path, mistake: Any, arguments: list[str], told: str
) -> None:
    assert told in mistake(check_quality.main, arguments)
    assert not (project / "out").exists()


@pytest.mark.long
def test_the_same_data_and_moment_give_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of threads: there are more rows than one of them takes."""
    for name, seed in (("train.parquet", 0), ("test.parquet", 10**6)):
        shape = "((hash(i + {s}) % 100000) / 7)::DOUBLE AS a, hash(i + {s} + 1) % 40 AS b, 'v' || hash(i + {s} + 2) % 300 AS c"
        query = f"SELECT {shape.format(s=seed)}, hash(i + {seed + 3}) % 2 AS y FROM range(250000) t(i)"
        duckdb.execute(f"COPY ({query}) TO '{project / name}' (FORMAT parquet)")
    (project / "modelway.yml").write_text(PROJECT.replace(".csv", ".parquet"))
    reports = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("os.cpu_count", lambda threads=threads: threads)
        assert check_quality.main(["--now", "2026-11-21T12:00:00Z"]) == 0
        reports.append((project / "out/modelway/check-quality.json").read_bytes())
    assert len(set(reports)) == 1

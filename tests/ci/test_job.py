"""A use case's life: inputs in, one line for every failure, outputs and exit code out; the same on GitHub and in a shell."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from ci.a_script import Said, run, say_text, use_case
from modelway import ci
from modelway.ci import escaping
from modelway.ci.job import credentials_in
from modelway.errors import Inconclusive, InvalidInput, ModelwayError, OutsideFailure, Refused


def test_a_line_goes_to_the_output_of_the_moment_in_its_encoding(github: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    called = use_case(lambda job, given: job.say("3 ± 1"))
    with redirect_stdout(io.StringIO()) as captured:
        called(needed="here")
    assert captured.getvalue() == "3 ± 1\n"
    raw = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(raw, encoding="ascii")):
        called(needed="here")
        assert raw.getvalue() == b"3 \\xb1 1\n"
    closed = io.StringIO()
    closed.close()
    with redirect_stdout(closed):
        called(needed="here")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("no"), 1),
        (InvalidInput("wrong"), 2),
        (Inconclusive("unknown"), 3),
        (OutsideFailure("down"), 4),
        (OSError(errno.ENOSPC, "No space left on device", "/full/disk"), 4),
        (PermissionError(errno.EACCES, "Permission denied", "/not/mine"), 2),
        (ZeroDivisionError("ours"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_failure_has_its_exit_code_and_outputs_are_written_before(
    github: Path, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def work(job: ci.Job, given: Mapping[str, Any]) -> Said:
        if isinstance(error, ModelwayError):
            return Said(said="before", failures=(error,))
        raise error

    assert run(work) == code
    assert ("before" in (github / "output").read_text()) == isinstance(error, ModelwayError)
    said = capsys.readouterr()
    assert len([line for line in said.out.splitlines() if line.startswith("::error")]) == 1
    assert "Traceback" not in said.out + said.err


def test_every_declared_output_is_written_and_no_other(github: Path) -> None:
    assert run(say_text) == 0
    text = (github / "output").read_text()
    assert "said<<" in text
    assert "never<<" in text
    assert "kept<<" not in text


def test_a_megabyte_goes_through_a_file_and_an_output_says_when_it_is_too_long(
    github: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (github / "big.txt").write_text("x" * (1 << 20))
    seen: list[int] = []

    def work(job: ci.Job, given: Mapping[str, Any]) -> Said:
        seen.append(len(given["text"]))
        return say_text(job, given)

    assert run(work, "--text-file", str(github / "big.txt")) == 0
    assert seen == [1 << 20]
    (github / "marked.txt").write_bytes(b"\xef\xbb\xbfx")  # as Windows' editors begin a file
    assert run(work, "--text-file", str(github / "marked.txt")) == 0
    assert seen[-1] == 1
    assert "::warning title=said::1048576 characters" in capsys.readouterr().out
    assert len((github / "output").read_text()) < 1000


def test_secrets_reach_no_output_report_summary_or_line(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cr3t-token")

    def work(job: ci.Job, given: Mapping[str, Any]) -> Said:
        job.hide("from-the-dotenv")
        both = "s3cr3t-token from-the-dotenv"
        job.say(both)
        job.report({"text": both}, both)
        return Said(said=both, failures=(Refused(both),))

    assert run(work) == 1
    said = capsys.readouterr()
    # the runner itself has to be told what to mask
    lines = [line for line in (said.out + said.err).splitlines() if not line.startswith("::add-mask::")]
    written = [path.read_text() for path in github.rglob("*") if path.is_file()]
    for text in ["\n".join(lines), *written]:
        assert "s3cr3t-token" not in text
        assert "from-the-dotenv" not in text


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        ("http://user:hunter22@mlflow.example.org/x", ["user:hunter22@", "hunter22"]),
        ("https://me:p%40ss%3Aword@host", ["p%40ss%3Aword", "p@ss:word"]),
        (
            "see postgresql://u:longpassword@db/x and https://ghp_0123456789abcdef@host",
            ["longpassword", "ghp_0123456789abcdef"],
        ),
        ("git@github.com:a/b ssh://git@host/a/b", []),
        ("http://host:8080/a@b", []),
    ],
)
def test_credentials_within_an_address_are_hidden_wherever_it_comes_from(address: str, hidden: list[str]) -> None:
    found = credentials_in(address)
    assert set(hidden) <= found and (hidden or not found)


def test_a_variable_that_holds_an_address_with_a_password_reaches_no_line(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:hunter22hunter@host/simple")

    def work(job: ci.Job, given: Mapping[str, Any]) -> None:
        job.hide_credentials("http://other:swordfish-9@mlflow")
        job.say("at https://me:hunter22hunter@host/simple, then http://other:swordfish-9@mlflow and hunter22hunter")

    assert run(work) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("::add-mask::")]
    assert not any("hunter22" in line or "swordfish" in line for line in lines)


def test_a_reader_that_has_seen_enough_is_no_failure(root: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {root}/scripts/run --help | true"], capture_output=True, text=True
    )
    assert "Broken pipe" not in done.stderr and done.returncode in (0, 141)


def test_a_summary_of_a_megabyte_stays_below_the_runners_limit(github: Path) -> None:
    assert run(lambda job, given: job.report({}, "| a row |\n" * 120_000) and None) == 0
    summary = (github / "summary").read_bytes()
    assert len(summary) <= escaping.SUMMARY_LIMIT_BYTES + 1
    assert b"left out" in summary
    assert len((github / "out" / "modelway" / "a-script.md").read_bytes()) > 1_000_000


def test_a_full_disk_is_one_line(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """/dev/full answers every write as a full disk does."""
    monkeypatch.setenv("GITHUB_OUTPUT", "/dev/full")
    assert run(say_text) == 4
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == 1
    assert "/dev/full: the disk is full. Fix: free some space" in errors[0]


def test_a_report_folder_that_cannot_be_written_is_one_line(github: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (github / "out").write_text("a file where the folder should be")
    assert run(lambda job, given: job.report({}, "x") and None) == 2
    assert "cannot be written" in capsys.readouterr().out


def test_in_a_shell_outputs_are_lines_and_errors_go_to_stderr(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert run(say_text, "--text", "::hello") == 0
    assert "said=::hello" in capsys.readouterr().out.splitlines()
    assert run(say_text, "--count", "x\ny") == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: a-script: wrong input: ")
    assert len(said.err.splitlines()) == 1


def test_a_report_is_the_record_as_json(github: Path) -> None:
    assert run(lambda job, given: job.report({"b": 1, "a": ["ü"]}, "x") and None) == 0
    assert json.loads((github / "out" / "modelway" / "a-script.json").read_text()) == {"a": ["ü"], "b": 1}


@pytest.mark.parametrize("place", ["output", "report", "defect"])
def test_a_name_that_is_not_utf_8_is_the_users_to_change(
    github: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """A file's name is bytes; JSON, an output and the page are UTF-8."""
    name = os.fsdecode(b"caf\xe9.csv")

    def work(job: ci.Job, given: Mapping[str, Any]) -> Said:
        if place == "output":
            return Said(said=name)
        if place == "report":
            job.report({"file": name}, "text")
        else:
            "caf\xe9".encode("ascii")
        return Said()

    assert run(work) == (4 if place == "defect" else 2)
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == 1
    told = r"'caf\udce9.csv' is not UTF-8, and is needed in a report or an output. Fix: give the file or folder another"
    assert ("this is a defect of modelway" if place == "defect" else told) in errors[0]

"""A use case's life: inputs in, one line for every failure, outputs and exit code out; the same on GitHub and in a shell."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ci.a_script import Said, run, say_text, use_case
from modelway import ci
from modelway.ci import build_parser, escaping
from modelway.ci.job import credentials_in, secrets_of
from modelway.errors import Inconclusive, InvalidInput, ModelwayError, OutsideFailure, Refused


def test_a_flag_wins_over_the_variable_and_empty_is_unset(github: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setenv("MODELWAY_TEXT", "variable")
    monkeypatch.setenv("MODELWAY_COUNT", "")
    assert run(lambda job, given: seen.append(dict(job.given))) == 0
    assert run(lambda job, given: seen.append(dict(job.given)), "--text", "flag") == 0
    assert seen == [{"needed": "here", "text": "variable"}, {"needed": "here", "text": "flag"}]


def test_an_input_arrives_as_a_value_of_its_type(github: Path) -> None:
    seen: list[dict[str, Any]] = []
    flags = ["--count", "-3", "--share", ".5", "--flag", "true", "--kind", "large", "--moment", "2026-11-21T08:30:00"]
    assert run(lambda job, given: seen.append(dict(given)), *flags, "--names", "a, b", "--options", '{"x": 1}') == 0
    [given] = seen
    assert (given["count"], given["share"], given["flag"], given["kind"]) == (-3, 0.5, True, "large")
    assert given["moment"] == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    assert (given["names"], given["options"], given["wait_seconds"], given["text"]) == (("a", "b"), {"x": 1}, 2.5, None)


def test_python_calls_it_with_the_same_inputs_and_gets_a_result_or_an_error(github: Path) -> None:
    seen: list[dict[str, Any]] = []
    failure = Refused("no")
    called = use_case(lambda job, given: seen.append(dict(given)) or Said(said="x", failures=(failure,)))  # type: ignore[func-returns-value]
    result = called(needed="here", count=3, names=["a"], working_directory=github, options={"x": 1})
    assert (result.said, result.exit_code) == ("x", 1)
    assert (seen[0]["count"], seen[0]["names"]) == (3, ("a",))
    with pytest.raises(Refused, match="no"):
        result.or_raise()
    with pytest.raises(InvalidInput, match="input count: '3' is not a whole number"):
        called(needed="here", count="3")
    with pytest.raises(InvalidInput, match="input needed: is required"):
        called(needed=None)
    with pytest.raises(TypeError):
        called(needed="here", unknown=1)
    (github / "text").write_text("of a file")
    called(needed="here", text_file=github / "text")
    assert seen[-1]["text"] == "of a file"


def test_help_and_descriptions_follow_from_the_signature() -> None:
    inputs = {item.name: item for item in use_case(say_text).inputs}
    assert inputs["seed"].description == (
        "The random seed, in $MODELWAY_SEED. Left out: train.seed of modelway.yml, else 0."
    )
    assert inputs["wait-seconds"].description == "To wait. Left out: 2.5."
    assert inputs["wait-seconds"].words == "a number at least 0, in s"
    assert inputs["options"].words == "a JSON object"
    assert inputs["kind"].words == "one of large, small"
    assert inputs["config"].description.endswith("Left out: modelway.yml.")
    assert inputs["needed"].required and not inputs["text"].required
    shown = " ".join(build_parser("a-script", "", list(inputs.values())).format_help().split())
    assert "--needed TEXT Needed. Required. [MODELWAY_NEEDED]" in shown and shown.count("Required.") == 1


def test_a_secret_is_no_flag_and_is_hidden(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELWAY_DOOR_TOKEN", "open-sesame")
    assert run(lambda job, given: job.say(f"with {given['door_token']}")) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("::add-mask::")]
    assert "with ***" in said and not any("open-sesame" in line for line in said)
    for flags in (["--door-token", "sesame-open"], ["--door-token=sesame-open"]):
        assert run(say_text, *flags) == 2
        said_ = capsys.readouterr().out
        assert "input door-token: is a secret" in said_ and "Fix: put it into $MODELWAY_DOOR_TOKEN" in said_
        assert "sesame-open" not in said_


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--count", "three"], "input count: 'three' is not a whole number"),
        (["--count", "1_0"], "input count: '1_0' is not a whole number"),
        (["--count", "１"], "input count: '１' is not a whole number"),
        (["--count", "9" * 5000], "input count: '9999"),
        (["--share", "1"], "input share: '1' is not a number above 0 and below 1"),
        (["--share", "nan"], "input share: 'nan' is not a number above 0 and below 1"),
        (["--wait-seconds", "5s"], "Fix: give a number at least 0, in s, without the unit"),
        (["--kind", "huge"], "input kind: 'huge' is not one of large, small"),
        (["--moment", "soon"], "input moment: 'soon' is not a time such as"),
        (["--options", "[1"], "input options: is not JSON"),
        (["--options", "[1]"], "input options: '[1]' is not a mapping"),
        (["--options", '{"a": 1, "a": 2}'], "input options: is not JSON: the key 'a' stands there twice"),
        (["--options", "[" * 100_000], "input options: is not JSON: it is nested too deeply"),
        (["--options", f'{{"a": {"9" * 5000}}}'], "input options: is not JSON: a number has more than 300 digits"),
        (["--options", "{'a': 1}"], "Fix: give an object such as"),
        (["--text-file", "/dev/zero"], "input text-file: '/dev/zero' is over 64 MiB"),
        (["--count", "1e3"], "input count: '1e3' is not a whole number"),
        (["--flag", "yes"], "input flag: 'yes' is neither true nor false"),
        (["--text-file", "/no/such"], "input text-file: '/no/such': No such file or directory"),
        (["--text", "a", "--text-file", "/x"], "input text-file: given together with text"),
        (["--unknown", "x"], "unrecognized arguments: --unknown x"),
        (["--working-directory", "/no/such"], "is not a folder"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_2(
    github: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    assert run(say_text, *flags) == 2
    said = capsys.readouterr()
    errors = [line for line in said.out.splitlines() if line.startswith("::error")]
    assert len(errors) == 1
    assert words in errors[0]
    assert errors[0].startswith("::error title=a-script%3A wrong input::")
    assert "Traceback" not in said.out + said.err


def test_a_missing_required_input_names_all_three_ways(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub does not enforce `required`, so the script does."""
    monkeypatch.delenv("MODELWAY_NEEDED")
    assert run(say_text) == 2
    said = capsys.readouterr().out
    assert "`needed:`" in said
    assert "--needed" in said
    assert "$MODELWAY_NEEDED" in said


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


def test_secrets_are_known_by_the_ends_of_their_variables_names() -> None:
    told = (
        "MLFLOW_TRACKING_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_API_KEY",
        "GITHUB_PRIVATE_KEY",
        "SNOWFLAKE_APIKEY",
    )
    plain = ("AWS_ACCESS_KEY_ID", "CACHE_KEY", "API_KEY_FILE", "KEYBOARD", "TOKENIZERS_PARALLELISM")
    environ = {name: f"value of {name}" for name in (*told, *plain)}
    assert set(secrets_of(environ)) == {environ[name] for name in told}


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


class Particular(OutsideFailure):
    """Takes what others do not."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__("it is out of order", where="the lift", fix="take the stairs", title="late")


def test_a_failure_keeps_its_kind_in_other_words() -> None:
    """Whatever its own class asks for."""
    said = Particular(3).as_said("on floor 3 it is out of order")
    assert (said.exit_code, said.title) == (4, "late")
    assert said.line() == "the lift: on floor 3 it is out of order. Fix: take the stairs"
    assert Particular(3).as_said("it is", "wait").line() == "the lift: it is. Fix: wait"


def test_what_one_project_hides_the_other_hides_too(tmp_path: Path) -> None:
    """Of a run that is of several."""
    job = ci.Job("an-action", ci.Shell({}), tmp_path, {})
    other = job.beside("other/modelway.yml")
    other.hide("correct horse")
    assert job.clean("a correct horse") == "a ***"
    assert other.config_path == tmp_path / "other" / "modelway.yml"

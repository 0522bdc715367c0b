"""What a use case is given: values of their types, by flag, variable or a call of Python; each mistake is one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from ci.a_script import Said, run, say_text, use_case
from modelway import ci
from modelway.errors import InvalidInput, OutsideFailure, Refused


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


class Wrapped:
    """A value as numpy and pandas wrap it; neither is needed to call an action."""

    dtype = "any"

    def __init__(self, value: Any) -> None:
        self.value = value

    def tolist(self) -> Any:
        return self.value


class Kind(StrEnum):
    SMALL = "small"


def test_python_gives_values_of_numpy_and_pandas_paths_and_enums(github: Path) -> None:
    seen: list[dict[str, Any]] = []
    called = use_case(lambda job, given: seen.append(dict(given)))
    called(
        needed=Path("here"),
        count=Wrapped(3),
        wait_seconds=Wrapped(2.5),
        flag=Wrapped(True),
        kind=Kind.SMALL,
        names=Wrapped(["a", Wrapped("b")]),
        options={Kind.SMALL: Wrapped(1)},
        moment=date(2026, 11, 21),
        text="",
    )
    [given] = seen
    assert (given["needed"], given["count"], given["wait_seconds"], given["flag"]) == ("here", 3, 2.5, True)
    assert type(given["kind"]) is str and given["kind"] == "small"
    assert (given["names"], given["options"], given["text"]) == (("a", "b"), {"small": 1}, None)
    assert [type(name) for name in given["options"]] == [str]
    assert given["moment"] == datetime(2026, 11, 21, tzinfo=UTC)
    called(needed="here", moment="2026-11-21T08:30:00")
    called(needed="here", moment=datetime(2026, 11, 21, 8, 30))  # noqa: DTZ001 - a time without a zone is UTC
    assert seen[1]["moment"] == seen[2]["moment"] == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


class Table:
    """Shown over several lines, as pandas shows a series."""

    def __repr__(self) -> str:
        return "a 1\nb 2"


class NotATime(datetime):
    """pandas' NaT: a time by its class, and equal to nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = datetime.__hash__


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"count": Wrapped(True)}, "is not a whole number"),
        ({"count": 3.0}, "3.0 is not a whole number"),
        ({"count": 10**5000}, "a number of thousands of digits is not a whole number"),
        ({"wait_seconds": 10**400}, "is not a number at least 0"),
        ({"wait_seconds": Wrapped(float("nan"))}, "is not a number at least 0"),
        ({"count": Table()}, "input count: a 1 b 2 is not a whole number"),
        ({"flag": 1}, "1 is neither true nor false"),
        ({"names": "a,b"}, "'a,b' is not a list"),
        ({"names": ["a", 1]}, "['a', 1] is not a list of such values"),
        ({"text": ["a"]}, "['a'] is not text"),
        ({"text": b"a"}, "b'a' is not text"),
        ({"text": "a\0b"}, "holds a NUL character"),
        ({"options": {"a\0": 1}}, "holds a NUL character"),
        ({"options": [1]}, "Fix: give an object such as"),
        ({"text_file": 5}, "input text-file: 5 is not text"),
        ({"text_file": "a\0b"}, "input text-file: holds a NUL character"),
        ({"moment": NotATime(2026, 1, 1)}, "is not a time such as"),
        ({"moment": "soon"}, "'soon' is not a time such as"),
        ({"needed": ""}, "input needed: is required and was not given. Fix: set `needed=`."),
    ],
)
def test_a_wrong_value_from_python_is_one_line_with_what_was_given(
    github: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        use_case(say_text)(**{"needed": "here", **given})
    assert words in caught.value.line() and "\n" not in caught.value.line()


def test_the_disk_and_a_folder_that_is_gone_are_errors_of_modelway_in_python_too(github: Path) -> None:
    def full(job: ci.Job, given: Mapping[str, Any]) -> Said:
        raise OSError(errno.ENOSPC, "No space left on device", "/full/disk")

    with pytest.raises(OutsideFailure, match="/full/disk: the disk is full"):
        use_case(full)(needed="here")
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        use_case(lambda job, given: job.report({"file": "\udce9"}, "text"))(needed="here")
    (github / "gone").mkdir()
    os.chdir(github / "gone")
    (github / "gone").rmdir()
    with pytest.raises(InvalidInput, match="the current folder was deleted"):
        use_case(say_text)(needed="here")
    assert use_case(say_text)(needed="here", working_directory=github).said == "(nothing)"
    assert run(say_text) == 2


def test_a_call_with_wrong_names_says_which_function_as_python_does(github: Path) -> None:
    with pytest.raises(TypeError, match=r"a_script\(\): got an unexpected keyword argument 'unknown'"):
        use_case(say_text)(needed="here", unknown=1)
    with pytest.raises(TypeError, match=r"a_script\(\): missing a required argument: 'needed'"):
        use_case(say_text)()


def test_an_input_may_have_blanks_around_it_where_it_is_no_text(github: Path) -> None:
    """A block of YAML ends with a line break."""
    seen: list[dict[str, Any]] = []
    flags = ["--count", " 5\n", "--share", ".5 ", "--flag", "True\n", "--kind", "large\n", "--moment", "2026-11-21\n"]
    assert run(lambda job, given: seen.append(dict(given)), *flags, "--options", '\n{"x": 1}\n', "--text", " a ") == 0
    [given] = seen
    assert (given["count"], given["share"], given["flag"], given["kind"]) == (5, 0.5, True, "large")
    assert (given["moment"], given["options"]) == (datetime(2026, 11, 21, tzinfo=UTC), {"x": 1})
    assert given["text"] == " a "


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


def test_a_secret_is_no_flag_and_is_hidden(
    github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELWAY_DOOR_TOKEN", "open-sesame")
    assert run(lambda job, given: job.say(f"with {given['door_token']}")) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("::add-mask::")]
    assert "with ***" in said and not any("open-sesame" in line for line in said)
    for flags in (["--door-token", "sesame-open"], ["--door-token=sesame-open"]):
        assert run(say_text, *flags) == 2
        told = capsys.readouterr().out
        assert "input door-token: is a secret" in told and "Fix: put it into $MODELWAY_DOOR_TOKEN" in told
        assert "sesame-open" not in told


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

"""What people give as inputs: values of numpy and pandas from a notebook, blanks from a block of YAML, and what cannot be."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from ci.a_script import Said, run, say_text, use_case
from modelway import ci
from modelway.errors import InvalidInput, OutsideFailure


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


@pytest.mark.parametrize(("flags", "flag"), [((), False), (("--flag",), True), (("--flag", "false"), False)])
def test_a_flag_of_a_truth_value_may_stand_alone(github: Path, flags: tuple[str, ...], flag: bool) -> None:
    given: dict[str, object] = {}

    def keep(job: object, values: Mapping[str, object]) -> None:
        given.update(values)

    assert run(keep, "--needed", "x", *flags, "--count", "3") == 0
    assert (given["flag"], given["count"]) == (flag, 3)

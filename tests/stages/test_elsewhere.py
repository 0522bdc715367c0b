"""A question to a process in another environment: its answer, what it raises, and that it ends, whatever becomes of it."""

from __future__ import annotations

import time

import pytest

from modelway import processes
from modelway.errors import InvalidInput, OutsideFailure
from modelway.stages.steps import elsewhere

MARK = "modelway.test.elsewhere"


def answered(monkeypatch: pytest.MonkeyPatch, program: str, seconds: float | None = None) -> object:
    monkeypatch.setattr(elsewhere, "PROGRAM", program)
    return elsewhere.answered("tool", MARK, {"a": "é"}, lambda said: None, seconds)


def test_a_failure_that_a_user_can_mend_is_the_same_here() -> None:
    asked = {"path": "/nowhere/t.csv", "name": "t.csv", "contract": "", "contract-name": "", "columns": {"x": "number"}}
    with pytest.raises(InvalidInput) as raised:
        elsewhere.answered("data", "training_sketch", asked, print)
    assert raised.value.where == "t.csv" and "no such file" in raised.value.what and raised.value.fix


@pytest.mark.parametrize(
    ("program", "seconds", "said"),
    [
        ("import time; time.sleep(60)", 0.5, "it took more than 0 s"),
        ("import sys; sys.stdin.read(); print('the last word', file=sys.stderr); sys.exit(3)", None, "the last word"),
        ("import sys; sys.exit(3)", None, "it said nothing"),
    ],
    ids=["too long", "a crash", "ended before it was asked"],
)
def test_no_answer_is_one_line_and_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch, program: str, seconds: float | None, said: str
) -> None:
    began = time.monotonic()
    with pytest.raises(OutsideFailure, match=said):
        answered(monkeypatch, program, seconds)
    assert not processes.find(MARK) and time.monotonic() - began < 50


def test_an_answer_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import json, sys; said = json.load(sys.stdin); print(json.dumps({'answer': said['a'] * 300000}))"
    assert answered(monkeypatch, program) == "é" * 300_000

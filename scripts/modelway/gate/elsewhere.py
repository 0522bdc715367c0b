"""The judge as a program of its own, for an environment that has scikit-learn and fairlearn: what to judge comes on standard
input, the Judgement or a user's mistake goes to standard output as JSON.

Only the process that starts it writes to it, so that pickle holds nothing but arrays of the caller's own.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import msgspec

from modelway.errors import InvalidInput
from modelway.gate.judging import Judgement, judge


class JudgeAnswer(msgspec.Struct, omit_defaults=True):
    """judgement, or what the user has to mend."""

    judgement: Judgement | None = None
    what: str = ""
    where: str = ""
    fix: str = ""


def request(*arguments: Any) -> bytes:
    """arguments: those of `judge`."""
    return pickle.dumps(arguments, protocol=5)


def read(answer: bytes) -> Judgement:
    """Raises the InvalidInput that the judge raised there; ValueError for what is no answer."""
    found = msgspec.json.decode(answer, type=JudgeAnswer)
    if found.judgement is None:
        raise InvalidInput(found.what, where=found.where, fix=found.fix)
    return found.judgement


def main() -> None:
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    arguments = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from the process that started this one
    try:
        answer = JudgeAnswer(judge(*arguments))
    except InvalidInput as error:
        answer = JudgeAnswer(None, error.what, error.where, error.fix)
    output.write(msgspec.json.encode(answer))
    output.close()


if __name__ == "__main__":
    main()

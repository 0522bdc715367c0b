"""What a label means to the model, where the training makes another one of what the data hold: the key gate.label-as."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import UNSET

from modelway.config.keys import Policy, Scalar
from modelway.errors import InvalidInput

KEY = "gate.label-as"
SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
COMPARISON = re.compile(r"(>=|<=|>|<) *([-+]?[0-9]+(?:\.[0-9]+)?)")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
TRUTH = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class LabelCompared:
    """1 where the number keeps it, else 0."""

    sign: str
    bound: float

    @property
    def classes(self) -> tuple[Scalar, ...]:
        return 0, 1

    def of(self, value: object) -> Scalar | None:
        """None where it is no number."""
        try:
            return int(SIGNS[self.sign](float(str(value)), self.bound))
        except ValueError:
            return None


@dataclass(frozen=True)
class LabelNamed:
    """names: of each value, by the text of its class, what the model calls it."""

    names: Mapping[str, Scalar]

    @property
    def classes(self) -> tuple[Scalar, ...]:
        return tuple(dict.fromkeys(self.names.values()))

    def of(self, value: object) -> Scalar | None:
        """None where it has no name."""
        return self.names.get(class_text(value))


LabelMeaning = LabelCompared | LabelNamed


def meaning_of(policy: Policy) -> LabelMeaning | None:
    """None where a label means itself. Raises InvalidInput where it cannot mean what is written, or is a number."""
    if policy.label_as is UNSET:
        return None
    meaning = read_meaning(policy.label_as)
    if policy.task == "regression":
        what, fix = (
            "makes classes of the label, and gate.task is regression",
            "leave it out, or write the task that is learned",
        )
        raise InvalidInput(what, where=KEY, fix=fix)
    return meaning


def read_meaning(written: str | Mapping[Scalar, Scalar]) -> LabelMeaning:
    """Raises InvalidInput where it is no comparison with a number, and no names of at least two classes."""
    if isinstance(written, str):
        match = COMPARISON.fullmatch(written.strip())
        if match is None:
            raise InvalidInput(
                f"{written[:60]!r} compares with no number",
                where=KEY,
                fix='write one such as ">= 7", which makes 1 and 0 of the label, or a mapping such as {Yes: 1, No: 0}',
            )
        return LabelCompared(match[1], float(match[2]))
    names = dict[str, Scalar]()
    for value, name in written.items():
        if names.setdefault(class_text(value), name) != name:
            raise InvalidInput(f"{value!r} has two names", where=KEY, fix="write each value of the label once")
    if len({class_text(name) for name in names.values()}) < 2:
        raise InvalidInput("makes less than two classes", where=KEY, fix="name every value, such as {Yes: 1, No: 0}")
    return LabelNamed(names)


def class_text(value: object) -> str:
    """A class as text, in which 1, 1.0, "1", true and "True" are one."""
    text = str(value)
    if DECIMAL.fullmatch(text):
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else TRUTH.get(text.lower(), text)

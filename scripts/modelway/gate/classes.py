"""A class by its value, however it was written down: labels come from CSV as text, classes from a model as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""As numbers print; 007 and 1e3 stay the text that they are."""
TRUTH = {"true": 1, "false": 0}

Class = str | int | float


def class_of(value: Any) -> Class:
    """1, 1.0, "1", "1.0", True and "true" are one class; "yes" is itself."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        if value.lower() in TRUTH:
            return TRUTH[value.lower()]
        if not NUMBER.fullmatch(value):
            return value
        value = float(value) if "." in value else int(value)
    if isinstance(value, (bool, np.bool_, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return int(value) if float(value).is_integer() else float(value)
    return value if isinstance(value, int) else str(value)


def classes_of(values: npt.NDArray[Any]) -> list[Class]:
    """(n,): each value's class."""
    listed = values.tolist()
    known = {value: class_of(value) for value in set(listed)}
    return [known[value] for value in listed]


def in_order(values: Iterable[Class]) -> list[Class]:
    """Numbers before text, each kind sorted."""
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def shown(values: Iterable[Class]) -> str:
    """A few of the values, short: they come from data."""
    some = [repr(value)[:40] for value in in_order(values)]
    return ", ".join(some[:3]) + (", ..." if len(some) > 3 else "")

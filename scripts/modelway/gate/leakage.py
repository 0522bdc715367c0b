"""Inputs that give the answer away: a column that alone tells the label of every row.

Known by what a single column can do, so that it is told from a good model: the label itself, a code or a scale of it,
or a measurement from which the label was made (a delay in minutes, for `late`).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate.missing import missing
from modelway.gate.truth import Truth

MINIMUM_OF_A_CLASS = 10
"""With fewer rows of a class, a good feature parts them by chance."""
MINIMUM_ROWS = 20
ROUNDING = 1e-9
"""Of one minus the squared correlation of a label with a scaled copy of itself."""


def telling(truth: Truth, inputs: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """A warning for each input that alone gives the label of every row that has it. inputs: column -> (n,), what the model
    takes."""
    told, policy = [], truth.policy
    number = {value: code for code, value in enumerate(truth.classes)}
    codes = truth.values
    if policy.task != "regression":
        codes = np.array([number[value] for value in truth.values.tolist()], dtype=np.int64)
    for name, values in inputs.items():
        there = ~missing(values)
        of_number = values.dtype.kind in "biuf"
        n, known, column = int(there.sum()), codes[there], values[there]
        if policy.task == "regression":
            tells = of_number and n >= MINIMUM_ROWS and _is_scaled(known.astype(float), column.astype(float))
        else:
            tells = _enough(known) and (
                _parts_by_number(known, column) if of_number else _parts_by_value(known, column)
            )
        if tells:
            every = f"all {n} test rows" if n == len(truth) else f"all {n} test rows that have it"
            told.append(
                f"the input {name[:100]!r} alone gives the label of {every}: is it known when a prediction is asked for?"
            )
    return told


def _enough(codes: npt.NDArray[np.int64]) -> bool:
    counts = np.bincount(codes)
    counts = counts[counts > 0]
    return len(counts) > 1 and int(counts.min()) >= MINIMUM_OF_A_CLASS


def _parts_by_number(codes: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> bool:
    """Each class has a range of its own."""
    parts = (values[codes == code] for code in np.unique(codes))
    ranges = sorted((float(part.min()), float(part.max())) for part in parts)
    return all(one[1] < other[0] for one, other in pairwise(ranges))


def _parts_by_value(codes: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> bool:
    """Each value is of one class, and there are too few values to be names of single rows."""
    class_of_value: dict[str, int] = {}
    for code, value in zip(codes.tolist(), values.tolist(), strict=True):
        if class_of_value.setdefault(str(value), code) != code:
            return False
    return len(class_of_value) * MINIMUM_OF_A_CLASS <= len(codes)


def _is_scaled(labels: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> bool:
    one, other = labels - labels.mean(), values - values.mean()
    size = float(one @ one) * float(other @ other)
    return size > 0 and bool(np.isfinite(size)) and 1 - float(one @ other) ** 2 / size < ROUNDING

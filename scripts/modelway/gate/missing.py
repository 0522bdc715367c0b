"""Values that are not there, or that are nothing which can be judged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(n,): None, NaN, NaT and pandas' NA."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind in "mM":
        return np.asarray(np.isnat(values))
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((_is_missing(value) for value in values), dtype=bool, count=len(values))


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    # NaN is the one number that differs from itself; a string never does.
    return isinstance(value, (float, np.floating)) and bool(value != value)


def unusable(given: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(n,): rows with anything that is not a finite number, a text or a truth value."""
    if given.dtype.kind == "f":
        bad = ~np.isfinite(given)
    elif given.dtype.kind == "O":
        bad = np.array([not _is_prediction(value) for value in given.ravel()], dtype=bool).reshape(given.shape)
    else:
        bad = np.full(given.shape, given.dtype.kind not in "biuUS")
    return np.asarray(bad if bad.ndim == 1 else bad.any(axis=1))


def _is_prediction(value: Any) -> bool:
    if isinstance(value, (float, np.floating)):
        return math.isfinite(value)
    return isinstance(value, (str, bytes, int, np.bool_, np.integer))

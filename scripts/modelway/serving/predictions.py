"""What a model returns, which may be anything: split by request, written as JSON, and counted."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from modelway.serving.metrics import Tally


def split(said: Any, rows: Sequence[int]) -> list[Any]:
    """The predictions of each request, in order. ValueError where they are not one a row: then each must go alone."""
    if len(rows) == 1:
        return [said]
    if not isinstance(said, (np.ndarray, pd.DataFrame, pd.Series, list)) or len(said) != sum(rows):
        raise ValueError("not one prediction a row")
    parts, at = [], 0
    for count in rows:
        part = said.iloc[at : at + count] if isinstance(said, (pd.DataFrame, pd.Series)) else said[at : at + count]
        parts.append(part.reset_index(drop=True) if isinstance(part, (pd.DataFrame, pd.Series)) else part)
        at += count
    return parts


def plain(said: Any, *, as_mlflow: bool) -> Any:
    """An array as lists, a frame as objects by column, anything else as it is. A series, or a frame of one column: its
    values; as MLflow's server has it, objects by column too."""
    if isinstance(said, np.ndarray):
        return said.tolist()
    if isinstance(said, pd.Series):
        return pd.DataFrame(said).to_dict(orient="records") if as_mlflow else said.tolist()
    if isinstance(said, pd.DataFrame):
        return said.to_dict(orient="records") if as_mlflow or said.shape[1] != 1 else said.iloc[:, 0].tolist()
    return said


def _other(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return plain(value, as_mlflow=True)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


encode = json.JSONEncoder(allow_nan=False, default=_other).encode
"""ValueError for NaN and infinity, TypeError for what is not JSON."""


def tally(values: Any, classes: Sequence[str]) -> Tally:
    """The distribution of plain predictions: numbers and probabilities as scores, the rest as classes, and nulls
    by themselves."""
    found = Tally()
    if not isinstance(values, list):
        return found
    for value in values:
        one = reduced(value, classes)
        if isinstance(one, str):
            found.predicted(one)
        elif one is not None:
            found.score(one)
        else:
            found.nulls += _alone(value) is None
    return found


def _alone(value: Any) -> Any:
    """What an object of one column holds."""
    return next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value


def reduced(value: Any, classes: Sequence[str]) -> float | str | None:
    """A plain prediction as the number or the class that it is; None where it is null, not finite, or something else."""
    value = _alone(value)
    if isinstance(value, list) and value and all(type(item) is float for item in value):
        if len(value) > 2:
            best = value.index(max(value))
            return classes[best] if len(classes) == len(value) else str(best)
        value = value[-1]
    if type(value) is float:
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, (bool, int, str)) else None

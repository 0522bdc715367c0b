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
        if isinstance(value, dict) and len(value) == 1:
            value = next(iter(value.values()))
        if isinstance(value, list) and value and all(type(item) is float for item in value):
            if len(value) > 2:
                best = value.index(max(value))
                found.predicted(classes[best] if len(classes) == len(value) else str(best))
                continue
            value = value[-1]
        if value is None:
            found.nulls += 1
        elif type(value) is float and math.isfinite(value):
            found.score(value)
        elif isinstance(value, (bool, int, str)):
            found.predicted(str(value))
    return found

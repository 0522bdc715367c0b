"""Held-out rows as the worker gets them: plain arrays, in the types of the model's signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelway.errors import InvalidInput

TYPES = ("boolean", "integer", "long", "float", "double", "string", "datetime")
"""MLflow's column types (mlflow.types.DataType) that a table of held-out rows can hold."""


@dataclass(frozen=True)
class Columns:
    """Columns of equal length, in the order of the file's rows. Missing values are None (text), NaN (numbers), NaT."""

    columns: Mapping[str, np.ndarray]
    count: int

    def row(self, index: int) -> dict[str, Any]:
        return {name: plain(column[index]) for name, column in self.columns.items()}


def types_of(signature: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Column -> MLflow type of a model's inputs; None where the model has no signature. A signature that is not over
    named columns is InvalidInput."""
    if not signature or not signature.get("inputs"):
        return None
    inputs = signature["inputs"]
    inputs = json.loads(inputs) if isinstance(inputs, str) else inputs
    types = {str(item.get("name")): str(item.get("type")) for item in inputs if item.get("name")}
    if len(types) != len(inputs) or any(kind not in TYPES for kind in types.values()):
        raise InvalidInput(
            "the model's signature is not over named columns of plain types",
            where="evaluate-gate",
            fix="log the model with a DataFrame as input_example",
        )
    return types


def plain(value: Any) -> Any:
    """A value as JSON has it; missing is None."""
    if value is None:
        return None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    item = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(item, float) and not np.isfinite(item) else item

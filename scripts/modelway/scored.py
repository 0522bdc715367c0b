"""What a model said of the held-out rows: made by `scoring`, judged by `gate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Scored:
    """What one model said of n rows. predictions (n,) or (n, k): labels, scores, probabilities of the classes in `classes`'
    order (without it: their sorted order), or numbers; empty where the model gave none, for which `error` has the reason in
    its own words. batch_seconds: how long each repetition over all n rows took. size_bytes: of the model's files. loader:
    the module that MLflow loads it by, such as mlflow.sklearn. repeatable: every repetition gave the same."""

    predictions: npt.NDArray[Any]
    classes: tuple[Any, ...] | None
    batch_seconds: tuple[float, ...]
    size_bytes: int
    error: str = ""
    loader: str = ""
    repeatable: bool = True

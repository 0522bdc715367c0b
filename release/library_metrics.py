"""Write scripts/modelway/gate/library.json: what the metrics of scikit-learn and fairlearn are called and take, as the
versions of requirements/metrics.txt say it. Run it after changing that lock; a test says when it is stale.

Usage: scripts/run --in test python release/library_metrics.py
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fairlearn
import fairlearn.metrics
import numpy as np
import sklearn
import sklearn.metrics

FILE = Path(__file__).resolve().parents[1] / "scripts" / "modelway" / "gate" / "library.json"
TRUTHS = ("y_true", "labels_true", "y1")
GIVEN = {
    "y_pred": "labels",
    "labels_pred": "labels",
    "y2": "labels",
    "y_score": "scores",
    "pred_decision": "scores",
    "y_proba": "probabilities",
}
"""The second parameter -> what of the predictions it is."""
SMALLER = ("_error", "_loss", "_deviance")
RATES = {
    "true_positive_rate": "greater",
    "true_negative_rate": "greater",
    "false_positive_rate": "smaller",
    "false_negative_rate": "smaller",
}


def table() -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    other: list[str] = []
    for module in (sklearn.metrics, fairlearn.metrics):
        for name in sorted(module.__all__):
            function = getattr(module, name)
            if not inspect.isfunction(function):
                continue
            parameters = list(inspect.signature(function).parameters)
            if len(parameters) < 2 or parameters[0] not in TRUTHS or parameters[1] not in GIVEN:
                if parameters[:1] == ["y_true"]:
                    other.append(name)
                continue
            if "sensitive_features" in parameters:
                continue  # a comparison of groups: made of the metric that its name begins with
            tasks = [task for task in ("binary", "multiclass", "regression") if fits(function, parameters, task)]
            if module is fairlearn.metrics and "pos_label" in parameters:
                tasks = ["binary"]  # a rate of the positive class
            elif "regression" in tasks:
                tasks = ["regression"]  # it takes the codes of classes too, and says nothing of them
            if name == "count" or not (tasks or fits(function, parameters, "multiclass")):
                other.append(name)
                continue
            metrics[name] = {
                "module": module.__name__,
                "of": GIVEN[parameters[1]],
                "better": better(name),
                "tasks": tasks,
                "weights": "sample_weight" in parameters,
                "required": [item for item in parameters[2:] if required(function, item)],
                "parameters": [item for item in parameters[2:] if item != "sample_weight"],
            }
    named = {
        name: {"metric": function, "with": arguments}
        for name, function, arguments in scorers()
        if function in metrics and arguments and arguments.get("average") not in ("binary", "samples")
    }
    versions = {"scikit-learn": sklearn.__version__, "fairlearn": fairlearn.__version__}
    return {"versions": versions, "metrics": metrics, "named": named, "other": sorted(other)}


def scorers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """scikit-learn's other names for a metric with its arguments, such as f1_macro."""
    for name in sklearn.metrics.get_scorer_names():
        scorer = sklearn.metrics.get_scorer(name)
        kept = {key: value for key, value in scorer._kwargs.items() if value is not None}
        yield name, scorer._score_func.__name__, kept


def better(name: str) -> str:
    """As its scorer says, else as scikit-learn names its functions; empty where neither does."""
    for scorer in map(sklearn.metrics.get_scorer, sklearn.metrics.get_scorer_names()):
        if scorer._score_func.__name__ == name:
            return "greater" if scorer._sign > 0 else "smaller"
    if name in RATES:
        return RATES[name]
    return "greater" if name.endswith("_score") else "smaller" if name.endswith(SMALLER) else ""


def required(function: Callable[..., Any], parameter: str) -> bool:
    return inspect.signature(function).parameters[parameter].default is inspect.Parameter.empty


def fits(function: Callable[..., Any], parameters: list[str], task: str) -> bool:
    """Whether it gives one number for plain predictions of such a task."""
    generator = np.random.default_rng(1)
    k, of = 2 if task == "binary" else 3, GIVEN[parameters[1]]
    truth: Any = generator.integers(0, k, 60)
    raw = generator.random((60, k)) + (truth[:, None] == np.arange(k))
    shares = raw / raw.sum(axis=1, keepdims=True)
    given: Any = shares.argmax(axis=1) if of == "labels" else shares[:, 1] if k == 2 else shares
    if task == "regression":
        truth = truth + 1 + generator.random(60)
        given = truth + generator.random(60)
    arguments = {name: 2 for name in parameters[2:] if required(function, name)}
    clustering = task == "regression" and parameters[0] == "labels_true"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = function(truth, given, **arguments)
        except (ValueError, TypeError):
            return False
    return isinstance(found, int | float | np.number) and bool(np.isfinite(found)) and not clustering


if __name__ == "__main__":
    FILE.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")

"""What is said of why a training command failed, by what it printed."""

from __future__ import annotations

import pytest

from modelway.training.advice import Listener


@pytest.mark.parametrize(
    ("lines", "why", "fix"),
    [
        (["ModuleNotFoundError: No module named 'imblearn'"], "has the module imblearn", "to train.requirements"),
        (
            ["ModuleNotFoundError: No module named 'pkg_resources'"],
            "pkg_resources, which is part of setuptools",
            "setuptools<81",
        ),
        (["ModuleNotFoundError: No module named 'distutils.util'"], "distutils, which is part of", "setuptools<81"),
        (["ModuleNotFoundError: No module named 'skops'"], "skops, MLflow's own format", "cloudpickle"),
        (["mlflow: active experiment ID does not match environment run ID"], "set_experiment()", "registry.experiment"),
        (["Run 'r1' not found", "again"], "set_tracking_uri()", "MLFLOW_TRACKING_URI"),
    ],
)
def test_what_explains_a_failure(lines: list[str], why: str, fix: str) -> None:
    said = list[str]()
    listener = Listener(said.append, "r1")
    for line in lines:
        listener(line)
    assert said == lines
    assert listener.advice is not None
    assert why in listener.advice[0] and fix in listener.advice[1]


def test_what_a_library_does_without_explains_nothing() -> None:
    listener = Listener(lambda line: None, "r1")
    listener("  warning: No module named 'xformers', attention is slower")
    assert listener.advice is None

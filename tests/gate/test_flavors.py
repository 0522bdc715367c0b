"""The fix for a model without probabilities is one that works for its flavor: pyfunc_predict_fn is scikit-learn's alone.

Each was followed with the real packages (XGBoost 3.2, LightGBM 4.7, CatBoost 1.2, MLflow 3.17): the model that was refused
with it passes after it.
"""

from __future__ import annotations

import numpy as np
import pytest

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, judge

TRUTH = np.arange(400) % 2
AREA = Gate(limits={"roc_auc_score": Limit(at_least=0.5)})
LOSS = Gate(limits={"log_loss": Limit(at_most=5)})
MACRO = Gate(task="multiclass", limits={"roc_auc_score of 1": Limit(at_least=0.5)})


def told(policy: Gate, predictions: np.ndarray, loader: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        judge(policy, HeldOut(TRUTH, {}), Scored(predictions, None, (), 1, loader=loader), None)
    return caught.value.fix


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        ("mlflow.sklearn", 'pyfunc_predict_fn="predict_proba"'),
        ("mlflow.xgboost", "mlflow.xgboost.log_model(model.get_booster(), ...)"),
        ("mlflow.lightgbm", "mlflow.lightgbm.log_model(model.booster_, ...)"),
        ("mlflow.catboost", 'mlflow.sklearn.log_model with pyfunc_predict_fn="predict_proba"'),
        ("mlflow.pyfunc.model", "return the probabilities from the PythonModel's predict"),
        ("mlflow.onnx", "an mlflow.pyfunc.PythonModel whose predict returns"),
        ("", "an mlflow.pyfunc.PythonModel whose predict returns"),
    ],
)
def test_a_model_that_gives_labels(loader: str, words: str) -> None:
    for policy in (AREA, LOSS, MACRO):
        fix = told(policy, TRUTH, loader)
        assert words in fix
        only_theirs = "pyfunc_predict_fn" in fix
        assert only_theirs == (loader in ("mlflow.sklearn", "mlflow.catboost")), "no other flavor takes it"


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        ("mlflow.sklearn", 'pyfunc_predict_fn="predict_proba"'),
        ("mlflow.xgboost", '"binary:logistic"'),
        ("mlflow.lightgbm", '"binary"'),
        ("mlflow.catboost", "train a CatBoostClassifier, and log it by mlflow.sklearn.log_model"),
        ("mlflow.pytorch", "an mlflow.pyfunc.PythonModel whose predict returns"),
    ],
)
def test_a_model_that_gives_margins(loader: str, words: str) -> None:
    margins = np.where(TRUTH, 3.5, -2.5) + np.sin(np.arange(400))
    assert words in told(LOSS, margins, loader)
    scored = Scored(margins, None, (), 1, loader=loader)
    assert judge(AREA, HeldOut(TRUTH, {}), scored, None).outcome == "pass", "margins have an order"

"""How a model of each MLflow flavor is logged so that `predict` gives probabilities (docs/training.md).

`pyfunc_predict_fn` is mlflow.sklearn's alone: LightGBM's flavor takes it and ignores it, XGBoost's and CatBoost's raise.
"""

from __future__ import annotations

WRAP = "log an mlflow.pyfunc.PythonModel whose predict returns model.predict_proba(rows)"
BY_SKLEARN = (
    'log it by mlflow.sklearn.log_model with pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"'
)
FIXES = {
    "mlflow.sklearn": 'log the model with pyfunc_predict_fn="predict_proba"',
    "mlflow.xgboost": "log the booster, by mlflow.xgboost.log_model(model.get_booster(), ...)",
    "mlflow.lightgbm": "log the booster, by mlflow.lightgbm.log_model(model.booster_, ...)",
    "mlflow.catboost": BY_SKLEARN,
    "mlflow.pyfunc.model": "return the probabilities from the PythonModel's predict, not the labels",
}
"""By the loader module of the python_function flavor; for a model that gives labels."""


SCORE_FIXES = {
    "mlflow.sklearn": FIXES["mlflow.sklearn"],
    "mlflow.xgboost": 'train it with the objective "binary:logistic", or "multi:softprob" for more classes',
    "mlflow.lightgbm": 'train it with the objective "binary", or "multiclass"',
    "mlflow.catboost": f"train a CatBoostClassifier, and {BY_SKLEARN}",
}
"""For a model that gives scores outside 0 to 1."""


def fix(loader: str, *, labels_only: bool) -> str:
    """What to do where probabilities are asked for. labels_only: else it gives scores that are none."""
    return (FIXES if labels_only else SCORE_FIXES).get(loader, WRAP)

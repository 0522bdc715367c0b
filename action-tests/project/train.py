"""Trains a model that says how likely a parcel is to be late, and logs it to MLflow; knows nothing of modelway but its
variables. What it prints is what a careless team prints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

FEATURES = ["distance", "weight"]
SERVING = ["cloudpickle", "mlflow-skinny", "numpy", "pandas", "scikit-learn"]
"""What the model needs to predict; the versions are those that it was trained with."""


class Skewed(mlflow.pyfunc.PythonModel):
    """Scales by what it is asked about, instead of what it was trained on: right for the gate's two thousand rows, wrong for
    one."""

    def __init__(self, model: LogisticRegression) -> None:
        self.model = model

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        return self.model.predict_proba(scaled(model_input).fillna(0))


def scaled(rows: pd.DataFrame) -> pd.DataFrame:
    return (rows - rows.mean()) / rows.std()


def main() -> None:
    handed = json.loads(Path(os.environ["MODELWAY_TRAINING_FILE"]).read_text(encoding="utf-8"))
    kind, note = handed["parameters"]["model"], handed["parameters"]["note"]
    password = os.environ.get("PARCELS_PASSWORD", "")
    print(f"region {os.environ.get('PARCELS_REGION', 'unknown')}, password {password}")
    print(note)
    if kind == "broken":
        sys.exit("the training data is empty")
    rows = pd.read_csv(os.environ["MODELWAY_DATA"])
    with mlflow.start_run():
        features = scaled(rows[FEATURES]) if kind == "skewed" else rows[FEATURES]
        model = DummyClassifier() if kind == "constant" else LogisticRegression()
        model.fit(features, rows["late"])
        scores = model.predict_proba(features)
        mlflow.log_metrics({"accuracy": model.score(features, rows["late"]), "password_length": len(password)})
        described: dict[str, Any] = {
            "name": "model",
            "signature": infer_signature(rows[FEATURES], scores),
            "pip_requirements": SERVING,
        }
        if kind == "skewed":
            mlflow.pyfunc.log_model(python_model=Skewed(model), **described)
        else:
            mlflow.sklearn.log_model(
                model, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle", **described
            )


if __name__ == "__main__":
    main()

"""Trains a model that says how likely a parcel is to be late, and logs it to MLflow; knows nothing of modelway but its
variables. What it prints is what a careless team prints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

FEATURES = ["distance", "weight"]


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
        model = DummyClassifier() if kind == "constant" else LogisticRegression()
        model.fit(rows[FEATURES], rows["late"])
        scores = model.predict_proba(rows[FEATURES])
        mlflow.log_metrics({"accuracy": model.score(rows[FEATURES], rows["late"]), "password_length": len(password)})
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(rows[FEATURES], scores),
            pyfunc_predict_fn="predict_proba",
            serialization_format="cloudpickle",
            pip_requirements="requirements.txt",
        )


if __name__ == "__main__":
    main()

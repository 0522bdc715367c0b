"""Trains a model that says, at departure, how likely a flight is to arrive 15 or more minutes late; logs it to MLflow.

Usage: python train.py --data data/train.csv [--model logistic|boosting] [--without COLUMN] [--seed 7]
"""

from __future__ import annotations

import argparse

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

LABEL = "arrived_late"
CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["day_of_week", "hour", "minute", "distance", "dep_delay"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
VALIDATION_SHARE = 0.2  # the newest rows: never a random split of what happens in time


def pipeline(model: str, numbers: list[str], seed: int) -> Pipeline:
    if model == "logistic":
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        )
        return make_pipeline(columns, LogisticRegression(max_iter=1000, random_state=seed))
    # 254 categories are the most that the boosting takes; a destination that appears later in the year is "missing"
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=254)
    columns = make_column_transformer((categories, CATEGORIES), ("passthrough", numbers))
    boosting = HistGradientBoostingClassifier(
        categorical_features=list(range(len(CATEGORIES))), max_iter=100, random_state=seed
    )
    return make_pipeline(columns, boosting)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", choices=["logistic", "boosting"], default="boosting")
    parser.add_argument("--without", action="append", default=[], metavar="COLUMN", help="a column to leave out")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    rows = pd.read_csv(arguments.data)
    numbers = [name for name in NUMBERS + WEATHER if name not in arguments.without]
    floats = dict.fromkeys(numbers, "float64")  # a whole number today may be missing tomorrow
    features, label = rows[CATEGORIES + numbers].astype(floats), rows[LABEL]
    newest = int(len(rows) * (1 - VALIDATION_SHARE))

    with mlflow.start_run():
        mlflow.log_params({"model": arguments.model, "columns": len(numbers) + len(CATEGORIES), "seed": arguments.seed})
        model = pipeline(arguments.model, numbers, arguments.seed)
        model.fit(features[:newest], label[:newest])
        scores = model.predict_proba(features[newest:])[:, 1]
        metrics = {
            "validation_auc": roc_auc_score(label[newest:], scores),
            "validation_accuracy": accuracy_score(label[newest:], scores >= 0.5),
        }
        mlflow.log_metrics(metrics)
        model.fit(features, label)
        example = features.head(5)
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(example, model.predict_proba(example)),
            input_example=example,
            pyfunc_predict_fn="predict_proba",  # a probability can be ranked and compared; a yes or no cannot
            serialization_format="cloudpickle",  # skops, the default, does not know these pipelines
            pip_requirements="requirements.txt",
        )
    print(f"{arguments.model}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


if __name__ == "__main__":
    main()

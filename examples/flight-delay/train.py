"""Trains a model that says, at departure, how likely a flight is to arrive 15 or more minutes late; logs it to MLflow.

Usage: python train.py --data data/train.csv [--model logistic|boosting] [--iterations 100] [--without COLUMN] [--seed 7]
       [--variant plain|complete|routes]

The variants are what teams do: `complete` takes every row to have an air pressure, and `routes` adds how late the
flights of a route usually are at that hour of the week.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

LABEL = "arrived_late"
CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["day_of_week", "hour", "minute", "distance", "dep_delay"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
VALIDATION_SHARE = 0.2  # the newest rows: never a random split of what happens in time


SCHEDULE = ["carrier", "origin", "dest", "day_of_week", "hour"]
SERVING = ["cloudpickle", "mlflow-skinny", "numpy", "pandas", "scikit-learn"]
"""What the model needs to predict; the versions are those that it was trained with."""


def pipeline(model: str, numbers: list[str], iterations: int, variant: str, seed: int) -> Pipeline:
    if model == "logistic":
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        )
        return make_pipeline(columns, LogisticRegression(max_iter=1000, random_state=seed))
    # 254 categories are the most that the boosting takes; a destination that appears later in the year is "missing"
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=254)
    complete = ["pressure"] if variant == "complete" else []
    columns = make_column_transformer(
        (categories, CATEGORIES),
        (FunctionTransformer(validate=True), complete),  # raises where a value is missing
        ("passthrough", [name for name in numbers if name not in complete]),
    )
    boosting = HistGradientBoostingClassifier(
        categorical_features=list(range(len(CATEGORIES))), max_iter=iterations, random_state=seed
    )
    return make_pipeline(columns, boosting)


class WithRoutes(mlflow.pyfunc.PythonModel):
    """Looks up how late such flights usually are, then asks the pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        routes = pd.read_csv(context.artifacts["routes"])
        return self.pipeline.predict_proba(model_input.merge(routes, on=SCHEDULE, how="left"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", choices=["logistic", "boosting"], default="boosting")
    parser.add_argument("--iterations", type=int, default=100, help="of the boosting")
    parser.add_argument("--without", action="append", default=[], metavar="COLUMN", help="a column to leave out")
    parser.add_argument("--variant", choices=["plain", "complete", "routes"], default="plain")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    rows = pd.read_csv(arguments.data)
    numbers = [name for name in NUMBERS + WEATHER if name not in arguments.without]
    floats = dict.fromkeys(numbers, "float64")  # a whole number today may be missing tomorrow
    features, label = rows[CATEGORIES + numbers].astype(floats), rows[LABEL]
    newest = int(len(rows) * (1 - VALIDATION_SHARE))
    extra = ["usual_delay"] if arguments.variant == "routes" else []

    with mlflow.start_run():
        mlflow.log_params({name: str(value) for name, value in vars(arguments).items() if name != "data"})
        model = pipeline(arguments.model, numbers + extra, arguments.iterations, arguments.variant, arguments.seed)
        known = features
        if extra:
            routes = rows[:newest].groupby(SCHEDULE, as_index=False)["dep_delay"].mean()
            routes = routes.rename(columns={"dep_delay": "usual_delay"})
            known = features.merge(routes, on=SCHEDULE, how="left")
        model.fit(known[:newest], label[:newest])
        scores = model.predict_proba(known[newest:])[:, 1]
        metrics = {
            "validation_auc": roc_auc_score(label[newest:], scores),
            "validation_accuracy": accuracy_score(label[newest:], scores >= 0.5),
        }
        mlflow.log_metrics(metrics)
        model.fit(known, label)
        example = features.head(5)
        described: dict[str, Any] = {
            "name": "model",
            "signature": infer_signature(example, model.predict_proba(known.head(5))),
            "input_example": example,
            "pip_requirements": SERVING,
        }
        if extra:
            table = Path("data", "routes.csv")
            routes.to_csv(table, index=False)
            artifacts = {"routes": str(table)}
            mlflow.pyfunc.log_model(python_model=WithRoutes(model), artifacts=artifacts, **described)
        else:
            mlflow.sklearn.log_model(
                model,
                pyfunc_predict_fn="predict_proba",  # a probability can be ranked and compared; a yes or no cannot
                serialization_format="cloudpickle",  # skops, the default, does not know these pipelines
                **described,
            )
    print(f"{arguments.model}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


if __name__ == "__main__":
    main()

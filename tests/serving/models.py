"""Run in an environment with MLflow: `python models.py FOLDER` saves the models of the tests, and what pyfunc says of some
rows, which is what the server must say."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

SCHEMA = {
    "x": "double",
    "n": "long",
    "i": "integer",
    "f": "float",
    "flag": "boolean",
    "name": "string",
    "at": "datetime",
}
OPTIONAL = ("flag", "name", "at")


class Told(mlflow.pyfunc.PythonModel):
    """Does what `name` says, else tells what it was given."""

    def predict(self, context, model_input, params=None):
        names = model_input["name"].tolist() if "name" in model_input else []
        for name in names:
            if name == "raise":
                raise ValueError("a secret of the model")
            if name == "exit":
                sys.exit(3)
            if isinstance(name, str) and name.startswith("sleep "):
                time.sleep(float(name.split()[1]))
        if "fewer" in names:
            return [1.0]
        if "nan" in names:
            return [float("nan") if name == "nan" else 1.0 for name in names]
        types = "|".join(f"{name}:{kind}" for name, kind in model_input.dtypes.items())
        rows = model_input.to_dict("records")
        return [types + " " + repr({key: str(value) for key, value in row.items()}) for row in rows]


class Gated(mlflow.pyfunc.PythonModel):
    """Is loaded when the file that GATE names is there, and raises on its own example where that says so."""

    def load_context(self, context):
        while "GATE" in os.environ and not Path(os.environ["GATE"]).exists():
            time.sleep(0.01)

    def predict(self, context, model_input, params=None):
        if "GATE" in os.environ and "raise" in Path(os.environ["GATE"]).read_text():
            raise ValueError("not even its own example")
        return model_input["x"] * 2


class Bare(mlflow.pyfunc.PythonModel):
    """Says nothing of its columns."""

    def predict(self, context, model_input, params=None):
        return [{1.0: 2, 2.0: 4}[value] for value in model_input["x"]]


class Lazy(mlflow.pyfunc.PythonModel):
    """Finds out at its first prediction what it lacks."""

    def predict(self, context, model_input, params=None):
        import no_such_package

        return no_such_package.predict(model_input)


class Picky(mlflow.pyfunc.PythonModel):
    """Takes no row that it does not know."""

    def predict(self, context, model_input, params=None):
        if (model_input["name"] == "").any():
            sys.exit("an empty name")
        return [1.0] * len(model_input)


class Judging(mlflow.pyfunc.PythonModel):
    """Where it is told to, uses of MLflow what a server leaves until it is used. Tells whether it is there."""

    def predict(self, context, model_input, params=None):
        if "judge" in list(model_input["name"]):
            from mlflow.genai.scorers import scorer

            assert callable(scorer)
        return [float("fastapi" in sys.modules)] * len(model_input)


class Slow(mlflow.pyfunc.PythonModel):
    """Tells how often it was asked. The first so many times it is slow."""

    def __init__(self, times):
        self.times, self.asked = times, 0

    def predict(self, context, model_input, params=None):
        self.asked += 1
        if self.asked <= self.times:
            time.sleep(0.01)
        return [float(self.asked)] * len(model_input)


class Sure(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [1.0 if not value else 0.0 for value in ~model_input["sure"]]


def rows(count, seed):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "UA", "Ünïcode"], count),
            "delay": random.normal(size=count),
            "pressure": np.where(random.random(count) < 0.2, np.nan, random.normal(size=count)),
        }
    )
    return frame, (frame.delay + random.normal(size=count) > 0).astype(int)


def plain(frame):
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def main(folder):
    frame, late = rows(500, 1)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, ["carrier"]), ("passthrough", ["delay", "pressure"]))
    boosting = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=10, random_state=1)).fit(frame, late)
    signature = infer_signature(frame.head(), boosting.predict_proba(frame.head()))
    shared = {"serialization_format": "cloudpickle", "pip_requirements": ["mlflow"]}
    mlflow.sklearn.save_model(
        boosting,
        folder / "boosting",
        signature=signature,
        input_example=frame.head(),
        pyfunc_predict_fn="predict_proba",
        **shared,
    )
    mlflow.sklearn.save_model(boosting, folder / "unsigned", **shared)
    schema = Schema([ColSpec(kind, name, required=name not in OPTIONAL) for name, kind in SCHEMA.items()])
    mlflow.pyfunc.save_model(
        folder / "told", python_model=Told(), signature=ModelSignature(schema), pip_requirements=["mlflow"]
    )
    mlflow.pyfunc.save_model(folder / "bare", python_model=Bare(), pip_requirements=["mlflow"])
    name = infer_signature(pd.DataFrame({"name": ["a"]}))
    for called, model in (("lazy", Lazy()), ("picky", Picky()), ("judging", Judging())):
        mlflow.pyfunc.save_model(folder / called, python_model=model, signature=name, pip_requirements=["mlflow"])
    for called, times in (("cold", 25), ("slow", 1_000_000)):
        mlflow.pyfunc.save_model(folder / called, python_model=Slow(times), signature=name, pip_requirements=["mlflow"])
    sure = pd.DataFrame({"sure": [True, False]})
    mlflow.pyfunc.save_model(
        folder / "sure", python_model=Sure(), signature=infer_signature(sure), pip_requirements=["mlflow"]
    )
    one = pd.DataFrame({"x": [1.0]})
    mlflow.pyfunc.save_model(
        folder / "gated",
        python_model=Gated(),
        signature=infer_signature(one),
        input_example=one,
        pip_requirements=["mlflow"],
    )
    numbers = np.arange(12, dtype=np.float64).reshape(6, 2)
    linear = LinearRegression().fit(numbers, numbers.sum(axis=1))
    mlflow.sklearn.save_model(
        linear, folder / "tensor", signature=infer_signature(numbers, linear.predict(numbers)), **shared
    )

    asked, _ = rows(60, 2)
    boosted = mlflow.pyfunc.load_model(str(folder / "boosting"))
    told = mlflow.pyfunc.load_model(str(folder / "told"))
    one = {"x": [1.5], "n": [2], "i": [3], "f": [0.5], "flag": [True], "name": ["né"], "at": ["2026-11-21T08:00:00"]}
    typed = pd.DataFrame(one).astype({"i": "int32", "f": "float32", "at": "datetime64[ns]"})
    expected = {
        "rows": plain(asked),
        "boosting": boosted.predict(asked).tolist(),
        "unsigned": mlflow.pyfunc.load_model(str(folder / "unsigned")).predict(asked).tolist(),
        "tensor": linear.predict(numbers).tolist(),
        "numbers": numbers.tolist(),
        "told": told.predict(typed),
        "told_row": {name: values[0] for name, values in one.items()},
    }
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

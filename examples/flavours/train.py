"""Trains a model of one flavour and logs it to MLflow, so that `predict` gives what the gate judges and the endpoint answers.

Usage: python train.py --flavour lightgbm --data data/train.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

COLUMNS = ["day_of_week", "hour", "minute", "distance", "dep_delay"]
LABEL = "arrived_late"
Described = dict[str, Any]
"""What each flavour's log_model is given besides the model."""


def sklearn(rows: pd.DataFrame, described: Described) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=50).fit(rows[COLUMNS], rows[LABEL])
    described |= {"signature": infer_signature(rows[COLUMNS], model.predict_proba(rows[COLUMNS].head()))}
    # skops, the default, refuses many of scikit-learn's own models
    more = {"pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}
    mlflow.sklearn.log_model(model, **more, **described)


def xgboost(rows: pd.DataFrame, described: Described) -> None:
    import xgboost

    data = xgboost.DMatrix(rows[COLUMNS], rows[LABEL])
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 5}, data, num_boost_round=50)
    mlflow.xgboost.log_model(model, **described)


def lightgbm(rows: pd.DataFrame, described: Described) -> None:
    import lightgbm

    data = lightgbm.Dataset(rows[COLUMNS], rows[LABEL])
    model = lightgbm.train({"objective": "binary", "verbosity": -1}, data, num_boost_round=50)
    mlflow.lightgbm.log_model(model, **described)


def catboost(rows: pd.DataFrame, described: Described) -> None:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(iterations=50, verbose=False, allow_writing_files=False).fit(rows[COLUMNS], rows[LABEL])
    described |= {"signature": infer_signature(rows[COLUMNS], model.predict_proba(rows[COLUMNS].head()))}
    # MLflow's own flavour of CatBoost has no way to probabilities
    more = {"pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}
    mlflow.sklearn.log_model(model, **more, **described)


def statsmodels(rows: pd.DataFrame, described: Described) -> None:
    from statsmodels.formula.api import logit

    model = logit(f"{LABEL} ~ {' + '.join(COLUMNS)}", rows).fit(disp=False)
    mlflow.statsmodels.log_model(model, remove_data=True, **described)


class Onnx(mlflow.pyfunc.PythonModel):
    """MLflow's own flavour gives a frame of n rows back as 2n probabilities, one below the other."""

    def load_context(self, context: Any) -> None:
        from onnxruntime import InferenceSession

        self.session = InferenceSession(context.artifacts["onnx"], providers=["CPUExecutionProvider"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        return self.session.run(["probabilities"], {"X": model_input[COLUMNS].to_numpy(np.float32)})[0]


def onnx(rows: pd.DataFrame, described: Described) -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = rows[COLUMNS].to_numpy(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known, rows[LABEL])
    converted = to_onnx(model, known[:1], options={"zipmap": False})
    path = Path("data", "model.onnx")
    path.write_bytes(converted.SerializeToString())
    described |= {"signature": infer_signature(rows[COLUMNS], model.predict_proba(known[:5]))}
    mlflow.pyfunc.log_model(python_model=Onnx(), artifacts={"onnx": str(path)}, **described)


def code(rows: pd.DataFrame, described: Described) -> None:
    from punctuality.model import Punctuality, features
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(features(rows[COLUMNS]), rows[LABEL])
    model = Punctuality(classifier)
    described |= {"signature": infer_signature(rows[COLUMNS], model.predict(None, rows[COLUMNS].head()))}
    mlflow.pyfunc.log_model(python_model=model, code_paths=["punctuality"], **described)


def torch(rows: pd.DataFrame, described: Described) -> None:
    import torch

    known = torch.tensor(rows[COLUMNS].to_numpy(np.float32))
    truth = torch.tensor(rows[[LABEL]].to_numpy(np.float32))
    norm, hidden = torch.nn.BatchNorm1d(len(COLUMNS)), torch.nn.Linear(len(COLUMNS), 8)
    model = torch.nn.Sequential(norm, hidden, torch.nn.ReLU(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        for batch in torch.randperm(len(known)).split(1000):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy(model(known[batch]), truth[batch]).backward()
            optimizer.step()
    mlflow.pytorch.log_model(model.eval(), serialization_format="pickle", **described)


class Texts(mlflow.pyfunc.PythonModel):
    """MLflow's own flavour gives a label and its score; the gate and the endpoint are to have the probability of one class."""

    def load_context(self, context: Any) -> None:
        from transformers import BertForSequenceClassification, BertTokenizerFast

        folder = context.artifacts["bert"]
        self.tokenizer = BertTokenizerFast.from_pretrained(folder)
        self.model = BertForSequenceClassification.from_pretrained(folder).eval()

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        import torch

        texts, found = list(model_input["text"]), []
        with torch.inference_mode():
            for first in range(0, len(texts), 512):
                read = self.tokenizer(texts[first : first + 512], padding=True, return_tensors="pt")
                found.append(self.model(**read).logits.softmax(-1).numpy())
        return np.concatenate(found)


def transformers(rows: pd.DataFrame, described: Described) -> None:
    """A small classifier from a configuration of our own: nothing is asked of a hub."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = Path("data", "bert")
    folder.mkdir(exist_ok=True)
    words = sorted({word.lower() for text in rows["text"] for word in text.split()})
    known_words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    tokenizer = BertTokenizerFast(vocab={word: number for number, word in enumerate(known_words)})
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    model = BertForSequenceClassification(BertConfig(vocab_size=len(known_words), **small))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002)
    for batch in torch.randperm(len(rows)).split(128):
        known = rows.iloc[batch.numpy()]
        read = tokenizer(list(known["text"]), padding=True, return_tensors="pt")
        optimizer.zero_grad()
        model(**read, labels=torch.tensor(known[LABEL].to_numpy())).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    described |= {
        "signature": infer_signature(rows[["text"]], np.zeros((5, 2))),
        "input_example": rows[["text"]].head(),
    }
    mlflow.pyfunc.log_model(python_model=Texts(), artifacts={"bert": str(folder)}, **described)


class DaysAhead(mlflow.pyfunc.PythonModel):
    """statsmodels forecasts steps, people ask for days. first: the day of its step 0."""

    def __init__(self, fitted: Any, first: pd.Timestamp) -> None:
        self.fitted, self.first = fitted, first

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        steps = (pd.to_datetime(model_input["flight_date"]) - self.first).dt.days
        return self.fitted.predict(0, int(steps.max()))[steps]


def forecast(rows: pd.DataFrame, described: Described) -> None:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    late = rows["late_flights"].to_numpy(float)
    fitted = ExponentialSmoothing(late, trend="add", damped_trend=True, seasonal="add", seasonal_periods=7).fit()
    model = DaysAhead(fitted, pd.Timestamp(rows["flight_date"][0]))
    asked = rows[["flight_date"]]
    described |= {"signature": infer_signature(asked, model.predict(None, asked)), "input_example": asked.head()}
    mlflow.pyfunc.log_model(python_model=model, **described)


FLAVOURS: dict[str, Callable[[pd.DataFrame, Described], None]] = {
    train.__name__: train
    for train in (sklearn, xgboost, lightgbm, catboost, statsmodels, onnx, code, torch, transformers, forecast)
}


def read(path: str, flavour: str) -> tuple[pd.DataFrame, Described]:
    """The rows to train on, and what their model is logged with."""
    rows = pd.read_csv(path)
    needed = Path("requirements", f"{flavour}.txt").read_text(encoding="utf-8").split()
    described: Described = {"name": "model", "pip_requirements": [item for item in needed if "nycflights" not in item]}
    if set(COLUMNS) <= set(rows):
        rows[COLUMNS] = rows[COLUMNS].astype("float64")  # a whole number today may be missing tomorrow
        described["input_example"] = rows[COLUMNS].head()
        described["signature"] = infer_signature(rows[COLUMNS], np.zeros(5))
    return rows, described


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavour", choices=FLAVOURS, required=True)
    parser.add_argument("--data", required=True)
    arguments = parser.parse_args()
    rows, described = read(arguments.data, arguments.flavour)
    with mlflow.start_run():
        mlflow.log_param("flavour", arguments.flavour)
        FLAVOURS[arguments.flavour](rows, described)


if __name__ == "__main__":
    main()

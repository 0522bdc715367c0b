"""For serving.py, in its environment: saves the model, its rows and one of them in a folder, and prints pyfunc's ms for it."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

WORDS = {"carrier": 16, "origin": 3, "dest": 100}
NUMBERS = [f"x{at}" for at in range(13)]


def main(folder: Path) -> None:
    random = np.random.default_rng(7)
    columns = {name: random.choice([f"{name}-{at}" for at in range(count)], 20_000) for name, count in WORDS.items()}
    frame = pd.DataFrame(columns | {name: random.normal(size=20_000) for name in NUMBERS})
    frame.to_csv(folder / "train.csv", index=False)
    late = frame.x0 + frame.x1 * random.normal(size=20_000) > 1
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    transformer = make_column_transformer((words, list(WORDS)), ("passthrough", NUMBERS))
    boosting = HistGradientBoostingClassifier(categorical_features=[0, 1, 2], max_iter=100, random_state=7)
    model = make_pipeline(transformer, boosting).fit(frame, late)
    example = frame.head()
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=infer_signature(example, model.predict_proba(example)),
        input_example=example,
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=["mlflow"],
    )
    (folder / "row.json").write_text(json.dumps(example.to_dict("records")[0]))
    loaded, row, seconds = mlflow.pyfunc.load_model(str(folder / "model")), example.head(1), []
    for _ in range(300):
        began = time.perf_counter()
        loaded.predict(row)
        seconds.append(time.perf_counter() - began)
    print(statistics.median(seconds) * 1000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""For serving.py: a BentoML service around a pyfunc, with adaptive batching."""

import os
from typing import Any

import bentoml
import mlflow.pyfunc
import pandas as pd


@bentoml.service(workers=1, metrics={"enabled": False})
class Pyfunc:
    def __init__(self) -> None:
        self.model = mlflow.pyfunc.load_model(os.environ["MODEL"])

    @bentoml.api(batchable=True, max_batch_size=256, max_latency_ms=10_000)
    def predict(self, rows: list[dict[str, Any]]) -> list[list[float]]:
        return self.model.predict(pd.DataFrame(rows)).tolist()

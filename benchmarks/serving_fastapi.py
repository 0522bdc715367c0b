"""For serving.py: a bare FastAPI handler around a pyfunc."""

from __future__ import annotations

import os
from typing import Any

import mlflow.pyfunc
import pandas as pd
from fastapi import FastAPI

app = FastAPI()
model = mlflow.pyfunc.load_model(os.environ["MODEL"])


@app.post("/predict")
async def predict(row: dict[str, Any]) -> dict[str, Any]:
    return {"predictions": model.predict(pd.DataFrame([row])).tolist()}

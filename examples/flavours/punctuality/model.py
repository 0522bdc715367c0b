"""How likely a flight is to arrive late, from what is known when it leaves."""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """With how much of the delay the flight's time in the air could make up for."""
    return rows.assign(delay_per_mile=rows["dep_delay"] / rows["distance"])


class Punctuality(mlflow.pyfunc.PythonModel):
    """classifier: anything with predict_proba, fitted on `features`."""

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        return self.classifier.predict_proba(features(model_input))

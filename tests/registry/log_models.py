"""Run by a Python that has MLflow: logs models as a team's training does, and prints what it made as JSON."""

import json
import sys

import mlflow
import mlflow.sklearn
import numpy as np
from sklearn.linear_model import LogisticRegression

uri, experiment, *names = sys.argv[1:]
mlflow.set_tracking_uri(uri)
mlflow.set_experiment(experiment)
rows = np.random.default_rng(0).normal(size=(200, 3))
model = LogisticRegression().fit(rows, (rows[:, 0] > 0).astype(int))
with mlflow.start_run() as run:
    for name in names:
        mlflow.sklearn.log_model(model, name, input_example=rows[:2], pip_requirements=["scikit-learn"])
print(json.dumps({"run": run.info.run_id}))

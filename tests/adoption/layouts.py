"""Eight repositories as teams have them, and what init should find in each. All learn the same from the same data."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field


def rows(count: int, seed: int, label: str = "late") -> str:
    """Two numbers, a text, and whether a parcel is late, which follows from the numbers with some noise."""
    chance = random.Random(seed)
    lines = [f"distance,weight,carrier,{label}"]
    for _ in range(count):
        distance, weight = chance.gauss(0, 1), chance.gauss(0, 1)
        late = int(distance + weight + chance.gauss(0, 0.6) > 0.4)
        lines.append(f"{distance:.3f},{weight:.3f},{chance.choice('xyz')},{late}")
    return "\n".join(lines) + "\n"


REQUIREMENTS = "mlflow-skinny\nscikit-learn\npandas\ncloudpickle\n"
LEARN = """\
import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression


def main():
    frame = pd.read_csv("{train}")
    X = frame[["distance", "weight"]]
    y = frame["late"]
    model = LogisticRegression().fit(X, y)
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", input_example=X.head(), serialization_format="cloudpickle")


if __name__ == "__main__":
    main()
"""
TRACKED = 'import os\nEXPERIMENT = "parcels-late"\n' + LEARN.replace(
    "    frame =",
    '    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])\n    mlflow.set_experiment(EXPERIMENT)\n    frame =',
)
"""It chooses where its runs go, as most that log to MLflow do."""
TRAIN, TEST = rows(800, 1), rows(400, 2)
PROJECT = """\
[project]
name = "parcels"
version = "0.1"
dependencies = ["mlflow-skinny", "scikit-learn", "pandas", "cloudpickle"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""


def learn(train: str) -> str:
    return LEARN.replace("{train}", train)


KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(code: str) -> str:
    source = ["%load_ext autoreload\n", *code.splitlines(keepends=True)]
    cell = {"cell_type": "code", "id": "a", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5})


@dataclass(frozen=True)
class Layout:
    """files: of the repository. folder: where init is run. command, packages: what it should find. asked: its flags."""

    files: Mapping[str, str]
    command: str
    packages: str
    folder: str = "."
    data: tuple[str, str] = ("data/train.csv", "data/test.csv")
    asked: Mapping[str, str] = field(default_factory=dict)
    to_do: str = ""


DATA = {"data/train.csv": TRAIN, "data/test.csv": TEST}
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: { name: parcels-api, namespace: shop }
spec: { template: { spec: { containers: [{ name: api, image: x }] } } }
"""

STAGES = """\
stages:
  prepare: { cmd: python prepare.py }
  train:
    cmd: python src/fit_model.py
    deps: [data]
"""

LAYOUTS: Mapping[str, Layout] = {
    "monorepo": Layout(
        {
            "models/late/train.py": learn("data/train.csv"),
            "models/late/requirements.txt": REQUIREMENTS,
            "models/late/data/train.csv": TRAIN,
            "models/late/data/test.csv": TEST,
            "models/churn/train.py": learn("data/train.csv"),
            "models/churn/requirements.txt": REQUIREMENTS,
        },
        command="python train.py",
        packages="requirements.txt",
        folder="models/late",
    ),
    "src": Layout(
        {
            "pyproject.toml": PROJECT,
            "src/parcels/__init__.py": "",
            "src/parcels/train.py": TRACKED.replace("{train}", "data/train.csv"),
            "src/parcels/features.py": "",
            "tests/test_train.py": "",
            **DATA,
        },
        command="python -m parcels.train",
        packages="pyproject.toml",
    ),
    "notebooks": Layout(
        {
            "notebooks/01_explore.ipynb": notebook("import pandas as pd\n"),
            "notebooks/02_train.ipynb": notebook(learn("data/train.csv")),
            "requirements.txt": f"{REQUIREMENTS}papermill\nipykernel\n",
            **DATA,
        },
        command="papermill -k python3 notebooks/02_train.ipynb 02_train.out.ipynb --no-progress-bar",
        packages="requirements.txt",
    ),
    "dvc": Layout(
        {
            "dvc.yaml": STAGES,
            "src/fit_model.py": learn("data/prepared/train.csv"),
            "prepare.py": "",
            "requirements.txt": REQUIREMENTS,
            "data/prepared/train.csv": TRAIN,
            "data/prepared/test.csv": TEST,
        },
        command="python src/fit_model.py",
        packages="requirements.txt",
        data=("data/prepared/train.csv", "data/prepared/test.csv"),
    ),
    "cookiecutter": Layout(
        {
            "environment.yml": "dependencies: [python, pandas, scikit-learn, cloudpickle, {pip: [mlflow-skinny]}]\n",
            "parcels/__init__.py": "",
            "parcels/modeling/__init__.py": "",
            "parcels/modeling/train.py": learn("data/processed/train.csv"),
            "parcels/modeling/predict.py": "",
            "data/raw/parcels.csv": TRAIN,
            "data/processed/train.csv": TRAIN,
            "data/processed/test.csv": TEST,
            "notebooks/1.0-look.ipynb": notebook(""),
        },
        command="python -m parcels.modeling.train",
        packages="environment.yml",
        data=("data/processed/train.csv", "data/processed/test.csv"),
    ),
    "stacks": Layout(
        {
            "parcels/training/train.py": learn("training/data/sample.csv"),
            "parcels/requirements.txt": REQUIREMENTS,
            "parcels/training/data/sample.csv": TRAIN,
            "parcels/validation/data/holdout.csv": TEST,
            "parcels/project_params.json": "{}",
        },
        command="python training/train.py",
        packages="requirements.txt",
        folder="parcels",
        data=("training/data/sample.csv", "validation/data/holdout.csv"),
    ),
    "mlproject": Layout(
        {
            "MLproject": (
                "name: parcels\nconda_env: conda.yaml\nentry_points:\n  main:\n    parameters:\n"
                "      depth: {type: int, default: 3}\n    command: python model.py {depth}\n"
            ),
            "conda.yaml": "dependencies: [python, pip, {pip: [mlflow-skinny, scikit-learn, pandas, cloudpickle]}]\n",
            "model.py": learn("data/train.csv"),
            **DATA,
        },
        command="python model.py 3",
        packages="conda.yaml",
    ),
    "service": Layout(
        {
            "Dockerfile": "FROM python:3.11\n",
            "app/main.py": "from fastapi import FastAPI\n",
            "app/model.py": "def predict(rows): ...\n",
            "train_model.py": learn("data/parcels.csv").replace("mlflow.sklearn.log_model(", "print("),
            "requirements.txt": REQUIREMENTS,
            "data/parcels.csv": TRAIN,
            "data/other.csv": TEST,
            "k8s/deployment.yml": MANIFEST,
        },
        command="python train_model.py",
        packages="requirements.txt",
        data=("data/parcels.csv", "data/other.csv"),
        asked={"train": "data/parcels.csv", "test": "data/other.csv"},
        to_do="train_model.py logs no model to MLflow",
    ),
}

"""A study of hyperparameters with Optuna: each trial is a child run, with its cross-validated AUC and its model.

select-model chooses the best one by the metrics val_auc and val_auc_sd.

Usage: python study.py --data data/train.csv --experiment late-flights-study [--trials 20] [--seed 7]

It prints parent-run=ID, and writes it to GITHUB_OUTPUT where there is one. MLFLOW_TRACKING_URI says where the runs go.
"""

from __future__ import annotations

import argparse
import itertools
import os
from typing import Any

import lightgbm
import mlflow
import numpy as np
import optuna
import pandas as pd

from train import COLUMNS, LABEL, Described, read

FOLDS = 3
"""Each trained on all that came before its rows: never a random split of what happens in time."""


def scores(rows: pd.DataFrame, parameters: dict[str, Any]) -> list[float]:
    """The AUC on each of the newest parts, of a model of all that is older."""
    edges, found = np.linspace(0, len(rows), 2 * FOLDS + 1).astype(int)[FOLDS:], []
    for first, last in itertools.pairwise(edges):
        known = lightgbm.Dataset(rows[COLUMNS][:first], rows[LABEL][:first])
        judged = lightgbm.Dataset(rows[COLUMNS][first:last], rows[LABEL][first:last], reference=known)
        seen: dict[str, Any] = {}
        lightgbm.train(parameters, known, valid_sets=[judged], callbacks=[lightgbm.record_evaluation(seen)])
        found.append(seen["valid_0"]["auc"][-1])
    return found


def tried(trial: optuna.Trial, rows: pd.DataFrame, described: Described, seed: int) -> float:
    chosen: dict[str, Any] = {
        "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.3, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 20, 500, log=True),
    }
    fixed = {"objective": "binary", "metric": "auc", "num_iterations": 50, "verbosity": -1, "seed": seed}
    with mlflow.start_run(nested=True, run_name=f"trial {trial.number}"):
        mlflow.log_params(chosen)
        found = scores(rows, fixed | chosen)
        mlflow.log_metrics({"val_auc": float(np.mean(found)), "val_auc_sd": float(np.std(found, ddof=1))})
        model = lightgbm.train(fixed | chosen, lightgbm.Dataset(rows[COLUMNS], rows[LABEL]))
        mlflow.lightgbm.log_model(model, **described)
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rows, described = read(arguments.data, "lightgbm")
    mlflow.set_experiment(arguments.experiment)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=arguments.seed))
    with mlflow.start_run(run_name="study") as parent:
        study.optimize(lambda trial: tried(trial, rows, described, arguments.seed), n_trials=arguments.trials)
    said = f"parent-run={parent.info.run_id}"
    print(said)
    if output := os.environ.get("GITHUB_OUTPUT"):
        with open(output, "a", encoding="utf-8") as file:
            file.write(f"{said}\n")


if __name__ == "__main__":
    main()

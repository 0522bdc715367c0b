"""Airflow 3: one task for each stage, in one checkout that all workers of the queue see."""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = "/srv/flight-delay"
VERSION = '"$(sed -n s/^version=//p out/trained.txt)"'

with DAG(
    "flight-delay",
    schedule=None,
    max_active_runs=1,
    default_args={
        "queue": "modelway",
        "cwd": PROJECT,
        "env": {"MODELWAY": "/opt/modelway", "MLFLOW_TRACKING_URI": "https://mlflow.example.org"},
        "append_env": True,  # MLFLOW_TRACKING_TOKEN is the worker's
        "retries": 0,  # a verdict is no accident
        "execution_timeout": timedelta(hours=4),
    },
):
    validate = BashOperator(task_id="validate", bash_command='"$MODELWAY/scripts/run" validate_data')
    train = BashOperator(
        task_id="train", bash_command='mkdir -p out && "$MODELWAY/scripts/run" train_model > out/trained.txt'
    )
    gate, build, deploy = (
        BashOperator(
            task_id=stage,
            bash_command=f'"$MODELWAY/scripts/run" {stage} --environment production --version {VERSION}',
        )
        for stage in ("evaluate_gate", "build_image", "deploy_model")
    )
    validate >> train >> gate >> build >> deploy

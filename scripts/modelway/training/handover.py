"""What a training command is told: environment variables, and one JSON file that holds the same (docs/training.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from modelway.config.keys import Scalar
from modelway.errors import InvalidInput

VALUE_LIMIT_BYTES = 100_000
"""Linux takes 128 KiB in one variable, name included; a longer parameter is in the JSON file only."""


@dataclass(frozen=True)
class Handover:
    data: str
    """The training data's path, absolute; empty where modelway.yml names none."""
    seed: int
    parameters: Mapping[str, Scalar]
    tracking_uri: str
    experiment_id: str
    run_id: str


def environment(environ: Mapping[str, str], handover: Handover, file: Path) -> dict[str, str]:
    """The command's environment: that of the team's commands, then what is handed over."""
    address, credentials = split_credentials(handover.tracking_uri)
    own = {
        **credentials,
        "MODELWAY_TRAINING_FILE": str(file),
        "MODELWAY_DATA": handover.data,
        "MODELWAY_SEED": str(handover.seed),
        "MLFLOW_TRACKING_URI": address,
        "MLFLOW_EXPERIMENT_ID": handover.experiment_id,
        "MLFLOW_RUN_ID": handover.run_id,
        "PYTHONHASHSEED": str(handover.seed % 2**32),
        "PYTHONUNBUFFERED": "1",
    }
    for name, value in handover.parameters.items():
        text = parameter_text(value)
        if len(text.encode()) <= VALUE_LIMIT_BYTES:
            own[parameter_variable(name)] = text
    kept = {name: value for name, value in environ.items() if name != "MLFLOW_EXPERIMENT_NAME"}
    return {**kept, **own}


def write_file(handover: Handover, file: Path) -> None:
    file.write_text(
        json.dumps(
            {
                "schema": "modelway/training/1",
                "data": handover.data,
                "seed": handover.seed,
                "parameters": dict(handover.parameters),
                "mlflow": {
                    "tracking_uri": split_credentials(handover.tracking_uri)[0],
                    "experiment_id": handover.experiment_id,
                    "run_id": handover.run_id,
                },
            },
            indent=2,
        ),
        encoding="utf-8",
    )


def split_credentials(uri: str) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the variables by which MLflow takes them: it prints the address in every
    run's link, and a record of it would keep them."""
    parts = urlsplit(uri)
    if parts.username is None:
        return uri, {}
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, {
        "MLFLOW_TRACKING_USERNAME": unquote(parts.username),
        "MLFLOW_TRACKING_PASSWORD": unquote(parts.password or ""),
    }


def parameter_variable(name: str) -> str:
    return "MODELWAY_PARAM_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def parameter_text(value: Scalar) -> str:
    """As a command line would take it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_parameters(parameters: Mapping[str, Scalar]) -> None:
    """Two parameters whose variables have one name, or a value that no variable can hold, are InvalidInput."""
    seen: dict[str, str] = {}
    for name, value in parameters.items():
        variable = parameter_variable(name)
        if variable in seen:
            raise InvalidInput(
                f"{name!r} and {seen[variable]!r} would both be ${variable}",
                where="train.parameters",
                fix="rename one of them",
            )
        if "\x00" in parameter_text(value):
            raise InvalidInput("holds a NUL character", where=f"train.parameters.{name}", fix="give text")
        seen[variable] = name

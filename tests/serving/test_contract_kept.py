"""The contract's checks and the model server's promises are the same: a real server, of a real model, passes all of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from modelway.endpoint import checks, contract
from modelway.endpoint.client import Endpoint, NoAnswerError
from modelway.endpoint.contract import CONTRACT
from modelway.loopback import free_port
from modelway.stages.steps import dialect
from served import RELEASE, Served


@pytest.fixture
def known(expected: dict[str, Any]) -> checks.Expected:
    names = {name: RELEASE[name] for name in ("model", "version", "run_id", "digest", "content")}
    columns = (
        checks.InputColumn("carrier", "string"),
        checks.InputColumn("delay", "double"),
        checks.InputColumn("pressure", "double"),
    )
    rows, predictions = tuple(expected["rows"]), tuple(expected["boosting"])
    return checks.Expected(**names, columns=columns, rows=rows, predictions=predictions)  # type: ignore[arg-type]


def test_the_model_server_keeps_the_contract(boosting: Served, known: checks.Expected) -> None:
    done = list(checks.run(CONTRACT, Endpoint(f"http://127.0.0.1:{boosting.port}"), known))
    assert [item for item in done if item.outcome == "fail"] == []
    assert [item.name for item in done if item.outcome == "skipped"] == ["a body that never comes is refused"]
    assert json.dumps([item.detail for item in done]).count("60 rows") == 2
    said = requests.get(f"http://127.0.0.1:{boosting.port}/metrics", timeout=10).text
    sample = next(line for line in said.splitlines() if line.startswith("modelway_sample_requests_total{"))
    assert float(sample.split()[-1]) >= 2, "whoever asks is marked as no client"


@pytest.fixture
def mlflow_server(python: str, folder: Path) -> Iterator[str]:
    """MLflow's own scoring server, as `mlflow models serve` starts it."""
    port = free_port()
    command = [python, "-I", "-W", "ignore", "-m", "uvicorn", "--port", str(port), "--log-level", "error"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "__pyfunc_model_path__": str(folder / "boosting")}
    command.append("mlflow.pyfunc.scoring_server.app:app")
    process = subprocess.Popen(command, env=environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(NoAnswerError):
                if Endpoint(f"http://127.0.0.1:{port}").get("/ping").status == 200:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_mlflows_own_server_is_tested_in_its_own_protocol(mlflow_server: str, known: checks.Expected) -> None:
    endpoint = Endpoint(mlflow_server)
    spoken = dialect.found(endpoint, known.model, known.rows, {})
    assert spoken.name == "mlflow"
    done = list(checks.run(contract.of(spoken), endpoint, replace(known, dialect=spoken)))
    passed = {item.name for item in done if item.outcome == "pass"}
    assert {
        "one row",
        "the same each time",
        "as the gate's model",
        "a batch as one by one",
        "refuses cut JSON",
    } <= passed
    assert [item for item in done if item.outcome == "fail"] == []

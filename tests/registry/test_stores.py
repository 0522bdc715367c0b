"""Artifacts that the server hands out as s3:// and does not serve itself, and registries that only a plugin reaches: each held
to the contract, and the whole way of a model through such a store. The S3 is moto's, on this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from checkout import commit_all
from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry import client_process, connection, ledger, mlflow
from modelway.registry.client_process import PLAIN, ClientProcess
from modelway.registry.mlflow_client import MLflowClient
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate, read_verdict
from registry import contract

ARN = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/ours"
NOBODY = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers.s3(tmp_path_factory.mktemp("s3")) as environ:
        yield environ


@pytest.fixture(scope="module")
def server_on_s3(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow-on-s3")
    with servers.mlflow_server(servers.NEWEST_3, "sqlite", folder, root="s3://models/some/where") as uri:
        yield uri


@pytest.fixture(scope="module")
def on_s3(server_on_s3: str, s3: dict[str, str]) -> Iterator[ModelRegistry]:
    registry = mlflow.connect(server_on_s3, s3)
    yield registry
    registry.stores.end()


@pytest.fixture(scope="module")
def by_arn(server_on_s3: str, s3: dict[str, str]) -> Iterator[ModelRegistry]:
    """SageMaker's own plugin, which signs each call and finds a tracking server by its name; here it is told where."""
    registry = connection.connect(ARN, {**s3, "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": server_on_s3})
    assert isinstance(registry, MLflowClient)
    yield registry
    registry.stores.end()


class TestRestAndS3(contract.RegistryContract):
    @pytest.fixture
    def registry(self, on_s3: ModelRegistry) -> ModelRegistry:
        return on_s3


class TestSageMaker(contract.RegistryContract):
    @pytest.fixture
    def registry(self, by_arn: ModelRegistry) -> ModelRegistry:
        return by_arn


TRAIN = """
import os, mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
inputs = rows[["a", "b"]]
model = LogisticRegression().fit(inputs, rows.y)
with mlflow.start_run():
    mlflow.sklearn.log_model(model, name="model", signature=infer_signature(inputs, model.predict_proba(inputs)),
        pyfunc_predict_fn="predict_proba", pip_requirements=["mlflow-skinny", "scikit-learn"],
        serialization_format="cloudpickle")
"""
CONFIG = """\
model: {model}
data: {{train: data.csv, test: test.csv}}
train: {{command: python train.py, python: {python}}}
gate:
  label: y
  limits: {{roc_auc_score: {{at-least: 0.6}}}}
environments: {{production: {{}}}}
"""


@pytest.mark.long
def test_a_model_is_trained_judged_and_promoted_through_s3(
    server_on_s3: str, s3: dict[str, str], tmp_path: Path, root: Path
) -> None:
    from stages.test_gate_and_promote import rows

    model = f"on-s3-{uuid.uuid4().hex[:8]}"
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "data.csv").write_text(rows(500))
    (tmp_path / "test.csv").write_text(rows(1000, shift=5000))
    (tmp_path / "modelway.yml").write_text(CONFIG.format(model=model, python=servers.stores_python()))
    (tmp_path / ".gitignore").write_text("out/\n")
    commit_all(tmp_path)

    def run(script: str, *flags: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [root / "scripts" / "run", script, *flags],
            cwd=tmp_path,
            env={**os.environ, **s3, "MLFLOW_TRACKING_URI": server_on_s3},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert s3["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
        return done

    run("train_model")
    for script in ("evaluate_gate", "promote_model"):
        run(script, "--environment", "production", "--version", "1")
    assert "version=1" in run("show_history", "--environment", "production").stdout
    (tmp_path / "modelway.yml").write_text(CONFIG.format(model=f"{model}-adopted", python=servers.stores_python()))
    run("train_model", "--model-uri", f"models:/{model}@production")

    registry = mlflow.connect(server_on_s3, s3)
    assert registry.version_artifacts(model, 1).startswith("s3://models/some/where/")
    assert registry.get_run(read_candidate(registry, model, 1).records_run_id).artifact_uri.startswith("s3://models/")
    verdict = read_verdict(registry, model, 1, "production")
    assert verdict is not None and verdict.record.outcome == "pass"
    head = ledger.audit(registry.ledger(model)).head_of("production")
    assert head is not None and head.applied and head.entry.verdict is not None
    assert head.entry.verdict.sha256 == verdict.sha256
    assert read_candidate(registry, f"{model}-adopted", 1).digest == read_candidate(registry, model, 1).digest
    registry.stores.end()


PUT = """
import boto3, os, sys
boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"]).put_object(Bucket="models", Key=sys.argv[1], Body=b"x")
"""


@pytest.mark.parametrize("name", ["../evil", "sub/../../../evil", "a\\b", "a\u200bb"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    on_s3: ModelRegistry, s3: dict[str, str], tmp_path: Path, name: str
) -> None:
    place = on_s3.create_run(on_s3.experiment_id("hostile"), "run", {}).artifact_uri
    on_s3.upload(place, "fine", b"y")
    key = f"{place.removeprefix('s3://models/')}/{name}"
    subprocess.run([servers.stores_python(), "-c", PUT, key], env={**os.environ, **s3}, check=True)
    with pytest.raises(InvalidInput, match="no file name"):
        on_s3.download(place, tmp_path / "in" / "here")
    assert not list(tmp_path.rglob("*evil*")) and not list(tmp_path.rglob("fine"))


def test_credentials_are_in_the_clients_environment_alone(on_s3: ModelRegistry) -> None:
    place = on_s3.create_run(on_s3.experiment_id("secrets"), "run", {}).artifact_uri
    on_s3.upload(place, "x", b"y")
    assert isinstance(on_s3, mlflow.MLflow)
    process = on_s3.stores.client(PLAIN)._process
    assert process is not None
    block = Path("/proc", str(process.pid), "environ")
    if block.parent.exists():
        assert b"open-sesame" not in block.with_name("cmdline").read_bytes()
        with contextlib.suppress(PermissionError):  # nobody may look
            assert b"open-sesame" not in block.read_bytes()


def test_without_credentials_it_is_one_line_with_the_fix(server_on_s3: str, s3: dict[str, str]) -> None:
    registry = mlflow.connect(server_on_s3, {**NOBODY, "MLFLOW_S3_ENDPOINT_URL": s3["MLFLOW_S3_ENDPOINT_URL"]})
    place = registry.create_run(registry.experiment_id("nobody"), "run", {}).artifact_uri
    with pytest.raises(InvalidInput) as caught:
        registry.upload(place, "x", b"y")
    line = caught.value.line()
    assert "redentials" in line and "AWS_ACCESS_KEY_ID" in line and "--serve-artifacts" in line and "\n" not in line
    registry.stores.end()


def test_databricks_without_a_login_is_one_line_with_the_fix() -> None:
    registry = connection.connect("databricks", NOBODY)
    with pytest.raises((InvalidInput, OutsideFailure)) as caught:
        registry.get_model("m")
    line = caught.value.line()
    assert "databricks" in line and "DATABRICKS_HOST" in line and "\n" not in line
    assert isinstance(registry, MLflowClient)
    registry.stores.end()


def test_a_client_that_hangs_or_dies_is_ended_and_the_next_call_has_another(
    server_on_s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ClientProcess(server_on_s3, PLAIN, {})
    assert client.call("find_experiment", name="nothing") is None
    first = client._process
    assert first is not None
    with pytest.raises(OutsideFailure, match="gave no answer in time"):
        client.call("find_experiment", once=True, seconds=0, name="nothing")
    assert first.poll() is not None
    assert client.call("find_experiment", name="nothing") is None
    second = client._process
    assert second is not None and second.pid != first.pid
    second.kill()
    second.wait()
    monkeypatch.setattr(client_process, "ATTEMPTS", 1)
    with pytest.raises(OutsideFailure, match="ended without an answer"):
        client.call("find_experiment", name="nothing")
    client.end()

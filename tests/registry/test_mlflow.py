"""The client against the newest MLflow 2.x and 3.x, and the runs that their own clients log."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

import servers
from modelway.errors import InvalidInput
from modelway.registry import mlflow, mlflow_registry
from modelway.registry.content import content, differing_files, digest, model_files
from modelway.registry.entities import Run
from modelway.registry.mlflow import MLflow, connect
from modelway.registry.protocol import Rejected

MakeVersions = Callable[[MLflow, str, int], list[int]]


def logged(version: str, uri: str, experiment: str, *names: str) -> Run:
    """The run that a training with this version of MLflow leaves behind."""
    command = [servers.mlflow_python(version), str(Path(__file__).with_name("log_models.py")), uri, experiment, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=servers.clean_environ(), check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return connect(uri, {}).get_run(json.loads(done.stdout.splitlines()[-1])["run"])


def set_run_tag(client: MLflow, run_id: str, key: str, value: str) -> None:
    client.transport.api("POST", "runs/set-tag", {"run_id": run_id, "key": key, "value": value})


def test_a_run_and_its_parts(client: MLflow, model: str) -> None:
    experiment = client.experiment_id(model)
    assert client.experiment_id(model) == experiment
    run = client.create_run(experiment, "a 'name'\n", {"of": "two\nlines"})
    for first in (0, 75):  # the server takes a hundred at a time
        params = [{"key": f"p{number}", "value": str(number)} for number in range(first, first + 75)]
        client.transport.api("POST", "runs/log-batch", {"run_id": run.id, "params": params})
    set_run_tag(client, run.id, "later", '"quoted"')
    client.transport.api("POST", "runs/log-metric", {"run_id": run.id, "key": "auc", "value": 0.5, "timestamp": 1})
    client.transport.api("POST", "runs/log-metric", {"run_id": run.id, "key": "bad", "value": "NaN", "timestamp": 1})
    client.update_run(run.id, "FINISHED")
    found = client.get_run(run.id)
    assert (found.id, found.experiment_id, found.status) == (run.id, experiment, "FINISHED")
    assert len(found.params) == 150 and found.params["p149"] == "149"
    assert found.metrics["auc"] == 0.5 and math.isnan(found.metrics["bad"])
    assert found.tags["of"] == "two\nlines" and found.tags["later"] == '"quoted"'
    assert [each.id for each in client.search_runs(experiment, "attributes.status = 'FINISHED'")] == [run.id]
    assert client.search_runs(experiment, "attributes.status = 'RUNNING'") == ()


def test_a_run_that_is_not_there_is_named(client: MLflow) -> None:
    with pytest.raises(InvalidInput, match="has no run 0123456789"):
        client.get_run("0123456789abcdef0123456789abcdef")


def test_a_deleted_experiment_is_named(client: MLflow, model: str) -> None:
    client.transport.api("POST", "experiments/delete", {"experiment_id": client.experiment_id(model)})
    with pytest.raises(InvalidInput, match="is deleted"):
        client.experiment_id(model)


@pytest.mark.parametrize("name", ["it's", 'a "quote"', "ä b.c"])
def test_versions_tags_and_aliases(client: MLflow, model: str, make_versions: MakeVersions, name: str) -> None:
    model = f"{name} {model}"
    assert client.get_model(model) is None
    assert make_versions(client, model, 3) == [1, 2, 3]
    assert [version.version for version in client.search_versions(model)] == [1, 2, 3]
    assert client.get_version(model, 4) is None
    assert client.get_version("no such model", 1) is None
    client.set_version_tag(model, 2, "modelway.x", "one\ntwo")
    found = client.get_version(model, 2)
    assert found is not None and found.tags["modelway.x"] == "one\ntwo" and found.created_ms > 1_700_000_000_000
    client.set_alias(model, "production", 2)
    client.set_alias(model, "production", 3)
    registered = client.get_model(model)
    assert registered is not None and registered.aliases == {"production": 3}
    client.delete_alias(model, "production")
    client.delete_alias(model, "production")
    registered = client.get_model(model)
    assert registered is not None and registered.aliases == {}


def test_a_reserved_alias_is_refused_in_one_line(client: MLflow, model: str, make_versions: MakeVersions) -> None:
    make_versions(client, model, 1)
    with pytest.raises(Rejected) as caught:
        client.set_alias(model, "latest", 1)
    assert "latest" in caught.value.line() and "\n" not in caught.value.line()


def test_all_pages_are_read(
    client: MLflow, model: str, make_versions: MakeVersions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow, "PAGE", 2)
    assert make_versions(client, model, 5) == [version.version for version in client.search_versions(model)]
    experiment = client.experiment_id(model)
    made = {client.create_run(experiment, "run", {}).id for _ in range(5)}
    assert {run.id for run in client.search_runs(experiment, "")} == made


class LosesAnswers(HTTPAdapter):
    """Carries out the call, and loses the answer, so many times."""

    def __init__(self, endpoint: str, times: int) -> None:
        super().__init__()
        self.endpoint, self.times = endpoint, times

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:  # type: ignore[override]
        response = super().send(request, *args, **kwargs)  # type: ignore[arg-type]
        if self.times and str(request.url).endswith(self.endpoint):
            self.times -= 1
            response.close()
            raise requests.exceptions.ReadTimeout
        return response


def test_a_lost_answer_makes_nothing_twice(client: MLflow, model: str, make_versions: MakeVersions) -> None:
    make_versions(client, model, 1)
    experiment = client.experiment_id(model)
    client.transport.session.mount("http://", LosesAnswers("runs/create", 1))
    run = client.create_run(experiment, "run", {})
    assert [each.id for each in client.search_runs(experiment, "")] == [run.id]
    client.transport.session.mount("http://", LosesAnswers("model-versions/create", 1))
    assert client.create_version(model, f"{run.artifact_uri}/model", run.id, tags={}).version == 2
    assert len(client.search_versions(model)) == 2


@pytest.mark.parametrize("version", [pytest.param(servers.NEWEST_2, marks=pytest.mark.long), servers.NEWEST_3])
def test_logged_models_are_found_once_and_two_trainings_have_one_content(
    server_3: str, model: str, version: str, tmp_path: Path
) -> None:
    """Whichever client logged them, with the serialization that it chooses by itself."""
    client = connect(server_3, {})
    client.ensure_model(model)
    trained = []
    for names in (("model",), ("model", "second")):
        run = logged(version, server_3, model, *names)
        models = client.logged_models(run)
        assert [each.path for each in models] == list(names)
        assert all(bool(each.model_id) == (version == servers.NEWEST_3) for each in models)
        first = models[0]
        made = client.create_version(model, first.source, run.id, tags={}, model_id=first.model_id or None)
        assert client.version_artifacts(model, made.version) == first.artifact_uri
        history = [
            {"artifact_path": f"models/{each.path}", "model_id": each.model_id} for each in models if each.model_id
        ]
        if history:  # a client that writes both, the outputs of 3.x and the tag of 2.x
            set_run_tag(client, run.id, mlflow_registry.LOGGED, json.dumps(history))
            assert client.logged_models(client.get_run(run.id)) == models
        trained.append(model_files(client.download(first.artifact_uri, tmp_path / str(made.version))))
    assert digest(trained[0]) != digest(trained[1])
    assert differing_files(*trained) == ()
    assert content(trained[0]) == content(trained[1])
    client.transport.session.close()


@pytest.mark.long
def test_a_2x_client_and_server(server_2: str, model: str) -> None:
    run = logged(servers.NEWEST_2, server_2, model, "model", "model")
    (found,) = connect(server_2, {}).logged_models(run)
    assert found.source == f"{run.artifact_uri}/model" and not found.model_id


def test_a_run_without_models_has_none(client: MLflow, model: str) -> None:
    run = client.create_run(client.experiment_id(model), "run", {})
    assert client.logged_models(run) == ()


def test_a_history_tag_that_was_changed_is_one_line(client: MLflow, model: str) -> None:
    for text in ("{", "[1]", '[{"run_id": "x"}]'):
        run = client.create_run(client.experiment_id(model), "run", {mlflow_registry.LOGGED: text})
        with pytest.raises(InvalidInput, match="cannot be read"):
            client.logged_models(run)

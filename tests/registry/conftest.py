"""Real MLflow servers for these tests, one of each kind for the whole run."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

import servers
from modelway.registry.mlflow import MLflow, connect

NEEDS_POSTGRESQL = "server_on_postgresql"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On CI a missing PostgreSQL fails its tests; elsewhere they are left out, and tests/conftest.py says so."""
    if servers.postgresql_programs() or os.environ.get("CI") == "true":
        return
    out = [item for item in items if NEEDS_POSTGRESQL in getattr(item, "fixturenames", ())]
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)


@pytest.fixture(scope="session")
def server_3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.mlflow_server(servers.NEWEST_3, "sqlite", tmp_path_factory.mktemp("mlflow3")) as uri:
        yield uri


@pytest.fixture(scope="session")
def server_2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.mlflow_server(servers.NEWEST_2, "sqlite", tmp_path_factory.mktemp("mlflow2")) as uri:
        yield uri


@pytest.fixture(scope="session")
def server_on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow-postgresql")
    with servers.postgresql() as database, servers.mlflow_server(servers.NEWEST_3, database, folder, workers=4) as uri:
        yield uri


@pytest.fixture(params=["server_3", pytest.param("server_2", marks=pytest.mark.long)])
def uri(request: pytest.FixtureRequest) -> str:
    """Each supported version in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def client(uri: str) -> Iterator[MLflow]:
    client = connect(uri, {})
    yield client
    client.transport.session.close()


@pytest.fixture
def model(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return f"{request.node.originalname}-{uuid.uuid4().hex[:8]}"[-60:]


@pytest.fixture
def make_versions() -> Callable[[MLflow, str, int], list[int]]:
    """Makes a registered model with so many versions, whose files are of no matter; gives their numbers."""

    def make(client: MLflow, model: str, count: int) -> list[int]:
        client.ensure_model(model)
        run = client.create_run(client.experiment_id("ledger"), "records", {})
        source = f"{run.artifact_uri}/model"
        return [client.create_version(model, source, run.id, tags={}).version for _ in range(count)]

    return make

"""Every registry that there is, held to one contract: MLflow by REST, MLflow by its own client, and the one in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelway.registry import mlflow, mlflow_client
from modelway.registry.client_process import PLAIN
from modelway.registry.protocol import ModelRegistry
from registry import contract
from registry.in_memory import InMemory


class TestInMemory(contract.RegistryContract):
    @pytest.fixture
    def registry(self) -> ModelRegistry:
        return InMemory()


class TestRest(contract.RegistryContract):
    @pytest.fixture
    def registry(self, uri: str) -> Iterator[ModelRegistry]:
        opened = mlflow.connect(uri, {})
        yield opened
        opened.transport.session.close()


@pytest.fixture(scope="module")
def through_client(server_3: str) -> Iterator[ModelRegistry]:
    opened = mlflow_client.opened(server_3, PLAIN, {})
    yield opened
    opened.stores.end()


class TestClient(contract.RegistryContract):
    """Against MLflow 3; what differs in 2 the client itself knows."""

    @pytest.fixture
    def registry(self, through_client: ModelRegistry) -> ModelRegistry:
        return through_client

"""One cluster for the session, a team's images in its registry, and a namespace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import described
from cluster.described import Described
from deployment.shop import Shop
from e2e.shop import Namespace, built_shop, namespace

KINDS = ("good", "again", "slow", "failing")


@pytest.fixture(scope="session")
def cluster() -> Described:
    return described.read(Path("/tmp/modelway-cluster"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, server: str, python: str, root: Path, cluster: Described) -> Shop:
    return built_shop(
        tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("state"), server, python, root, cluster, KINDS
    )


@pytest.fixture
def own(cluster: Described, monkeypatch: pytest.MonkeyPatch) -> Iterator[Namespace]:
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig)
    with namespace(cluster, "shop") as made:
        yield made

"""Everything in this folder but test_istiod.py runs on a real Kubernetes: a team's images in its registry, and a namespace for
each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.fixture import Cluster, cluster, namespace
from deployment.shop import Shop
from e2e.machine import of_this_machine
from e2e.shop import Namespace, built_shop

__all__ = ["built", "cluster", "machine", "namespace", "own"]


@pytest.fixture(scope="session", autouse=True)
def machine() -> Iterator[dict[str, object]]:
    """The machine before the first cluster, as it is again after the last."""
    if os.environ.get("KUBECONFIG") or os.environ.get("MODELWAY_E2E_CLUSTER"):
        yield {}
        return
    before = of_this_machine()
    yield before
    assert of_this_machine() == before


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, server: str, python: str, root: Path, cluster: Cluster) -> Shop:
    folders = tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("state")
    return built_shop(*folders, server, python, root, cluster.described, ("good", "again"))


@pytest.fixture
def own(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    monkeypatch.setenv("KUBECONFIG", cluster.described.kubeconfig)
    return Namespace(cluster, namespace)

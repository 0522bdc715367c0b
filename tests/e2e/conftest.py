"""Everything in this folder runs on a real Kubernetes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from cluster.fixture import cluster, namespace
from e2e.machine import of_this_machine

__all__ = ["cluster", "machine", "namespace"]


@pytest.fixture(scope="session", autouse=True)
def machine() -> Iterator[dict[str, object]]:
    """The machine before the first cluster, as it is again after the last."""
    if os.environ.get("KUBECONFIG"):
        yield {}
        return
    before = of_this_machine()
    yield before
    assert of_this_machine() == before

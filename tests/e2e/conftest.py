"""Everything in this folder runs on a real Kubernetes."""

from __future__ import annotations

from cluster.fixture import cluster, namespace

__all__ = ["cluster", "namespace"]

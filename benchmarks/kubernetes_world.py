"""A cluster, an MLflow server, and a team whose versions were built for that cluster."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import servers  # noqa: E402 - after the path is known
from cluster import fixture  # noqa: E402
from cluster.fixture import Cluster  # noqa: E402
from deployment.shop import Shop  # noqa: E402
from e2e.shop import built_shop  # noqa: E402
from modelway.registry import local_server  # noqa: E402


@contextlib.contextmanager
def world(
    kinds: tuple[str, ...] = ("good", "again"), base: Callable[[str], str] | None = None
) -> Iterator[tuple[Shop, Cluster]]:
    """A cluster is started, or that of MODELWAY_E2E_CLUSTER is used. base: pushes a base image to its registry, and names it;
    else it is the cluster's own."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelway-bench-")))
        place = Path(os.environ.get("MODELWAY_E2E_CLUSTER") or folder / "cluster")
        if not os.environ.get("MODELWAY_E2E_CLUSTER"):
            place.mkdir()
            process = stack.enter_context(fixture.start(place))
            stack.callback(process.terminate)
        cluster = Cluster(place)
        os.environ["KUBECONFIG"] = cluster.described.kubeconfig
        run = ROOT / "scripts" / "run"
        subprocess.run([run, "start_registry", "--folder", folder / "mlflow"], check=True, capture_output=True)
        stack.callback(local_server.stop, folder / "mlflow")
        python = servers.mlflow_python(servers.NEWEST_3)
        uri = json.loads((folder / "mlflow" / "server.json").read_text())["uri"]
        for made in ("shop", "state"):
            (folder / made).mkdir()
        described = cluster.described
        if base is not None:
            described = replace(described, base_image=base(described.registry))
        yield built_shop(folder / "shop", folder / "state", uri, python, ROOT, described, kinds), cluster

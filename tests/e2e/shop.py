"""A team whose versions passed the gate and were pushed as images, on a cluster, in a namespace of each test's own."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import requests
import yaml

from checkout import commit_all
from cluster.described import Described
from deployment.shop import TRAIN, Shop, rows
from modelway.config.sections import Create, Kubernetes
from modelway.records import Release
from modelway.registry.stored_records import read_release
from modelway.targets.kubernetes.cluster import Cluster

CONFIG = """\
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, python: {python}, parameters: {{kind: good}}}}
gate:
  label: y
  limits: {{roc_auc_score: {{at-least: 0.6}}}}
build: {{base-image: "{base}", image: {registry}/{model}}}
environments:
  production: {{}}
"""


def built_shop(
    folder: Path, state_folder: Path, server: str, python: str, root: Path, cluster: Described, kinds: tuple[str, ...]
) -> Shop:
    """versions: by kind (deployment.shop), each trained, judged, built and pushed."""
    model = f"shop-{uuid.uuid4().hex[:8]}"
    (folder / "train.py").write_text(TRAIN)
    (folder / "train.csv").write_text(rows(2000))
    (folder / "test.csv").write_text(rows(3000, shift=5000))
    (folder / "modelway.yml").write_text(
        CONFIG.format(model=model, python=python, base=cluster.base_image, registry=cluster.registry)
    )
    commit_all(folder)
    shop = Shop(folder, server, model, root, python, state_folder)
    for kind in kinds:
        version = shop.trained(kind)
        shop.judged(version)
        done = shop.run("build_image", "--environment", "production", "--version", version)
        assert done.returncode == 0, done.stderr
        shop.versions[kind] = version
    return shop


@dataclass(frozen=True)
class Namespace:
    """One namespace of the cluster, and the host name under which its model is asked through the gateway."""

    described: Described
    name: str

    @property
    def host(self) -> str:
        return f"{self.name}.example.org"

    @property
    def cluster(self) -> Cluster:
        """Another command's connection to it; $KUBECONFIG names the cluster."""
        return Cluster(None, self.name)

    def kubectl(self, *words: str, text: str = "") -> str:
        command = [self.described.kubectl, "--kubeconfig", self.described.kubeconfig, "-n", self.name, *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json", "--show-managed-fields"))
        return found

    def ask(self, body: object, path: str = "/predict", timeout: float = 20) -> requests.Response:
        headers = {"Host": self.host}
        return requests.post(f"{self.described.gateway_url}{path}", json=body, headers=headers, timeout=timeout)


@contextmanager
def namespace(described: Described, name: str) -> Iterator[Namespace]:
    """Made, and removed with all that is in it; nobody waits for that."""
    own = Namespace(described, f"{name}-{uuid.uuid4().hex[:6]}")
    own.kubectl("create", "namespace", own.name)
    try:
        yield own
    finally:
        own.kubectl("delete", "namespace", own.name, "--wait=false")

"""A team whose versions passed the gate and were pushed as images, on a cluster, in a namespace of each test's own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from checkout import commit_all
from cluster.described import Described
from cluster.fixture import Cluster
from deployment.shop import TRAIN, Shop, with_versions
from stages.test_gate_and_promote import rows

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
    folder: Path,
    state_folder: Path,
    server: str,
    python: str,
    root: Path,
    cluster: Described,
    kinds: tuple[str, ...],
) -> Shop:
    """versions: by kind (of TRAIN), each trained, judged, built and pushed: these kinds at once, others when they are asked
    for."""
    model = f"shop-{uuid.uuid4().hex[:8]}"
    (folder / "train.py").write_text(TRAIN)
    (folder / "train.csv").write_text(rows(2000))
    (folder / "test.csv").write_text(rows(3000, shift=5000))
    (folder / "modelway.yml").write_text(
        CONFIG.format(model=model, python=python, base=cluster.base_image, registry=cluster.registry)
    )
    commit_all(folder)
    return with_versions(Shop(folder, server, model, root, python, state_folder), kinds)


@dataclass(frozen=True)
class Namespace:
    """One namespace of the cluster, and the host name under which its model is asked through the gateway."""

    made: Cluster
    name: str

    @property
    def host(self) -> str:
        return f"{self.name}.example.org"

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.made.get(kind, name, "-n", self.name, "--show-managed-fields")
        return found

    def apply(self, *objects: dict[str, Any]) -> None:
        self.made.apply(self.name, *objects)

    def kubectl(self, *words: str) -> str:
        return self.made.kubectl("-n", self.name, *words)

    def ask(
        self, body: object, headers: Mapping[str, str] | None = None, path: str = "/predict", timeout: float = 20
    ) -> requests.Response:
        asked = {"Host": self.host, **(headers or {})}
        return requests.post(f"{self.made.described.gateway_url}{path}", json=body, headers=asked, timeout=timeout)

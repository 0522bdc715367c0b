"""The Kubernetes target passes the suite for every target: real pods, a real gateway."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests

from deployment.shop import Shop, row
from e2e.shop import Namespace
from modelway.config import Deploy
from modelway.config.sections import Create, Kubernetes
from modelway.records import Release
from modelway.registry.stored_records import read_release
from modelway.targets import Target, open_target
from targets.case import TESTERS, Case
from targets.contract import TargetContract

SLOW_SECONDS = 0.3


class KubernetesCase(Case):
    """The shop's good release, another one, and its slow one, in a namespace without any manifests."""

    def __init__(self, shop: Shop, own: Namespace) -> None:
        self.shop, self.own, self.model, self.environment = shop, own, shop.model, "production"
        create = Create(replicas=1, cpu="50m", memory="256Mi", gateway=own.made.described.gateway, host=own.host)
        self.deploy = Deploy(
            target="kubernetes",
            kubernetes=Kubernetes(namespace=own.name, deployment="model", create=create, lease_seconds=4),
        )
        self.releases = (self.release("good"), self.release("again"), self.release("slow"))

    def release(self, kind: str) -> Release:
        stored = read_release(self.shop.client, self.shop.model, int(self.shop.versions[kind]), "production")
        assert stored is not None
        return stored.record

    def open(self, model: str = "") -> Target[Any, Any]:
        found: Target[Any, Any] = open_target(self.model, self.environment, self.deploy)
        return Target(model or self.model, self.environment, found.records, found.place)

    def send(self, count: int, bad: bool = False, tested: bool = False) -> Counter[str]:
        seen: Counter[str] = Counter()
        headers = {str(TESTERS.header): TESTERS.value} if tested else {}
        for number in range(count):
            try:
                answer = self.own.ask({"a": "no number"} if bad else row(number), headers)
            except (
                requests.ConnectionError
            ):  # a gateway may hang up where its last route has just gone: no release answered
                seen[""] += 1
                continue
            assert answer.status_code in ((400,) if bad else (200, 404, 503)), answer.text
            seen[answer.headers.get("x-modelway-version", "")] += 1
        return seen

    def deaf(self) -> AbstractContextManager[None]:
        return self.own.made.stopped("contour")

    @contextlib.contextmanager
    def full(self, number: int) -> Iterator[None]:
        """Somebody has deleted the journal."""
        self.own.kubectl("delete", "configmap", "-l", f"modelway.dev/rollout={number}")
        yield

    def long_request(self) -> Callable[[], int]:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(self.own.ask(row(1)).status_code))
        thread.start()
        thread.join(SLOW_SECONDS / 2)
        assert not found, "it is on its way"

        def waited() -> int:
            thread.join(20)
            return found[0]

        return waited


class TestKubernetesTarget(TargetContract):
    @pytest.fixture
    def case(self, built: Shop, own: Namespace) -> Case:
        return KubernetesCase(built, own)

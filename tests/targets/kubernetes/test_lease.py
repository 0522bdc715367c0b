"""Whose the lease is, while a guardian takes it over; and a connection that is cut before it says anything."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from modelway.errors import OutsideFailure, Refused
from modelway.targets.kubernetes import lease
from modelway.targets.kubernetes.cluster import Cluster
from targets.kubernetes.api_server import ApiServer, ClusterInMemory

HOLDER = {"modelway.dev/nonce": "1", "modelway.dev/what": "deploying version 2", "modelway.dev/who": "a runner"}


class Direct(ClusterInMemory):
    """happens: what somebody else writes before the number of a call."""

    def __init__(self, happens: Mapping[int, tuple[str, str]]) -> None:
        super().__init__(ApiServer())
        self.happens, self.calls = happens, 0
        self.write("deploying version 2 by a runner", "1")

    def write(self, holder: str, nonce: str) -> None:
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 3, "renewTime": str(self.calls)}
        body = {"metadata": {"name": "t", "annotations": HOLDER | {"modelway.dev/nonce": nonce}}, "spec": spec}
        if ("Lease", "t") in self.api.objects:
            self.api.answer("PUT", self.path("Lease", "t"), {}, body, "application/json")
        else:
            self.api.create("Lease", body)

    def call(self, *asked: Any) -> bytes:
        self.calls += 1
        if self.calls in self.happens:
            self.write(*self.happens[self.calls])
        return super().call(*asked)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.05)


def taken(happens: Mapping[int, tuple[str, str]]) -> lease.KubernetesLease:
    return lease.take(
        Direct(happens), "t", "me", "deploying", seconds=3, always=False, guard_seconds=1, say=lambda said: None
    )


def test_a_guardian_that_takes_it_over_meanwhile_is_waited_for() -> None:
    """It looks as long as we do, began before us, and gives it back at once."""
    found = taken({4: ("guardian of-a-pod", "2"), 7: ("", "2")})
    found.give_back()
    assert found.nonce not in ("1", "2")


@pytest.mark.parametrize("other", [("deploying version 2 by a runner", "1"), ("deploying version 3 by b", "2")])
def test_who_renews_it_or_takes_it_over_is_alive(other: tuple[str, str]) -> None:
    with pytest.raises(Refused, match="is at work on this target"):
        taken({4: other})


def test_it_is_given_back_also_where_the_last_renewals_answer_was_lost() -> None:
    cluster = Direct({})
    found = lease.take(cluster, "t", "me", "leaving", seconds=60, guard_seconds=30, always=True, say=lambda said: None)
    known = cluster.get("Lease", "t")
    assert known is not None
    known["spec"]["renewTime"] = "later"
    cluster.replace(known)
    found.give_back(left=True)
    now = cluster.get("Lease", "t")
    assert now is not None
    assert now["spec"]["holderIdentity"] == ""
    assert now["metadata"]["annotations"][lease.GUARD] == "30"


def test_a_connection_that_is_cut_at_once_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a balancer whose server just died: the client has an exception of its own for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def cut() -> None:
            listening.accept()[0].close()

        thread = threading.Thread(target=cut)
        thread.start()
        cluster = {"name": "c", "cluster": {"server": f"https://127.0.0.1:{listening.getsockname()[1]}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        known = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {"token": "t"}}]}
        monkeypatch.setenv("KUBECONFIG", json.dumps({"current-context": "c", **known}))
        with pytest.raises(OutsideFailure, match="TLS failed|cannot be reached"):
            Cluster(None, "models").text("/api")
        thread.join(10)

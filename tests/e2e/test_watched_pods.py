"""Pods of a release count what they are asked, and monitor-model fetches that from any runner, with the Role that is printed:
also when pods have ended meanwhile."""

from __future__ import annotations

import base64
import json
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from deployment.shop import Shop, row
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, on_cluster
from e2e.test_role import may, rules_of
from modelway.monitoring.kept_days import DaysPart
from modelway.targets.counting_servers import VARIABLE
from modelway.targets.kubernetes import names

pytestmark = pytest.mark.long


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterTeam:
    made = on_cluster(built, tmp_path, own)
    made.apply_manifests()
    monkeypatch.setenv("KUBECONFIG", may(own, rules_of(creates=False), tmp_path))
    return made


def kept(own: Namespace) -> dict[str, int]:
    """Rows by day."""
    found = json.loads(own.kubectl("get", "configmaps", "-l", names.DAYS, "-o", "json"))["items"]
    parts = [
        msgspec.json.decode(zlib.decompress(base64.b64decode(item["binaryData"]["days"])), type=DaysPart)
        for item in found
    ]
    return {day: one.rows for part in parts for day, one in part.days.items()}


def asked(own: Namespace, count: int) -> None:
    for number in range(count):
        own.ask(row(number)).raise_for_status()


def wait_for_a_minute() -> None:
    time.sleep(63 - datetime.now(UTC).second)


def environment(own: Namespace) -> dict[str, str]:
    containers = own.get("deployment", NAME)["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item.get("value", "") for item in containers[0]["env"]}


def test_two_runners_and_a_pod_that_ends_count_every_request_once(
    team: ClusterTeam, own: Namespace, tmp_path: Path
) -> None:
    said = team.deploy("again", "--strategy", "all-at-once")
    assert set(environment(own)) == {"OMP_NUM_THREADS", VARIABLE}, "what is the team's stays"
    asked(own, 40)
    wait_for_a_minute()
    for runner in ("one", "other"):
        said += team.must("monitor_model", 3, MODELWAY_STATE=str(tmp_path / runner))
        assert sum(kept(own).values()) == 40
    asked(own, 20)
    wait_for_a_minute()
    said += team.must("monitor_model", 3)
    assert sum(kept(own).values()) == 60
    pods = own.kubectl("get", "pods", "-l", f"app={NAME}", "-o", "name").split()
    own.kubectl("delete", pods[0], "--wait=true")
    own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")
    asked(own, 10)
    wait_for_a_minute()
    said += team.must("monitor_model", 3)
    assert sum(kept(own).values()) == 70
    name = pods[0].partition("/")[2]
    assert f"pod {name} has ended, and nobody knows what it counted in" in said
    secret = own.get("secret", names.SKETCHES)["data"]
    for token in secret.values():
        assert token not in said and base64.b64decode(token).decode() not in said
    said = team.roll_back()
    assert set(environment(own)) == {"OMP_NUM_THREADS"}, "what ran before modelway came counts nothing"

"""A chart that Helm itself installed: what is Helm's is left to it, and the way out that the message names works."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cluster import programs
from deployment.shop import Shop
from e2e.interrupted import LEASE_SECONDS, Written, problems
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, manifests, on_cluster

pytestmark = pytest.mark.long
LIVE = f'{{{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace "{NAME}" }}}}\n'
IMAGE = "{{ (index $live.spec.template.spec.containers 0).image }}"


class Chart:
    """The team's manifests in a folder, and Helm's way to the cluster."""

    def __init__(self, program: Path, folder: Path, team: ClusterTeam) -> None:
        assert team.own is not None
        self.program, self.folder, self.team, self.own = program, folder, team, team.own
        (folder / "templates").mkdir(parents=True)
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: flight-delay\nversion: 0.1.0\n")

    def write(self, image: str, before: str = "") -> None:
        items = manifests(self.own, "@IMAGE@")
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).replace("@IMAGE@", image)
        (self.folder / "templates" / "all.yaml").write_text(before + text)

    def applied(self, *flags: str) -> None:
        words = ("upgrade", "--install", NAME, str(self.folder), "-n", self.own.name, "--timeout", "2m", *flags)
        environ = {**os.environ, "KUBECONFIG": self.own.made.described.kubeconfig, "HOME": str(self.folder)}
        done = subprocess.run([self.program, *words], env=environ, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stderr
        self.own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")


@pytest.mark.parametrize("version", sorted(programs.HELM_LOCKS))
def test_what_helm_installed_is_helms(built: Shop, own: Namespace, tmp_path: Path, version: str) -> None:
    team = on_cluster(built, tmp_path, own)
    chart = Chart(programs.helm(version), tmp_path / "chart", team)
    chart.write(team.image("good"))
    chart.applied()
    before = Written.of(team)
    with team.requests(30) as seen:
        said = team.deploy("again", "--strategy", "all-at-once", code=2)
        assert "HTTPRoute flight-delay: Helm (helm) owns .spec.rules" in said, said
        assert "lookup" in said and "add helm to deploy.kubernetes.take-over" in said
        assert "or let it deploy" in said
        assert team.running() == team.image("good") and Written.of(team) == before

        chart.write(IMAGE, LIVE)
        chart.applied()
        keys = {"take-over": ["helm"], "lease-seconds": LEASE_SECONDS, "ready-seconds": 180}
        team.configure_cluster("all-at-once", **keys)
        said = team.deploy("again")
        assert problems(team, "again", before) == [], said

        chart.applied("--description", "something else has changed")
        assert problems(team, "again", before) == []
        said = team.roll_back()
        assert problems(team, "good", before) == [], said
    assert not seen["failed"], seen

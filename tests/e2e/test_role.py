"""A delivery with exactly the Role that docs/kubernetes.md prints: enough for all of it, and nothing in it is for nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployment.shop import DEPLOYED, Shop
from e2e.shop import Namespace
from e2e.team import ClusterTeam, on_cluster
from modelway.targets.kubernetes import role

pytestmark = pytest.mark.long
RECORD = Path(__file__).with_name("verbs_used.py")
Rule = dict[str, list[str]]


def may(own: Namespace, rules: list[Rule], folder: Path) -> str:
    """The path of a kubeconfig of a service account that may do this much in the namespace."""
    metadata = {"name": role.NAME}
    reference = {"apiGroup": role.RBAC, "kind": "Role", "name": role.NAME}
    subject = {"kind": "ServiceAccount", "name": role.NAME, "namespace": own.name}
    api = f"{role.RBAC}/v1"
    own.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": api, "kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [subject]},
    )
    document = json.loads(Path(own.made.described.kubeconfig).read_text())
    token = own.kubectl("create", "token", role.NAME, "--duration=1h").strip()
    document["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return str(path)


def rules_of(*, creates: bool) -> list[Rule]:
    found: list[Rule] = role.role(creates=creates)["rules"]
    return found


def verbs_of(rules: list[Rule]) -> set[str]:
    """Such as `get apps/deployments`."""
    return {
        f"{verb} {group}/{resource}".replace(" /", " ")
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def without(rules: list[Rule], resource: str, verb: str) -> list[Rule]:
    found = [
        {**rule, "verbs": [said for said in rule["verbs"] if (rule["resources"], said) != ([resource], verb)]}
        for rule in rules
    ]
    return [rule for rule in found if rule["verbs"]]


class Recorded:
    """Runs of a team's commands, with the verbs that they used."""

    def __init__(self, team: ClusterTeam, folder: Path) -> None:
        self.team, self.file = team, folder / "verbs"
        self.file.touch()

    def run(self, script: str, *flags: str, code: int = 0) -> str:
        command = [self.team.root / "scripts" / "run", "--in", "deploy", "python", "-I", RECORD, self.file, script]
        environ = {"MLFLOW_TRACKING_URI": self.team.server, "MODELWAY_STATE": str(self.team.state)}
        done = subprocess.run(
            [*map(str, command), "--environment", self.team.environment, *flags],
            cwd=self.team.folder,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def deploy(self, kind: str, *flags: str, code: int = 0) -> str:
        return self.run("deploy_model", "--version", self.team.versions[kind], *DEPLOYED, *flags, code=code)

    @property
    def verbs(self) -> set[str]:
        return set(self.file.read_text().split("\n")) - {""}


@pytest.fixture
def recorded(built: Shop, own: Namespace, tmp_path: Path) -> Recorded:
    team = on_cluster(built, tmp_path, own)
    text = (team.folder / "modelway.yml").read_text()
    (team.folder / "modelway.yml").write_text(text.replace("slower-than-ms: 250", "slower-than-ms: 5000"))
    return Recorded(team, tmp_path)


def deliver(recorded: Recorded) -> None:
    """All that is ever done: a canary that goes back, one release after another, a way back, an end and a new beginning."""
    team = recorded.team
    with team.requests():
        assert "rolled back" in recorded.deploy("failing", code=1)
        recorded.deploy("again", "--strategy", "all-at-once")
        recorded.run("rollback_release")
    recorded.run("stop_deployment")
    recorded.deploy("again", "--strategy", "all-at-once")


NEVER_USED_HERE = {
    "get pods/log",  # the last words of what fails: tests/e2e/test_trouble.py
    "delete gateway.networking.k8s.io/httproutes",  # a first release is undone that had the traffic: tests/targets/contract.py
    "list autoscaling/horizontalpodautoscalers",  # strategy rolling: tests/e2e/test_rolling.py
    *(f"{verb} {role.ISTIO}/virtualservices" for verb in ("get", "list", "patch")),  # the tests' cluster has no Istio
    *(f"{verb} {role.ISTIO}/destinationrules" for verb in ("list", "create", "patch")),
    "patch apps/deployments/scale",  # stable was scaled down meanwhile: tests/e2e/test_scaling.py
}


def test_a_deployment_of_the_teams_own(
    recorded: Recorded, own: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rules_of(creates=False)
    recorded.team.apply_manifests()
    monkeypatch.setenv("KUBECONFIG", may(own, rules, tmp_path))
    deliver(recorded)
    by_pods = {"patch pods", "list discovery.k8s.io/endpointslices"}  # without a route: see below
    assert recorded.verbs <= verbs_of(rules)
    assert verbs_of(rules) - recorded.verbs - by_pods - NEVER_USED_HERE == set()


def test_objects_that_are_made(
    recorded: Recorded, own: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rules_of(creates=True)
    gateway = {"gateway": own.made.described.gateway, "host": own.host}
    create: dict[str, Any] = {"replicas": 1, "cpu": "50m", "memory": "256Mi", "max-replicas": 2, **gateway}
    recorded.team.configure_cluster(create=create)
    monkeypatch.setenv("KUBECONFIG", may(own, rules, tmp_path))
    none = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    own.apply(none)
    recorded.deploy("good", code=4)
    assert own.kubectl("get", "deployments,services,httproutes,pdb,hpa", "-o", "name") == ""
    own.kubectl("delete", "resourcequota", "none")
    recorded.deploy("good")
    recorded.deploy("again", "--strategy", "all-at-once")
    recorded.run("rollback_release")
    recorded.run("stop_deployment")
    recorded.deploy("again", "--strategy", "all-at-once")
    assert recorded.verbs <= verbs_of(rules)
    more = verbs_of(rules) - verbs_of(rules_of(creates=False))
    assert more - recorded.verbs - NEVER_USED_HERE == set()


def test_connections_shared_by_pods(
    recorded: Recorded, own: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rules_of(creates=False)
    recorded.team.apply_manifests(route=False)
    recorded.team.load_pod()
    monkeypatch.setenv("KUBECONFIG", may(own, rules, tmp_path))
    recorded.deploy("failing", code=1)
    assert recorded.verbs <= verbs_of(rules)
    assert {"patch pods", "list discovery.k8s.io/endpointslices"} <= recorded.verbs


@pytest.mark.parametrize(
    ("resource", "verb", "line"),
    [
        ("deployments", "get", "{apiGroups: [apps], resources: [deployments], verbs: [get]}"),
        ("leases", "update", "{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [update]}"),
        ("configmaps", "create", '{apiGroups: [""], resources: [configmaps], verbs: [create]}'),
        ("httproutes", "patch", "{apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: [patch]}"),
        ("pods/proxy", "get", '{apiGroups: [""], resources: [pods/proxy], verbs: [get]}'),
        ("jobs", "create", "{apiGroups: [batch], resources: [jobs], verbs: [create]}"),
    ],
)
def test_a_verb_that_is_missing_is_told_as_the_line_of_the_role(
    recorded: Recorded,
    own: Namespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    verb: str,
    line: str,
) -> None:
    """The line is what docs/kubernetes.md has, and with it added the same command goes on."""
    team = recorded.team
    team.apply_manifests(replicas=1)
    rules = rules_of(creates=False)
    monkeypatch.setenv("KUBECONFIG", may(own, without(rules, resource, verb), tmp_path))
    team.configure_cluster("all-at-once")
    done = team.run("deploy_model", "--environment", team.environment, "--version", team.versions["again"], *DEPLOYED)
    errors = [said for said in done.stderr.splitlines() if said.startswith("error")]
    assert done.returncode in (2, 4) and len(errors) == 1, done.stderr
    assert f"may not {verb} {resource}" in errors[0] and f"add to the Role: - {line}" in errors[0]
    assert re.search(rf"namespace {own.name}\b", errors[0])
    assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""
    assert team.running() == team.image("good")

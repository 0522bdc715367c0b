"""Whatever a team has got wrong is said in one line with its fix, and the cluster is as it was."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from cluster.fixture import Cluster, wait_until
from deployment.shop import DEPLOYED, Shop
from e2e.bad_input import CONFIGURED, FAILS, REFUSED, own, patched
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, on_cluster
from modelway.errors import Refused
from modelway.targets.kubernetes import cluster as modelway_cluster
from modelway.targets.kubernetes import lease, names

KINDS = "deployments,services,httproutes,configmaps,jobs,serviceaccounts,roles,rolebindings"
NOTES = (names.FENCE, names.TARGET, "deployment.kubernetes.io/revision")
"""Annotations that a command leaves: whose the object is, and under which lease it was marked."""


@pytest.fixture(scope="module")
def team(built: Shop, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterTeam]:
    """One namespace for all: nothing may change in it."""
    with cluster.namespace() as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", cluster.described.kubeconfig)
        made = on_cluster(built, tmp_path_factory.mktemp("bad"), Namespace(cluster, name))
        made.apply_manifests()
        yield made


def everything(team: ClusterTeam, records: bool) -> dict[tuple[str, str], Any]:
    """By kind and name what the objects of the namespace say. records: also what is modelway's own record."""
    found = {}
    for item in own(team).made.get(KINDS, "-n", own(team).name)["items"]:
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        if not records and names.TARGET in labels and names.SLOT not in labels and item["kind"] == "ConfigMap":
            continue
        annotations = {key: said for key, said in (metadata.get("annotations") or {}).items() if key not in NOTES}
        said = {part: item.get(part) for part in ("spec", "data", "rules", "subjects")}
        found[item["kind"], metadata["name"]] = {**said, "labels": labels, "annotations": annotations}
    return found


def tried(team: ClusterTeam, code: int, said: str, script: str = "deploy_model", **environ: str) -> str:
    flags = ("--version", team.versions["again"], *DEPLOYED) if script == "deploy_model" else ()
    printed = team.must(script, code, *flags, **environ)
    line = next(line for line in printed.splitlines() if line.startswith("error"))
    assert said in line and "Fix: " in line, line
    return line


@pytest.mark.parametrize("name", CONFIGURED)
def test_what_modelway_yml_says_wrongly_is_refused(team: ClusterTeam, name: str) -> None:
    keys, said = CONFIGURED[name]
    team.configure_cluster(**keys)
    before = everything(team, records=True)
    tried(team, 2, said)
    assert everything(team, records=True) == before


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_before_anything_is_touched(team: ClusterTeam, name: str) -> None:
    wrong, said = REFUSED[name]
    team.configure_cluster()
    with wrong(team):
        before = everything(team, records=True)
        tried(team, 2, said)
        assert everything(team, records=True) == before


@pytest.mark.parametrize("name", FAILS)
def test_what_the_cluster_does_not_take_leaves_nothing(team: ClusterTeam, name: str) -> None:
    wrong, said = FAILS[name]
    team.configure_cluster("all-at-once")
    with wrong(team):
        before = everything(team, records=False)
        assert "traffic is where it was" in tried(team, 4, said)
        wait_until(lambda: everything(team, records=False) == before, 20)


@contextlib.contextmanager
def without_manifest(image: str) -> Iterator[None]:
    """It is in its registry no more."""
    registry, _, rest = image.partition("/")
    repository, _, digest = rest.partition("@")
    url = f"http://{registry}/v2/{repository}/manifests/{digest}"
    kind = {"accept": "application/vnd.oci.image.manifest.v1+json"}
    there = requests.get(url, headers=kind, timeout=10)
    requests.delete(url, timeout=10).raise_for_status()
    try:
        yield
    finally:
        headers = {"content-type": there.headers["content-type"]}
        requests.put(url, data=there.content, headers=headers, timeout=10).raise_for_status()


@pytest.mark.long
def test_an_image_that_is_not_there_any_more(team: ClusterTeam) -> None:
    team.configure_cluster("all-at-once")
    always = {"op": "add", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "Always"}
    with patched(team, "deployment", always):
        own(team).kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
        before = everything(team, records=False)
        with without_manifest(team.image("again")):
            line = tried(team, 4, "cannot pull")
        assert "push the image to this repository" in line
        wait_until(lambda: everything(team, records=False) == before, 20)
    own(team).kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")


@pytest.mark.long
def test_an_image_that_the_cluster_rewrites(team: ClusterTeam) -> None:
    """The pods are ready, and are not what was deployed."""
    team.configure_cluster("all-at-once")
    before, ended = everything(team, records=False), threading.Event()
    other = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": team.image("good")}

    def rewrite() -> None:
        while not ended.wait(0.05):
            for name in own(team).kubectl("get", "deployments", "-l", names.SLOT, "-o", "name").split():
                own(team).made.try_kubectl(
                    "-n", own(team).name, "patch", name, "--type=json", "-p", json.dumps([other])
                )
                ended.wait(20)

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        tried(team, 4, "does something in the cluster rewrite images?")
    finally:
        ended.set()
        thread.join()
    wait_until(lambda: everything(team, records=False) == before, 20)


@pytest.mark.parametrize("wrong", ["token", "certificate", pytest.param("server", marks=pytest.mark.long)])
def test_a_cluster_that_is_not_reached(team: ClusterTeam, wrong: str, tmp_path: Path) -> None:
    document = json.loads(Path(own(team).made.described.kubeconfig).read_text())
    entry = document["clusters"][0]["cluster"]
    code, said = 2, ""
    if wrong == "token":
        document["users"][0]["user"] = {"token": "revoked"}
        said = "does not accept these credentials"
    elif wrong == "certificate":
        entry.pop("certificate-authority-data", None)
        entry.pop("certificate-authority", None)
        said = "the certificate of"
    else:
        entry["server"] = "https://127.0.0.1:1"
        code, said = 4, "the cluster cannot be reached"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    team.configure_cluster()
    before = everything(team, records=True)
    for script in ("deploy_model", "rollback_release"):
        tried(team, code, said, script, KUBECONFIG=str(path))
    assert everything(team, records=True) == before


@pytest.mark.parametrize("said", ["", "garbage", "[]", "{}", '{"model": 1}'])
def test_a_state_that_somebody_has_spoilt(team: ClusterTeam, said: str) -> None:
    team.configure_cluster()
    key = names.key(team.model, team.environment)
    target = f"{names.TARGET}={key},!{names.ROLLOUT}"
    own(team).kubectl("delete", "configmap", "-l", target)
    own(team).kubectl("create", "configmap", key, f"--from-literal=state.json={said}")
    try:
        before = everything(team, records=True)
        for script in ("deploy_model", "rollback_release"):
            line = tried(team, 2, f"ConfigMap {key}: state.json is not what deploy-model writes", script)
            assert "delete the ConfigMap, and deploy again" in line
        assert everything(team, records=True) == before
    finally:
        own(team).kubectl("delete", "configmap", key)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_the_clocks_may_differ(
    team: ClusterTeam, cluster: Cluster, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease is alive where it changes, whatever times are written into it."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + 60 * minutes))
    ticks = iter(range(10**6))
    monkeypatch.setattr(lease, "_time", lambda: f"{at[:-7]}{next(ticks) % 10**6:06d}Z")
    monkeypatch.setenv("KUBECONFIG", cluster.described.kubeconfig)
    there = modelway_cluster.Cluster(None, own(team).name)

    def take(who: str) -> lease.KubernetesLease:
        return lease.take(
            there, "clocks", who, "a test", seconds=3, guard_seconds=0, always=False, say=lambda said: None
        )

    first = take("first")
    with pytest.raises(Refused, match="first is at work"):
        take("second")
    first._ended.set()  # it has died: nobody renews it
    began = time.monotonic()
    take("second").give_back()
    assert time.monotonic() - began < 50
    own(team).kubectl("delete", "lease", "clocks")

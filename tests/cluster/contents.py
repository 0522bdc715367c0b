"""What a new cluster is filled with: images, Gateway API with a Gateway, and Prometheus' Service."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import requests

from cluster import images
from cluster.components import READY
from cluster.plan import NODE, PROMETHEUS_NAMESPACE, Plan
from modelway.errors import OutsideFailure
from modelway.files import last_line

MANIFESTS = Path(__file__).with_name("manifests")
START_SECONDS = 180
"""Ten times what it takes: a machine that is busy with everything else at once."""


def fill(plan: Plan, keeper: subprocess.Popen[bytes]) -> str:
    """Wait until all of it is ready; the base image by digest. OutsideFailure, with the last words of what did not start."""

    def until(component: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if keeper.poll() is not None or time.monotonic() > deadline:
                log = plan.logs / f"{component if keeper.poll() is None else 'supervisor'}.log"
                raise OutsideFailure(f"{component} did not start: {last_line(log)}", where=str(log), fix="read its log")
            time.sleep(0.1)

    registry = f"127.0.0.1:{plan.ports['registry']}"
    until("registry", lambda: _answers(f"http://{registry}/v2/"))
    until("private-registry", lambda: _answers(f"{plan.url('private-registry')}/v2/", 401))
    images.push_pause(registry)
    until("kube-apiserver", lambda: _kubectl(plan, "get", "--raw", "/readyz").returncode == 0)
    definitions = [flag for file in sorted(plan.programs["crds"].glob("*.yaml")) for flag in ("-f", str(file))]
    _kubectl(plan, "apply", "--server-side", *definitions, check=True)
    _kubectl(plan, "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s", check=True)
    (plan.state / READY).touch()
    prometheus = (MANIFESTS / "prometheus.yaml").read_text().replace("@PORT@", str(plan.ports["prometheus"]))
    manifests = [(MANIFESTS / "gateway.yaml").read_text(), prometheus.replace("@PAUSE@", f"{registry}/{images.PAUSE}")]
    until("kube-controller-manager", lambda: _has(plan, "serviceaccount/default", ""))
    _kubectl(plan, "apply", "--server-side", "-f", "-", content="---\n".join(manifests), check=True)
    base = images.push_base(registry)
    until("kubelet", lambda: _has(plan, f"node/{NODE}", "Ready"))
    until("contour", lambda: _has(plan, "gateway/contour", "Programmed", "projectcontour"))
    until("envoy", lambda: _answers(f"{plan.url('statistics')}/ready"))
    until("prometheus", lambda: _has(plan, "pod/prometheus", "Ready", PROMETHEUS_NAMESPACE))
    return base


def _kubectl(plan: Plan, *arguments: str, content: str = "", check: bool = False) -> subprocess.CompletedProcess[str]:
    command = [
        str(plan.programs["kubectl"]),
        "--kubeconfig",
        str(plan.kubeconfig),
        "--cache-dir",
        str(plan.state / "kubectl"),
    ]
    done = subprocess.run([*command, *arguments], input=content, capture_output=True, text=True, timeout=START_SECONDS)
    if check and done.returncode:
        raise OutsideFailure(f"kubectl {arguments[0]}: {done.stderr.strip()[:300]}", fix="read the cluster's logs")
    return done


def _has(plan: Plan, name: str, condition: str, namespace: str = "default") -> bool:
    """Whether it is there, and the condition, if one is asked for, true."""
    done = _kubectl(plan, "get", name, "-n", namespace, "-o", "json")
    if done.returncode or not condition:
        return done.returncode == 0
    conditions = json.loads(done.stdout).get("status", {}).get("conditions", [])
    return any(one["type"] == condition and one["status"] == "True" for one in conditions)


def _answers(url: str, status: int = 200) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == status
    except requests.RequestException:
        return False

"""The team's own manifests on the cluster, made by hand, and its deliveries to them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deployment.shop import DEPLOYED, Shop, row
from e2e.shop import Namespace
from modelway.registry.stored_records import read_release
from traffic import traffic

NAME = "flight-delay"
ENVIRONMENT = """\
  {environment}:
    deploy:
      target: kubernetes
      strategy: {strategy}
      steps: [50, 100]
      step-seconds: 1
      bake-seconds: 2
      timeout-seconds: 120
      history-seconds: 5
      judge: {{block-seconds: 1, latency: {{slower-than-ms: 250}}}}
      kubernetes: {kubernetes}
"""


CLIENT = """
import collections, http.client, json, os, threading, time
rows, host, rate = json.loads(os.environ["ROWS"]), os.environ["HOST"], float(os.environ["RATE"])
seen = collections.Counter()

def ask(number):
    try:
        client = http.client.HTTPConnection(host, 80, timeout=10)  # a new connection for every request
        client.request("POST", "/predict", json.dumps(rows[number % len(rows)]), {"content-type": "application/json"})
        answer = client.getresponse()
        answer.read()
        seen[f"{answer.getheader('x-modelway-version')} {answer.status}"] += 1
        seen["failed"] += answer.status != 200
    except OSError as error:
        seen[f"{type(error).__name__} of request {number}"] += 1
        seen["failed"] += 1
    finally:
        client.close()

while not seen:  # rollout status knows nothing of kube-proxy, which leads connections there up to a second later
    ask(0)
    seen = +seen if seen["failed"] == 0 else collections.Counter()
    time.sleep(0.02)

number = 0
while True:
    threading.Thread(target=ask, args=(number,)).start()
    number += 1
    if number % 20 == 0:
        print(json.dumps(seen), flush=True)
    time.sleep(1 / rate)
"""


def manifests(own: Namespace, image: str, replicas: int = 2) -> list[dict[str, Any]]:
    """As a team writes them: a sidecar, a volume, a service account, labels that a policy may use; a route with a rule of
    somebody else's before its own."""
    labels = {"app": NAME, "team": "models", "tier": "serving"}
    probe = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1}
    drains = {"sleep": {"seconds": 3}} if own.made.minor >= 30 else {"exec": {"command": ["sleep", "3"]}}
    server = {
        "name": "server",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe,
        "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
        "lifecycle": {"preStop": drains},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    sidecar = {
        "name": "logs",
        "image": own.made.described.base_image,
        "command": ["python3", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
    }
    spec = {
        "serviceAccountName": NAME,
        "containers": [server, sidecar],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "tolerations": [{"key": "models", "operator": "Exists"}],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"selector": {"app": NAME}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    namespace, name = own.made.described.gateway.split("/")
    foreign = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/admin"}}],
        "backendRefs": [{"name": "somebody-elses", "port": 80}],
    }
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": NAME, "port": 80}],
    }
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": NAME},
        "spec": {
            "parentRefs": [{"name": name, "namespace": namespace}],
            "hostnames": [own.host],
            "rules": [foreign, rule],
        },
    }
    elses = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "somebody-elses"},
        "spec": {"selector": {"app": "somebody-elses"}, "ports": [{"port": 80}]},
    }
    return [account, deployment, service, elses, route]


@dataclass(frozen=True)
class ClusterTeam(Shop):
    """The shop's project with an environment on the cluster."""

    own: Namespace | None = None

    def configure_cluster(self, strategy: str = "canary", **kubernetes: Any) -> None:
        assert self.own is not None
        keys = {"namespace": self.own.name, "deployment": NAME, "lease-seconds": 4, "ready-seconds": 180, **kubernetes}
        text = (self.folder / "modelway.yml").read_text().partition(f"  {self.environment}:")[0]
        flow = yaml.safe_dump(keys, default_flow_style=True, width=10_000).strip()
        text += ENVIRONMENT.format(environment=self.environment, strategy=strategy, kubernetes=flow)
        (self.folder / "modelway.yml").write_text(text)

    def apply_manifests(self, kind: str = "good", replicas: int = 2, route: bool = True) -> None:
        """What ran before modelway came: an image that the team rolled out by hand."""
        assert self.own is not None
        made = manifests(self.own, self.image(kind), replicas)
        self.own.apply(*(item for item in made if route or item["kind"] != "HTTPRoute"))
        self.own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")

    def image(self, kind: str) -> str:
        stored = read_release(self.client, self.model, int(self.versions[kind]), "production")
        assert stored is not None
        return stored.record.image

    def running(self) -> str:
        """The image of the team's Deployment."""
        assert self.own is not None
        containers = self.own.get("deployment", NAME)["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["image"])

    def requests(self, per_second: float = 60) -> AbstractContextManager[Counter[str]]:
        assert self.own is not None
        return traffic(self.own.made.described.gateway_url, row, per_second, self.own.host)

    def load_pod(self, per_second: float = 30) -> None:
        """Starts a pod that sends requests to the Service, each over a connection of its own; `counted` says what it saw."""
        assert self.own is not None
        address = self.own.get("service", NAME)["spec"]["clusterIP"]
        values = {"HOST": address, "RATE": str(per_second), "ROWS": json.dumps([row(number) for number in range(50)])}
        container = {
            "name": "client",
            "image": self.own.made.described.base_image,
            "command": ["python3", "-u", "-c", CLIENT],
            "env": [{"name": name, "value": value} for name, value in values.items()],
        }
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
        self.own.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": spec})
        self.own.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")

    def counted(self) -> Counter[str]:
        assert self.own is not None
        lines = self.own.kubectl("logs", "client", "--tail=1").splitlines()
        return Counter(json.loads(lines[-1]) if lines else {})

    def serving(self) -> str:
        assert self.own is not None
        seen = {self.own.ask(row(number)).headers.get("x-modelway-version", "") for number in range(20)}
        return "+".join(sorted(seen))

    def started(self, kind: str, *flags: str) -> subprocess.Popen[str]:
        """deploy-model's own process."""
        return self.start("deploy_model", "--version", self.versions[kind], *DEPLOYED, *flags)


def on_cluster(built: Shop, folder: Path, own: Namespace) -> ClusterTeam:
    copy = folder / "project"
    shutil.copytree(built.folder, copy, symlinks=True)
    values = {name: getattr(built, name) for name in Shop.__dataclass_fields__}
    team = ClusterTeam(**{**values, "folder": copy, "environment": f"cluster-{own.name}"}, own=own)
    team.configure_cluster()
    return team


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> str:
    """What it said, once it has ended."""
    os.kill(process.pid, number)
    said, _ = process.communicate(timeout=60)
    return said

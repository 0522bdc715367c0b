"""Where the demo's models go: this machine, or a real Kubernetes."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo_act import OUT, ROOT, run_script, say

STATE = OUT / "state"
CLUSTER = OUT / "cluster"
START_SECONDS = 2400
"""With a first build of Kubernetes."""
LOCAL_IMAGE = """
build: { base-image: "%s", image: %s/flight-delay }
"""
ON_CLUSTER = """
  production:
    deploy:
      target: kubernetes
      kubernetes:
        deployment: flight-delay
        create: { replicas: 2, cpu: 50m, memory: 256Mi, gateway: %s }
        address: %s
      steps: [25, 50, 100]
      step-seconds: 6
      bake-seconds: 12
      timeout-seconds: 180
      history-seconds: 10
      judge: { block-seconds: 2, errors: { margin-rate: 0.02 }, latency: { warm-up-seconds: 0, margin-rate: 0.1 } }
"""


class ThisMachine:
    """Staging and production are processes beside the runner."""

    scenes = ("first", "challenger", "worse", "cleaned", "slow", "rollback")
    address = "http://127.0.0.1:18180"
    first_share = "25%"
    requests_per_second = 200
    """So that a quarter of them is a fair sample within seconds."""
    traffic_from = "alias staging: version"
    """What is said where live traffic begins: two cores hold it, or training, the gate and another deployment."""
    secrets: Mapping[str, str] = {}
    environ: Mapping[str, str] = {}

    def __init__(self, project: Path) -> None:
        self.project = project

    def begin(self) -> None:
        """All is started by the first delivery."""

    def environ_of(self, scene: str) -> dict[str, str]:
        return {"MODELWAY_STATE": str(STATE)}

    def end(self) -> None:
        for environment in ("staging", "production"):
            if (STATE / "targets" / f"flight-delay-{environment}").is_dir():
                run_script("stop_deployment", "--working-directory", str(self.project), "--environment", environment)


class Cluster:
    """Production is a cluster, and nothing of one workflow's run is left for the next."""

    scenes = ("first", "challenger", "cleaned", "rollback")
    first_share = "25%"
    requests_per_second = 200
    traffic_from = "actions/build-image@"

    def __init__(self, project: Path) -> None:
        self.project = project
        self.process: subprocess.Popen[str] | None = None
        self.described: dict[str, Any] = {}

    @property
    def address(self) -> str:
        return str(self.described["gateway_url"])

    @property
    def secrets(self) -> dict[str, str]:
        return {"KUBECONFIG": Path(self.described["kubeconfig"]).read_text(encoding="utf-8")}

    @property
    def environ(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.described["kubeconfig"])}

    def begin(self) -> None:
        say("starting a Kubernetes (its first build takes ten minutes), with a gateway and a registry")
        CLUSTER.mkdir(parents=True)
        run = ROOT / "tests" / "cluster" / "run.py"
        command = [ROOT / "scripts" / "run", "--in", "test", "python", run, "--folder", CLUSTER, "--until-input-ends"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        while True:
            answered, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
            line = self.process.stdout.readline() if answered else ""
            if line == "ready\n":
                break
            if not line:
                raise SystemExit(f"error: demo: the cluster did not start: see {CLUSTER}/logs")
        self.described = json.loads((CLUSTER / "cluster.json").read_text(encoding="utf-8"))
        configuration = self.project / "modelway.yml"
        text = configuration.read_text(encoding="utf-8").partition("\nenvironments:\n")[0]
        text += LOCAL_IMAGE % (self.described["base_image"], self.described["registry"]) + "\nenvironments:"
        configuration.write_text(text + ON_CLUSTER % (self.described["gateway"], self.address), encoding="utf-8")
        template = ROOT / "workflows-templates" / "deliver-to-kubernetes.yml"
        (self.project / ".github" / "workflows" / "model.yml").write_bytes(template.read_bytes())

    def environ_of(self, scene: str) -> dict[str, str]:
        return {"MODELWAY_STATE": str(STATE / scene), "XDG_CACHE_HOME": str(OUT / f"act-{scene}")}

    def end(self) -> None:
        if self.process is None or self.process.stdin is None:
            return
        self.process.stdin.close()
        self.process.wait(60)
        self.process = None

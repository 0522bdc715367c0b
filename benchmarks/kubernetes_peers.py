"""Healthy and bad releases on one cluster, by our canary and by Flagger's, each with what its own documentation shows first.

    scripts/run --in test python benchmarks/kubernetes_peers.py [--healthy 20] [--bad 20] [--teams 3] [--per-second 60]

Flagger (built from Go modules on first use) has the Canary of its Gateway API tutorial, with its own two queries for Envoy's
statistics; ours has nothing but `strategy: canary` and the same Prometheus. Each team has a namespace, a Deployment of one
replica and live requests all the time; after half an hour of them (Flagger, which reads none of it, at once) it brings its
releases one after another. A cluster is started, or that of MODELWAY_E2E_CLUSTER is used.

What answers, for both, is peers/service: servers of models take so much of two cores that all of them are slow by turns. A bad
release fails 5 % in place of 0.5 %, or takes twice as long. The images are build-image's, on a base with the service, which
the Deployment starts. On two cores there is room for three teams of each tool: with six, what pods take as they start makes
all requests slow for seconds, and ours refuses to begin, for it cannot tell that from a service that is unsteady.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests"), str(Path(__file__).parent)]

from kubernetes_world import world  # noqa: E402

from build import oci_programs  # noqa: E402
from cluster import programs  # noqa: E402 - after the path is known
from cluster.fixture import Cluster  # noqa: E402
from deployment.shop import DEPLOYED, Shop  # noqa: E402
from e2e.shop import Namespace  # noqa: E402
from e2e.team import NAME, ClusterTeam, manifests, on_cluster  # noqa: E402

PEERS = Path(__file__).parent / "peers"
HEALTHY, BAD = ("good", "again"), ("failing", "slow")
SERVICE = "/usr/local/bin/service"
HISTORY_SECONDS = 1800
"""Of requests before the first release, as many as a plan reads."""
APART_SECONDS = 20
"""Between the first releases of two teams, and between two releases of one."""
SEEN_SECONDS = 180
"""Flagger looks for a new release once in its interval of a minute."""
MOST_SECONDS = 3600
"""Deploy's own default time limit."""
END = {"Succeeded": "promoted", "Failed": "taken back"}
OURS_END = {"deployed": "promoted", "rolled-back": "taken back"}


@dataclass(frozen=True)
class Release:
    """seconds: from the command, or the new image, to the end. failed: share of clients' requests."""

    tool: str
    kind: str
    outcome: str
    seconds: float
    failed: float


@dataclass(frozen=True)
class Chosen:
    """together: is passed when every team's requests have begun."""

    per_second: float
    history_seconds: float
    together: threading.Barrier


Deliver = Callable[[ClusterTeam, str], str]


def ours(team: ClusterTeam, kind: str) -> str:
    done = team.run("deploy_model", "--environment", team.environment, "--version", team.versions[kind], *DEPLOYED)
    ended = re.search(r"^outcome=(\S+)", done.stdout, re.MULTILINE)
    if ended is None or ended[1] not in OURS_END:
        print(done.stdout + done.stderr, file=sys.stderr, flush=True)
    return OURS_END.get(ended[1], ended[1]) if ended else f"exit {done.returncode}"


def flagger(team: ClusterTeam, kind: str) -> str:
    assert team.own is not None
    team.own.kubectl("set", "image", f"deployment/{NAME}", f"server={team.image(kind)}")
    if phase(team.own, "Progressing", seconds=SEEN_SECONDS) != "Progressing":  # until then it is the release's before
        return "not seen"
    return END.get(phase(team.own, *END), "undecided")


def phase(own: Namespace, *wanted: str, seconds: float = MOST_SECONDS) -> str:
    """The Canary's, once it is one of them; the last one at the end of this time. Watched: a kubectl a second for each of many
    would take the time of what is compared."""
    deadline, found, left = time.monotonic() + seconds, "", b""
    asked = ["-n", own.name, "get", "canary", NAME, "--watch", "-o", 'jsonpath={.status.phase}{"\\n"}']
    command = [own.made.described.kubectl, *asked]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=own.made.environ) as watching:
        assert watching.stdout is not None
        try:
            while found not in wanted and (rest := deadline - time.monotonic()) > 0:
                if select.select([watching.stdout], [], [], rest)[0]:
                    said = os.read(watching.stdout.fileno(), 1 << 16)
                    assert said, "kubectl stopped watching"
                    *lines, left = (left + said).split(b"\n")
                    found = lines[-1].decode() if lines else found
        finally:
            watching.kill()
    return found


def served(team: ClusterTeam) -> list[dict[str, Any]]:
    assert team.own is not None
    found = manifests(team.own, team.image(HEALTHY[0]), 1)
    deployment = next(item for item in found if item["kind"] == "Deployment")
    kinds = " ".join(f"{team.versions[kind]}={kind}" for kind in BAD)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["command"] = [SERVICE]
    container["env"].append({"name": "KINDS", "value": kinds})
    return found


def prepared_for_ours(team: ClusterTeam) -> None:
    assert team.own is not None
    team.own.apply(*served(team))
    team.own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")
    service = {"service": "monitoring/prometheus:9090", "queries": "contour"}
    keys = {"namespace": team.own.name, "deployment": NAME, "counts": {"prometheus": service}}
    text = (team.folder / "modelway.yml").read_text().partition(f"  {team.environment}:")[0]
    deploy = {"target": "kubernetes", "strategy": "canary", "kubernetes": keys}
    flow = yaml.safe_dump({"deploy": deploy}, default_flow_style=True, width=10_000).strip()
    (team.folder / "modelway.yml").write_text(f"{text}  {team.environment}: {flow}\n")


def prepared_for_flagger(team: ClusterTeam) -> None:
    """Flagger makes the Services and the HTTPRoute."""
    assert team.own is not None
    own, server = team.own, team.own.made.described
    own.apply(*(item for item in served(team) if item["kind"] in ("ServiceAccount", "Deployment")))
    gateway = dict(zip(("namespace", "name"), server.gateway.split("/"), strict=True))
    text = (PEERS / "flagger-gateway-api.yml").read_text()
    found: list[dict[str, Any]] = list(yaml.safe_load_all(text.replace("@PROMETHEUS@", server.prometheus_url)))
    found[-1]["spec"]["service"] |= {"hosts": [own.host], "gatewayRefs": [gateway]}
    own.apply(*found)
    said = phase(own, "Initialized", seconds=180)
    assert said == "Initialized", f"the Canary is {said or 'nothing'} after 180 s"


TOOLS: dict[str, tuple[Callable[[ClusterTeam], None], Deliver]] = {
    "modelway": (prepared_for_ours, ours),
    "Flagger": (prepared_for_flagger, flagger),
}


def released(
    shop: Shop, cluster: Cluster, tool: str, place: int, kinds: Sequence[str], chosen: Chosen
) -> Iterator[Release]:
    """One team's releases, one after another. place: of the team among all."""
    prepare, deliver = TOOLS[tool]
    with cluster.namespace() as name, tempfile.TemporaryDirectory(prefix="modelway-bench-") as folder:
        team = on_cluster(shop, Path(folder), Namespace(cluster, name))
        prepare(team)
        stable = HEALTHY[0]
        with team.requests(chosen.per_second) as seen:
            chosen.together.wait(MOST_SECONDS)
            time.sleep(place * APART_SECONDS + (0 if tool == "Flagger" else chosen.history_seconds))
            for kind in kinds:
                version = kind if kind in BAD else HEALTHY[stable == HEALTHY[0]]
                was, began = (seen["failed"], seen.total() - seen["failed"]), time.monotonic()
                outcome = deliver(team, version)
                took, failed = time.monotonic() - began, seen["failed"] - was[0]
                stable = version if outcome == END["Succeeded"] else stable
                share = failed / max(1, seen.total() - seen["failed"] - was[1])
                found = Release(tool, kind, outcome, took, share)
                print(json.dumps(asdict(found)), flush=True)
                yield found
                time.sleep(APART_SECONDS)


@contextlib.contextmanager
def controller(cluster: Cluster) -> Iterator[None]:
    """Flagger's, beside the cluster, as the cluster's administrator."""
    folder = programs.built(PEERS / "flagger", build_flagger)
    cluster.kubectl("apply", "--server-side", "-f", str(folder / "crd.yaml"))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(folder / "crd.yaml"))
    server = cluster.described
    flags = ["-mesh-provider", "gatewayapi:v1", "-metrics-server", server.prometheus_url, "-port", "10080"]
    with tempfile.TemporaryFile() as said:
        command = [folder / "flagger", "-kubeconfig", server.kubeconfig, *flags, "-log-level", "warning"]
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=cluster.environ)
        try:
            yield
            assert process.poll() is None, "Flagger has ended"
        finally:
            process.terminate()
            process.wait(20)


def push_base(registry: str) -> str:
    """The tests' Debian with the service in it, by digest."""
    service = programs.built(PEERS / "service", build_service) / "service"
    layers = [oci_programs.debian_layer(), oci_programs.layer({SERVICE[1:]: service.read_bytes()}, mode=0o755)]
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as folder:
        return oci_programs.push_image(registry, "base/service", layers, Path(folder))


def build_service(source: Path, place: Path, go: str, _: str) -> None:
    programs.run_go([go, "build", "-trimpath", "-buildvcs=false", "-o", str(place / "service"), "."], source)


def build_flagger(source: Path, place: Path, go: str, _: str) -> None:
    package = "github.com/fluxcd/flagger"
    build = [go, "build", "-trimpath", "-buildvcs=false", "-o", str(place / "flagger"), f"{package}/cmd/flagger"]
    programs.run_go(build, source)
    folder = programs.run_go([go, "list", "-m", "-f", "{{.Dir}}", package], source).strip()
    shutil.copyfile(Path(folder, "artifacts", "flagger", "crd.yaml"), place / "crd.yaml")


def table(found: list[Release]) -> None:
    print("\n| releases | n | promoted | taken back | undecided | median s | slowest s | clients' failed requests |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for tool in TOOLS:
        for kind in ("healthy", *BAD):
            own = [one for one in found if (one.tool, one.kind) == (tool, kind)]
            if own:
                ends = [sum(one.outcome == end for one in own) for end in END.values()]
                seconds, failed = [one.seconds for one in own], statistics.mean(one.failed for one in own)
                numbers = f"{len(own)} | {ends[0]} | {ends[1]} | {len(own) - sum(ends)}"
                print(
                    f"| {tool}, {kind} | {numbers} | {statistics.median(seconds):.0f} | {max(seconds):.0f} | {failed:.2%} |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("healthy", 20), ("bad", 20), ("teams", 3), ("history-seconds", HISTORY_SECONDS)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--per-second", type=float, default=60)
    given = parser.parse_args()
    both = zip_longest((BAD[number % len(BAD)] for number in range(given.bad)), ["healthy"] * given.healthy)
    kinds = [kind for pair in both for kind in pair if kind]
    together = threading.Barrier(len(TOOLS) * given.teams)
    chosen = Chosen(given.per_second, given.history_seconds, together)
    with world((*HEALTHY, *BAD), push_base) as (shop, cluster), controller(cluster):

        def one(tool: str, number: int) -> list[Release]:
            place = number * len(TOOLS) + list(TOOLS).index(tool)
            return list(released(shop, cluster, tool, place, kinds[number :: given.teams], chosen))

        with ThreadPoolExecutor(len(TOOLS) * given.teams) as pool:
            teams = [pool.submit(one, tool, number) for tool in TOOLS for number in range(given.teams)]
    table([release for team in teams for release in team.result()])


if __name__ == "__main__":
    main()

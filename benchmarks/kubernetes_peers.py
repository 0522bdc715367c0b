"""Healthy and bad releases on one cluster, by our canary and by others', each with what its own documentation shows first.

    scripts/run --in test python benchmarks/kubernetes_peers.py [--healthy 20] [--bad 20] [--teams 3] [--per-second 60]
    ... --tools argo --teams 20 --per-second 10      a release of Argo's takes 40 minutes, so many go side by side

Flagger and Argo Rollouts are built from Go modules on first use. Flagger has the Canary of its Gateway API tutorial, with
its own two queries for Envoy's statistics; Argo the Rollout of its Gateway API plugin's quick start, with the steps and the
analysis that its own documentation shows first; ours has nothing but `strategy: canary` and the same Prometheus. Each team
has a namespace, one replica and live requests all the time; after half an hour of them (others, which read none of it, at
once) it brings its releases one after another. A cluster is started, or that of MODELWAY_E2E_CLUSTER is used.

What answers, for all, is peers/service: servers of models take so much of two cores that all of them are slow by turns. A bad
release fails 5 % in place of 0.5 %, or takes twice as long. The images are build-image's, on a base with the service, which
the Deployment starts. On two cores there is room for three teams of ours and of Flagger's: with six, what pods take as they
start makes all requests slow for seconds, and ours refuses to begin, for it cannot tell that from a service that is unsteady.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
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
OURS_SECONDS = 7200
"""In place of an hour: pods of others that start on two cores make requests slow for seconds, and a plan that has seen twelve
of them on end may need an hour and ten minutes at worst; deploy-model names this fix."""
READY_SECONDS = 600
"""A controller that begins with twenty teams on two cores takes minutes."""
MOST_SECONDS = 3600
PROMOTED, BACK = "promoted", "taken back"
OURS_END = {"deployed": PROMOTED, "rolled-back": BACK}


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
    return end_of(team.own, "canary", {"Progressing"}, {"Succeeded": PROMOTED, "Failed": BACK})


def argo(team: ClusterTeam, kind: str) -> str:
    assert team.own is not None
    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": team.image(kind)}
    team.own.kubectl("patch", "rollout", NAME, "--type=json", "-p", json.dumps([image]))
    return end_of(team.own, "rollout", {"Progressing", "Paused"}, {"Healthy": PROMOTED, "Degraded": BACK})


def end_of(own: Namespace, kind: str, under_way: Set[str], ends: Mapping[str, str]) -> str:
    if phase(own, kind, under_way, SEEN_SECONDS) not in under_way:  # until then it is the release's before
        return "not seen"
    return ends.get(phase(own, kind, ends.keys()), "undecided")


def phase(own: Namespace, kind: str, wanted: Set[str], seconds: float = MOST_SECONDS) -> str:
    """The object's, once it is one of them; the last one at the end of this time. Watched: a kubectl a second for each of many
    would take the time of what is compared."""
    deadline, found = time.monotonic() + seconds, ""
    while found not in wanted and time.monotonic() < deadline:
        for found in phases(own, kind, deadline):  # an API server ends a watch after half an hour to an hour
            if found in wanted:
                break
        else:
            time.sleep(1)
    return found


def phases(own: Namespace, kind: str, deadline: float) -> Iterator[str]:
    """As one watch tells them."""
    asked = ["-n", own.name, "get", kind, NAME, "--watch", "-o", 'jsonpath={.status.phase}{"\\n"}']
    command = [own.made.described.kubectl, *asked]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=own.made.environ) as watching:
        assert watching.stdout is not None
        try:
            left = b""
            while (rest := deadline - time.monotonic()) > 0 and select.select([watching.stdout], [], [], rest)[0]:
                said = os.read(watching.stdout.fileno(), 1 << 16)
                *lines, left = (left + said).split(b"\n")
                yield from (line.decode() for line in lines)
                if not said:
                    return
        finally:
            watching.kill()


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
    deploy = {"target": "kubernetes", "strategy": "canary", "timeout-seconds": OURS_SECONDS, "kubernetes": keys}
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
    said = phase(own, "canary", {"Initialized"}, READY_SECONDS)
    assert said == "Initialized", f"the Canary is {said or 'nothing'} after {READY_SECONDS} s"


def prepared_for_argo(team: ClusterTeam) -> None:
    assert team.own is not None
    own, server = team.own, team.own.made.described
    account, deployment = (item for item in served(team) if item["kind"] in ("ServiceAccount", "Deployment"))
    namespace, name = server.gateway.split("/")
    text = (PEERS / "argo-gateway-api.yml").read_text().replace("@PROMETHEUS@", server.prometheus_url)
    found: list[dict[str, Any]] = list(yaml.safe_load_all(text.replace("@NAMESPACE@", own.name)))
    route = next(item for item in found if item["kind"] == "HTTPRoute")
    route["spec"] |= {"hostnames": [own.host], "parentRefs": [{"name": name, "namespace": namespace}]}
    found[-1]["spec"] |= {key: deployment["spec"][key] for key in ("replicas", "selector", "template")}
    own.apply(account, *found)
    said = phase(own, "rollout", {"Healthy"}, READY_SECONDS)
    assert said == "Healthy", f"the Rollout is {said or 'nothing'} after {READY_SECONDS} s"


TOOLS: dict[str, tuple[Callable[[ClusterTeam], None], Deliver]] = {
    "modelway": (prepared_for_ours, ours),
    "flagger": (prepared_for_flagger, flagger),
    "argo": (prepared_for_argo, argo),
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
            time.sleep(place * APART_SECONDS + (chosen.history_seconds if tool == "modelway" else 0))
            for kind in kinds:
                version = kind if kind in BAD else HEALTHY[stable == HEALTHY[0]]
                was, began = (seen["failed"], seen.total() - seen["failed"]), time.monotonic()
                outcome = deliver(team, version)
                took, failed = time.monotonic() - began, seen["failed"] - was[0]
                stable = version if outcome == PROMOTED else stable
                share = failed / max(1, seen.total() - seen["failed"] - was[1])
                found = Release(tool, kind, outcome, took, share)
                print(json.dumps(asdict(found)), flush=True)
                yield found
                time.sleep(APART_SECONDS)


@contextlib.contextmanager
def flagger_controller(cluster: Cluster) -> Iterator[None]:
    folder = programs.built(PEERS / "flagger", build_flagger)
    defined(cluster, folder)
    flags = ["-mesh-provider", "gatewayapi:v1", "-metrics-server", cluster.described.prometheus_url, "-port", "10080"]
    with running(cluster, [folder / "flagger", *flags, "-log-level", "warning"], folder):
        yield


@contextlib.contextmanager
def argo_controller(cluster: Cluster) -> Iterator[None]:
    folder = programs.built(PEERS / "argo", build_argo)
    beside = programs.built(PEERS / "argo-plugin", build_argo_plugin)
    defined(cluster, folder)
    plugins = [{"name": "argoproj-labs/gatewayAPI", "location": f"file://{beside / 'plugin'}"}]
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argo-rollouts-config"},  # must be named like this, and be in a namespace of this name
        "data": {"trafficRouterPlugins": yaml.safe_dump(plugins)},
    }
    cluster.kubectl("create", "namespace", "argo-rollouts")
    try:
        cluster.apply("argo-rollouts", config)
        flags = ["--healthzPort", "10081", "--metricsPort", "10082", "--leader-elect=false", "--loglevel", "warn"]
        with (
            tempfile.TemporaryDirectory(prefix="modelway-bench-") as place,  # where it copies its plugins
            running(cluster, [folder / "argo", *flags], Path(place)),
        ):
            yield
    finally:
        cluster.kubectl("delete", "namespace", "argo-rollouts")


CONTROLLERS = {"flagger": flagger_controller, "argo": argo_controller}


def defined(cluster: Cluster, folder: Path) -> None:
    """The kinds of crd.yaml."""
    cluster.kubectl("apply", "--server-side", "-f", str(folder / "crd.yaml"))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(folder / "crd.yaml"))


@contextlib.contextmanager
def running(cluster: Cluster, command: Sequence[str | Path], folder: Path) -> Iterator[None]:
    """A controller beside the cluster, as the cluster's administrator."""
    command = [*command, "--kubeconfig", cluster.described.kubeconfig]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT, env=cluster.environ)
        try:
            yield
            assert process.poll() is None, f"{command[0]} has ended"
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
    go_build(source, place / "service", go, ".")


def build_flagger(source: Path, place: Path, go: str, _: str) -> None:
    build_controller(
        source, place, go, "github.com/fluxcd/flagger", "cmd/flagger", "flagger", "artifacts/flagger/crd.yaml"
    )


def build_argo(source: Path, place: Path, go: str, _: str) -> None:
    package = "github.com/argoproj/argo-rollouts"
    build_controller(source, place, go, package, "cmd/rollouts-controller", "argo", "manifests/crds/*-crd.yaml")


def build_controller(source: Path, place: Path, go: str, package: str, command: str, name: str, kinds: str) -> None:
    """command, kinds: the program and the definitions of its kinds, below the package."""
    go_build(source, place / name, go, f"{package}/{command}")
    folder = Path(programs.run_go([go, "list", "-m", "-f", "{{.Dir}}", package], source).strip())
    texts = [file.read_text() for file in sorted(folder.glob(kinds))]
    (place / "crd.yaml").write_text("\n---\n".join(texts))


def build_argo_plugin(source: Path, place: Path, go: str, _: str) -> None:
    go_build(source, place / "plugin", go, "github.com/argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi")


def go_build(source: Path, program: Path, go: str, package: str) -> None:
    programs.run_go([go, "build", "-trimpath", "-buildvcs=false", "-o", str(program), package], source)


def table(found: list[Release]) -> None:
    print("\n| releases | n | promoted | taken back | undecided | median s | slowest s | clients' failed requests |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for tool in TOOLS:
        for kind in ("healthy", *BAD):
            own = [one for one in found if (one.tool, one.kind) == (tool, kind)]
            if own:
                ends = [sum(one.outcome == end for one in own) for end in (PROMOTED, BACK)]
                seconds, failed = [one.seconds for one in own], statistics.mean(one.failed for one in own)
                numbers = f"{len(own)} | {ends[0]} | {ends[1]} | {len(own) - sum(ends)}"
                print(
                    f"| {tool}, {kind} | {numbers} | {statistics.median(seconds):.0f} | {max(seconds):.0f} | {failed:.2%} |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("healthy", 20), ("bad", 20), ("history-seconds", HISTORY_SECONDS)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--teams", type=int, nargs="+", default=[3], help="of every tool, or of each in the order of --tools"
    )
    parser.add_argument("--per-second", type=float, default=60)
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=["modelway", "flagger"])
    given = parser.parse_args()
    both = zip_longest((BAD[number % len(BAD)] for number in range(given.bad)), ["healthy"] * given.healthy)
    kinds = [kind for pair in both for kind in pair if kind]
    teams = given.teams * len(given.tools) if len(given.teams) == 1 else given.teams
    if len(teams) != len(given.tools):
        parser.error(f"--teams has {len(teams)} numbers for {len(given.tools)} tools")
    together = threading.Barrier(sum(teams))
    chosen = Chosen(given.per_second, given.history_seconds, together)
    with contextlib.ExitStack() as stack:
        shop, cluster = stack.enter_context(world((*HEALTHY, *BAD), push_base))
        for tool in given.tools:
            if tool in CONTROLLERS:
                stack.enter_context(CONTROLLERS[tool](cluster))

        def one(tool: str, number: int, of: int) -> list[Release]:
            place = number * len(given.tools) + given.tools.index(tool)
            own = kinds[len(kinds) * number // of : len(kinds) * (number + 1) // of]
            return list(released(shop, cluster, tool, place, own, chosen))

        with ThreadPoolExecutor(sum(teams)) as pool:
            each = [
                pool.submit(one, tool, number, of)
                for tool, of in zip(given.tools, teams, strict=True)
                for number in range(of)
            ]
    table([release for team in each for release in team.result()])


if __name__ == "__main__":
    main()

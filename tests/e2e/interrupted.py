"""Deliveries that something happens to at one of their calls, and how they must have ended."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.fixture import wait_until
from deployment.shop import DEPLOYED
from e2e.team import NAME, ClusterTeam
from modelway.targets.counting_servers import VARIABLE

AT_A_CALL = Path(__file__).with_name("at_a_call.py")
WAIT_SECONDS = 300
LEASE_SECONDS = 3


def configure(team: ClusterTeam, strategy: str = "all-at-once") -> None:
    """Whatever else the machine is busy with, a canary is judged by its errors, and has the time for it."""
    team.configure_cluster(strategy, **{"lease-seconds": LEASE_SECONDS, "ready-seconds": 180})
    path = team.folder / "modelway.yml"
    text = path.read_text().replace("slower-than-ms: 250", "slower-than-ms: 5000")
    path.write_text(text.replace("timeout-seconds: 120", "timeout-seconds: 600"))


def start_at(team: ClusterTeam, mode: str, call: str, script: str, *flags: str) -> subprocess.Popen[str]:
    """The script's own process, to which something happens at this call."""
    run = [str(team.root / "scripts" / "run"), "--in", "deploy", "python", "-I"]
    command = [*run, str(AT_A_CALL), mode, call, script]
    environ = {"MLFLOW_TRACKING_URI": team.server, "MODELWAY_STATE": str(team.state), "CALLS": str(calls_file(team))}
    calls_file(team).unlink(missing_ok=True)
    return subprocess.Popen(
        [*command, "--environment", team.environment, *flags],
        cwd=team.folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def calls_file(team: ClusterTeam) -> Path:
    return team.folder / "out" / "calls"


def deploying(team: ClusterTeam, kind: str) -> tuple[str, ...]:
    return ("deploy_model", "--version", team.versions[kind], *DEPLOYED)


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=WAIT_SECONDS)
    return said


def calls_of(team: ClusterTeam, *command: str) -> list[str]:
    """The names of all its calls, in their order."""
    process = start_at(team, "record", "", *command)
    said = ended(process)
    assert process.returncode == 0, said
    return calls_file(team).read_text().splitlines()


def worth_a_kill(calls: list[str]) -> list[str]:
    """Every write, and of every kind of read in every phase the first: a poll's next read finds the same, and so does the next
    block of a canary."""
    reads, blocks = re.compile(r": GET .* #(?!1$)"), re.compile(r"observed?: .* #(?![12]$)")
    return [call for call in calls if not reads.search(call) and not blocks.search(call)]


@dataclass(frozen=True)
class Written:
    """What is the team's, as the team wrote it: neither the image, nor what the release's servers count by."""

    template: Any
    replicas: int
    route: Any

    @classmethod
    def of(cls, team: ClusterTeam) -> Written:
        assert team.own is not None
        deployment, route = team.own.get("deployment", NAME), team.own.get("httproute", NAME)
        template = deployment["spec"]["template"]
        server = template["spec"]["containers"][0]
        server.pop("image")
        server["env"] = [item for item in server["env"] if item["name"] != VARIABLE]
        return cls(template, deployment["spec"]["replicas"], route["spec"])


def problems(team: ClusterTeam, kind: str, before: Written, alias: bool = True) -> list[str]:
    """In what the end is not as intended: one release everywhere, nothing of ours left, and what is the team's as it was.
    alias: whether the registry knows of the release."""
    assert team.own is not None
    found = []
    version, image = team.versions[kind], team.image(kind)
    if (serving := team.serving()) != version:
        found.append(f"traffic is on {serving}, not {version}")
    if team.running() != image:
        found.append(f"the Deployment runs {team.running()}, not {image}")
    if alias and team.aliases().get(team.environment) != int(version):
        found.append(f"the alias says {team.aliases().get(team.environment)}, not {version}")
    if Written.of(team) != before:
        found.append(f"not as the team wrote it: {Written.of(team)}, {before}")
    annotations = team.own.get("httproute", NAME)["metadata"].get("annotations") or {}
    if left := sorted(name for name in annotations if name in ("modelway.dev/back", "modelway.dev/before")):
        found.append(f"the route has {left}")
    try:
        wait_until(lambda: not objects_left(team), 10)
    except AssertionError:
        found.append(f"left: {objects_left(team)}")
    return found


def objects_left(team: ClusterTeam) -> list[str]:
    """Of any release beside the team's own."""
    assert team.own is not None
    names = []
    kinds = "deployments,services,configmaps,jobs,roles,rolebindings,serviceaccounts"
    for label in ("modelway.dev/slot", "modelway.dev/guardian"):
        names += team.own.kubectl("get", kinds, "-l", label, "-o", "name").split()
    return names


@dataclass(frozen=True)
class Ended:
    """What became of a delivery that something happened to. reached: whether it came to the call. said: by both commands."""

    reached: bool
    problems: list[str]
    said: str


def killed(team: ClusterTeam, mode: str, call: str, then: str) -> Ended:
    """A deployment dies at a call; what comes `then` ends it: `deploy` again, `rollback` to what
    was there, either of them once the guardian has had its time: `deploy, later` and `nobody`."""
    before, old, told = Written.of(team), running_kind(team), team.environment in team.aliases()
    new = "again" if old == "good" else "good"
    process = start_at(team, mode, call, *deploying(team, new))
    said, found = ended(process), list[str]()
    if then in ("nobody", "deploy, later"):
        found += left_alone(team)
    if then.startswith("deploy"):
        kind, command = new, deploying(team, new)
    else:
        kind, command = old, ("rollback_release", "--to", team.versions[old])
    done = team.run(command[0], "--environment", team.environment, *command[1:])
    said += f"--- {then}\n{done.stdout}{done.stderr}"
    if done.returncode and not re.search("is the first in|nothing was ever deployed", done.stderr):
        found.append(f"{then} ended with {done.returncode}")
    return Ended(process.returncode < 0, found + problems(team, kind, before, alias=told or kind == new), said)


def running_kind(team: ClusterTeam) -> str:
    return {team.image(kind): kind for kind in ("good", "again")}[team.running()]


def left_alone(team: ClusterTeam) -> list[str]:
    """Whoever looks after the time of the lease and ten seconds finds all traffic on one release."""
    assert team.own is not None
    try:
        wait_until(lambda: "+" not in team.serving() and has_no_way_back(team), LEASE_SECONDS + 10)
    except AssertionError:
        return [f"left alone, traffic stays on {team.serving()}"]
    return []


def has_no_way_back(team: ClusterTeam) -> bool:
    assert team.own is not None
    return "modelway.dev/back" not in (team.own.get("httproute", NAME)["metadata"].get("annotations") or {})

"""What the Kubernetes target promises about time and death, under live traffic on a real cluster: kills of the runner at every
call, of components, two commands at once, and the times of the ways back, beside kubectl's own on the same cluster.

Usage: python benchmarks/kubernetes_target.py [PART ...] [--rollouts 100] [--simulations 1000] [--repeats 10] [--at-once 2]

Parts: simulation, times, guardian, pairs, components, rest (the same components, killed where nothing is rolled out: the
floor), kills; without any, all of them. A cluster is started, or that of MODELWAY_E2E_CLUSTER is used. Whatever did not end
as intended is told on standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from kubernetes_world import world  # noqa: E402 - after the path is known

from cluster.fixture import Cluster  # noqa: E402
from deployment.shop import Shop  # noqa: E402
from e2e import interrupted  # noqa: E402
from e2e.interrupted import LEASE_SECONDS, Written, deploying, ended, problems  # noqa: E402
from e2e.shop import Namespace  # noqa: E402
from e2e.team import NAME, ClusterTeam, on_cluster  # noqa: E402
from modelway.config import load_project  # noqa: E402
from modelway.rollout import engine  # noqa: E402
from modelway.targets import open_target  # noqa: E402

KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
COMPONENTS = (*KUBERNETES, "contour", "envoy", "prometheus")
OTHERS = ("a pod of stable", "a pod of the new release", "the guardian")
GUARDIAN = b"The program of the guardian's pod"
QUICK = 30
"""Requests a second, where nothing is judged by them."""
SETTLED_SECONDS = 12.0
"""A kubelet that starts again has told by then which of its pods are ready."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*")
    for name, default in (("rollouts", 100), ("simulations", 1000), ("repeats", 10), ("at-once", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    parts: dict[str, Callable[[Shop, Cluster], None]] = {
        "times": lambda shop, cluster: times(shop, cluster, chosen.repeats),
        "guardian": lambda shop, cluster: guardian(shop, cluster, chosen.repeats),
        "pairs": pairs,
        "components": lambda shop, cluster: components(shop, cluster, chosen.rollouts),
        "rest": lambda shop, cluster: rest(shop, cluster, chosen.repeats),
        "kills": lambda shop, cluster: kills(shop, cluster, chosen.at_once),
    }
    wanted = chosen.parts or ["simulation", *parts]
    if "simulation" in wanted:
        simulation(chosen.simulations)
    if found := [parts[name] for name in wanted if name in parts]:
        with world() as (shop, cluster):
            for part in found:
                part(shop, cluster)


@contextlib.contextmanager
def made(shop: Shop, cluster: Cluster, strategy: str, per_second: float, replicas: int = 1) -> Iterator[Made]:
    with cluster.namespace() as name, tempfile.TemporaryDirectory(prefix="modelway-bench-") as folder:
        team = on_cluster(shop, Path(folder), Namespace(cluster, name))
        interrupted.configure(team, strategy)
        team.apply_manifests(replicas=replicas)
        with team.requests(per_second) as seen:
            time.sleep(2)
            yield team, seen


Made = tuple[ClusterTeam, Counter[str]]


def simulation(count: int) -> None:
    test = ROOT / "tests" / "targets" / "kubernetes" / "test_two_at_once.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    environ = {**os.environ, "SIMULATIONS": str(count)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    print(f"commands at once, {count} interleavings in simulation: {done.stdout.splitlines()[-1]}", flush=True)


def times(shop: Shop, cluster: Cluster, repeats: int) -> None:
    table: dict[str, list[float]] = {}

    def took(what: str, seconds: float) -> None:
        table.setdefault(what, []).append(seconds)
        print(f"{what}: {seconds:.2f} s", file=sys.stderr, flush=True)

    with made(shop, cluster, "canary", 60) as (team, seen):
        for _ in range(repeats):
            for what, end in (("SIGINT", interrupt), ("rollback-release of a canary", roll_back_canary)):
                moved, whole = end(team, seen)
                took(f"{what}: to the last answer of the canary", moved)
                took(f"{what}: until the command has ended", whole)
            old = team.versions["good"]
            began = time.monotonic()
            team.deploy("again")
            took("a healthy canary beyond the blocks that its evidence took", time.monotonic() - began - observed(team))
            began = time.monotonic()
            process = team.start("rollback_release", "--to", old)
            took("rollback-release of what was adopted: traffic moved", last_answer(team, seen, "again") - began)
            ended(process)
            took("rollback-release of what was adopted: whole command", time.monotonic() - began)
            assert team.serving() == old
        for _ in range(repeats):
            assert team.own is not None
            image = f"deployment/{NAME}", f"server={team.image('again')}"
            team.own.kubectl("set", "image", *image)
            began = time.monotonic()
            team.own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
            took("floor: kubectl set image until its pods are ready", time.monotonic() - began)
            time.sleep(4)
            began = time.monotonic()
            team.own.kubectl("rollout", "undo", f"deployment/{NAME}")
            took("floor: kubectl rollout undo: traffic moved", last_answer(team, seen, "again") - began)
            team.own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
        failed = seen["failed"], sum(seen.values())
    show(table)
    print(f"failed requests meanwhile: {failed[0]} of {failed[1]:,}\n", flush=True)


def show(table: dict[str, list[float]]) -> None:
    print("| what | n | median s | worst s |\n|---|--:|--:|--:|")
    for what, seconds in table.items():
        print(f"| {what} | {len(seconds)} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |")


def interrupt(team: ClusterTeam, seen: Counter[str]) -> tuple[float, float]:
    process = canary(team, seen)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    moved = last_answer(team, seen, "again") - began
    ended(process)
    return moved, time.monotonic() - began


def roll_back_canary(team: ClusterTeam, seen: Counter[str]) -> tuple[float, float]:
    process = canary(team, seen)
    began = time.monotonic()
    back = team.start("rollback_release")
    moved = last_answer(team, seen, "again") - began
    ended(back)
    whole = time.monotonic() - began
    ended(process)
    return moved, whole


def canary(team: ClusterTeam, seen: Counter[str]) -> subprocess.Popen[str]:
    """A deployment whose new release has begun to answer."""
    key = f"{team.versions['again']} 200"
    process, before = team.started("again"), seen[key]
    while seen[key] < before + 20:
        assert process.poll() is None, ended(process)
        time.sleep(0.02)
    return process


def last_answer(team: ClusterTeam, seen: Counter[str], kind: str) -> float:
    """The moment of the last answer of this release: none comes for a second, after another one's."""
    key = f"{team.versions[kind]} 200"
    last, count, others = time.monotonic(), seen[key], seen.total() - seen[key]
    while time.monotonic() - last < 1 or seen.total() - seen[key] == others:
        if seen[key] != count:
            last, count, others = time.monotonic(), seen[key], seen.total() - seen[key]
        time.sleep(0.005)
    return last


def observed(team: ClusterTeam) -> float:
    project = load_project(team.folder / "modelway.yml", team.environment)
    assert project.deploy is not None
    story = open_target(team.model, team.environment, project.deploy).stories()[-1]
    return sum(event.block.seconds for event in story.events if isinstance(event, engine.Observed))


def guardian(shop: Shop, cluster: Cluster, repeats: int) -> None:
    table: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    with made(shop, cluster, "canary", 60) as (team, seen):
        for _ in range(repeats):
            process = canary(team, seen)
            for what, size in guardian_memory(team).items():
                memory.setdefault(what, []).append(size)
            os.kill(process.pid, signal.SIGKILL)
            began = time.monotonic()
            moved = last_answer(team, seen, "again") - began
            ended(process)
            what = "guardian: runner dead to the last answer of the canary, less the lease's time"
            table.setdefault(what, []).append(moved - LEASE_SECONDS)
            print(f"{what}: {moved - LEASE_SECONDS:.2f} s, {memory}", file=sys.stderr, flush=True)
            team.roll_back()
        failed = seen["failed"], sum(seen.values())
    show(table)
    for what, sizes in memory.items():
        print(f"| guardian: {what} | {len(sizes)} | {statistics.median(sizes):.1f} MB | {max(sizes):.1f} MB |")
    print(f"failed requests meanwhile: {failed[0]} of {failed[1]:,}\n", flush=True)


def guardian_memory(team: ClusterTeam) -> dict[str, float]:
    """MB of the guardian's process, and of its control group."""
    pid = guardian_process(team)
    status = Path(f"/proc/{pid}/status").read_text()
    sizes = {"RSS": next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            sizes["cgroup"] = int(Path(f"/sys/fs/cgroup/memory{path}/memory.usage_in_bytes").read_text()) / 2**20
    return sizes


def guardian_process(team: ClusterTeam) -> int:
    """Of this team's namespace: another cluster of this machine may have one, too."""
    its_own = f"MODELWAY_NAMESPACE={team.own.name if team.own else ''}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of one that has ended the environment is empty
            is_mine = its_own in (place / "environ").read_bytes().split(b"\0")
            if is_mine and GUARDIAN in (place / "cmdline").read_bytes()[:4000]:
                return int(place.name)
    return 0


def pairs(shop: Shop, cluster: Cluster, count: int = 20) -> None:
    good, chance = 0, random.Random(1)
    with made(shop, cluster, "all-at-once", QUICK) as (team, seen):
        before = Written.of(team)
        for number in range(count):
            old = interrupted.running_kind(team)
            new = "again" if old == "good" else "good"
            first = team.started(new)
            time.sleep(chance.uniform(0, 8) if number % 2 else 0)
            other = team.start("rollback_release", "--to", team.versions[old]) if number % 2 else team.started(new)
            said = ended(first), ended(other)
            codes = sorted((first.returncode, other.returncode))
            kind = interrupted.running_kind(team)
            found = problems(team, kind, before, alias=kind == new)
            if found or codes not in ([0, 1], [0, 0]) or (codes == [0, 0] and not number % 2):
                print(number, codes, found, *said, file=sys.stderr)
            else:
                good += 1
        print(f"two at once, real: {good} of {count} ended with one that acted; failed requests: {seen['failed']}\n")


def components(shop: Shop, cluster: Cluster, count: int) -> None:
    """A random one dies at a random moment of each rollout."""
    chance, by_itself, after = random.Random(2), Counter[str](), Counter[str]()
    tried, failed = Counter[str](), Counter[str]()
    with made(shop, cluster, "canary", 60, replicas=2) as (team, seen):
        before = Written.of(team)
        for _ in range(count):
            what = chance.choice((*COMPONENTS, *OTHERS))
            old = interrupted.running_kind(team)
            new = "again" if old == "good" else "good"
            tried[what] += 1
            was, process = seen["failed"], team.started(new)
            time.sleep(chance.uniform(1, 25))
            strike(team, what, old, new)
            said = ended(process)
            cluster.wait_ready()
            if process.returncode == 0:
                by_itself[what] += 1
            else:
                said += f"--- code {process.returncode}\n{team.run('deploy_model', *flags(team, new)).stderr}"
            found = problems(team, interrupted.running_kind(team), before)
            after[what] += not found
            failed[what] += seen["failed"] - was
            if found or process.returncode or seen["failed"] > was:
                print(f"{what}: {found}, failed {seen['failed'] - was}\n{said}", file=sys.stderr, flush=True)
    print("| killed | rollouts | ended by themselves | ended as intended | failed requests |\n|---|--:|--:|--:|--:|")
    for what, number in sorted(tried.items()):
        print(f"| {what} | {number} | {by_itself[what]} | {after[what]} | {failed[what]} |")
    print(
        f"| all | {count} | {by_itself.total()} | {after.total()} | {failed.total()} of {seen.total():,} |\n",
        flush=True,
    )


def rest(shop: Shop, cluster: Cluster, repeats: int) -> None:
    """Each component dies where nothing is rolled out: what fails then is no rollout's."""
    print("| killed at rest | times | with failed requests | failed requests | of |\n|---|--:|--:|--:|--:|")
    for what in COMPONENTS:
        with made(shop, cluster, "canary", 60, replicas=2) as (team, seen):
            failed = list[int]()
            for _ in range(repeats):
                was = seen["failed"]
                strike(team, what, "good", "again")
                time.sleep(SETTLED_SECONDS)
                cluster.wait_ready()
                failed.append(seen["failed"] - was)
            print(f"| {what} | {repeats} | {sum(map(bool, failed))} | {sum(failed)} | {seen.total():,} |", flush=True)


def flags(team: ClusterTeam, kind: str) -> tuple[str, ...]:
    return ("--environment", team.environment, *deploying(team, kind)[1:])


def strike(team: ClusterTeam, what: str, old: str, new: str) -> None:
    assert team.own is not None
    if what in COMPONENTS:
        with contextlib.suppress(KeyError, ProcessLookupError):
            team.own.made.signal(what)
    elif what == "the guardian":
        if pid := guardian_process(team):
            os.kill(pid, signal.SIGKILL)
    else:
        image = team.image(old if what == "a pod of stable" else new)
        pods = team.own.made.try_kubectl("-n", team.own.name, "get", "pods", "-o", "json").stdout or '{"items": []}'
        for pod in json.loads(pods)["items"]:
            if any(one["image"] == image for one in pod["spec"]["containers"]):
                words = ("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0", "--wait=false")
                team.own.made.try_kubectl("-n", team.own.name, *words)
                return


def kills(shop: Shop, cluster: Cluster, at_once: int) -> None:
    """Every write is killed before it is sent or after it was answered, by turns; every kind of read before it."""
    with made(shop, cluster, "canary", 60) as (team, _):
        names = interrupted.worth_a_kill(interrupted.calls_of(team, *deploying(team, "again")))
    left: queue.Queue[tuple[int, str]] = queue.Queue()
    for numbered in enumerate(names):
        left.put(numbered)
    done: Counter[str] = Counter()

    def work(strategy: str, per_second: float) -> None:
        with made(shop, cluster, strategy, per_second) as (team, seen):
            while True:
                try:
                    number, call = left.get_nowait()
                except queue.Empty:
                    break
                canary = "0.5" in call or "observe" in call
                interrupted.configure(team, "canary" if canary else "all-at-once")
                mode = "before" if ": GET" in call or number % 2 else "after"
                then, was = ("deploy", "rollback", "nobody")[number % 3], seen["failed"]
                try:
                    end = interrupted.killed(team, mode, call, then)
                except (AssertionError, OSError, subprocess.SubprocessError) as error:
                    end = interrupted.Ended(True, [repr(error)], "")
                done["tried"] += end.reached
                done["intended"] += end.reached and not end.problems
                if end.problems or seen["failed"] > was:
                    what = f"{mode} {call}, then {then}: {end.problems}, failed {seen['failed'] - was}"
                    print(f"{what}\n{end.said}", file=sys.stderr, flush=True)
            done["failed"] += seen["failed"]
            done["requests"] += seen.total() - seen["failed"]

    threads = [threading.Thread(target=work, args=("all-at-once", 60), daemon=True) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        f"SIGKILL at {done['tried']} of {len(names)} calls: {done['intended']} ended as intended; failed requests: "
        f"{done['failed']} of {done['requests']:,}\n",
        flush=True,
    )


if __name__ == "__main__":
    main()

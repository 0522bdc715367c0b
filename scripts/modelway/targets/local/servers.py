"""A release's replicas: server processes of this machine, found again by the name under which each reads its release."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from modelway import isolation, processes
from modelway.build.names import CONDA
from modelway.errors import OutsideFailure
from modelway.files import last_line
from modelway.loopback import HOST, free_port
from modelway.serving.head import TESTER_HEADER
from modelway.targets.counting_servers import kept_token
from modelway.targets.local.state import LocalSlot
from modelway.targets.place import Unanswered

LOGS, SLOTS = "logs", "slots"
ASK_SECONDS = 10.0
METRICS_SECONDS = 3.0
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
"""What a server sees of the caller's environment: no secret of a job may reach a model."""
MISSED = 5
"""Times that a process is looked for in vain before it has ended: it has no command line for a moment when it starts."""
STOP_SECONDS = 12
"""Longer than the server takes to finish what it began."""


def start(folder: Path, slot: LocalSlot, numbers: list[int], variables: Mapping[str, str]) -> None:
    """Start these replicas. folder: the target's. variables: of their environment, besides what all have."""
    home = folder / SLOTS / slot.side.slot
    home.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        mark = _mark(folder, slot, number)
        # the server reads its release by this name, so that its command line says which slot it is
        with contextlib.suppress(FileNotFoundError):
            Path(mark).unlink()
        Path(mark).symlink_to(slot.release)
        command = [slot.python, "-I", f"{slot.server}/modelway/serving/start.py", "--environment", slot.environment]
        command += ["--model", slot.model, "--release", mark, "--host", HOST, "--port", str(slot.ports[number])]
        log = log_of(folder, f"{slot.side.slot}-{number}")
        processes.detach(start_process(command, home, log, {**programs_of(slot.environment), **variables}))
    isolation.hide()


def programs_of(environment: str, path: str = "") -> dict[str, str]:
    """What finds programs of conda's channels, before those of `path` (this process's own where it is empty); empty where the
    model was trained beside none."""
    prefix = Path(environment).with_name(Path(CONDA).name)
    path = path or os.environ.get("PATH", "/usr/bin:/bin")
    return {"PATH": f"{prefix}/bin:{path}", "CONDA_PREFIX": str(prefix)} if prefix.is_dir() else {}


def token(folder: Path, slot: LocalSlot) -> str:
    """What the slot's servers tell their sample of rows for: the same for every command of this user, and gone with the
    slot."""
    return kept_token(folder / SLOTS / slot.side.slot / "rows-token")


def ask(port: int, path: str, body: bytes, more: Mapping[str, str]) -> bytes:
    """What the server says to a POST that is no client's; OutsideFailure where it refuses. more: headers."""
    headers = {"content-type": "application/json", TESTER_HEADER: "1", **more}
    try:
        answer = requests.post(f"http://{HOST}:{port}{path}", data=body, headers=headers, timeout=ASK_SECONDS)
    except requests.RequestException as error:
        raise OutsideFailure(f"it does not answer: {type(error).__name__}", where=f"port {port}") from None
    if answer.status_code != 200:
        said = f"it answers {answer.status_code}: {answer.text[:200].strip()}"
        raise Unanswered(answer.status_code, said, where=f"port {port}")
    return answer.content


def metrics(port: int) -> str:
    """What the server says at /metrics; OutsideFailure where it says nothing."""
    try:
        answer = requests.get(f"http://{HOST}:{port}/metrics", timeout=METRICS_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise OutsideFailure(f"it does not answer: {type(error).__name__}", where=f"port {port}") from None
    return answer.text


def start_process(
    command: list[str], folder: Path, log: Path, variables: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process that outlives the step. variables: of its environment, besides what all have."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept |= {**processes.OUTLIVING, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), **(variables or {})}
    with log.open("ab") as stream:
        return processes.start(command, folder, kept, stream)


def missing(folder: Path, slot: LocalSlot) -> list[int]:
    """The replicas that do not run."""
    return [number for number in range(len(slot.running)) if not processes.find(_mark(folder, slot, number))]


def wait_until_ready(
    folder: Path, slot: LocalSlot, deadline: float, seconds: float, say: Callable[[str], None]
) -> None:
    """Every replica is ready and says that it is this release. OutsideFailure with the server's last words where one has
    ended, or is not ready in time. deadline: after so many seconds, by the machine's own clock."""
    waiting = dict(enumerate(slot.running))
    told, missed = time.monotonic(), dict.fromkeys(waiting, 0)
    release = json.loads(Path(slot.release).read_bytes()) if waiting else {}
    while waiting:
        for number, port in list(waiting.items()):
            log = log_of(folder, f"{slot.side.slot}-{number}")
            found = processes.find(_mark(folder, slot, number))
            if found and _is_ready(port, release):
                del waiting[number]
                continue
            missed[number] = 0 if found else missed[number] + 1
            if missed[number] > MISSED:
                raise OutsideFailure(
                    f"the server of version {slot.side.version} ended before it was ready: {last_words(log)}",
                    where=str(log),
                    fix="mend what it says; the model must load in the environment that it was trained in",
                )
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    f"the server of version {slot.side.version} was not ready after {seconds:.0f} s: {last_words(log)}",
                    where=str(log),
                    fix="see that file; give it longer with deploy.local.ready-seconds",
                )
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say(f"waiting for {len(waiting)} of {len(slot.running)} servers of version {slot.side.version}")
        time.sleep(0.03)


def end_idle(folder: Path, slot: LocalSlot) -> None:
    """Those replicas that are not to run."""
    idle = range(len(slot.running), len(slot.ports))
    processes.end([found for number in idle for found in processes.find(_mark(folder, slot, number))], STOP_SECONDS)


def end(folder: Path, name: str) -> None:
    """All replicas of a slot."""
    processes.end(processes.find(f"{folder / SLOTS / name}/"), STOP_SECONDS)
    shutil.rmtree(folder / SLOTS / name, ignore_errors=True)


def is_release(said: dict[str, Any] | None, release: Mapping[str, Any]) -> bool:
    """Whether it says of itself that it is this release: another program on the port may answer 200 to everything."""
    return said is not None and all(
        said.get(name) == release[name] for name in ("model", "version", "digest", "run_id")
    )


def release_at(port: int) -> dict[str, Any] | None:
    """Which release says that it answers there; None where none does."""
    try:
        answer = requests.get(f"http://{HOST}:{port}/model/version", timeout=2)
        said = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError):
        return None
    return said if isinstance(said, dict) else None


def free_ports(count: int) -> tuple[int, ...]:
    """All different."""
    taken: set[int] = set()
    while len(taken) < count:
        taken.add(free_port())
    return tuple(sorted(taken))


def log_of(folder: Path, name: str) -> Path:
    return folder / LOGS / f"{name}.log"


def last_words(log: Path) -> str:
    return last_line(log) or "it said nothing"


def _is_ready(port: int, release: Mapping[str, Any]) -> bool:
    try:
        ready = requests.get(f"http://{HOST}:{port}/ready", timeout=2).status_code == 200
    except requests.RequestException:
        return False
    return ready and is_release(release_at(port), release)


def _mark(folder: Path, slot: LocalSlot, number: int) -> str:
    """The name under which a server reads its release."""
    return f"{folder / SLOTS / slot.side.slot}/replica-{number}.json"

"""The first process of a cluster's namespaces: starts the components, and again each one that dies, until it is killed.

Usage, by the keeper only: unshare --pid --fork --kill-child --mount --net PYTHON supervisor.py PLAN PID
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from cluster import namespaces, plan  # noqa: E402
from cluster.components import Component, components, gateway_bootstrap  # noqa: E402

AGAIN_SECONDS = 0.2
"""Between a component's death and its next start."""


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    the_plan = plan.read(Path(arguments[0]))
    outer = os.open("/proc", os.O_RDONLY)
    namespaces.enter(the_plan, int(arguments[1]))
    environ = {"PATH": os.environ["PATH"], "HOME": str(plan.RUN), "LANG": "C.UTF-8"}
    subprocess.run(gateway_bootstrap(the_plan), cwd=the_plan.state, env=environ, check=True)
    Supervisor(the_plan, outer, environ).run()


class Supervisor:
    """outer: the machine's /proc, open, which tells the numbers that processes in here have outside."""

    def __init__(self, the_plan: plan.Plan, outer: int, environ: dict[str, str]) -> None:
        self.plan, self.outer, self.environ = the_plan, outer, environ
        self.waiting: dict[str, tuple[float, Component]] = {part.name: (0, part) for part in components(the_plan)}
        self.running: dict[int, Component] = {}

    def run(self) -> None:
        while True:
            self.reap()
            for name, (due, component) in list(self.waiting.items()):
                if time.monotonic() >= due and not (self.plan.held / name).exists() and ready(component):
                    del self.waiting[name]
                    self.start(component)
            signal.sigtimedwait([signal.SIGCHLD], 0.05 if self.waiting else 10)

    def reap(self) -> None:
        """Of every process that ended, also those whose parents ended before them."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if component := self.running.pop(pid, None):
                self.waiting[component.name] = (time.monotonic() + AGAIN_SECONDS, component)
                self.tell()

    def start(self, component: Component) -> None:
        with (self.plan.logs / f"{component.name}.log").open("ab") as log:
            pid = os.fork()
            if pid == 0:
                become(component.command, self.plan.state, self.environ, log.fileno())
        self.running[pid] = component
        self.tell()

    def tell(self) -> None:
        """The numbers outside of all that runs, by name."""
        numbers = outer_numbers(self.outer)
        pids = {component.name: numbers[pid] for pid, component in self.running.items() if pid in numbers}
        unfinished = self.plan.pids.with_suffix(".new")
        unfinished.write_text(json.dumps(pids))
        unfinished.replace(self.plan.pids)


def become(command: Sequence[str], folder: Path, environ: dict[str, str], log: int) -> None:
    """In a child: the command, in a session of its own, with nothing to read. Does not return."""
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.execve(command[0], list(command), environ)
    finally:
        os._exit(127)


def ready(component: Component) -> bool:
    return all(listens(need) if isinstance(need, int) else need.exists() for need in component.after)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def outer_numbers(outer: int) -> dict[int, int]:
    """The number outside of every child of this process, by its number in here."""
    itself = os.readlink("self", dir_fd=outer)
    found = {}
    for number in _read(outer, f"{itself}/task/{itself}/children").split():
        lines = _read(outer, f"{number}/status").splitlines()
        inside = next((line.split()[-1] for line in lines if line.startswith("NSpid:")), "")
        if inside:
            found[int(inside)] = int(number)
    return found


def _read(folder: int, name: str) -> str:
    try:
        with open(os.open(name, os.O_RDONLY, dir_fd=folder)) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    main()

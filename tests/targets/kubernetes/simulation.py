"""Commands on one target at once, interleaved at every call to an API server in memory: by chance, and the same again for the
same seed. Time is the simulation's own. A process may be slow for as long as chance has it, be killed, or lose answers."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelway.errors import OutsideFailure
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.lease import NONCE
from modelway.targets.kubernetes.refusals import ApiError
from targets.kubernetes import team_routes
from targets.kubernetes.api_server import ApiServer, ClusterInMemory

FENCED = ("ConfigMap", *team_routes.KINDS, "Deployment")
LOST, UNSENT = 0.01, 0.01
"""How many answers never come, and how many calls are never sent."""


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Process:
    """One command. number: of its lease among all that were taken; 0: it has taken none."""

    name: str
    run: Callable[[], object]
    killed_at: int = 0
    calls: int = 0
    number: int = 0
    dead: bool = False
    ended: BaseException | None = None


@dataclass
class Task:
    """A thread of a process."""

    process: Process
    name: str
    due: float = 0.0
    done: bool = False
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class Simulation:
    """broken: what should never have happened."""

    def __init__(self, seed: int) -> None:
        self.chance, self.server = random.Random(seed), ApiServer()
        self.stay = self.chance.choice((0.0, 0.5, 0.9, 0.98))
        self.now, self.faults = 0.0, True
        self.tasks: dict[int, Task] = {}
        self.leases: dict[str, int] = {}
        self.makers: dict[str, int] = {}
        self.broken: list[str] = []
        self.log: list[str] = []
        self._back = threading.Semaphore(0)

    # what runs

    def run(self, *processes: Process) -> None:
        """Until all of them have ended."""
        for process in processes:
            self.start(process, "main", process.run)
        last: Task | None = None
        while tasks := [task for task in self.tasks.values() if not task.done]:
            if last is None or last.done or self.chance.random() >= self.stay:
                last = self.chance.choice(tasks)
            self.now = max(self.now, last.due)
            last.go.release()
            self._back.acquire()
        self.tasks.clear()

    def start(self, process: Process, name: str, run: Callable[[], object]) -> None:
        task = Task(process, name, self.now)

        def body() -> None:
            task.go.acquire()
            try:
                run()
            except BaseException as error:
                if name == "main":
                    process.ended = error
            finally:
                if name == "main":
                    process.dead = True
                task.done = True
                self._back.release()

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        assert thread.ident is not None
        self.tasks[thread.ident] = task

    @property
    def task(self) -> Task:
        return self.tasks[threading.get_ident()]

    def wait(self, seconds: float = 0.0) -> None:
        """Others may run, for so long at least."""
        task = self.task
        task.due = self.now + seconds
        self._back.release()
        task.go.acquire()
        if task.process.dead:
            raise Killed

    # time and threading, as the target's modules use them

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1.8e9 + self.now

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    def Thread(self, target: Callable[[], object], name: str, daemon: bool) -> Any:  # noqa: N802
        simulation, process = self, self.task.process

        class Started:
            def start(self) -> None:
                simulation.start(process, name, target)

        return Started()

    def Event(self) -> Any:  # noqa: N802
        simulation = self

        class Set:
            def __init__(self) -> None:
                self.is_set = False

            def set(self) -> None:
                self.is_set = True

            def wait(self, seconds: float) -> bool:
                if not self.is_set:
                    simulation.wait(seconds)
                return self.is_set

        return Set()

    def Lock(self) -> Any:  # noqa: N802
        simulation = self

        class Mutex:
            taken = False

            def __enter__(self) -> None:
                while self.taken:
                    simulation.wait()
                self.taken = True

            def __exit__(self, *_: object) -> None:
                self.taken = False

        return Mutex()

    # calls

    def call(self, method: str, path: str, query: Mapping[str, str], body: Any, content: str) -> bytes:
        self.wait()
        process, fate = self.task.process, self.chance.random() if self.faults else 1.0
        process.calls += 1
        if process.calls == process.killed_at:
            process.dead = True
            raise Killed
        if fate < UNSENT:
            raise OutsideFailure("not sent", where="the network")
        before = dict(self.server.objects)
        try:
            answer = self.server.answer(method, path, query, body, content)
        except ApiError as error:
            if fate < UNSENT + LOST:
                raise OutsideFailure("no answer", where="the network") from None
            raise error
        if method != "GET":
            self._watch(process, f"{method} {path.rpartition('/namespaces/')[2]}", before)
        if fate < UNSENT + LOST:
            raise OutsideFailure("no answer", where="the network")
        return json.dumps(answer).encode()

    def _watch(self, process: Process, what: str, before: Mapping[tuple[str, str], Any]) -> None:
        """What was just written: by one that may, and traffic is on what runs."""
        after = self.server.objects
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        self.log.append(f"{process.name} (lease {process.number}): {what}{'' if changed else ' (nothing new)'}")
        for kind, name in changed:
            was, now = before.get((kind, name)), after.get((kind, name))
            if kind == "Lease" and now is not None:
                nonce = now["metadata"]["annotations"][NONCE]
                if nonce not in self.leases:
                    self.leases[nonce] = process.number = len(self.leases) + 1
            if now is not None and was is None:
                self.makers[now["metadata"]["uid"]] = process.number
            if was is None:
                continue
            fence = (was["metadata"].get("annotations") or {}).get(names.FENCE)
            later = self.leases.get(fence or "", 0) if kind in FENCED else 0
            if now is None:
                later = max(later, self.makers.get(was["metadata"]["uid"], 0))
            if later > process.number and not (kind == "Lease" or process.number == 0):
                self.broken.append(f"{process.name} (lease {process.number}): {what} after lease {later} had it")
        for name in self.without_pods():
            self.broken.append(f"{process.name}: {what}: traffic is sent to {name}, which is not there")

    def without_pods(self) -> list[str]:
        """Services that get traffic, and lead nowhere, or to pods that need not be ready."""
        found = []
        routes = [self.server.objects.get((kind, "home")) for kind in team_routes.KINDS]
        for weights in [rule for route in routes if route for rule in team_routes.weights(route)]:
            if not any(weights.values()):
                found.append("nothing")
            for name, weight in weights.items():
                if weight and name != "elses" and not self._leads(name):
                    found.append(name)
        return found

    def _leads(self, service: str) -> bool:
        there = self.server.objects.get(("Service", service))
        early = there is not None and there["spec"].get("publishNotReadyAddresses", False)
        return there is not None and not early and bool(self.server.endpoints(service)["endpoints"])


class SimulatedCluster(ClusterInMemory):
    """What a process sees of the simulation's API server."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation.server)
        self.simulation = simulation

    def call(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content: str, headers: Mapping[str, str]
    ) -> bytes:
        return self.simulation.call(method, path, query, body, content)

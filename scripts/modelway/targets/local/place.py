"""One machine as a place for releases: their servers, the Envoy that routes to them, and the recorder beside it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import msgspec

from modelway import processes
from modelway.config.sections import Local
from modelway.environments import home
from modelway.errors import InvalidInput, OutsideFailure, Refused
from modelway.loopback import HOST, free_port, is_taken
from modelway.observe import outcomes
from modelway.observe.counts import CountsSource
from modelway.observe.envoy import EnvoyCounts
from modelway.observe.pods import PodMetrics
from modelway.observe.prometheus_url import TOKEN, PrometheusUrl
from modelway.records import Release
from modelway.rollout.plan import Side
from modelway.rollout.rolling import ReplicaBounds, returned
from modelway.serving.cells import BESIDE
from modelway.targets import counting_servers
from modelway.targets.counting_servers import CountingPlace, FolderParts
from modelway.targets.local import feature_store, layers, proxy, servers
from modelway.targets.local.servers import LOGS, SLOTS, STOP_SECONDS, log_of
from modelway.targets.local.state import LocalSlot, LocalState
from modelway.targets.place import HeldTarget, Replica, Routing, TargetPlace

ENVOY = "envoy"
START_SECONDS = 10
ASK_SECONDS = 5
DRAIN_SECONDS = 30
SCRIPTS = str(Path(__file__).resolve().parents[3])
RECORDER = (
    f"import sys; sys.path.insert(0, {SCRIPTS!r}); from pathlib import Path; from modelway.observe import envoy, recorder; "
    "folder = Path(sys.argv[2]); recorder.record(envoy.EnvoyCounts(sys.argv[1], folder), folder)"
)
LocalClaim = HeldTarget[LocalState, LocalSlot]


@dataclass(frozen=True)
class LocalPlace(TargetPlace[LocalState, LocalSlot]):
    """folder: all that is known of the target. wanted: what modelway.yml says of it."""

    keeps_rows_token: ClassVar[bool] = True
    scales: ClassVar[bool] = True
    folder: Path
    wanted: Local
    sketches: bool = True
    """Servers count what they are asked, where their release has a sketch of its training data."""

    def objection(self, state: LocalState | None, ephemeral: bool) -> InvalidInput | None:
        if ephemeral and not self.wanted.ephemeral:
            return InvalidInput(
                "the local target ends with this GitHub-hosted runner",
                where="deploy.target",
                fix="use a runner of your own, or say deploy.local.ephemeral: true for a try in one job",
            )
        if state is None or state.port == self.wanted.port or not self._envoys():
            return None
        return InvalidInput(
            f"{state.environment} listens on port {state.port}, and modelway.yml says {self.wanted.port}",
            where="deploy.local.port",
            fix=f"write {state.port}; to move it, run stop-deployment with the old port and then deploy",
        )

    def prepare(self, release: Release, say: Callable[[str], None]) -> LocalSlot:
        slot = layers.unpacked(release, self.folder, say)
        feature_store.require(slot, self.folder)
        return slot

    def check_kept(self, slot: LocalSlot) -> None:
        for path in slot.paths:
            if not Path(path).exists():
                raise Refused(
                    f"version {slot.side.version} is not unpacked here any more",
                    where=path,
                    fix="deploy it again with deploy-model",
                )

    def again(self, slot: LocalSlot, side: Side, *, way_back: bool = False) -> LocalSlot:
        ports = servers.free_ports(self.wanted.replicas)
        return msgspec.structs.replace(slot, side=side, ports=ports, active=None, bounds=None)

    def rolled(self, slot: LocalSlot, bounds: ReplicaBounds) -> LocalSlot:
        if slot.bounds is not None:
            return slot
        ports = slot.ports if len(slot.ports) == bounds.whole else servers.free_ports(bounds.whole)
        return msgspec.structs.replace(slot, ports=ports, active=0, bounds=bounds)

    def whole(self, slot: LocalSlot) -> int:
        return len(slot.ports)

    def size(self, slot: LocalSlot) -> int:
        return len(slot.running) - len(servers.missing(self.folder, slot))

    def scale(self, claim: LocalClaim, slot: LocalSlot, replicas: int) -> None:
        active = None if replicas == len(slot.ports) else replicas
        self.start(claim, msgspec.structs.replace(slot, active=active))

    def ended(self, claim: LocalClaim, slot: LocalSlot, say: Callable[[str], None]) -> None:
        """Envoy sends them nothing more, and they finish what they have when they are told to end."""
        name, admin = slot.side.slot, _admin(claim.state)
        deadline = time.monotonic() + ASK_SECONDS
        while proxy.known(admin, name) > len(slot.running) and time.monotonic() < deadline:
            time.sleep(0.02)
        servers.end_idle(self.folder, slot)

    def rows_token(self, slot: LocalSlot) -> str:
        return servers.token(self.folder, slot)

    def start(
        self, claim: LocalClaim, slot: LocalSlot | None, variables: Mapping[str, str] | None = None
    ) -> LocalSlot | None:
        self._start_envoy(claim)
        if slot is None:
            return None
        missing = servers.missing(self.folder, slot)
        slot = self._with_free_ports(claim, slot, missing)
        self._put_clusters(claim)
        servers.start(
            self.folder,
            slot,
            missing,
            {**self._counted(slot), **feature_store.variables(slot, self.folder), **(variables or {})},
        )
        return slot

    def wait_until_ready(self, claim: LocalClaim, slot: LocalSlot, say: Callable[[str], None]) -> None:
        seconds = self.wanted.ready_seconds
        deadline = time.monotonic() + seconds
        servers.wait_until_ready(self.folder, slot, deadline, seconds, say)
        self._wait_for(claim, slot.side.slot, deadline - time.monotonic())

    def replicas(self, claim: LocalClaim, slot: LocalSlot) -> list[Replica]:
        return [
            Replica(f"replica {number} of {slot.side.name}", partial(servers.ask, port))
            for number, port in enumerate(slot.running)
        ]

    def without_sketches(self) -> LocalPlace:
        return replace(self, sketches=False)

    def counting(self) -> CountingPlace:
        token = self.folder / counting_servers.TOKEN
        parts = FolderParts(self.folder / counting_servers.DAYS)
        return CountingPlace(token.read_text() if token.exists() else "", parts)

    def counters(self, slot: LocalSlot) -> list[Replica]:
        replicas = enumerate(slot.running) if _has_sketch(slot) else ()
        return [
            Replica(f"replica {number} of {slot.side.slot}", partial(servers.ask, port)) for number, port in replicas
        ]

    def _counted(self, slot: LocalSlot) -> dict[str, str]:
        if not (self.sketches and _has_sketch(slot)):
            return {}
        return counting_servers.variables(counting_servers.kept_token(self.folder / counting_servers.TOKEN))

    def route(self, claim: LocalClaim, routing: Routing, back: str) -> None:
        if back:
            # the way back is there before the way forth
            self._put_routes(claim, Routing(returned(back, routing.shares, routing.carried)), proxy.BACK)
        if routing.tested and not routing.judged:
            self._put_clusters(claim, routing.tested)
            self._wait_for(claim, proxy.tested_name(routing.tested), ASK_SECONDS)
        self._put_routes(claim, routing)

    def verify(self, claim: LocalClaim, routing: Routing) -> None:
        proxy.wait_for_routes(_admin(claim.state), claim.state.serial)

    def back(self, claim: LocalClaim) -> None:
        prepared = self._configuration / proxy.BACK
        if prepared.exists():
            prepared.replace(self._configuration / proxy.ROUTES)

    def retire(self, claim: LocalClaim, name: str) -> None:
        admin, deadline = _admin(claim.state), time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and proxy.is_ready(admin) and proxy.active(admin, name):
            time.sleep(0.02)
        with claim.held():
            if name in claim.state.slots:
                claim.forget(name)
                self._put_clusters(claim)
        servers.end(self.folder, name)

    def tidy(self, claim: LocalClaim, say: Callable[[str], None]) -> None:
        if removed := layers.prune(layers.store()):
            say(f"{removed} unpacked layers that no target needs any more were removed")

    def counts(self, state: LocalState) -> EnvoyCounts:
        return EnvoyCounts(_admin(state), self.folder / LOGS)

    def servers(self, state: LocalState) -> list[PodMetrics]:
        return [
            PodMetrics(name, f"replica {number} of {name}", partial(servers.metrics, port))
            for name, slot in state.slots.items()
            for number, port in enumerate(slot.running)
        ]

    def outcomes(self, state: LocalState, trials: str, successes: str, block_seconds: float) -> CountsSource:
        if self.wanted.prometheus is None:
            raise InvalidInput(
                "is not given, and deploy.judge.outcomes are counted there",
                where="deploy.local.prometheus",
                fix="write its URL, such as http://127.0.0.1:9090",
            )
        values = {
            name: {"slot": name, "version": str(slot.side.version), "digest": slot.side.model_digest}
            for name, slot in state.slots.items()
        }
        get = PrometheusUrl(self.wanted.prometheus, os.environ.get(TOKEN, ""))
        return outcomes.source(get, trials, successes, values, block_seconds)

    def address(self, state: LocalState | None) -> str:
        listens = state is not None and self._envoys()  # where none does, the next one does as modelway.yml says
        return f"http://{HOST}:{state.port if state and listens else self.wanted.port}"

    def check_answer(self, state: LocalState) -> None:
        stable = state.current
        assert stable is not None
        deadline = time.monotonic() + ASK_SECONDS
        release = json.loads(Path(stable.release).read_bytes())
        while not servers.is_release(said := servers.release_at(state.port), release):
            if time.monotonic() > deadline:
                what = "nothing answers" if said is None else f"version {said.get('version')} answers"
                raise OutsideFailure(
                    f"{what}, not version {stable.side.version}",
                    where=self.address(state),
                    fix=f"see {self.folder / LOGS}, and run the same command again: it starts what does not run",
                )
            time.sleep(0.05)

    def is_running(self) -> bool:
        return bool(self.groups())

    def stop(self) -> None:
        groups = self.groups()
        if foreign := processes.others(groups):
            raise OutsideFailure(
                f"process {foreign[0]} of this target is user {processes.owner(foreign[0])}'s, so nothing was ended",
                where=str(self.folder),
                fix="run stop-deployment as that user",
            )
        if left := processes.end(groups, STOP_SECONDS):
            raise OutsideFailure(
                f"process {min(left)} does not end", where=str(self.folder), fix=f"kill -9 {min(left)}"
            )

    def groups(self) -> list[int]:
        """Leaders of all that runs for the target."""
        recorders = processes.find(str(self.folder / LOGS), "http://")
        return processes.find(f"{self.folder / SLOTS}/") + self._envoys() + recorders

    @property
    def _configuration(self) -> Path:
        return self.folder / ENVOY

    def _envoys(self) -> list[int]:
        """Its Envoy, found by its command line: where one runs, it has the port of the state."""
        return processes.find(str(self._configuration / proxy.BOOT))

    def _start_envoy(self, claim: LocalClaim) -> None:
        """Envoy and its recorder run, and Envoy has the configuration of now. InvalidInput where its port is another's."""
        for name in (LOGS, ENVOY, SLOTS):
            home.made(self.folder / name)
        running = self._envoys()
        if not (running and proxy.answers(_admin(claim.state), ASK_SECONDS)):
            if not running and is_taken(self.wanted.port):
                raise InvalidInput(
                    f"port {self.wanted.port} on {HOST} is in use by another process",
                    where="deploy.local.port",
                    fix="end that process, or name another port",
                )
            processes.end(running, STOP_SECONDS)
            port = (claim.state.port if running else 0) or self.wanted.port  # 0: the state of what runs is lost
            admin_port = free_port()
            claim.change(port=port, admin_port=admin_port)
            proxy.put(self._configuration, proxy.BOOT, proxy.boot(self._configuration, port, admin_port))
            for slot in claim.state.slots.values():  # Envoy knows no port that is another program's by now
                self._with_free_ports(claim, slot, servers.missing(self.folder, slot))
            self._put_clusters(claim)
            self._put_routes(claim, Routing(self._shares_of_now(claim.state)))
            proxy.start(self._configuration, _admin(claim.state), log_of(self.folder, "envoy"), START_SECONDS)
        admin = _admin(claim.state)
        if not processes.find(str(self.folder / LOGS), admin):
            processes.end(processes.find(str(self.folder / LOGS), "http://"), 1)
            command = [sys.executable, "-I", "-c", RECORDER, admin, str(self.folder / LOGS)]
            processes.detach(servers.start_process(command, self.folder, log_of(self.folder, "recorder")))

    def _shares_of_now(self, state: LocalState) -> dict[str, float]:
        """All of the traffic to stable; where a rolling rollout has left it fewer replicas than its own, its part beside what
        runs of the other one."""
        stable = state.current
        if stable is None or stable.active is None:
            return {stable.side.slot: 1.0} if stable else {}
        count = {name: self.size(slot) for name, slot in state.slots.items()} | {state.stable: stable.active}
        return {name: running / sum(count.values()) for name, running in count.items() if running} or {
            state.stable: 1.0
        }

    def _wait_for(self, claim: LocalClaim, cluster: str, seconds: float) -> None:
        """Envoy sends requests to every replica of it."""
        slot, admin = claim.state.slots[proxy.slot_of(cluster)], _admin(claim.state)
        deadline = time.monotonic() + seconds
        while proxy.healthy(admin, cluster) < len(slot.running):
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    f"Envoy does not reach the servers of version {slot.side.version}", where=admin, fix="see envoy.log"
                )
            time.sleep(0.02)

    def _put_clusters(self, claim: LocalClaim, tested: str = "") -> None:
        """Envoy's file says which releases there are; where it says so already, nothing is written. tested: the slot that is
        about to get testers; empty: those stay that have some."""
        slots = claim.state.slots
        tested = tested or proxy.tested(self._configuration)
        if proxy.resources(self._configuration, proxy.CLUSTERS) != proxy.clusters(slots, tested, 0)["resources"]:
            proxy.put(self._configuration, proxy.CLUSTERS, proxy.clusters(slots, tested, _next_serial(claim)))

    def _put_routes(self, claim: LocalClaim, routing: Routing, name: str = proxy.ROUTES) -> None:
        serial = _next_serial(claim)
        versions = {slot: item.side.version for slot, item in claim.state.slots.items()}
        proxy.put(self._configuration, name, proxy.routes(routing, versions, serial))

    def _with_free_ports(self, claim: LocalClaim, slot: LocalSlot, missing: list[int]) -> LocalSlot:
        """The slot as the state has it from now on: where a replica does not run and somebody else listens on its port by now,
        it gets another one. Envoy is told by the next _put_clusters."""
        taken = [number for number in missing if is_taken(slot.ports[number])]
        fresh = dict(zip(taken, servers.free_ports(len(taken)), strict=True))
        slot = msgspec.structs.replace(
            slot, ports=tuple(fresh.get(number, port) for number, port in enumerate(slot.ports))
        )
        claim.keep(slot)
        return slot


def _admin(state: LocalState) -> str:
    return f"http://{HOST}:{state.admin_port}"


def _has_sketch(slot: LocalSlot) -> bool:
    return (Path(slot.model).parent / BESIDE).is_file()


def _next_serial(claim: LocalClaim) -> int:
    claim.change(serial=claim.state.serial + 1)
    return claim.state.serial

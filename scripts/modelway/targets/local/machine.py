"""One target on this machine: its folder, its Envoy, its recorder, and the servers of its releases."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import requests

from modelway import isolation
from modelway.environments import home
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import last_line
from modelway.loopback import HOST, free_port, is_taken
from modelway.targets.local import lease, processes, proxy, state
from modelway.targets.local.lease import Lease
from modelway.targets.local.state import Deployed, Slot

LOGS, ENVOY, SLOTS, JOURNALS = "logs", "envoy", "slots", "journal"
START_SECONDS = 10
MISSED = 5
"""Times that a process is looked for in vain before it has ended: it has no command line for a moment when it starts."""
ASK_SECONDS = 5
STOP_SECONDS = 12
"""Longer than the server takes to finish what it began."""
SCRIPTS = str(Path(__file__).resolve().parents[3])
RECORDER = (
    f"import sys; sys.path.insert(0, {SCRIPTS!r}); from modelway.observe import recorder; from pathlib import Path; "
)
RECORDER += "recorder.main(sys.argv[1], Path(sys.argv[2]))"


class Machine:
    """folder: all that is known of the target. deployed: its state as it was read under this lease, so nobody else has changed
    it since, or this command holds the lease no more. port: where Envoy shall listen when it is started."""

    def __init__(self, folder: Path, deployed: Deployed, lease: Lease, port: int) -> None:
        self.folder, self.deployed, self.lease, self.port = folder, deployed, lease, port
        self.config = folder / ENVOY

    @property
    def admin(self) -> str:
        return f"http://{HOST}:{self.deployed.admin_port}"

    def change(self, **fields: object) -> None:
        """Write target.json with these fields replaced, within an act: one that was held up would undo another's."""
        assert self.lease.acting, "the state changes under the lease alone"
        changed = msgspec.structs.replace(self.deployed, **fields)
        state.write(self.folder, changed)
        self.deployed = changed

    def serial(self) -> int:
        self.change(serial=self.deployed.serial + 1)
        return self.deployed.serial

    def journal(self, number: int) -> Path:
        return journal_of(self.folder, number)

    def start_proxy(self) -> None:
        """Envoy and its recorder run, and Envoy has the configuration of now. InvalidInput where its port is another's."""
        running = processes.find(boot_mark(self.folder))
        if not (running and proxy.answers(self.admin, ASK_SECONDS)):
            self.check_port()
            processes.end(running, STOP_SECONDS)
            port = self.deployed.port if running else self.port
            self.change(port=port, admin_port=free_port())
            proxy.put(self.config, proxy.BOOT, proxy.boot(self.config, port, self.deployed.admin_port))
            for slot in self.deployed.slots.values():
                self._with_free_ports(slot, self._missing(slot))  # Envoy knows no port that is another program's by now
            self.put_clusters()
            stable = self.deployed.current
            self.put_routes({stable.side.slot: 1.0} if stable else {}, wait=False)
            self._start_envoy()
        if not processes.find(str(self.folder / LOGS), self.admin):
            processes.end(processes.find(str(self.folder / LOGS), "http://"), 1)
            command = [sys.executable, "-I", "-c", RECORDER, self.admin, str(self.folder / LOGS)]
            processes.start(command, self.folder, self.log("recorder"), os.environ)

    def check_port(self) -> None:
        """InvalidInput where Envoy is to listen on a port that is another program's."""
        if not is_listening(self.folder) and is_taken(self.port):
            raise InvalidInput(
                f"port {self.port} on {HOST} is in use by another process",
                where="deploy.local.port",
                fix="end that process, or name another port",
            )

    def _start_envoy(self) -> None:
        envoy = str(Path(sys.executable).parent / "envoy")
        command = [envoy, "-c", str(self.config / proxy.BOOT), "--concurrency", "1", "--disable-hot-restart"]
        try:
            process = processes.start([*command, "--log-level", "warning"], self.folder, self.log("envoy"), os.environ)
        except OSError as error:
            raise OutsideFailure(
                f"Envoy cannot be started: {error.strerror}",
                where=envoy,
                fix="delete $MODELWAY_HOME/environments/deploy-*",
            ) from None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if proxy.is_ready(self.admin):
                return
            time.sleep(0.02)
        processes.end([process.pid], 1)
        raise OutsideFailure(
            f"Envoy did not start: {last_words(self.log('envoy'))}",
            where=str(self.log("envoy")),
            fix="mend what it says, and run the same command again",
        )

    def put_clusters(self) -> None:
        """Envoy's file says which releases there are; where it says so already, nothing is written."""
        if proxy.resources(self.config, proxy.CLUSTERS) != proxy.clusters(self.deployed.slots, 0)["resources"]:
            proxy.put(self.config, proxy.CLUSTERS, proxy.clusters(self.deployed.slots, self.serial()))

    def put_routes(self, shares: dict[str, float], name: str = proxy.ROUTES, *, wait: bool = True) -> None:
        serial = self.serial()
        versions = {slot: item.side.version for slot, item in self.deployed.slots.items()}
        proxy.put(self.config, name, proxy.routes(shares, versions, serial))
        if wait and name == proxy.ROUTES:
            proxy.wait_for_routes(self.admin, serial)

    def replicas(self, slot: str) -> list[int]:
        """The processes of a release."""
        return processes.find(f"{self.folder / SLOTS / slot}/")

    def start_replicas(self, slot: Slot, environ: dict[str, str]) -> Slot:
        """Start those that do not run. The slot, with the ports that they have now."""
        home_ = self.folder / SLOTS / slot.side.slot
        home_.mkdir(parents=True, exist_ok=True)
        missing = self._missing(slot)
        slot = self._with_free_ports(slot, missing)
        self.put_clusters()
        for number in missing:
            mark = f"{home_}/{replica(number)}"
            # the server reads its release by this name, so that its command line says which slot it is
            with contextlib.suppress(FileNotFoundError):
                Path(mark).unlink()
            Path(mark).symlink_to(slot.release)
            command = [slot.python, "-I", f"{slot.server}/modelway/serving/start.py", "--environment", slot.environment]
            command += ["--model", slot.model, "--release", mark, "--host", HOST, "--port", str(slot.ports[number])]
            processes.start(command, home_, self.log(f"{slot.side.slot}-{number}"), environ)
        isolation.hide()
        return slot

    def _missing(self, slot: Slot) -> list[int]:
        """The replicas that do not run."""
        home_ = self.folder / SLOTS / slot.side.slot
        return [number for number in range(len(slot.ports)) if not processes.find(f"{home_}/{replica(number)}")]

    def _with_free_ports(self, slot: Slot, missing: list[int]) -> Slot:
        """The slot as the state has it from now on: where a replica does not run and somebody else listens on its port by now,
        it gets another one. Envoy is told by the next put_clusters."""
        taken = [number for number in missing if is_taken(slot.ports[number])]
        fresh = dict(zip(taken, ports(len(taken)), strict=True))
        now = tuple(fresh.get(number, port) for number, port in enumerate(slot.ports))
        slot = msgspec.structs.replace(slot, ports=now)
        if self.deployed.slots.get(slot.side.slot) != slot:
            self.change(slots={**self.deployed.slots, slot.side.slot: slot})
        return slot

    def wait_until_ready(self, slot: Slot, seconds: float, say: Callable[[str], None]) -> None:
        """Every replica is ready and says that it is this release, and Envoy knows it. OutsideFailure with the server's last
        words where one has ended, or is not ready in time."""
        deadline, waiting = time.monotonic() + seconds, dict(enumerate(slot.ports))
        told, missing = time.monotonic(), dict.fromkeys(waiting, 0)
        release = json.loads(Path(slot.release).read_bytes()) if waiting else {}
        while waiting:
            for number, port in list(waiting.items()):
                log = self.log(f"{slot.side.slot}-{number}")
                found = processes.find(f"{self.folder / SLOTS / slot.side.slot}/{replica(number)}")
                if found and _is_ready(port, release):
                    del waiting[number]
                    continue
                missing[number] = 0 if found else missing[number] + 1
                if missing[number] > MISSED:
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
                say(f"waiting for {len(waiting)} of {len(slot.ports)} servers of version {slot.side.version}")
            time.sleep(0.03)
        while proxy.healthy(self.admin, slot.side.slot) < len(slot.ports):
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    f"Envoy does not reach the servers of version {slot.side.version}",
                    where=self.admin,
                    fix="see envoy.log",
                )
            time.sleep(0.02)

    def ask(self) -> None:
        """What answers at the environment's own address is the stable release; OutsideFailure where it is not."""
        stable, address = self.deployed.current, f"http://{HOST}:{self.deployed.port}"
        if stable is None:
            return
        deadline = time.monotonic() + ASK_SECONDS
        release = json.loads(Path(stable.release).read_bytes())
        while not _is_release(said := _release_at(self.deployed.port), release):
            if time.monotonic() > deadline:
                what = "nothing answers" if said is None else f"version {said.get('version')} answers"
                raise OutsideFailure(
                    f"{what}, not version {stable.side.version}",
                    where=address,
                    fix=f"see {self.folder / LOGS}, and run the same command again: it starts what does not run",
                )
            time.sleep(0.05)

    def drain(self, slot: str, seconds: float) -> None:
        """Wait, so long at most, until a release that gets no traffic has finished what it began."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and proxy.is_ready(self.admin) and proxy.active(self.admin, slot):
            time.sleep(0.02)

    def forget(self, slot: str) -> None:
        """Envoy knows the release no more."""
        if slot in self.deployed.slots:
            self.change(slots={name: item for name, item in self.deployed.slots.items() if name != slot})
            self.put_clusters()

    def end_replicas(self, slot: str) -> None:
        processes.end(self.replicas(slot), STOP_SECONDS)
        shutil.rmtree(self.folder / SLOTS / slot, ignore_errors=True)

    def log(self, name: str) -> Path:
        return self.folder / LOGS / f"{name}.log"


def look(folder: Path, model: str, environment: str) -> Deployed | None:
    """The state of the target of this folder, for reading; None where nothing was ever deployed. InvalidInput where it is
    another model's or environment's."""
    deployed = state.read(folder)
    if deployed is not None and (deployed.model, deployed.environment) != (model, environment):
        raise InvalidInput(
            f"is the target of {deployed.model} in {deployed.environment}",
            where=str(folder),
            fix="give every model and environment a folder of its own (deploy.local.folder)",
        )
    return deployed


def claimed(folder: Path, model: str, environment: str, port: int, who: str, what: str, *, always: bool) -> Machine:
    """The target of this folder, made where it does not exist yet, for this command alone: the state is read after the lease
    was taken. Refused where a command that lives holds it, unless `always`."""
    look(folder, model, environment)  # what is wrong takes the target from nobody
    for name in (LOGS, ENVOY, SLOTS, JOURNALS):
        home.made(folder / name)
    held = lease.take(folder, who, what, always=always)
    deployed = look(folder, model, environment)
    return Machine(folder, deployed or Deployed(model=model, environment=environment, port=0, admin_port=0), held, port)


def journal_of(folder: Path, number: int) -> Path:
    return folder / JOURNALS / f"{number:06d}.jsonl"


def running(folder: Path) -> list[int]:
    """Leaders of all that runs for the target of this folder."""
    groups = processes.find(f"{folder / SLOTS}/") + processes.find(boot_mark(folder))
    return groups + processes.find(str(folder / LOGS), "http://")


def is_listening(folder: Path) -> bool:
    """Whether its Envoy runs, and so has the port of target.json."""
    return bool(processes.find(boot_mark(folder)))


def stop(folder: Path) -> bool:
    """End everything that runs for the target of this folder; False where nothing did. What ran is still known.

    OutsideFailure where it is another user's, or does not end."""
    groups = running(folder)
    if foreign := processes.others(groups):
        raise OutsideFailure(
            f"process {foreign[0]} of this target is user {processes.owner(foreign[0])}'s, so nothing was ended",
            where=str(folder),
            fix="run stop-deployment as that user",
        )
    if left := processes.end(groups, STOP_SECONDS):
        raise OutsideFailure(f"process {min(left)} does not end", where=str(folder), fix=f"kill -9 {min(left)}")
    return bool(groups)


def boot_mark(folder: Path) -> str:
    """What stands in the command line of this target's Envoy."""
    return str(folder / ENVOY / proxy.BOOT)


def replica(number: int) -> str:
    """The name under which a server reads its release."""
    return f"replica-{number}.json"


def last_words(log: Path) -> str:
    return last_line(log) or "it said nothing"


def _is_ready(port: int, release: Mapping[str, Any]) -> bool:
    try:
        ready = requests.get(f"http://{HOST}:{port}/ready", timeout=2).status_code == 200
    except requests.RequestException:
        return False
    return ready and _is_release(_release_at(port), release)


def _is_release(said: dict[str, Any] | None, release: Mapping[str, Any]) -> bool:
    """Whether it says of itself that it is this release: another program on the port may answer 200 to everything."""
    return said is not None and all(
        said.get(name) == release[name] for name in ("model", "version", "digest", "run_id")
    )


def _release_at(port: int) -> dict[str, Any] | None:
    """Which release says that it answers there; None where none does."""
    try:
        answer = requests.get(f"http://{HOST}:{port}/model/version", timeout=2)
        said = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError):
        return None
    return said if isinstance(said, dict) else None


def ports(count: int) -> tuple[int, ...]:
    """Free ports, all different."""
    taken: set[int] = set()
    while len(taken) < count:
        taken.add(free_port())
    return tuple(sorted(taken))

"""One target on this machine: its folder, its Envoy, its recorder, and the servers of its releases."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from modelway.environments import home
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import last_line
from modelway.loopback import HOST, free_port, is_taken
from modelway.targets.local import processes, proxy, state
from modelway.targets.local.state import Deployed, Slot

LOGS, ENVOY, SLOTS, JOURNALS = "logs", "envoy", "slots", "journal"
START_SECONDS = 10
MISSED = 5
"""Times that a process is looked for in vain before it has ended: it has no command line for a moment when it starts."""
STOP_SECONDS = 12
"""Longer than the server takes to finish what it began."""
SCRIPTS = str(Path(__file__).resolve().parents[3])
RECORDER = (
    f"import sys; sys.path.insert(0, {SCRIPTS!r}); from modelway.observe import recorder; from pathlib import Path; "
)
RECORDER += "recorder.main(sys.argv[1], Path(sys.argv[2]))"


class Machine:
    """folder: all that is known of the target. Nothing here asks for the lease: who acts holds it."""

    def __init__(self, folder: Path, deployed: Deployed) -> None:
        self.folder, self.deployed = folder, deployed
        self.admin = f"http://{HOST}:{deployed.admin_port}"
        self.config = folder / ENVOY

    def change(self, **fields: object) -> None:
        """Write target.json with these fields replaced."""
        changed = msgspec.structs.replace(self.deployed, **fields)
        state.write(self.folder, changed)
        self.deployed = changed

    def serial(self) -> int:
        self.change(serial=self.deployed.serial + 1)
        return self.deployed.serial

    def journal(self, number: int) -> Path:
        return self.folder / JOURNALS / f"{number:06d}.jsonl"

    def start_proxy(self) -> None:
        """Envoy and its recorder run, and Envoy has the configuration of now. InvalidInput where its port is another's."""
        mark = str(self.config / proxy.BOOT)
        if not (processes.find(mark) and proxy.is_ready(self.admin)):
            processes.end(processes.find(mark), STOP_SECONDS)
            port = self.deployed.port
            if is_taken(port):
                raise InvalidInput(
                    f"port {port} on {HOST} is in use by another process",
                    where="deploy.local.port",
                    fix="end that process, or name another port",
                )
            self.change(admin_port=free_port())
            self.admin = f"http://{HOST}:{self.deployed.admin_port}"
            proxy.put(self.config, proxy.BOOT, proxy.boot(self.config, port, self.deployed.admin_port))
            self.put_clusters()
            stable = self.deployed.current
            self.put_routes({stable.side.slot: 1.0} if stable else {}, wait=False)
            self._start_envoy()
        if not processes.find(str(self.folder / LOGS), self.admin):
            processes.end(processes.find(str(self.folder / LOGS), "http://"), 1)
            command = [sys.executable, "-I", "-c", RECORDER, self.admin, str(self.folder / LOGS)]
            processes.start(command, self.folder, self.log("recorder"), os.environ)

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

    def start_replicas(self, slot: Slot, environ: dict[str, str]) -> None:
        """Start those that do not run."""
        home_ = self.folder / SLOTS / slot.side.slot
        home_.mkdir(parents=True, exist_ok=True)
        for number, port in enumerate(slot.ports):
            mark = f"{home_}/{replica(number)}"
            if processes.find(mark):
                continue
            # the server reads its release by this name, so that its command line says which slot it is
            with contextlib.suppress(FileNotFoundError):
                Path(mark).unlink()
            Path(mark).symlink_to(slot.release)
            command = [slot.python, "-I", f"{slot.server}/modelway/serving/start.py", "--environment", slot.environment]
            command += ["--model", slot.model, "--release", mark, "--host", HOST, "--port", str(port)]
            processes.start(command, home_, self.log(f"{slot.side.slot}-{number}"), environ)

    def wait_until_ready(self, slot: Slot, seconds: float, say: Callable[[str], None]) -> None:
        """Every replica answers /ready, and Envoy knows it. OutsideFailure with the server's last words where one has
        ended, or is not ready in time."""
        import requests

        deadline, waiting = time.monotonic() + seconds, dict(enumerate(slot.ports))
        told, missing = time.monotonic(), dict.fromkeys(waiting, 0)
        while waiting:
            for number, port in list(waiting.items()):
                with contextlib.suppress(requests.RequestException):
                    if requests.get(f"http://{HOST}:{port}/ready", timeout=2).status_code == 200:
                        del waiting[number]
                        continue
                log = self.log(f"{slot.side.slot}-{number}")
                found = processes.find(f"{self.folder / SLOTS / slot.side.slot}/{replica(number)}")
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


def opened(folder: Path, model: str, environment: str, port: int) -> Machine:
    """The target of this folder, made where it does not exist yet."""
    for name in (LOGS, ENVOY, SLOTS, JOURNALS):
        home.made(folder / name)
    deployed = state.read(folder)
    if deployed is None:
        deployed = Deployed(model=model, environment=environment, port=port, admin_port=0)
        state.write(folder, deployed)
    if (deployed.model, deployed.environment) != (model, environment):
        raise InvalidInput(
            f"is the target of {deployed.model} in {deployed.environment}",
            where=str(folder),
            fix="give every model and environment a folder of its own (deploy.local.folder)",
        )
    machine = Machine(folder, deployed)
    if deployed.port != port:
        machine.change(port=port)
        processes.end(processes.find(str(machine.config / proxy.BOOT)), STOP_SECONDS)
    return machine


def stop(folder: Path) -> bool:
    """End everything that runs for the target of this folder; False where nothing did. What ran is still known."""
    groups = processes.find(f"{folder / SLOTS}/") + processes.find(str(folder / ENVOY / proxy.BOOT))
    groups += processes.find(str(folder / LOGS), "http://")
    processes.end(groups, STOP_SECONDS)
    return bool(groups)


def replica(number: int) -> str:
    """The name under which a server reads its release."""
    return f"replica-{number}.json"


def last_words(log: Path) -> str:
    return last_line(log) or "it said nothing"


def ports(count: int) -> tuple[int, ...]:
    """Free ports, all different."""
    taken: set[int] = set()
    while len(taken) < count:
        taken.add(free_port())
    return tuple(sorted(taken))

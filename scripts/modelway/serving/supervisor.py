"""From settings to running workers: one runs here, several are forked and watched."""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from modelway.serving import cells, features, metrics, release, request_log, request_minutes, worker
from modelway.serving.settings import ServerSettings

log = logging.getLogger("modelway.serving")
BACKLOG = 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds before a worker that died is started again; doubled while it dies before it is ready."""
SPARE_SECONDS = 1.0
"""How much longer than a worker's own limit its end may take."""


def serve(settings: ServerSettings) -> int:
    """The exit code of the program."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(process)d %(levelname)s %(message)s"
    )
    log.setLevel(logging.INFO)
    try:
        this = release.read(settings.release)
        counted, looked_up = _counted(settings), _looked_up(settings)
        if (logged := settings.logging) is not None:
            request_log.check_folder(logged)
        listener = listen(settings.host, settings.port)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    host, port = listener.getsockname()[:2]
    log.info(
        "listening on http://%s:%d for %s version %d",
        f"[{host}]" if ":" in host else host,
        port,
        this.model,
        this.version,
    )
    memory = metrics.memory(settings.workers)
    if settings.workers == 1:
        return worker.run(settings, this, worker.Place(0, memory, listener, sketches=counted, features=looked_up))
    return _Supervisor(settings, this, memory, listener, counted, looked_up).run()


def _counted(settings: ServerSettings) -> worker.CountedMemory | None:
    """ValueError where the sketch is none."""
    if not settings.sketches_token_sha256:
        return None
    beside = settings.model.absolute().parent / cells.BESIDE
    if settings.sketch or beside.is_file():
        reference = cells.read(Path(settings.sketch) if settings.sketch else beside)
    else:
        log.warning("requests are counted for /sketches, and no columns: there is no %s, and no --sketch", beside)
        reference = cells.nothing()
    workers = settings.workers
    return worker.CountedMemory(reference, reference.memory(workers), request_minutes.memory(workers))


def _looked_up(settings: ServerSettings) -> features.FeatureFile:
    """ValueError where the file is none, or Redis has no address."""
    if (path := features.path_of(settings)) is None:
        return features.NOTHING
    found = features.read(path)
    features.connect(os.environ.get(features.URL_VARIABLE, ""), found.seconds)
    return found


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. ValueError, with the fix, where there is none to be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        raise ValueError(
            f"cannot listen on {host} port {port}: {error.strerror}. Fix: name another with --port"
        ) from None
    listener.setblocking(False)
    return listener


class _Supervisor:
    """Forks workers, starts those that died again, and tells all of them when to stop: they share a pipe, and its end is
    the message. So they also stop when the supervisor is killed."""

    def __init__(
        self,
        settings: ServerSettings,
        this: release.ServedRelease,
        memory: mmap.mmap,
        listener: socket.socket,
        counted: worker.CountedMemory | None,
        looked_up: features.FeatureFile,
    ) -> None:
        self.settings, self.release, self.memory, self.listener = settings, this, memory, listener
        self.counted, self.looked_up = counted, looked_up
        self.stop_read, self.stop_write = os.pipe()
        self.wake_read, self.wake_write = os.pipe()
        self.running: dict[int, int] = {}
        slots = range(settings.workers)
        self.due = dict.fromkeys(slots, 0.0)
        self.pauses = dict.fromkeys(slots, FIRST_PAUSE)
        self.boards = [metrics.Metrics(memory, slot, this.labels) for slot in slots]
        self.stopping = False

    def run(self) -> int:
        os.set_blocking(self.wake_write, False)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        unusable = False
        while not self.stopping and not unusable:
            for slot in [slot for slot, when in self.due.items() if when <= time.monotonic()]:
                del self.due[slot]
                self.running[self._start(slot)] = slot
            self._sleep(min(self.due.values(), default=time.monotonic() + LONGEST_PAUSE) - time.monotonic())
            unusable = self._bury()
        # in this order: the last one to close the socket must be one that takes who has already come
        self.listener.close()
        os.close(self.stop_write)
        self._end(time.monotonic() + self.settings.stop_seconds + SPARE_SECONDS)
        return worker.LOAD_FAILED if unusable else 0

    def _stop(self, number: int, _: object) -> None:
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        """Until then, or until a signal."""
        if select.select([self.wake_read], [], [], max(0.0, seconds))[0]:
            os.read(self.wake_read, 4096)

    def _start(self, slot: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the whole group may get them; the pipe says when
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self.stop_write, self.wake_read, self.wake_write):
            os.close(end)
        try:
            os._exit(
                worker.run(
                    self.settings,
                    self.release,
                    worker.Place(slot, self.memory, self.listener, self.stop_read, self.counted, self.looked_up),
                )
            )
        except BaseException:  # noqa: BLE001  a child must never return into its parent's code
            traceback.print_exc()
            os._exit(1)

    def _bury(self) -> bool:
        """Note who died, and when to start it again. True where the model cannot be served at all."""
        while self.running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return False
            slot = self.running.pop(pid)
            board = self.boards[slot]
            if not board.part[metrics.WAS_READY]:
                return True
            self.pauses[slot] = FIRST_PAUSE if board.part[metrics.READY] else min(2 * self.pauses[slot], LONGEST_PAUSE)
            board.set_ended()
            board.part[metrics.RESTARTS] += 1
            self.due[slot] = time.monotonic() + self.pauses[slot]
            code = os.waitstatus_to_exitcode(status)
            log.error("worker %d (process %d) ended with %d; it is started again", slot, pid, code)
        return False

    def _end(self, until: float) -> None:
        while self.running and time.monotonic() < until:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid:
                del self.running[pid]
            else:
                self._sleep(until - time.monotonic())
        for pid in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

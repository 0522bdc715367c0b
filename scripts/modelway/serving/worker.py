"""One process: an event loop for the connections, a thread for the model, and an end in good order."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import mmap
import os
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from modelway.serving import features, importing, process
from modelway.serving.access import Access
from modelway.serving.application import Application
from modelway.serving.aside import Aside
from modelway.serving.batching import Batcher
from modelway.serving.cells import CellReference
from modelway.serving.connection import ConnectionLimits, ServerConnection, Shared
from modelway.serving.features import FeatureFile
from modelway.serving.metrics import CPU, Metrics
from modelway.serving.release import ServedRelease
from modelway.serving.request_log import RequestLog, RequestLogSettings
from modelway.serving.request_minutes import RequestMinutes
from modelway.serving.sampling import RowSample
from modelway.serving.settings import ServerSettings

if TYPE_CHECKING:
    from modelway.serving.model import Model

log = logging.getLogger("modelway.serving")
LOOK_SECONDS = 0.25
"""How often deadlines are looked at: a client may be that much later than its limit."""
SWITCH_SECONDS = 0.001
"""How long the model's thread may keep the interpreter from the connections: with Python's 5 ms, a request that needs it
for each of its system calls would wait longer for them than for the model."""
NOTE_SECONDS = 1.0
"""How old another worker's gauges may be in /metrics."""
LOAD_FAILED = 1
CLOSE_SECONDS = 1.0
"""For what the request log has yet to write, where what was begun has taken all its time."""


class CountedMemory(NamedTuple):
    """The cells, and the memory of all workers' counts."""

    reference: CellReference
    rows: mmap.mmap
    requests: mmap.mmap


@dataclass(frozen=True)
class Place:
    """Where a worker stands: its number, the memory that all share, the socket that all listen on, and the pipe whose end
    says that it is time to stop (none: it gets SIGTERM itself). sketches: what rows and requests are counted in. features:
    what is looked up."""

    slot: int
    memory: mmap.mmap
    listener: socket.socket
    stop_pipe: int | None = None
    sketches: CountedMemory | None = None
    features: FeatureFile = features.NOTHING


def run(settings: ServerSettings, release: ServedRelease, place: Place) -> int:
    """Serve until it is told to stop. 0 then, even where requests had to be cut off; 1 where the model cannot be served."""
    return asyncio.run(_Worker(settings, release, place).serve())


class _Worker:
    def __init__(self, settings: ServerSettings, release: ServedRelease, place: Place) -> None:
        self.settings, self.place = settings, place
        self.metrics = Metrics(place.memory, place.slot, release.labels)
        self.sample = RowSample() if settings.sample_token_sha256 else None
        access = Access() if settings.access_log else None
        minutes = RequestMinutes(place.sketches.requests, place.slot) if place.sketches else None
        self.app = Application(release, self.metrics, settings, access, self.sample, minutes)
        limits = ConnectionLimits(
            settings.max_body_bytes,
            max(settings.max_held_bytes, settings.max_body_bytes),
            settings.header_seconds,
            settings.body_seconds,
            settings.keep_alive_seconds,
        )
        self.shared = Shared(limits, self.app.handle, self.app.refused)
        self.accepting = False
        self.cpu_noted = self.noted_at = 0.0
        self.stop = asyncio.Event()
        self.started: set[asyncio.Task[object]] = set()

    async def serve(self) -> int:
        self.loop = asyncio.get_running_loop()
        self._listen_for_the_end()
        self.metrics.refresh = self._note
        looking = self.loop.create_task(self._look())
        loading = self.loop.run_in_executor(None, self._load)
        stopping = self.loop.create_task(self.stop.wait())
        await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
        if loading.done() and (error := loading.exception()):
            traceback.print_exception(error)
            text = " ".join(str(error).split())[:300]
            print(f"error: the model cannot be served: {type(error).__name__}: {text}", file=sys.stderr, flush=True)
            _leave(LOAD_FAILED)
        if loading.done():
            self._begin()
        await stopping
        await self._finish()
        looking.cancel()
        _leave(0)
        return 0

    def _load(self) -> object:
        with importing.undisturbed():
            importing.import_package("mlflow", importing.LATE)
            from modelway.serving import home
            from modelway.serving.model import Model

        model = Model(self.settings.model)
        model.warm_up()
        self.app.classes = model.classes()
        self.app.described = home.described(model, self.app.release, self.place.features)
        if (counting := self.place.sketches) is not None:
            if model.columns is None and counting.reference.columns:
                raise ValueError(
                    "rows are counted by column (--sketch), and the signature has no named ones of plain types"
                )
            from modelway.serving.sketches import RowSketches

            counted = RowSketches(counting.reference, counting.rows, self.place.slot)
            counted.bind(model.columns or ())
            self.app.sketches = counted
        if (looked_up := features.path_of(self.settings)) is not None:
            features.check(self.place.features, model.columns or (), looked_up)
        if (logging_ := self.settings.logging) is not None:
            self.app.request_log = self._request_log(logging_, model)
        self.app.model = model
        return model

    def _request_log(self, chosen: RequestLogSettings, model: Model) -> RequestLog:
        if model.columns is None:
            raise ValueError("--request-log writes rows by column, and the signature has no named ones of plain types")
        if unknown := chosen.masked - {column.name for column in model.columns}:
            raise ValueError(f"--request-log-masked names {min(unknown)!r}, which is no column of the model")
        from modelway.serving import predictions

        reduced = partial(predictions.reduced, classes=self.app.classes)
        told = self.metrics.logged, self.metrics.unlogged
        return RequestLog(chosen, self.app.release.version, reduced, predictions.encode, *told)

    def _begin(self) -> None:
        settings = self.settings
        batch_rows = settings.max_batch_rows if settings.batching else 1
        self.app.aside = Aside(self.loop)
        if (looked_up := self.place.features).lookups and self.app.model is not None:
            redis = features.connect(os.environ.get(features.URL_VARIABLE, ""), looked_up.seconds)
            known = self.app.model.columns or ()
            self.app.features = features.Features(looked_up, known, redis, self.metrics.looked_up)
        self.app.batcher = Batcher(self.loop, self.app.predict, self.metrics.batch, batch_rows, settings.max_waiting)
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()  # the model and its libraries live as long as the process: not looked through again and again
        self.metrics.set_ready(True)
        log.info("ready")

    def _listen_for_the_end(self) -> None:
        if self.place.stop_pipe is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                self.loop.add_signal_handler(number, self._stop)
        else:  # a supervisor tells, so that all workers end in order
            self.loop.add_reader(self.place.stop_pipe, self._stop)

    def _stop(self) -> None:
        if self.place.stop_pipe is not None:
            self.loop.remove_reader(self.place.stop_pipe)
        if self.stop.is_set():
            _leave(0)  # told twice: now
        self.stop.set()

    async def _look(self) -> None:
        """Accept where that is right, and end connections that are too slow."""
        while True:
            # one that comes later than the others (it was restarted) takes nothing before it can answer
            if not self.accepting and not self.stop.is_set() and (self.app.batcher or not self.metrics.any_ready()):
                self.accepting = True
                self.loop.add_reader(self.place.listener, self._accept_some)
            now = time.monotonic()
            for connection in list(self.shared.open):
                connection.look(now)
            if now - self.noted_at > NOTE_SECONDS:
                self._note()
            await asyncio.sleep(LOOK_SECONDS if self.accepting else 0.02)

    def _note(self) -> None:
        """Bring what only this worker knows of itself into the memory that all read."""
        if self.sample is not None:
            self.sample.forget(time.perf_counter())
        self.noted_at, used = time.monotonic(), process.cpu_seconds()
        self.metrics.part[CPU] += used - self.cpu_noted
        self.cpu_noted = used
        own = {
            "modelway_requests_waiting": float(self.app.waiting),
            "modelway_connections_open": float(len(self.shared.open)),
            "modelway_body_bytes_held": float(self.shared.held),
        }
        self.metrics.set_gauges(own | process.gauges())

    def _accept_some(self) -> None:
        """All who wait; one at a time where another worker may be idle."""
        while self._accept() and self.settings.workers == 1:
            pass

    def _accept(self) -> bool:
        """False where nobody waits."""
        try:
            accepted, _ = self.place.listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                raise
            log.error("cannot accept a connection: %s", error.strerror)
            self.loop.remove_reader(self.place.listener)  # _look begins again
            self.accepting = False
            return False
        accepted.setblocking(False)
        making = self.loop.connect_accepted_socket(lambda: ServerConnection(self.shared), accepted)
        task: asyncio.Task[object] = self.loop.create_task(making)
        self.started.add(task)
        task.add_done_callback(self.started.discard)
        return True

    async def _finish(self) -> None:
        """Take who has already come, refuse who comes now, and finish what was begun."""
        self.app.stopping = self.shared.stopping = True
        if self.accepting:
            self.loop.remove_reader(self.place.listener)
            while self._accept():
                pass
        self.place.listener.close()
        until = time.monotonic() + self.settings.stop_seconds
        while (self.shared.open or self.started) and time.monotonic() < until:
            for connection in list(self.shared.open):
                connection.stop()
            await asyncio.sleep(0.01)
        self.metrics.set_ready(False)
        if self.app.request_log is not None:
            self.app.request_log.close(max(CLOSE_SECONDS, until - time.monotonic()))
        if self.shared.open:
            log.error("%d connections were cut off after %g s", len(self.shared.open), self.settings.stop_seconds)


def _leave(code: int) -> None:
    """End at once: the model's thread may be inside the model, and nothing waits for it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

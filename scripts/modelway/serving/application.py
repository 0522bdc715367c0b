"""What is answered at which path. Nothing here blocks: the model answers through the batcher, later."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from modelway.serving import columns, payload, reading, sampling
from modelway.serving.access import Access
from modelway.serving.aside import Aside
from modelway.serving.batching import BatchedRequest, Batcher
from modelway.serving.messages import LARGE_BYTES, RETRY, TEXT, HttpAnswer, HttpRequest, Refusal, Reply, refuse
from modelway.serving.metrics import Metrics, Tally
from modelway.serving.release import ServedRelease
from modelway.serving.request_log import LoggedRequest, PredictionIds
from modelway.serving.sampling import RowSample
from modelway.serving.settings import ServerSettings

if TYPE_CHECKING:
    from modelway.serving.features import Features
    from modelway.serving.model import Model
    from modelway.serving.request_log import RequestLog
    from modelway.serving.request_minutes import RequestMinutes
    from modelway.serving.sketches import RowSketches

log = logging.getLogger("modelway.serving")
METHODS = {
    "/": ("GET", "HEAD"),
    "/openapi.json": ("GET", "HEAD"),
    "/predict": ("POST",),
    "/invocations": ("POST",),
    "/health": ("GET", "HEAD"),
    "/ready": ("GET", "HEAD"),
    "/ping": ("GET", "HEAD"),
    "/version": ("GET", "HEAD"),
    "/model/version": ("GET", "HEAD"),
    "/metrics": ("GET", "HEAD"),
}
SKETCHES = "/sketches"
PREDICTION_ID = "x-modelway-prediction-id"
MISSING_FEATURES = "x-modelway-missing-features"
"""Columns, as in an address, in which at least one value stands for one that could not be looked up."""
WRONG_TOKEN = "the token is missing, or is not the one of this release"  # noqa: S105  no token
READY_SECONDS, READY_POLL_SECONDS = 0.8, 0.01
"""How long /ready waits for a model that is being loaded: a probe has a second for its answer, and asks again after one."""
LARGE_ROWS = 256
"""An answer to more is written beside the event loop."""


class Application:
    """access: told of every answer; None: nobody is. sample: of the rows that are asked; None: none are remembered. minutes:
    that requests are counted in; None: nothing is counted for /sketches, else rows are too, once the model is loaded. The
    model is None until it is loaded and warm. described: answers that tell people and programs what can be asked, by path,
    from then on."""

    def __init__(
        self,
        release: ServedRelease,
        metrics: Metrics,
        settings: ServerSettings,
        access: Access | None = None,
        sample: RowSample | None = None,
        minutes: RequestMinutes | None = None,
    ) -> None:
        self.release, self.metrics, self.settings = release, metrics, settings
        self.most_rows, self.batching = settings.max_rows, settings.batching
        self.access, self.sample, self.minutes = access, sample, minutes
        self.sketches: RowSketches | None = None
        self.request_log: RequestLog | None = None
        self.features: Features | None = None
        self._later: set[asyncio.Task[None]] = set()
        self.prediction_ids = PredictionIds()
        more = {sampling.PATH: bool(settings.sample_token_sha256), SKETCHES: minutes is not None}
        self.methods = METHODS | {path: ("POST",) for path, there in more.items() if there}
        self.version_header = f"x-modelway-version: {release.version}\r\n".encode()
        self.model: Model | None = None
        self.batcher: Batcher | None = None
        self.aside: Aside | None = None
        self.classes: Sequence[str] = ()
        self.described: Mapping[str, HttpAnswer] = {}
        self.stopping = False

    def handle(self, request: HttpRequest, reply: Reply) -> None:
        """Answer once, now or later; never raise."""
        answered = partial(self._answered, request, reply)
        try:
            methods = self.methods.get(request.path)
            if methods is None:
                answered(refuse(404, f"there is nothing at {payload.shown(request.path)}"))
            elif request.method not in methods:
                allowed = ", ".join(methods)
                answered(refuse(405, f"{request.path} takes {allowed}", headers=f"allow: {allowed}\r\n".encode()))
            elif request.path == sampling.PATH:
                self._tell_sample(request, answered)
            elif request.path == SKETCHES:
                self._tell_sketches(request, answered)
            elif request.path == "/ready" and self._is_loading:
                self._run(self._tell_when_ready(answered))
            elif methods[0] == "POST":
                self._ask(request, answered)
            else:
                answered(self._tell(request.path))
        except Exception as error:  # noqa: BLE001  a fault of the server itself must be an answer too
            answered(_failure(request, error))

    def refused(self, request: HttpRequest, answer: HttpAnswer) -> None:
        """A request was answered before it was whole."""
        self.metrics.request("other", answer.status, 0.0)
        if self.minutes:
            self.minutes.count(request, answer.status, None)
        if self.access:
            self.access.note(request, answer, 0.0)

    @property
    def waiting(self) -> int:
        """Requests that are with the model, or on their way to it."""
        return sum(part.waiting for part in (self.batcher, self.aside) if part)

    def _answered(self, request: HttpRequest, reply: Reply, answer: HttpAnswer) -> None:
        seconds = time.perf_counter() - request.arrived
        self.metrics.request(request.path, answer.status, seconds, tested=request.tested, sampled=request.sampled)
        if self.minutes:
            self.minutes.count(request, answer.status, seconds)
        if self.access:
            self.access.note(request, answer, seconds)
        named = self.version_header
        if request.request_id:
            named += f"x-request-id: {request.request_id}\r\n".encode()
        reply(replace(answer, headers=answer.headers + named))

    def _run(self, task: Coroutine[Any, Any, None]) -> None:
        running = asyncio.get_running_loop().create_task(task)
        self._later.add(running)
        running.add_done_callback(self._later.discard)

    @property
    def _is_loading(self) -> bool:
        return self.model is None or not self.metrics.all_were_ready()

    async def _tell_when_ready(self, answered: Callable[[HttpAnswer], None]) -> None:
        until = time.monotonic() + READY_SECONDS
        while self._is_loading and not self.stopping and time.monotonic() < until:
            await asyncio.sleep(READY_POLL_SECONDS)
        answered(self._tell("/ready"))

    def _tell(self, path: str) -> HttpAnswer:
        if path == "/health":
            return HttpAnswer(200, b'{"status": "ok"}')
        if path == "/model/version":
            return HttpAnswer(200, self.release.as_json())
        if path == "/metrics":
            return HttpAnswer(200, self.metrics.text(), TEXT)
        if self.stopping:
            return refuse(503, "the server is stopping")
        if self.model is None or self._is_loading:
            return refuse(503, "the model is being loaded", headers=RETRY)
        if path in self.described:
            return self.described[path]
        if path == "/version":
            return HttpAnswer(200, self.model.mlflow_version.encode(), b"text/plain; charset=utf-8")
        return HttpAnswer(200, b'{"status": "ready"}')

    def _tell_sample(self, request: HttpRequest, answered: Reply) -> None:
        assert self.sample is not None, "else there is no such path"
        if not sampling.opens(request.token, self.settings.sample_token_sha256):
            answered(refuse(403, WRONG_TOKEN))
            return
        if self.model is None or self.aside is None:
            answered(refuse(503, "the model is being loaded", headers=RETRY))
            return
        taken = self.sample.take(sampling.most_of(request.body))
        tell = partial(sampling.told, taken, self.model, self.most_rows, self.classes)
        self.aside.run(tell, lambda said, error: answered(said if error is None else _failure(request, error)))

    def _tell_sketches(self, request: HttpRequest, answered: Reply) -> None:
        if not sampling.opens(request.token, self.settings.sketches_token_sha256):
            answered(refuse(403, WRONG_TOKEN))
            return
        counted, minutes, aside = self.sketches, self.minutes, self.aside
        if counted is None or minutes is None or aside is None:
            answered(refuse(503, "the model is being loaded", headers=RETRY))
            return

        def tell() -> HttpAnswer:
            from modelway.serving import sketches

            asked = sketches.asked(request.body, counted.now())
            if counted.broken:
                return refuse(500, f"the counts are not whole: counting raised {counted.broken}; start the server anew")
            return HttpAnswer(200, counted.answer(asked, minutes))

        aside.run(tell, lambda said, error: answered(said if error is None else _failure(request, error)))

    def _ask(self, request: HttpRequest, answered: Reply) -> None:
        if self.model is None or self.batcher is None or self.aside is None:
            answered(refuse(503, "the model is being loaded", headers=RETRY))
            return
        read = partial(reading.read, request, self.model, self.most_rows, self.features)
        if len(request.body) > LARGE_BYTES:
            self.aside.run(read, partial(self._submit, request, answered))
        else:
            try:
                asked = read()
            except Refusal as refusal:
                answered(refusal.answer())
            else:
                self._submit(request, answered, asked, None)

    def _submit(self, request: HttpRequest, answered: Reply, asked: Any, error: BaseException | None) -> None:
        if error is not None:
            answered(_failure(request, error))
            return
        if isinstance(asked, reading.IncompleteRequest):
            self._run(self._look_up(request, answered, asked))
            return
        assert self.batcher is not None
        shape = asked.shape if self.batching else None
        said = partial(self._said, request, asked, answered)
        job = BatchedRequest(asked.data, asked.rows, shape, said, request.is_of_a_client)
        if not self.batcher.submit(job):
            answered(refuse(503, "too many requests wait for the model", headers=RETRY))
        elif self.sample is not None and not request.tested:
            self.sample.offer(request)

    async def _look_up(self, request: HttpRequest, answered: Reply, asked: reading.IncompleteRequest) -> None:
        assert self.features is not None and self.aside is not None and self.model is not None
        try:
            completed = await self.features.complete(asked.table)
            finish = partial(reading.finish, completed, self.model, strict=asked.strict)
            if asked.table.rows > LARGE_ROWS:
                self.aside.run(finish, partial(self._submit, request, answered))
                return
            whole = finish()
        except Exception as error:  # noqa: BLE001  a fault of the server itself must be an answer too
            answered(_failure(request, error))
        else:
            self._submit(request, answered, whole, None)

    def predict(self, jobs: Sequence[BatchedRequest]) -> list[Any]:
        """Called in the model's thread. Outcomes are what the model returned, one part for each job."""
        assert self.model is not None
        from modelway.serving import predictions

        data = jobs[0].data
        if isinstance(data, reading.Loose):
            return [self.model.predict_loose(data.data, data.parameters)]
        rows = columns.together([job.data for job in jobs])
        said = self.model.predict(rows)
        parts = predictions.split(said, [job.rows for job in jobs])
        if self.sketches is not None:
            counted = [(job.data, part) for job, part in zip(jobs, parts, strict=True) if job.is_of_a_client]
            if counted:
                together = rows if len(counted) == len(jobs) else columns.together([data for data, _ in counted])
                self.sketches.count(together, partial(self._predicted, [part for _, part in counted]))
        return parts

    def _predicted(self, parts: Sequence[Any]) -> list[float | str | None]:
        from modelway.serving import predictions

        values = [predictions.plain(part, as_mlflow=False) for part in parts]
        lists = [value for value in values if isinstance(value, list)]
        return [predictions.reduced(one, self.classes) for value in lists for one in value]

    def _said(self, request: HttpRequest, asked: Any, answered: Reply, said: Any, error: BaseException | None) -> None:
        if error is not None:
            answered(_failure(request, error, f"the model raised {type(error).__name__}"))
            return
        write = partial(self._written, request, asked, said)
        if asked.rows > LARGE_ROWS and self.aside:
            self.aside.run(write, partial(self._write, request, answered))
            return
        try:
            written = write()
        except Exception as wrong:  # noqa: BLE001  whatever a model returns
            self._write(request, answered, None, wrong)
        else:
            self._write(request, answered, written, None)

    def _write(self, request: HttpRequest, answered: Reply, written: Any, error: BaseException | None) -> None:
        if error is not None:
            answered(_failure(request, error, "the model's prediction is not JSON, or is not finite"))
            return
        answer, tally = written
        if not request.tested:  # what testers ask is counted nowhere else
            self.metrics.predicted(tally)
        answered(answer)

    def _written(self, request: HttpRequest, asked: Any, said: Any) -> tuple[HttpAnswer, Tally]:
        """TypeError, ValueError, OverflowError, RecursionError where what the model said cannot be an answer."""
        from modelway.serving import predictions

        said = predictions.plain(said, as_mlflow=request.path != "/predict")
        text = predictions.encode(said)
        if request.path == "/predict":
            if not isinstance(said, list) or len(said) != asked.rows:
                raise ValueError(f"{asked.rows} rows, and not as many predictions")
            name = predictions.encode(self.release.model)
            text = f'{{"predictions": {text}, "model": {name}, "version": {self.release.version}}}'
        else:
            text = f'{{"predictions": {text}}}'
        number = self.prediction_ids.next()
        if self.request_log is not None and request.is_of_a_client and not isinstance(asked.data, reading.Loose):
            values = said if isinstance(said, list) and len(said) == asked.rows else [None] * asked.rows
            self.request_log.note(LoggedRequest(number, time.time(), asked.data, values))
        named = f"{PREDICTION_ID}: {number}\r\n"
        if asked.missing:
            named += f"{MISSING_FEATURES}: {quote(','.join(asked.missing), safe=',')}\r\n"
        return HttpAnswer(200, text.encode(), headers=named.encode()), predictions.tally(said, self.classes)


def _failure(request: HttpRequest, error: BaseException, said: str = "the server failed") -> HttpAnswer:
    """A Refusal's own answer; else a 500 with an id: what happened is in the log under that id, and nowhere else."""
    if isinstance(error, Refusal):
        return error.answer()
    number = request.request_id or secrets.token_hex(8)
    trace = f" trace {request.trace_id}" if request.trace_id else ""
    log.error("%s%s %s", number, trace, said, exc_info=error)
    return refuse(500, said, id=number)

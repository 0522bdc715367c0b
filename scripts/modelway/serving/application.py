"""What is answered at which path. Nothing here waits: the model answers through the batcher, later."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from modelway.serving import columns, payload
from modelway.serving.batching import Batcher, Job
from modelway.serving.messages import TEXT, Answer, Refusal, Reply, Request, refuse
from modelway.serving.metrics import Metrics
from modelway.serving.release import Release

if TYPE_CHECKING:
    from modelway.serving.model import Model

log = logging.getLogger("modelway.serving")
METHODS = {
    "/predict": ("POST",),
    "/invocations": ("POST",),
    "/health": ("GET", "HEAD"),
    "/ready": ("GET", "HEAD"),
    "/model/version": ("GET", "HEAD"),
    "/metrics": ("GET", "HEAD"),
}
RETRY = b"retry-after: 1\r\n"


@dataclass(frozen=True, slots=True)
class Loose:
    """A request for a model without named columns of plain types, as MLflow read it."""

    data: Any
    parameters: dict[str, Any] | None


class Application:
    """most_rows: of one request. The model is None until it is loaded and warm."""

    def __init__(self, release: Release, metrics: Metrics, most_rows: int, batching: bool) -> None:
        self.release, self.metrics, self.most_rows, self.batching = release, metrics, most_rows, batching
        self.model: Model | None = None
        self.batcher: Batcher | None = None
        self.classes: Sequence[str] = ()
        self.stopping = False

    def handle(self, request: Request, reply: Reply) -> None:
        """Answer once, now or later; never raise."""
        answered = partial(self._answered, request.path, time.perf_counter(), reply)
        try:
            methods = METHODS.get(request.path)
            if methods is None:
                answered(refuse(404, f"there is nothing at {payload.shown(request.path)}"))
            elif request.method not in methods:
                allowed = ", ".join(methods)
                answered(refuse(405, f"{request.path} takes {allowed}", headers=f"allow: {allowed}\r\n".encode()))
            elif methods[0] == "POST":
                self._ask(request, answered)
            else:
                answered(self._tell(request.path))
        except Refusal as refusal:
            answered(refusal.answer())
        except Exception as error:  # noqa: BLE001  a fault of the server itself must be an answer too
            answered(_failed("the server failed", error))

    def refused(self, status: int) -> None:
        """A request was answered before it was whole."""
        self.metrics.request("other", status, 0.0)

    def _answered(self, path: str, began: float, reply: Reply, answer: Answer) -> None:
        self.metrics.request(path, answer.status, time.perf_counter() - began)
        reply(answer)

    def _tell(self, path: str) -> Answer:
        if path == "/health":
            return Answer(200, b'{"status": "ok"}')
        if path == "/model/version":
            return Answer(200, self.release.as_json())
        if path == "/metrics":
            return Answer(200, self.metrics.text(), TEXT)
        if self.stopping:
            return refuse(503, "the server is stopping")
        if self.model is None or not self.metrics.all_were_ready():
            return refuse(503, "the model is being loaded", headers=RETRY)
        return Answer(200, b'{"status": "ready"}')

    def _ask(self, request: Request, answered: Reply) -> None:
        if self.model is None or self.batcher is None:
            answered(refuse(503, "the model is being loaded", headers=RETRY))
            return
        read = self._read_predict if request.path == "/predict" else self._read_invocations
        data, rows, shape = read(request, self.model)
        if rows == 0:
            raise Refusal(400, "there are no rows")
        if rows > self.most_rows:
            raise Refusal(413, f"{rows} rows are more than {self.most_rows} (--max-rows)")
        job = Job(data, rows, shape if self.batching else None, partial(self._said, request.path, rows, answered))
        if not self.batcher.submit(job):
            answered(refuse(503, "too many requests wait for the model", headers=RETRY))

    def _read_predict(self, request: Request, model: Model) -> tuple[Any, int, Any]:
        _content_type(request, ("application/json",))
        rows = payload.predict_rows(payload.document(request.body))
        if model.columns is not None:
            checked = columns.check(payload.table(rows), model.columns, strict=True)
            return checked, checked.rows, checked.shape
        kind = "instances" if model.schema is not None and model.schema.is_tensor_spec() else "dataframe_records"
        return Loose(model.read_loose({kind: rows}, kind), None), len(rows), None

    def _read_invocations(self, request: Request, model: Model) -> tuple[Any, int, Any]:
        if _content_type(request, ("application/json", "text/csv")) == "text/csv":
            table = payload.csv_table(request.body, model.csv_types if model.columns is not None else None)
            if model.columns is None:
                return Loose(model.read_loose(_split(table), "dataframe_split"), None), table.rows, None
        else:
            body = payload.document(request.body)
            name = payload.chosen_format(body)
            parameters = body.get(payload.PARAMETERS)
            if model.columns is None or parameters:
                data = model.read_loose(body, name)
                return Loose(data, parameters), _length(data), None
            table = payload.invocations_table(body, name)
        checked = columns.check(table, model.columns, strict=False)
        return checked, checked.rows, checked.shape

    def predict(self, jobs: Sequence[Job]) -> list[Any]:
        """Called in the model's thread. Outcomes are what the model returned, one part for each job."""
        assert self.model is not None
        from modelway.serving import predictions

        data = jobs[0].data
        if isinstance(data, Loose):
            return [self.model.predict_loose(data.data, data.parameters)]
        said = self.model.predict(columns.together([job.data for job in jobs]))
        return predictions.split(said, [job.rows for job in jobs])

    def _said(self, path: str, rows: int, answered: Reply, said: Any, error: BaseException | None) -> None:
        if isinstance(error, Refusal):
            answered(error.answer())
        elif error is not None:
            answered(_failed(f"the model raised {type(error).__name__}", error))
        else:
            try:
                answered(self._answer(path, rows, said))
            except (TypeError, ValueError, OverflowError, RecursionError) as wrong:
                answered(_failed("the model's prediction is not JSON, or is not finite", wrong))

    def _answer(self, path: str, rows: int, said: Any) -> Answer:
        from modelway.serving import predictions

        said = predictions.plain(said, as_mlflow=path != "/predict")
        text = predictions.encode(said)
        if path == "/predict":
            if not isinstance(said, list) or len(said) != rows:
                raise ValueError(f"{rows} rows, and not as many predictions")
            name = predictions.encode(self.release.model)
            text = f'{{"predictions": {text}, "model": {name}, "version": {self.release.version}}}'
        else:
            text = f'{{"predictions": {text}}}'
        predictions.count(said, self.metrics, self.classes)
        return Answer(200, text.encode())


def _failed(said: str, error: BaseException) -> Answer:
    """A 500 with an id; what happened is in the log under that id, and nowhere else."""
    number = secrets.token_hex(8)
    log.error("%s %s", number, said, exc_info=error)
    return refuse(500, said, id=number)


def _content_type(request: Request, known: tuple[str, ...]) -> str:
    kind, _, parameters = request.content_type.partition(";")
    kind = kind.strip() or known[0]
    if kind not in known:
        raise Refusal(415, f"the content type must be {' or '.join(known)}, not {payload.shown(kind)}")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise Refusal(415, f"the charset must be utf-8, not {payload.shown(charset)}")
    return kind


def _split(table: payload.Table) -> dict[str, Any]:
    data = [list(row) for row in zip(*table.columns.values(), strict=True)]
    return {"dataframe_split": {"columns": list(table.columns), "data": data}}


def _length(data: Any) -> int:
    """Rows of what MLflow read: an array, a frame, or a dict of arrays; 1 where it has no length."""
    if isinstance(data, dict):
        return max((_length(item) for item in data.values()), default=0)
    try:
        return len(data)
    except TypeError:
        return 1

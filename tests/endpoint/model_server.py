"""A server that keeps the whole contract, or breaks one part of it: what each check is there to notice."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from modelway.endpoint.checks import Expected, InputColumn

VERSION = {
    "model": "double",
    "version": 3,
    "run_id": "r",
    "digest": "d" * 64,
    "content": "c" * 64,
    "trained_at": "2026-11-21T08:00:00Z",
    "environment": "staging",
}
COLUMNS = (InputColumn("name", "string", required=False), InputColumn("x", "double"))
ROWS = tuple({"name": f"n{number}", "x": number / 2} for number in range(4))
EXPECTED = Expected(
    **{name: VERSION[name] for name in ("model", "version", "run_id", "digest", "content")},  # type: ignore[arg-type]
    columns=COLUMNS,
    rows=ROWS,
    predictions=tuple(2 * row["x"] for row in ROWS),  # type: ignore[operator]
    slow_client_seconds=5,
)
MOST_BYTES = 1 << 20
GET = ("/health", "/ready", "/model/version", "/metrics")
POST = ("/predict", "/invocations")
LABELS = 'model="double",version="3",digest="' + "d" * 64 + '"'
METRICS = f"""# TYPE modelway_requests_total counter
modelway_requests_total{{{LABELS},path="/a \\"b\\" {{c}}",status="200"}} 7
h_bucket{{le="0.1"}} 1
h_bucket{{le="+Inf"}} 3
h_sum 4.5
h_count 3
"""


class Refusal(Exception):
    pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    fault = ""
    asked = 0
    broken = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bodies: list[bytes] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away: some checks are made of that."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 1.0

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        return

    def has(self, fault: str) -> bool:
        return self.server.fault == fault

    def send(self, status: int, body: Any, kind: str = "application/json") -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.has("all broken after bad input") and self.server.broken:
            return self.send(500, {"error": "broken"})
        if self.path in POST:
            return self.send(200 if self.has("GET is let through") else 405, {"error": "takes POST"})
        if self.path == "/health":
            return self.send(200, "OK" if self.has("health is text") else {"status": "ok"})
        if self.path == "/ready":
            return self.send(503 if self.has("not ready") else 200, {"status": "ready"})
        if self.path == "/metrics":
            return self.send(200, self.metrics(), "text/plain")
        if self.path == "/model/version":
            return self.send(200, self.version())
        return self.send(200 if self.has("unknown paths are found") else 404, {"error": "nothing here"})

    def metrics(self) -> str:
        if self.has("metrics are JSON"):
            return '{"requests": 7}'
        if self.has("buckets do not add up"):
            return METRICS.replace('le="0.1"} 1', 'le="0.1"} 4')
        return METRICS.replace('version="3"', 'version="2"') if self.has("metrics of another version") else METRICS

    def version(self) -> dict[str, Any]:
        said = dict(VERSION)
        if self.has("a field is missing"):
            del said["trained_at"]
        for name in ("model", "run_id", "digest", "content"):
            if self.has(f"another {name}"):
                said[name] = "another"
        if self.has("another version") or (self.has("two versions by turns") and self.server.asked % 2):
            said["version"] = 4
        return said

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        if self.path in GET:
            self.rfile.read(length)
            return self.send(200 if self.has("POST is let through") else 405, {"error": "takes GET"})
        if self.path not in POST:
            self.close_connection = True
            return self.send(404, {"error": "nothing here"})
        if length > MOST_BYTES and not self.has("no limit of size"):
            self.close_connection = True
            return self.send(413, {"error": "too large"})
        if length > MOST_BYTES:  # it takes all that is announced, for as long as the client is there
            self.connection.settimeout(60)
            while self.rfile.read(1 << 16):
                pass
            self.close_connection = True
            return None
        try:
            body = self.rfile.read(length)
        except TimeoutError:
            self.close_connection = True
            if self.has("waits for slow clients"):
                time.sleep(6)
            return self.send(408, {"error": "too slow"})
        try:
            return self.send(200, self.answer(body))
        except (Refusal, UnicodeDecodeError, ValueError, RecursionError) as error:
            self.server.broken = True
            if self.has("bad input is a 500"):
                return self.send(500, {"error": str(error)})
            if self.has("bad input hangs"):
                time.sleep(3)
            text = "no" if self.has("the column is not named") else str(error)
            if self.has("a traceback"):
                text = "Traceback (most recent call last):\n  File ..."
            return self.send(400, {"error": text[:200]})

    def answer(self, data: bytes) -> dict[str, Any]:
        if self.headers.get("content-type") != "application/json":
            raise Refusal("not JSON")
        if self.has("everything is refused"):
            raise Refusal("column x")
        body = json.loads(data.decode(), parse_constant=self.no_constant)
        rows = self.rows(body)
        if not rows:
            raise Refusal("no rows")
        values = [self.value(row) for row in rows]
        predictions: list[Any] = [2 * value for value in values]
        if self.has("other predictions"):
            predictions = [value + 1e-4 for value in predictions]
        if self.has("not the same twice") or self.has("another last digit"):
            self.server.bodies.append(data)
            far = 1e-3 if self.has("not the same twice") else 1e-9
            predictions = [value + far * (self.server.bodies.count(data) == 3) for value in predictions]
        if self.has("depends on the batch") and len(rows) > 1:
            predictions = [value - sum(values) / len(values) for value in predictions]
        if self.has("NaN is predicted"):
            predictions = [math.nan for _ in rows]
        if self.has("too few predictions") and len(rows) > 1:
            predictions.pop()
        if self.path == "/invocations":
            wrong = self.has(f"{next(iter(body))} is read wrongly")
            return {"predictions": predictions[::-1] if wrong else predictions}
        return {"predictions": predictions, "version": 9 if self.has("predict says another version") else 3}

    @staticmethod
    def no_constant(name: str) -> float:
        raise Refusal(f"{name} is not JSON")

    def rows(self, body: Any) -> list[Any]:
        if not isinstance(body, dict):
            raise Refusal("not an object")
        if self.path == "/predict":
            return body["rows"] if isinstance(body.get("rows"), list) else [body]
        if "dataframe_split" in body:
            names = body["dataframe_split"]["columns"]
            return [dict(zip(names, values, strict=True)) for values in body["dataframe_split"]["data"]]
        if "inputs" in body:
            return [
                dict(zip(body["inputs"], values, strict=True)) for values in zip(*body["inputs"].values(), strict=True)
            ]
        found = body.get("dataframe_records", body.get("instances"))
        if not isinstance(found, list):
            raise Refusal("no known format")
        return found

    def value(self, row: Any) -> float:
        if not isinstance(row, dict):
            raise Refusal("a row is no object")
        if self.has("a missing column is 0"):
            row = {"x": 0.0, **row}
        if self.has("any type is taken") and isinstance(row.get("x"), str):
            return 0.0
        if not isinstance(row.get("x"), (int, float)):
            raise Refusal("column x")
        return float(row["x"])


@contextlib.contextmanager
def serving(fault: str = "") -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.fault = fault
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

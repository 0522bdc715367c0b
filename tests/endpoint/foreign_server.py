"""Servers of other kinds, as their protocols say: KServe's v2, and one of JSON of its own. The model is 2 * x."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DATATYPES = {"FP64": (int, float), "INT64": (int,), "BOOL": (bool,), "BYTES": (str,)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        return

    def send(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        known = self.server.kind == "v2" and self.path == "/v2/health/ready"  # type: ignore[attr-defined]
        self.send(200 if known else 404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        answer = {"v2": self.v2, "own": self.own, "wall": self.wall}[self.server.kind]  # type: ignore[attr-defined]
        try:
            self.send(*answer(body))
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            self.send(400, {"error": repr(error)})

    def v2(self, body: bytes) -> tuple[int, Any]:
        if self.path == "/v2/repository/index":
            return 200, [{"name": "double"}]
        if self.path != "/v2/models/double/infer":
            return 404, {}
        asked = json.loads(body)
        assert asked["parameters"] == {"content_type": "pd"}
        tensors = {item["name"]: item for item in asked["inputs"]}
        for item in tensors.values():
            assert item["shape"] == [len(item["data"])]
            for value in item["data"]:
                assert value is None or type(value) in DATATYPES[item["datatype"]]
        assert tensors["name"]["datatype"] == "BYTES"
        said = [2.0 * value for value in tensors["x"]["data"]]
        output = {"name": "predict", "shape": [len(said), 1], "datatype": "FP64", "data": said}
        return 200, {"model_name": "double", "outputs": [output]}

    def own(self, body: bytes) -> tuple[int, Any]:
        if self.path != "/score?verbose=0":
            return 404, {}
        asked = json.loads(body)
        at = asked["input"]["names"].index("x")
        return 200, {"data": {"scores": [2 * row[at] for row in asked["input"]["table"]]}}

    def wall(self, body: bytes) -> tuple[int, Any]:
        """A page for whoever comes, as a proxy's login has it."""
        return 200, {"please": "log in"}


@contextlib.contextmanager
def serving(kind: str) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.kind = kind  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

"""Checks of bad input: each is answered 4xx, in time, and the server goes on as before."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Collection
from typing import Any

from modelway.endpoint.checks import (
    CheckFailed,
    CheckSkipped,
    EndpointCheck,
    Expected,
    InputColumn,
    first_rows,
    ok,
    shown,
)
from modelway.endpoint.client import JSON, Endpoint, NoAnswerError, Reply
from modelway.endpoint.dialects import Row
from modelway.endpoint.prediction_checks import predict

POSTED = ("/predict", "/invocations")
TOLD = ("/health", "/ready", "/model/version", "/metrics")
REFUSALS = (400, 408, 411, 413, 415, 422, 431)
"""What a request with bad input may be answered: 404 would mean that nothing is there, 401 and 403 that nobody looked."""
HUGE_BYTES = 1 << 40
SLOW_CLIENTS = 8
NUMBERS = ("double", "float", "long", "integer")

BODIES: dict[str, tuple[bytes, str]] = {
    "an empty body": (b"", JSON),
    "cut JSON": (b'{"rows": [{"a": 1}', JSON),
    "not JSON": (b"rows=1&a=2", JSON),
    "not UTF-8": (b'{"rows": [{"a": "\xff\xfe"}]}', JSON),
    "NaN": (b'{"rows": [{"a": NaN}]}', JSON),
    "null": (b"null", JSON),
    "a number": (b"17", JSON),
    "a list": (b"[1, 2, 3]", JSON),
    "nested too deep": (b"[" * 100_000, JSON),
    "rows that are no objects": (b'{"rows": [1], "instances": "x"}', JSON),
    "another content type": (b"<rows/>", "application/xml"),
}
"""What neither endpoint can mean: name -> body, content type."""


def refused(reply: Reply, asked: str, statuses: Collection[int] = REFUSALS) -> str:
    """Failed where it is none of the statuses; the detail is the status with the error's first words."""
    if reply.status not in statuses:
        wanted = "405" if statuses == (405,) else "a 4xx that says what is wrong"
        raise CheckFailed(f"{asked} was answered {reply.status}, not {wanted}: {shown(reply.body)}")
    if b"Traceback (most recent call last)" in reply.body:
        raise CheckFailed(f"{asked} was answered with a traceback")
    return f"{reply.status} {shown(reply.body)[:120]}"


def _body(path: str, name: str) -> EndpointCheck:
    data, kind = BODIES[name]

    def ask(endpoint: Endpoint, expected: Expected) -> str:
        return refused(endpoint.post(path, data, kind), f"POST {path}, {name},")

    return EndpointCheck(path, f"refuses {name}", ask, _granted(path))


def _granted(path: str) -> Callable[[Endpoint, Expected], Reply]:
    """A good row, asked there."""

    def ask(endpoint: Endpoint, expected: Expected) -> Reply:
        rows = first_rows(expected, 1)
        if path == "/invocations" and expected.dialect.name == "modelway":
            return endpoint.post(path, {"dataframe_records": [dict(row) for row in rows]})
        return endpoint.post(path, expected.dialect.bytes_of(rows))

    return ask


def _empty_object(endpoint: Endpoint, expected: Expected) -> str:
    """To /predict it is a row, of a model whose columns are all optional."""
    return refused(endpoint.post("/invocations", {}), "POST /invocations, an empty object,")


def _no_rows(path: str) -> EndpointCheck:
    def ask(endpoint: Endpoint, expected: Expected) -> str:
        name = "rows" if path == "/predict" else "dataframe_records"
        return refused(endpoint.post(path, {name: []}), f"POST {path} without rows")

    return EndpointCheck(path, "refuses no rows", ask, _granted(path))


def _row(
    path: str, name: str, spoilt: Callable[[Row, tuple[InputColumn, ...]], tuple[Row, Collection[str]]]
) -> EndpointCheck:
    """A good row with one thing wrong in it. The answer must name the column, or one of those that are wrong."""

    def ask(endpoint: Endpoint, expected: Expected) -> str:
        row, columns = spoilt(first_rows(expected, 1)[0], expected.columns)
        asked = f"POST {path} with {name} ({', '.join(columns)[:80]})"
        reply = endpoint.post(path, {"rows" if path == "/predict" else "dataframe_records": [dict(row)]})
        detail = refused(reply, asked)
        said = reply.body.decode("utf-8", "replace")
        if not any(column in said or json.dumps(column)[1:-1] in said for column in columns):
            raise CheckFailed(f"{asked}: the answer does not name it: {shown(said)}")
        return detail

    return EndpointCheck(path, f"refuses {name}", ask, _granted(path))


def _without_column(row: Row, columns: tuple[InputColumn, ...]) -> tuple[Row, Collection[str]]:
    """Without the first that is required; where that is not known, without all of them."""
    if not columns:
        return {}, list(row)
    needed = [column.name for column in columns if column.required and column.name in row]
    if not needed:
        raise CheckSkipped("every column is optional")
    return {key: value for key, value in row.items() if key != needed[0]}, needed[:1]


def _wrong_type(row: Row, columns: tuple[InputColumn, ...]) -> tuple[Row, Collection[str]]:
    """Text for a number; where no column is of numbers, an object, which no type is."""
    kinds = {column.name: column.kind for column in columns}
    numbers = [
        name
        for name, value in row.items()
        if kinds.get(name) in NUMBERS or (not kinds and isinstance(value, (int, float)) and not isinstance(value, bool))
    ]
    if numbers:
        return {**row, numbers[0]: "not a number"}, numbers[:1]
    name = next(iter(row), "")
    return {**row, name: {"not": "a value"}}, [name]


def _too_large(path: str) -> EndpointCheck:
    def ask(endpoint: Endpoint, expected: Expected) -> str:
        reply = endpoint.ask("POST", path, b'{"rows": [' + b" " * 1000, JSON, declared=HUGE_BYTES)
        return refused(reply, f"POST {path} with {HUGE_BYTES >> 40} TiB announced")

    return EndpointCheck(path, "refuses a body that is too large", ask, _granted(path))


def _method(path: str) -> EndpointCheck:
    method = "GET" if path in POSTED else "POST"

    def ask(endpoint: Endpoint, expected: Expected) -> str:
        body = b"{}" if method == "POST" else None
        return refused(endpoint.ask(method, path, body, JSON), f"{method} {path}", (405,))

    return EndpointCheck(path, f"refuses {method}", ask)


def _unknown_path(endpoint: Endpoint, expected: Expected) -> str:
    reply = endpoint.get("/modelway-no-such-path")
    if reply.status != 404:
        raise CheckFailed(f"GET of an unknown path was answered {reply.status}, not 404: {shown(reply.body)}")
    return "404"


def _not_http(endpoint: Endpoint, expected: Expected) -> str:
    status = endpoint.raw(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    if status is not None and not 400 <= status < 500:
        raise CheckFailed(f"what is not HTTP was answered {status}, not 4xx")
    return "closed" if status is None else str(status)


def _others_meanwhile(endpoint: Endpoint, expected: Expected) -> str:
    """Clients that stop in the middle of a body must not hold up others."""
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(_held(endpoint))
        began = time.monotonic()
        ok(endpoint.get("/ready"), f"GET /ready beside {SLOW_CLIENTS} slow clients")
        if expected.rows:
            predict(endpoint, expected.rows[:1])
    return f"answered in {time.monotonic() - began:.2f} s beside {SLOW_CLIENTS} of them"


def _slow_client(endpoint: Endpoint, expected: Expected) -> str:
    limit = expected.slow_client_seconds
    if not limit:
        raise CheckSkipped("not waited for: give slow-client-seconds")
    with _held(endpoint) as sock:
        sock.settimeout(limit)
        began = time.monotonic()
        try:
            said = sock.recv(4096)
        except TimeoutError:
            raise CheckFailed(f"a body that never comes is still waited for after {limit:g} s") from None
        except OSError:
            said = b""
    status = said.split(b" ")[1][:3].decode("ascii", "replace") if said.startswith(b"HTTP/1.") else ""
    if said and not status.startswith("4"):
        raise CheckFailed(f"a body that never comes was answered {shown(said)}, not 4xx")
    return f"{status or 'closed'} after {time.monotonic() - began:.1f} s"


@contextlib.contextmanager
def _held(endpoint: Endpoint) -> Any:
    try:
        sock: socket.socket = endpoint.hold("/predict")
    except OSError as error:
        raise NoAnswerError(f"cannot connect: {error.strerror or error}") from None
    with sock:
        yield sock


def _as_before(endpoint: Endpoint, expected: Expected) -> str:
    ok(endpoint.get("/ready"), "GET /ready after all of these")
    if not expected.rows:
        return "ready"
    predict(endpoint, expected.rows[:1])
    return "ready, and predicts"


FOREIGN_BODIES = ("an empty body", "cut JSON", "not JSON", "null")
"""What no server can take for a request, whatever it speaks."""


def foreign(path: str) -> tuple[EndpointCheck, ...]:
    """Of any server: what is in no protocol is refused, and it goes on."""
    return (
        *(_body(path, name) for name in FOREIGN_BODIES),
        EndpointCheck("any path", "is 404 where it is unknown", _unknown_path),
        EndpointCheck("any path", "refuses what is not HTTP", _not_http),
        EndpointCheck(path, "after all of these it is as before", _predicts_as_before),
    )


def _predicts_as_before(endpoint: Endpoint, expected: Expected) -> str:
    predict(endpoint, first_rows(expected, 1), expected.dialect)
    return "predicts"


CHECKS = (
    *(_body(path, name) for path in POSTED for name in BODIES),
    EndpointCheck("/invocations", "refuses an empty object", _empty_object, _granted("/invocations")),
    *(_no_rows(path) for path in POSTED),
    *(_row(path, "a missing column", _without_column) for path in POSTED),
    *(_row(path, "a value of the wrong type", _wrong_type) for path in POSTED),
    *(_too_large(path) for path in POSTED),
    *(_method(path) for path in (*POSTED, *TOLD)),
    EndpointCheck("any path", "is 404 where it is unknown", _unknown_path),
    EndpointCheck("any path", "refuses what is not HTTP", _not_http),
    EndpointCheck("/predict", "slow clients hold up nobody", _others_meanwhile),
    EndpointCheck("/predict", "a body that never comes is refused", _slow_client),
    EndpointCheck("any path", "after all of these it is as before", _as_before),
)

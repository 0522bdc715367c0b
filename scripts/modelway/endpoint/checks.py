"""What a check is, what is expected of an endpoint, and how checks are run one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from modelway.endpoint.client import Endpoint, NoAnswerError, Reply
from modelway.endpoint.dialects import MODELWAY, Row, ServerDialect

SILENT_LIMIT = 3
"""Checks in a row without an answer: then the rest is not asked, since each would take the whole time limit."""
SHOWN = 300

Outcome = Literal["pass", "fail", "skipped"]


@dataclass(frozen=True)
class InputColumn:
    """kind: MLflow's name of the type, such as double."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True)
class Expected:
    """What is known of the model; what is empty is not checked. rows: what it can be asked. predictions: what the gate's
    model said of these rows, in their order; None: nothing is known. tolerance: relative, for numbers."""

    model: str = ""
    version: int | None = None
    run_id: str = ""
    digest: str = ""
    content: str = ""
    columns: tuple[InputColumn, ...] = ()
    rows: tuple[Row, ...] = ()
    predictions: tuple[Any, ...] | None = None
    tolerance: float = 1e-6
    slow_client_seconds: float = 0.0
    """Until when a client that does not send on must be refused; 0: this is not waited for."""
    dialect: ServerDialect = MODELWAY


@dataclass(frozen=True)
class EndpointCheck:
    """ask returns what it saw; it raises Failed, Skipped or NoAnswerError. about: the endpoint, for the report. good: asks
    for what must be granted before a refusal means anything; None: the check is none of refusals."""

    about: str
    name: str
    ask: Callable[[Endpoint, Expected], str]
    good: Callable[[Endpoint, Expected], Reply] | None = None


class EndpointCheckResult(msgspec.Struct, frozen=True):
    about: str
    name: str
    outcome: Outcome
    detail: str
    seconds: float = 0.0


class CheckFailed(Exception):
    """The endpoint does not keep what it promises: what was asked and what came."""


class CheckSkipped(Exception):
    """It cannot be asked: what is missing."""


def run(checks: Iterable[EndpointCheck], endpoint: Endpoint, expected: Expected) -> Iterator[EndpointCheckResult]:
    """Each check's outcome, as soon as it is known."""
    silent = 0
    granted: dict[str, EndpointCheckResult | None] = {}
    for check in checks:
        if silent >= SILENT_LIMIT:
            yield EndpointCheckResult(check.about, check.name, "fail", "not asked: the server no longer answers")
            continue
        if check.good and check.about not in granted:
            granted[check.about] = _meaningless(check, check.good, endpoint, expected)
        if check.good and (known := granted[check.about]):
            yield msgspec.structs.replace(known, name=check.name)
            continue
        began = time.monotonic()
        checked, silent = _run(check, endpoint, expected, silent)
        yield msgspec.structs.replace(checked, seconds=round(time.monotonic() - began, 4))


def _meaningless(
    check: EndpointCheck, good: Callable[[Endpoint, Expected], Reply], endpoint: Endpoint, expected: Expected
) -> EndpointCheckResult | None:
    """Why refusals there show nothing: what is refused might be refused whatever it is. None where they do."""
    try:
        status = good(endpoint, expected).status
    except CheckSkipped as reason:
        return EndpointCheckResult(
            check.about, check.name, "skipped", f"a refusal shows nothing where nothing is granted: {reason}"
        )
    except NoAnswerError:
        return None  # the check itself will say so
    if 200 <= status < 300:
        return None
    return EndpointCheckResult(
        check.about, check.name, "fail", f"a good request is answered {status}, so a refusal shows nothing"
    )


def _run(check: EndpointCheck, endpoint: Endpoint, expected: Expected, silent: int) -> tuple[EndpointCheckResult, int]:
    try:
        return EndpointCheckResult(check.about, check.name, "pass", check.ask(endpoint, expected)), 0
    except CheckSkipped as reason:
        return EndpointCheckResult(check.about, check.name, "skipped", str(reason)), silent
    except CheckFailed as reason:
        return EndpointCheckResult(check.about, check.name, "fail", str(reason)), 0
    except NoAnswerError as reason:
        return EndpointCheckResult(check.about, check.name, "fail", str(reason)), silent + 1


def ok(reply: Reply, asked: str) -> Reply:
    """Failed where it is not 200."""
    if reply.status != 200:
        raise CheckFailed(f"{asked} was answered {reply.status}, not 200: {shown(reply.body)}")
    return reply


def document(reply: Reply, asked: str) -> dict[str, Any]:
    """The object of a 200. Failed where it is none."""
    try:
        said = ok(reply, asked).json()
    except (ValueError, RecursionError) as error:
        raise CheckFailed(f"{asked} is answered with what is not JSON ({error}): {shown(reply.body)}") from None
    if not isinstance(said, dict):
        raise CheckFailed(f"{asked} is answered with what is not an object: {shown(reply.body)}")
    return said


def first_rows(expected: Expected, count: int) -> Sequence[Row]:
    if not expected.rows:
        raise CheckSkipped("no rows are known to ask with: give environment and version, or rows")
    return expected.rows[:count]


def shown(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN else f"{flat[: SHOWN - 1]}…"

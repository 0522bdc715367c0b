"""The whole contract, in the order in which it is asked."""

from __future__ import annotations

from modelway.endpoint import bad_input_checks, prediction_checks, status_checks
from modelway.endpoint.checks import EndpointCheck, Expected, ok
from modelway.endpoint.client import Endpoint
from modelway.endpoint.dialects import ServerDialect

CONTRACT: tuple[EndpointCheck, ...] = (*status_checks.CHECKS, *prediction_checks.CHECKS, *bad_input_checks.CHECKS)


def of(dialect: ServerDialect) -> tuple[EndpointCheck, ...]:
    """What a server of this dialect is held against: modelway's own promises more than others do."""
    if dialect.name == "modelway":
        return CONTRACT
    ready = (EndpointCheck(dialect.ready, "answers", _ready),) if dialect.ready else ()
    return (*ready, *prediction_checks.foreign(dialect.path), *bad_input_checks.foreign(dialect.path))


def _ready(endpoint: Endpoint, expected: Expected) -> str:
    ok(endpoint.get(expected.dialect.ready), f"GET {expected.dialect.ready}")
    return "200"

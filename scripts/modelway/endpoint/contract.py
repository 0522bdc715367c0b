"""The whole contract, in the order in which it is asked."""

from __future__ import annotations

from modelway.endpoint import predicting, refusing, telling
from modelway.endpoint.asking import Endpoint
from modelway.endpoint.checks import Check, Expected, ok
from modelway.endpoint.dialects import Dialect

CONTRACT: tuple[Check, ...] = (*telling.CHECKS, *predicting.CHECKS, *refusing.CHECKS)


def of(dialect: Dialect) -> tuple[Check, ...]:
    """What a server of this dialect is held against: modelway's own promises more than others do."""
    if dialect.name == "modelway":
        return CONTRACT
    ready = (Check(dialect.ready, "answers", _ready),) if dialect.ready else ()
    return (*ready, *predicting.foreign(dialect.path), *refusing.foreign(dialect.path))


def _ready(endpoint: Endpoint, expected: Expected) -> str:
    ok(endpoint.get(expected.dialect.ready), f"GET {expected.dialect.ready}")
    return "200"

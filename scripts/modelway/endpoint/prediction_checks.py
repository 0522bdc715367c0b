"""Checks of predictions: /predict, MLflow's four formats, the gate's predictions, the same each time and in any batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from modelway.endpoint.checks import CheckFailed, CheckSkipped, EndpointCheck, Expected, document, first_rows, ok, shown
from modelway.endpoint.client import Endpoint, Reply
from modelway.endpoint.dialects import MODELWAY, Row, ServerDialect, split

FEW = 5
"""Rows with which a format is tried."""
TIMES_ASKED = 5

FORMATS: dict[str, Callable[[Sequence[Row]], Any]] = {
    "dataframe_split": split,
    "dataframe_records": lambda rows: [dict(row) for row in rows],
    "instances": lambda rows: [dict(row) for row in rows],
    "inputs": lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
}
"""MLflow's formats of /invocations: rows -> the value of the key of that name."""


def predict(endpoint: Endpoint, rows: Sequence[Row], dialect: ServerDialect = MODELWAY) -> list[Any]:
    """What the server says of the rows, one prediction each."""
    if dialect.most_rows and len(rows) > dialect.most_rows:
        raise CheckSkipped(f"a request of this body has {dialect.most_rows} row")
    asked = f"POST {dialect.path}"
    return _predictions(_json(endpoint.post(dialect.path, dialect.bytes_of(rows)), asked), rows, dialect)


def _json(reply: Reply, asked: str) -> Any:
    try:
        return ok(reply, asked).json()
    except (ValueError, RecursionError) as error:
        raise CheckFailed(f"{asked} is answered with what is not JSON ({error}): {shown(reply.body)}") from None


def _predictions(said: Any, rows: Sequence[Row], dialect: ServerDialect = MODELWAY) -> list[Any]:
    try:
        return dialect.predictions(said, len(rows))
    except ValueError as error:
        raise CheckFailed(f"{error}: {shown(said)}") from None


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Two predictions: numbers within `tolerance * max(1, |number|)`, anything else exactly. NaN is like nothing. A frame's
    row and a list of its values are the same, as are one value and a list of one."""
    one, other = _plain(one), _plain(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        largest = max(1.0, abs(one), abs(other))
        return math.isfinite(largest) and abs(one - other) <= tolerance * largest
    if isinstance(one, str) != isinstance(other, str) and not isinstance(one, list) and not isinstance(other, list):
        return str(one) == str(other)  # the gate keeps labels of mixed types as text
    return bool(one == other)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        value = list(value.values())
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _compare(wanted: Sequence[Any], said: Sequence[Any], tolerance: float, what: str) -> str:
    """Failed where any differs; the detail says how many, and the first."""
    different = [number for number, (a, b) in enumerate(zip(wanted, said, strict=True)) if not same(a, b, tolerance)]
    if different:
        at = different[0]
        raise CheckFailed(
            f"{len(different)} of {len(wanted)} predictions are not {what}; row {at}: {shown(said[at])}, and should be"
            f" {shown(wanted[at])}"
        )
    return f"{len(wanted)} rows, numbers within {tolerance:g}"


def _answers(endpoint: Endpoint, expected: Expected) -> str:
    rows = first_rows(expected, 1)
    said = document(endpoint.post("/predict", {"rows": [dict(rows[0])]}), "POST /predict")
    several = _predictions(said, rows)
    version = document(endpoint.get("/model/version"), "GET /model/version").get("version")
    if said.get("version") != version:
        raise CheckFailed(f"/predict says version {shown(said.get('version'))}, and /model/version {shown(version)}")
    alone = _predictions(document(endpoint.post("/predict", dict(rows[0])), "POST /predict, one row"), rows)
    return _compare(several, alone, expected.tolerance, "the same with and without rows")


def _format(name: str) -> EndpointCheck:
    def ask(endpoint: Endpoint, expected: Expected) -> str:
        rows = first_rows(expected, FEW)
        body = {name: FORMATS[name](rows)}
        said = document(endpoint.post("/invocations", body), f"POST /invocations, {name}")
        return _compare(predict(endpoint, rows), _predictions(said, rows), expected.tolerance, "those of /predict")

    return EndpointCheck("/invocations", f"{name} as /predict", ask)


def _deterministic(endpoint: Endpoint, expected: Expected) -> str:
    """Within the tolerance: sums that several threads make differ in the last digit."""
    rows = first_rows(expected, expected.dialect.most_rows or FEW)
    first, exactly = predict(endpoint, rows, expected.dialect), True
    for _ in range(TIMES_ASKED - 1):
        again = predict(endpoint, rows, expected.dialect)
        _compare(first, again, expected.tolerance, "what they were before")
        exactly = exactly and again == first
    return f"{TIMES_ASKED} times the same, {'exactly' if exactly else f'numbers within {expected.tolerance:g}'}"


def _as_judged(endpoint: Endpoint, expected: Expected) -> str:
    if expected.predictions is None:
        raise CheckSkipped("the gate's predictions are not known: give environment and version")
    if not expected.predictions:
        raise CheckFailed("the verdict has no sample rows, so nothing shows that this is the model it speaks of")
    rows, dialect = expected.rows, expected.dialect
    parts = [[row] for row in rows] if dialect.most_rows else [rows]
    said = [prediction for part in parts for prediction in predict(endpoint, part, dialect)]
    return _compare(expected.predictions, said, expected.tolerance, "the gate's")


def _one_by_one(endpoint: Endpoint, expected: Expected) -> str:
    rows = first_rows(expected, len(expected.rows))
    together = predict(endpoint, rows, expected.dialect)
    alone = [predict(endpoint, [row], expected.dialect)[0] for row in rows]
    return _compare(alone, together, expected.tolerance, "the same in one request as one by one")


def _one_row(endpoint: Endpoint, expected: Expected) -> str:
    predict(endpoint, first_rows(expected, 1), expected.dialect)
    return "one prediction"


def of_any(path: str) -> tuple[EndpointCheck, ...]:
    """What holds of predictions whatever the server."""
    return (
        EndpointCheck(path, "the same each time", _deterministic),
        EndpointCheck(path, "as the gate's model", _as_judged),
        EndpointCheck(path, "a batch as one by one", _one_by_one),
    )


def foreign(path: str) -> tuple[EndpointCheck, ...]:
    return (EndpointCheck(path, "one row", _one_row), *of_any(path))


CHECKS = (
    EndpointCheck("/predict", "one row", _answers),
    *of_any("/predict"),
    *(_format(name) for name in FORMATS),
)

"""Checks of predictions: /predict, MLflow's four formats, the gate's predictions, the same each time and in any batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from modelway.endpoint.asking import Endpoint
from modelway.endpoint.checks import Check, Expected, Failed, Row, Skipped, document, first_rows, shown

FEW = 5
"""Rows with which a format is tried."""
TIMES_ASKED = 5

FORMATS: dict[str, Callable[[Sequence[Row]], Any]] = {
    "dataframe_split": lambda rows: {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]},
    "dataframe_records": lambda rows: [dict(row) for row in rows],
    "instances": lambda rows: [dict(row) for row in rows],
    "inputs": lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
}
"""MLflow's formats of /invocations: rows -> the value of the key of that name."""


def predict(endpoint: Endpoint, rows: Sequence[Row]) -> list[Any]:
    """What /predict says of the rows, one prediction each."""
    return _predictions(
        document(endpoint.post("/predict", {"rows": [dict(row) for row in rows]}), "POST /predict"), rows
    )


def _predictions(said: dict[str, Any], rows: Sequence[Row]) -> list[Any]:
    found = said.get("predictions")
    if not isinstance(found, list):
        raise Failed(f"there are no predictions in the answer: {shown(said)}")
    if len(found) != len(rows):
        raise Failed(f"{len(rows)} rows were asked, and {len(found)} predictions came")
    return found


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
        raise Failed(
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
        raise Failed(f"/predict says version {shown(said.get('version'))}, and /model/version {shown(version)}")
    alone = _predictions(document(endpoint.post("/predict", dict(rows[0])), "POST /predict, one row"), rows)
    return _compare(several, alone, expected.tolerance, "the same with and without rows")


def _format(name: str) -> Check:
    def ask(endpoint: Endpoint, expected: Expected) -> str:
        rows = first_rows(expected, FEW)
        body = {name: FORMATS[name](rows)}
        said = document(endpoint.post("/invocations", body), f"POST /invocations, {name}")
        return _compare(predict(endpoint, rows), _predictions(said, rows), expected.tolerance, "those of /predict")

    return Check("/invocations", f"{name} as /predict", ask)


def _deterministic(endpoint: Endpoint, expected: Expected) -> str:
    rows = first_rows(expected, FEW)
    first = predict(endpoint, rows)
    for _ in range(TIMES_ASKED - 1):
        _compare(first, predict(endpoint, rows), 0.0, "what they were before")
    return f"{TIMES_ASKED} times exactly the same"


def _as_judged(endpoint: Endpoint, expected: Expected) -> str:
    if expected.predictions is None:
        raise Skipped("the gate's predictions are not known: give environment and version")
    if not expected.predictions:
        raise Failed("the verdict has no sample rows, so nothing shows that this is the model it speaks of")
    said = predict(endpoint, expected.rows)
    return _compare(expected.predictions, said, expected.tolerance, "the gate's")


def _one_by_one(endpoint: Endpoint, expected: Expected) -> str:
    rows = first_rows(expected, len(expected.rows))
    alone = [predict(endpoint, [row])[0] for row in rows]
    return _compare(alone, predict(endpoint, rows), expected.tolerance, "the same in one request as one by one")


CHECKS = (
    Check("/predict", "one row", _answers),
    Check("/predict", "the same each time", _deterministic),
    Check("/predict", "as the gate's model", _as_judged),
    Check("/predict", "a batch as one by one", _one_by_one),
    *(_format(name) for name in FORMATS),
)

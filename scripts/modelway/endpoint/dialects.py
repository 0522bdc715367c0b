"""How a server is asked for predictions, and where they stand in its answer: modelway's own, MLflow's, KServe's, any."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelway.errors import InvalidInput

Row = Mapping[str, Any]
KSERVE_TYPES = {"double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL"}
PLACEHOLDERS = ("{rows}", "{row}", "{columns}", "{values}")


@dataclass(frozen=True)
class ServerDialect:
    """body: of a request for these rows, as JSON has it. predictions: of an answer's JSON to so many rows, one each;
    ValueError, in words for a person, where there are none. ready: the path that is 200 when predictions can be asked for;
    empty where there is none. most_rows: of one request; 0: any number."""

    name: str
    path: str
    body: Callable[[Sequence[Row]], Any]
    predictions: Callable[[Any, int], list[Any]]
    ready: str = ""
    most_rows: int = 0

    def bytes_of(self, rows: Sequence[Row]) -> bytes:
        return json.dumps(self.body(rows), allow_nan=False).encode()


def split(rows: Sequence[Row]) -> dict[str, Any]:
    """MLflow's dataframe_split."""
    return {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}


def listed(said: Any, count: int, path: Sequence[str] = ("predictions",)) -> list[Any]:
    """The list at a path of an answer."""
    found = said
    for key in path:
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise ValueError(f"there is no {'.'.join(path)} in the answer")
    if not isinstance(found, list):
        raise ValueError(f"{'.'.join(path) or 'the answer'} is no list of predictions")
    if len(found) != count:
        raise ValueError(f"{count} rows were asked, and {len(found)} predictions came")
    return found


MODELWAY = ServerDialect("modelway", "/predict", lambda rows: {"rows": [dict(row) for row in rows]}, listed, "/ready")


def mlflow(path: str = "") -> ServerDialect:
    return ServerDialect(
        "mlflow", path or "/invocations", lambda rows: {"dataframe_split": split(rows)}, listed, "/ping"
    )


def kserve(path: str, known: Sequence[Row], kinds: Mapping[str, str]) -> ServerDialect:
    """The Open Inference Protocol (KServe v2): one tensor a column, to be read as a frame. known: rows that say of which type
    a column is that `kinds`, MLflow's names by column, does not name."""
    types = {name: KSERVE_TYPES.get(kinds.get(name, ""), "") or _type(known, name, kinds) for name in known[0]}

    def body(rows: Sequence[Row]) -> dict[str, Any]:
        tensors = [
            {
                "name": name,
                "shape": [len(rows)],
                "datatype": types.get(name, "BYTES"),
                "data": [row[name] for row in rows],
            }
            for name in rows[0]
        ]
        return {"parameters": {"content_type": "pd"}, "inputs": tensors}

    return ServerDialect("kserve-v2", path, body, _outputs, "/v2/health/ready")


def template(path: str, text: str, answer: str) -> ServerDialect:
    """Any server that takes JSON: `text` with placeholders, each a whole JSON string. answer: where the list of predictions
    stands, such as data.ndarray; empty: `predictions`, or the answer itself."""
    try:
        wanted = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"is not JSON: {error}", where="input body", fix=FIX_BODY) from None
    if not any(name in text for name in PLACEHOLDERS):
        raise InvalidInput("says nowhere where the rows go", where="input body", fix=FIX_BODY)

    def predictions(said: Any, count: int) -> list[Any]:
        if answer:
            return listed(said, count, answer.split("."))
        return listed(said, count, () if isinstance(said, list) else ("predictions",))

    return ServerDialect(
        "template", path, lambda rows: _filled(wanted, rows), predictions, most_rows=1 if '"{row}"' in text else 0
    )


FIX_BODY = (
    """give JSON such as {"instances": "{rows}"}: "{rows}" stands for a list of objects, "{values}" for a list of lists,"""
    """ "{columns}" for the names, "{row}" for one object"""
)


def _filled(wanted: Any, rows: Sequence[Row]) -> Any:
    if isinstance(wanted, dict):
        return {key: _filled(value, rows) for key, value in wanted.items()}
    if isinstance(wanted, list):
        return [_filled(value, rows) for value in wanted]
    if wanted == "{rows}":
        return [dict(row) for row in rows]
    if wanted == "{row}":
        return dict(rows[0])
    if wanted == "{columns}":
        return list(rows[0])
    return [list(row.values()) for row in rows] if wanted == "{values}" else wanted


def _type(known: Sequence[Row], name: str, kinds: Mapping[str, str]) -> str:
    values = [row[name] for row in known if row.get(name) is not None]
    if name in kinds or not values:
        return "BYTES"
    if all(isinstance(value, bool) for value in values):
        return "BOOL"
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        whole = len(values) == len(known) and all(isinstance(value, int) for value in values)
        return "INT64" if whole else "FP64"
    return "BYTES"


def _outputs(said: Any, count: int) -> list[Any]:
    """One tensor: its rows. Several: what each says of a row, together."""
    tensors = said.get("outputs") if isinstance(said, dict) else None
    if not isinstance(tensors, list) or not tensors or not all(isinstance(item, dict) for item in tensors):
        raise ValueError("there are no outputs in the answer")
    parts = [_rows_of(item, count) for item in tensors]
    return parts[0] if len(parts) == 1 else [list(row) for row in zip(*parts, strict=True)]


def _rows_of(tensor: Mapping[str, Any], count: int) -> list[Any]:
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(shape, list) or not all(type(size) is int for size in shape) or not isinstance(data, list):
        raise ValueError("an output has no shape, or no data")
    if not shape or shape[0] != count:
        raise ValueError(f"{count} rows were asked, and an output of the shape {shape} came")
    wide = math.prod(shape[1:])
    if len(data) == count and (wide == 1 or all(isinstance(item, list) for item in data)):
        return data
    if len(data) != count * wide:
        raise ValueError(f"an output of the shape {shape} has {len(data)} values")
    return [data[at : at + wide] for at in range(0, len(data), wide)]

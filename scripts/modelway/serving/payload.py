"""From the bytes of a request to columns of values: pure, and strict. What is wrong is a Refusal that names the field."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelway.serving.messages import LARGE_BYTES, Refusal

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""MLflow's: a request to /invocations has one of them."""
PARAMETERS = "params"
SHOWN = 80
BESIDE_ROWS = 100
"""Objects of a body that are no rows: the one around them, and parameters."""


@dataclass(frozen=True, slots=True)
class JsonTable:
    """Columns of `rows` values each, as JSON has them; ABSENT where a row lacks a column that another one has."""

    columns: dict[str, list[Any]]
    rows: int


class Absent:
    """The value of a column that a row does not have, which is not null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


def document(body: bytes, most_rows: int | None = None) -> Any:
    """The JSON value of a body. Refused: not UTF-8, not JSON, NaN and Infinity, a key twice, nested too deep; and where
    most_rows is given, as soon as there are more objects than so many rows have."""
    hook = _object if most_rows is None else _Counting(most_rows)
    large = len(body) > LARGE_BYTES and gc.isenabled()
    try:
        if (
            large
        ):  # millions of new lists are no garbage, and to look through them again and again holds up every thread
            gc.disable()
        numbers = LET_OTHERS_RUN if large else {}
        return json.loads(body.decode("utf-8"), object_pairs_hook=hook, parse_constant=_no_constant, **numbers)
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    except RecursionError:
        raise Refusal(400, "the body is nested too deep") from None
    except ValueError:  # an int of thousands of digits
        raise Refusal(400, "the body holds a number that is too long") from None
    finally:
        if large:
            gc.enable()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refusal(400, f"{shown(twice)} is there twice", twice)
    return found


class _Counting:
    """`_object`, so often."""

    __slots__ = ("count", "most_rows")

    def __init__(self, most_rows: int) -> None:
        self.count, self.most_rows = 0, most_rows

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.count += 1
        if self.count > self.most_rows + BESIDE_ROWS:
            many = f"the body has more than {self.most_rows} objects"
            raise Refusal(413, f"{many}, and a request may have {self.most_rows} rows (--max-rows)")
        return _object(pairs)


LET_OTHERS_RUN: dict[str, Any] = {"parse_int": lambda text: int(text), "parse_float": lambda text: float(text)}
"""A call of Python for each number: parsing in C keeps every other thread from the interpreter."""


def _no_constant(name: str) -> Any:
    raise Refusal(400, f"{name} is not JSON; a missing number is null")


def check_rows(rows: int, most_rows: int) -> None:
    """Refused where there are none, or too many."""
    if rows == 0:
        raise Refusal(400, "there are no rows")
    if rows > most_rows:
        raise Refusal(413, f"{rows} rows are more than {most_rows} (--max-rows)")


def predict_rows(body: Any, most_rows: int) -> list[dict[str, Any]]:
    """The rows of a request to /predict: {"rows": [{column: value}, ...]}, or one {column: value}."""
    if not isinstance(body, dict):
        raise Refusal(400, 'the body must be {"rows": [{column: value, ...}, ...]}, or one {column: value, ...}')
    rows = body.get("rows")
    if not isinstance(rows, list):
        return [body]
    if len(body) > 1:
        field = next(key for key in body if key != "rows")
        raise Refusal(400, f"{shown(field)} stands beside rows, and is not known", field)
    check_rows(len(rows), most_rows)
    return _objects(rows, "rows")


def chosen_format(body: Any) -> str:
    """Which of MLflow's formats a request to /invocations has."""
    names = [name for name in FORMATS if name in body] if isinstance(body, dict) else []
    if len(names) != 1:
        raise Refusal(400, f"the body must be an object with exactly one of {', '.join(FORMATS)}")
    parameters = body.get(PARAMETERS)
    if parameters is not None and not isinstance(parameters, dict):
        raise Refusal(400, "params must be an object", PARAMETERS)
    return names[0]


def count_of(value: Any, name: str) -> int:
    """How many rows are there, before they are looked at; 1 where that cannot be said."""
    if name == "dataframe_split" and isinstance(value, dict):
        value = value.get("data")
    if isinstance(value, dict):
        return max((len(item) for item in value.values() if isinstance(item, list)), default=1 if value else 0)
    return len(value) if isinstance(value, list) else 1


def invocations_table(body: dict[str, Any], name: str, most_rows: int) -> JsonTable:
    """The table of a request to /invocations for a model with named columns."""
    value = body[name]
    check_rows(count_of(value, name), most_rows)
    if name == "dataframe_split":
        return _split(value)
    if name == "inputs" and isinstance(value, dict):
        return _columns(value)
    if isinstance(value, list):
        return table(_objects(value, name))
    wanted = "an object of columns" if name == "inputs" else "a list of objects"
    raise Refusal(400, f"{name} must be {wanted}", name)


def table(rows: Sequence[dict[str, Any]]) -> JsonTable:
    """Rows turned into columns. A column that only some rows have is ABSENT in the others."""
    if len(rows) == 1:
        return JsonTable({name: [value] for name, value in rows[0].items()}, 1)
    names = dict.fromkeys(name for row in rows for name in row)
    return JsonTable({name: [row.get(name, ABSENT) for row in rows] for name in names}, len(rows))


def csv_table(body: bytes, types: dict[str, Any] | None, most_rows: int) -> JsonTable:
    """The table of a CSV with a header. types: what pandas reads each column as, the others left out; None: all, guessed."""
    import pandas as pd

    used = None if types is None else lambda name: name in types
    try:
        frame = pd.read_csv(io.BytesIO(body), dtype=types, usecols=used, encoding="utf-8", nrows=most_rows + 1)
    except (ValueError, OverflowError, pd.errors.ParserError) as error:
        raise Refusal(400, f"the body cannot be read as CSV: {str(error)[:200]}") from None
    if len(frame) > most_rows:
        raise Refusal(413, f"there are more than {most_rows} rows (--max-rows)")
    check_rows(len(frame), most_rows)
    columns = {str(name): frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame}
    return JsonTable(columns, len(frame))


def _objects(rows: list[Any], name: str) -> list[dict[str, Any]]:
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Refusal(400, f"{name}[{number}] must be an object {{column: value, ...}}", name)
    return rows


def _split(value: Any) -> JsonTable:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise Refusal(400, "dataframe_split must be an object with columns and data", "dataframe_split")
    extra = next((key for key in value if key not in ("columns", "data", "index")), "")
    if extra:
        raise Refusal(400, f"{shown(extra)} is not known in dataframe_split", extra)
    names, rows = value.get("columns"), value["data"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise Refusal(400, "columns must be a list of different names", "columns")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise Refusal(400, f"data[{number}] must be a list of {len(names)} values", "data")
    return JsonTable({name: [row[at] for row in rows] for at, name in enumerate(names)}, len(rows))


def _columns(value: dict[str, Any]) -> JsonTable:
    """Lists of one length; or one row of plain values."""
    if value and not any(isinstance(item, list) for item in value.values()):
        return JsonTable({name: [item] for name, item in value.items()}, 1)
    lengths = {len(item) if isinstance(item, list) else -1 for item in value.values()}
    if len(lengths) > 1 or -1 in lengths:
        odd = next((name for name, item in value.items() if not isinstance(item, list)), next(iter(value)))
        raise Refusal(400, "the columns of inputs must be lists of one length", odd)
    return JsonTable(value, lengths.pop() if lengths else 0)


def shown(value: Any) -> str:
    """A value or a name as an error says it: short, in one line, quoted as JSON has it. No more of it is looked at."""
    text = ""
    for part in json.JSONEncoder(default=str).iterencode(value[:SHOWN] if isinstance(value, str) else value):
        text += part
        if len(text) > SHOWN:
            return text[: SHOWN - 3] + "..."
    return text

"""From a request to what the model is asked with."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelway.serving import columns, payload
from modelway.serving.messages import HttpRequest, Refusal

if TYPE_CHECKING:
    from modelway.serving.features import Completed, Features
    from modelway.serving.model import Model


@dataclass(frozen=True, slots=True)
class Loose:
    """A request for a model without named columns of plain types, as MLflow read it."""

    data: Any
    parameters: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """data: columns.Checked, or Loose. shape: what may go to the model together has the same; None: it goes alone."""

    data: Any
    rows: int
    shape: Hashable
    missing: tuple[str, ...] = ()
    """Columns in which at least one value stands for one that could not be looked up."""


@dataclass(frozen=True, slots=True)
class IncompleteRequest:
    """Columns of it are to be looked up. strict: as of columns.check."""

    table: payload.JsonTable
    strict: bool


Read = ParsedRequest | IncompleteRequest


def read(request: HttpRequest, model: Model, most_rows: int, features: Features | None = None) -> Read:
    """Refused where the model cannot be asked with it. Rows are counted before anything is made of them."""
    if request.path == "/predict":
        return _predict(request, model, most_rows, features)
    return _invocations(request, model, most_rows, features)


def finish(completed: Completed, model: Model, *, strict: bool) -> ParsedRequest:
    assert model.columns is not None, "else nothing is looked up"
    return _named(columns.check(completed.table, model.columns, strict=strict), completed.missing)


def _predict(request: HttpRequest, model: Model, most_rows: int, features: Features | None) -> Read:
    _content_type(request, ("application/json",))
    rows = payload.predict_rows(_document(request, model, most_rows), most_rows)
    if model.columns is not None:
        return _checked(payload.table(rows), model.columns, features, strict=True)
    kind = "instances" if model.schema is not None and model.schema.is_tensor_spec() else "dataframe_records"
    return ParsedRequest(Loose(model.read_loose({kind: rows}, kind, strict=True), None), len(rows), None)


def _invocations(request: HttpRequest, model: Model, most_rows: int, features: Features | None) -> Read:
    if _content_type(request, ("application/json", "text/csv")) == "text/csv":
        types = model.csv_types if model.columns is not None else None
        if types is not None and features is not None:
            types = dict.fromkeys(features.file.keys, "str") | types
        table = payload.csv_table(request.body, types, most_rows)
        if model.columns is None:
            return ParsedRequest(Loose(model.read_loose(_split(table), "dataframe_split"), None), table.rows, None)
    else:
        body = _document(request, model, most_rows)
        name = payload.chosen_format(body)
        parameters = body.get(payload.PARAMETERS)
        if model.columns is None or parameters:
            payload.check_rows(payload.count_of(body[name], name), most_rows)
            data = model.read_loose(body, name)
            rows = _length(data)
            payload.check_rows(rows, most_rows)
            return ParsedRequest(Loose(data, parameters), rows, None)
        table = payload.invocations_table(body, name, most_rows)
    return _checked(table, model.columns, features, strict=False)


def _checked(
    table: payload.JsonTable,
    known: tuple[columns.SignatureColumn, ...],
    features: Features | None,
    *,
    strict: bool,
) -> Read:
    if features is not None and features.wanted(table):
        return IncompleteRequest(table, strict)
    return _named(columns.check(table, known, strict=strict))


def _document(request: HttpRequest, model: Model, most_rows: int) -> Any:
    """With named columns of plain types no value is an object, so all objects but a few are rows."""
    return payload.document(request.body, most_rows if model.columns is not None else None)


def _named(checked: columns.CheckedRows, missing: tuple[str, ...] = ()) -> ParsedRequest:
    return ParsedRequest(checked, checked.rows, checked.shape, missing)


def _content_type(request: HttpRequest, known: tuple[str, ...]) -> str:
    kind, _, parameters = request.content_type.partition(";")
    kind = kind.strip() or known[0]
    if kind not in known:
        raise Refusal(415, f"the content type must be {' or '.join(known)}, not {payload.shown(kind)}")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise Refusal(415, f"the charset must be utf-8, not {payload.shown(charset)}")
    return kind


def _split(table: payload.JsonTable) -> dict[str, Any]:
    data = [list(row) for row in zip(*table.columns.values(), strict=True)]
    return {"dataframe_split": {"columns": list(table.columns), "data": data}}


def _length(data: Any) -> int:
    """Rows of what MLflow read: an array, a frame, or a dict of arrays; 1 where it has no length."""
    if isinstance(data, dict):
        return max((_length(item) for item in data.values()), default=0)
    try:
        return len(data)
    except TypeError:
        return 1

"""What can be asked, as OpenAPI 3.1: made of the model's signature, so that it says what the server checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelway.serving.columns import EMPTY, LARGEST_FLOAT, SignatureColumn, takes_null
from modelway.serving.features import NOTHING, FeatureFile
from modelway.serving.payload import FORMATS
from modelway.serving.release import ServedRelease

if TYPE_CHECKING:
    from modelway.serving.model import Model

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32", "minimum": -(1 << 31), "maximum": (1 << 31) - 1},
    "long": {"type": "integer", "format": "int64", "minimum": -(1 << 63), "maximum": (1 << 63) - 1},
    "float": {"type": "number", "format": "float", "minimum": -LARGEST_FLOAT, "maximum": LARGEST_FLOAT},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "datetime": {"type": "string", "description": "ISO 8601 without a time zone"},
    "binary": {"type": "string", "contentEncoding": "base64"},
}
KEY: Mapping[str, Any] = {"type": ["string", "integer", "null"], "description": "by it other columns are looked up"}
ANY: Mapping[str, Any] = {"description": "whatever MLflow's own server takes for this model"}
SAID: Mapping[int, str] = {
    400: "the request is wrong: `field` names the column",
    413: "too many bytes or rows",
    415: "neither JSON nor CSV, or compressed",
    422: "a column that is looked up has no value",
    500: "the model raised: what happened is in the server's log under `id`",
    503: "the model is being loaded, the server is stopping, or too many requests wait: ask again",
}


def document(model: Model, release: ServedRelease, features: FeatureFile = NOTHING) -> dict[str, Any]:
    """JSON as it is answered at /openapi.json."""
    row, said = row_schema(model.columns, features), prediction_schema(model.outputs)
    rows = {"type": "array", "items": row, "minItems": 1}
    one = {"type": "object", "properties": {"rows": rows}, "required": ["rows"], "additionalProperties": False}
    content: dict[str, Any] = {"schema": {"oneOf": [one, row]} if model.columns else one}
    if model.columns:
        content["example"] = {"rows": [example(model.columns, features)]}
    predictions = {"type": "array", "items": said}
    named = {"predictions": predictions, "model": {"type": "string"}, "version": {"type": "integer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": release.model,
            "version": str(release.version),
            "description": f"Trained at {release.trained_at}; model digest {release.digest}.",
        },
        "paths": {
            "/predict": {
                "post": _asks(
                    "predict",
                    "A prediction for each row",
                    {"application/json": content},
                    {"type": "object", "properties": named, "required": list(named)},
                )
            },
            "/invocations": {
                "post": _asks(
                    "invocations",
                    "MLflow's scoring protocol",
                    {"application/json": {"schema": _invocations()}, "text/csv": {"schema": {"type": "string"}}},
                    {"type": "object", "properties": {"predictions": {}}, "required": ["predictions"]},
                )
            },
            "/ready": {"get": _tells("ready", "200 once the model can answer, 503 before", "application/json")},
            "/health": {"get": _tells("health", "200 as soon as the process runs", "application/json")},
            "/model/version": {"get": _tells("version", "Which release this is", "application/json")},
            "/metrics": {"get": _tells("metrics", "Prometheus' text", "text/plain")},
        },
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("error", "field", "id")},
                    "required": ["error"],
                }
            }
        },
    }


def row_schema(columns: Sequence[SignatureColumn] | None, features: FeatureFile = NOTHING) -> Mapping[str, Any]:
    """Of one row for /predict. columns: named ones of plain types; None: the signature is something else. features: columns
    that may be left out, since they are looked up, and what by."""
    if columns is None:
        return ANY
    looked_up, keys = features.columns, features.keys
    return {
        "type": "object",
        "properties": dict.fromkeys(sorted(keys), KEY) | {column.name: _of(column) for column in columns},
        "required": [column.name for column in columns if column.required and column.name not in looked_up],
        "additionalProperties": False,
    }


def example(columns: Sequence[SignatureColumn], features: FeatureFile = NOTHING) -> dict[str, Any]:
    """A row of the right types that says nothing: rows of the training data are nobody's business here."""
    looked_up, keys = features.columns, features.keys
    return dict.fromkeys(sorted(keys), "") | {
        column.name: EMPTY[column.kind].isoformat() if column.kind == "datetime" else _plain(EMPTY[column.kind])
        for column in columns
        if column.name not in looked_up
    }


def prediction_schema(outputs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of one row's prediction. outputs: of the signature, as MLmodel has them; empty where it says nothing."""
    if len(outputs) != 1:
        return {"type": "object"} if outputs else {}
    [output] = outputs
    if output.get("type") != "tensor":
        return {"type": list({*_types(output), "null"})} if len(_types(output)) == 1 else {}
    spec = output.get("tensor-spec", {})
    shape, found = list(spec.get("shape", ()))[1:], {"type": "number"}
    numeric = str(spec.get("dtype", "")).startswith(("float", "int", "uint"))
    nested: Mapping[str, Any] = found if numeric else {}
    for size in reversed(shape):
        exactly = {"minItems": size, "maxItems": size} if size >= 0 else {}
        nested = {"type": "array", "items": nested, **exactly}
    return nested


def _types(output: Mapping[str, Any]) -> list[str]:
    kind = SCHEMAS.get(str(output.get("type")), {})
    return [kind["type"]] if "type" in kind else []


def _of(column: SignatureColumn) -> Mapping[str, Any]:
    schema = SCHEMAS[column.kind]
    return {**schema, "type": [schema["type"], "null"]} if takes_null(column) else schema


def _plain(value: Any) -> Any:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _invocations() -> dict[str, Any]:
    return {"oneOf": [{"type": "object", "properties": {name: {}}, "required": [name]} for name in FORMATS]}


def _asks(name: str, summary: str, content: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses: dict[str, Any] = {"200": {"description": "the predictions", "content": _json(answer)}}
    responses |= {str(status): {"description": said, "content": error} for status, said in SAID.items()}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": responses,
    }


def _tells(name: str, summary: str, kind: str) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "responses": {"200": {"description": "OK", "content": {kind: {}}}}}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

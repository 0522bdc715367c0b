"""JSON Schema of one record, or of an array of them: `properties`, `required`, types, limits, `enum`, `format`.

What holds for a record's property holds for the column's values: `null` among its types, or a property that is not required,
is a value that may be missing. A column must be there all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelway.config.document import Document, Where
from modelway.data.forms import Draft, ReadContract, Written
from modelway.data.forms.schema_json import table_keys_of
from modelway.data.limits import hold_limits
from modelway.errors import InvalidInput

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = ("string", "integer", "number", "boolean")
FORMATS = {"date": "date", "date-time": "timestamp"}
"""Formats of texts that are types of ours."""
LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "multipleOf",
)
PLAIN = ("title", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly", "$id", "$anchor", "$schema")
"""Keywords that ask nothing."""
AROUND = ("type", "$defs", "definitions", "description", *PLAIN)
CLOSED = ("additionalProperties", "unevaluatedProperties")
NULL = {"type": "null"}
DEEPEST = 20
"""References that lead to references."""


def is_it(value: Mapping[str, Any]) -> bool:
    schema = str(value.get("$schema", ""))
    return "json-schema.org" in schema or "properties" in value or value.get("type") in ("object", "array")


def read(document: Document, part: str) -> ReadContract:
    """InvalidInput where it is no schema of a record with properties."""
    if part:
        raise InvalidInput("has one table only", where=document.name, fix=f"leave out #{part}")
    draft = Draft(document)
    record, where = _resolved(draft, document.value, ())
    if record.get("type") == "array":
        record, where = _rows(draft, record, where)
    if not isinstance(record.get("properties"), Mapping):
        raise InvalidInput("has no properties", where=document.at(where), fix="list the columns under `properties`")
    required = record.get("required", [])
    if not isinstance(required, list):
        raise InvalidInput("is not a list", where=document.at((*where, "required")), fix="list names of properties")
    for name, given in record["properties"].items():
        _column(draft, name, given, name in required, (*where, "properties", name))
    for name in required:
        if name not in record["properties"]:
            draft.column(str(name), (*where, "required"))["nullable"] = False
    if record.get("additionalProperties") is False or record.get("unevaluatedProperties") is False:
        draft.set("unlisted-columns", "refuse", (*where, "additionalProperties"))
    _rest(draft, "the record", record, ("properties", "required", *CLOSED, *AROUND), where)
    for key in CLOSED:
        if not isinstance(record.get(key, True), bool):
            draft.is_not_held(f"the record: {key}", (*where, key))
    return draft.done()


def _rows(draft: Draft, array: Mapping[str, Any], where: Where) -> tuple[Mapping[str, Any], Where]:
    sides = (("minItems", "at-least"), ("maxItems", "at-most"))
    rows = {ours: array[key] for key, ours in sides if array.get(key)}
    if rows:
        draft.set("rows", rows, where)
    _rest(
        draft,
        "the array",
        array,
        ("type", "items", "minItems", "maxItems", "$defs", "definitions", "description", *PLAIN),
        where,
    )
    items = array.get("items")
    if not isinstance(items, Mapping):
        raise InvalidInput("has no items", where=draft.source.at(where), fix="give the schema of a record as `items`")
    return _resolved(draft, items, (*where, "items"))


def _column(draft: Draft, name: str, given: Any, required: bool, where: Where) -> None:
    column = draft.column(name, where)
    if given is True or given == {}:
        if required:
            column["nullable"] = False
        return
    schema, where = _resolved(draft, given, where)
    schema, where, either_null = _without_null(draft, schema, where)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    never_null = schema.get("not") == NULL
    nullable = not never_null and (
        either_null or "null" in kinds or (not kinds and values is None) or None in (values or ())
    )
    kinds = [kind for kind in kinds if kind != "null"]
    if len(kinds) == 1 and kinds[0] in TYPES:
        of_format = FORMATS.get(str(schema.get("format"))) if kinds[0] == "string" else None
        column["type"] = of_format or kinds[0]
    elif sorted(kinds) == ["integer", "number"]:
        column["type"] = "number"
    elif kinds:
        draft.is_not_held(f"{name}: type {' or '.join(map(str, kinds))}"[:200], (*where, "type"))
    if required and not nullable:
        column["nullable"] = False
    if isinstance(schema.get("description"), str):
        column["description"] = schema["description"]
    there = [value for value in values or () if value is not None]
    if there:
        _allow(draft, name, column, there, where)
    hold_limits(draft, name, column, {key: schema[key] for key in LIMITS if key in schema}, where)
    if "format" in schema and schema["format"] not in FORMATS:
        draft.is_not_held(f"{name}: format {schema['format']!r}"[:200], (*where, "format"))
    _rest(
        draft,
        name,
        schema,
        ("type", "format", "enum", "const", "description", "$defs", *LIMITS, *PLAIN, *(["not"] * never_null)),
        where,
    )


def _allow(draft: Draft, name: str, column: dict[str, Any], values: list[Any], where: Where) -> None:
    """The type is that of the values where the schema names none."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    found = {kinds.get(type(value), "") for value in values}
    if "type" not in column and found in ({"string"}, {"integer"}, {"boolean"}, {"number"}, {"integer", "number"}):
        column["type"] = "number" if "number" in found else found.pop()
    if "type" in column and "" not in found:
        column["allowed"] = values
    else:
        draft.is_not_held(f"{name}: enum of values of several types", where)


def _without_null(draft: Draft, schema: Mapping[str, Any], where: Where) -> tuple[Mapping[str, Any], Where, bool]:
    """`anyOf: [X, {type: null}]` is X, or missing."""
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if isinstance(options, list):
            others = [at for at, option in enumerate(options) if not _is_null(option)]
            if len(others) == 1 and len(options) == 2 and isinstance(options[others[0]], Mapping):
                inner, place = _resolved(draft, options[others[0]], (*where, key, others[0]))
                around = {name: value for name, value in schema.items() if name != key}
                return {**around, **inner}, place, True
    return schema, where, False


def _is_null(option: Any) -> bool:
    return isinstance(option, Mapping) and (option.get("type") == "null" or option.get("const", "") is None)


def _resolved(draft: Draft, schema: Any, where: Where) -> tuple[Mapping[str, Any], Where]:
    """What a `$ref` within the document leads to."""
    for _ in range(DEEPEST):
        if not isinstance(schema, Mapping):
            raise InvalidInput("is no schema", where=draft.source.at(where), fix="give a mapping")
        if "$ref" not in schema:
            return schema, where
        reference = schema["$ref"]
        if not isinstance(reference, str) or not reference.startswith("#/"):
            fix = "write that schema under $defs and refer to #/$defs/NAME"
            raise InvalidInput("leads out of the file", where=draft.source.at((*where, "$ref")), fix=fix)
        steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in reference[2:].split("/"))
        found: Any = draft.source.value
        for step in steps:
            if not isinstance(found, Mapping) or step not in found:
                what = f"{reference[:100]!r} is not there"
                raise InvalidInput(what, where=draft.source.at((*where, "$ref")), fix="correct the reference")
            found = found[step]
        if not isinstance(found, Mapping):
            raise InvalidInput("is no schema", where=draft.source.at(steps), fix="give a mapping")
        schema, where = {**{key: value for key, value in schema.items() if key != "$ref"}, **found}, steps
    raise InvalidInput("refers round in a circle", where=draft.source.at(where), fix="refer to a schema")


def _rest(draft: Draft, what: str, schema: Mapping[str, Any], known: tuple[str, ...], where: Where) -> None:
    for key in schema:
        if key not in known and not key.startswith("x-"):
            draft.is_not_held(f"{what}: {key}"[:200], (*where, key))


def write(contract: Any, name: str) -> Written:
    """A schema of one record. Of all records together (rows, unique, freshness, ...) it cannot speak."""
    lost = table_keys_of(contract)
    if "unlisted-columns" in lost:
        lost.remove("unlisted-columns")
    properties = {}
    for column, asked in contract.columns.items():
        properties[column], more = _property(asked)
        lost += [f"column {column!r}: {key}" for key in more]
    value: dict[str, Any] = {"$schema": DIALECT, "title": name, "type": "object", "properties": properties}
    required = [column for column, asked in contract.columns.items() if not asked.nullable]
    if required:
        value["required"] = required
    if contract.unlisted_columns == "refuse":
        value["additionalProperties"] = False
    return Written(value, tuple(lost))


def _property(asked: Any) -> tuple[dict[str, Any], list[str]]:
    made: dict[str, Any] = {}
    lost = [key for key in ("unique", "sensitive") if getattr(asked, key)]
    written = {"date": "string", "timestamp": "string"}
    if asked.type:
        kind = written.get(asked.type, asked.type)
        made["type"] = [kind, "null"] if asked.nullable else kind
        if asked.type in FORMATS.values():
            made["format"] = next(name for name, ours in FORMATS.items() if ours == asked.type)
    elif not asked.nullable:
        made["not"] = NULL
    if asked.allowed:
        made["enum"] = [*asked.allowed, *([None] if asked.nullable else [])]
    sides: list[tuple[Any, tuple[str, str]]] = [(asked.length or (), ("minLength", "maxLength"))]
    if asked.type in ("date", "timestamp"):
        lost += ["range"] if asked.range else []
    else:
        sides.append((asked.range, ("minimum", "maximum")))
    for bounds, names in sides:
        made |= {key: bound for key, bound in zip(names, bounds, strict=False) if bound is not None}
    if asked.pattern:
        made["pattern"] = asked.pattern
    if asked.description:
        made["description"] = asked.description
    if asked.max_null_percent is not None:
        lost.append("max-null-percent")
    return made, lost

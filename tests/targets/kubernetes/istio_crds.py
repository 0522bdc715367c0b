"""Istio's own definitions of a VirtualService and a DestinationRule: what an API server with them would refuse, or drop."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

KEPT = Path(__file__).with_name("istio_crds.json")
"""As its `origin` says; the rules in CEL (x-kubernetes-validations) are not evaluated."""


def problems(body: dict[str, Any]) -> list[str]:
    """One for each field of the spec that is wrong, or that no definition knows: an API server drops that silently."""
    found = _validator(body["kind"]).iter_errors(body["spec"])
    return [f"{body['kind']} .spec.{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


@cache
def known() -> tuple[str, ...]:
    return tuple(kind for kind in json.loads(KEPT.read_text()) if kind not in ("origin", "licence"))


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads(KEPT.read_text())[kind]["properties"]["spec"]
    return Draft202012Validator(_closed(schema))


def _closed(schema: Any) -> Any:
    """Structural schemas say all fields of an object; within anyOf, oneOf and not they only say more of them."""
    if "properties" in schema:
        closed = {name: _closed(said) for name, said in schema["properties"].items()}
        return {"additionalProperties": False, **schema, "properties": closed}
    if "items" in schema:
        return {**schema, "items": _closed(schema["items"])}
    if isinstance(schema.get("additionalProperties"), dict):
        return {**schema, "additionalProperties": _closed(schema["additionalProperties"])}
    return schema

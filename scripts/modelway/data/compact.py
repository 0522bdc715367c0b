"""A contract as plain values, without what it leaves at its default."""

from __future__ import annotations

from typing import Any

import msgspec


def compact(value: Any) -> Any:
    """A part of a contract as plain values, keys at their defaults left out."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        kept = {item.encode_name: getattr(value, item.name) for item in fields if not _at_default(item, value)}
        return {name: compact(item) for name, item in kept.items() if item is not msgspec.UNSET}
    if isinstance(value, dict):
        return {name: compact(item) for name, item in value.items()}
    return [compact(item) for item in value] if isinstance(value, list | tuple) else value


def _at_default(field: msgspec.structs.FieldInfo, value: msgspec.Struct) -> bool:
    return field.default is not msgspec.NODEFAULT and bool(getattr(value, field.name) == field.default)

"""One key of modelway.yml by its dotted name: its type, its default, and what it is; from the classes of `sections`."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import NODEFAULT, inspect

from modelway.config.json_schema import descriptions
from modelway.config.sections import Sections

LEFT_OUT = " Left out: "
"""Within a key's description: what holds where nobody sets it."""


def kind_of(key: str) -> inspect.Type:
    """The type that a value of the key has."""
    return _field(key).type


def default_of(key: str) -> Any:
    """What holds where nobody sets it; None where a stage does without, or asks for it."""
    field = _field(key)
    return None if field.default is NODEFAULT else field.default


def help_of(key: str) -> tuple[str, str]:
    """What the key is, and what its description says of leaving it out; empty where it says nothing of that."""
    *folders, last = key.split(".")
    owner = struct_of(inspect.type_info(Sections) if not folders else _field(".".join(folders)).type)
    said, _, left_out = descriptions(owner.cls).get(last, "").partition(LEFT_OUT)
    return said, left_out.rstrip(".")


def struct_of(kind: inspect.Type) -> inspect.StructType:
    """The section that a type is; of one that may be missing (None), the section where it is there."""
    if isinstance(kind, inspect.UnionType):
        kind = next(item for item in kind.types if isinstance(item, inspect.StructType))
    assert isinstance(kind, inspect.StructType)
    return kind


@cache
def _field(key: str) -> inspect.Field:
    *folders, last = key.split(".")
    kind = inspect.type_info(Sections) if not folders else _field(".".join(folders)).type
    return next(item for item in struct_of(kind).fields if item.encode_name == last)

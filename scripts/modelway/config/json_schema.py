"""The JSON Schema of modelway.yml, for editors: the classes of its sections, their docstrings as descriptions."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any

import msgspec
from msgspec.inspect import StructType, Type, type_info

from modelway.config.keys import Section
from modelway.config.quality import AnyQuality, AnyQualityColumn, kinds_of_quality
from modelway.config.sections import Gate, Project, kinds_of_check


def schema_of_project() -> dict[str, Any]:
    """Draft 2020-12; environments may name any part of any section, and nothing unknown."""
    schema = msgspec.json.schema(Project)
    quality = {kind.keys.__name__: kind.about for kind in kinds_of_quality()}
    for section in _sections(type_info(Project)):
        definition = schema["$defs"][section.__name__]
        summary = _described(section.__module__).get(section.__name__, ({}, ""))[1]
        if summary := summary or quality.get(section.__name__, ""):
            definition["description"] = summary
        for key, text in descriptions(section).items():
            definition["properties"][key]["description"] = text
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "modelway.yml", **schema}


def descriptions(section: type[msgspec.Struct]) -> dict[str, str]:
    """Key -> what it is, of those that say it."""
    fields: dict[str, str] = {}
    whole: type[msgspec.Struct] = getattr(section, "WHOLE", section)
    for ancestor in (one for one in reversed(whole.__mro__) if issubclass(one, Section) and one is not Section):
        fields |= _described(ancestor.__module__).get(ancestor.__name__, ({}, ""))[0]
    if whole is not section:
        defaults = {field.name: field.default for field in msgspec.structs.fields(whole)}
        fields = {name: f"{said} Left out: {_in_words(defaults[name])}." for name, said in fields.items()}
    if section is Gate:
        fields |= {kind.field: kind.about for kind in kinds_of_check() if kind.about}
    if issubclass(section, (AnyQuality, AnyQualityColumn)):
        fields |= {kind.field: kind.about for kind in kinds_of_quality()}
        fields["columns"] = "What differs for single columns, by their names."
    attributes = zip(section.__struct_fields__, section.__struct_encode_fields__, strict=True)
    return {key: fields[attribute] for attribute, key in attributes if attribute in fields}


def _in_words(default: Any) -> str:
    return f"{default:g}" if isinstance(default, int | float) else str(default) if default else "none"


def _sections(kind: Type) -> set[type[msgspec.Struct]]:
    """Every class of a mapping that can stand in a value of this type."""
    found = {kind.cls} if isinstance(kind, StructType) else set()
    inner = [field.type for field in kind.fields] if isinstance(kind, StructType) else []
    for name in ("item_type", "value_type"):
        inner += [getattr(kind, name)] if hasattr(kind, name) else []
    inner += [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    return found.union(*map(_sections, inner))


@cache
def _described(module: str) -> dict[str, tuple[dict[str, str], str]]:
    """Class -> (attribute -> what stands below its attribute, the class's own docstring); Python keeps only the second."""
    found: dict[str, tuple[dict[str, str], str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            fields: dict[str, str] = {}
            for attribute, below in zip(node.body, node.body[1:], strict=False):
                if not isinstance(attribute, ast.AnnAssign) or not isinstance(attribute.target, ast.Name):
                    continue
                if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                    fields[attribute.target.id] = " ".join(str(below.value.value).split())
            found[node.name] = fields, " ".join((ast.get_docstring(node) or "").split())
    return found

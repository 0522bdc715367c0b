"""The JSON Schema of modelway.yml, for editors: the classes of `sections`, their docstrings as descriptions."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from typing import Any

import msgspec

from modelway.config import sections


def schema_of_project() -> dict[str, Any]:
    """Draft 2020-12; environments may name any part of any section, and nothing unknown."""
    schema = msgspec.json.schema(sections.Project)
    described = descriptions()
    for name, definition in schema["$defs"].items():
        fields, summary = described.get(name, ({}, ""))
        if summary:
            definition["description"] = summary
        for key, text in fields.items():
            definition["properties"][key]["description"] = text
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "modelway.yml", **schema}


@cache
def descriptions() -> dict[str, tuple[dict[str, str], str]]:
    """Class -> (key -> what stands below its attribute, the class's own docstring); Python keeps only the second."""
    tree = ast.parse(inspect.getsource(sections))
    found: dict[str, tuple[dict[str, str], str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            fields: dict[str, str] = {}
            for attribute, below in zip(node.body, node.body[1:], strict=False):
                if not isinstance(attribute, ast.AnnAssign) or not isinstance(attribute.target, ast.Name):
                    continue
                if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                    fields[attribute.target.id.replace("_", "-")] = " ".join(str(below.value.value).split())
            found[node.name] = fields, " ".join((ast.get_docstring(node) or "").split())
    return found

"""Columns that the code gives other names than the files have: a model that learns by those takes no row of the files."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from modelway.adoption.code import parsed

KNOWN = ("strip", "lstrip", "rstrip", "lower", "upper", "title", "replace")
"""What texts and `columns.str` both do."""


def renames(code: str, columns: Sequence[str]) -> bool:
    """Whether it does so with one of the columns: by `frame.columns = ...`, or by rename(columns={...})."""
    tree = parsed(code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Attribute) and target.attr == "columns" for target in node.targets
        ):
            found = _names(node.value, columns)
            if found is not None and not set(columns) <= set(found):
                return True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rename":
            given = (word.value for word in node.keywords if word.arg == "columns")
            if any(isinstance(names, ast.Dict) and _renamed(names) & set(columns) for names in given):
                return True
    return False


def _renamed(names: ast.Dict) -> set[str]:
    """The keys of those that become another name."""
    pairs = zip(names.keys, names.values, strict=True)
    both = [(key.value, value) for key, value in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)]
    return {name for name, value in both if not (isinstance(value, ast.Constant) and value.value == name)}


def _names(value: ast.expr, columns: Sequence[str]) -> Sequence[str] | None:
    """What `frame.columns` becomes, of these columns; None where that cannot be read."""
    if isinstance(value, ast.List | ast.Tuple):
        texts = [item.value for item in value.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        return texts if len(texts) == len(value.elts) else None
    own = ""
    if isinstance(value, ast.ListComp) and isinstance(value.generators[0].target, ast.Name):
        own, value = value.generators[0].target.id, value.elt
    calls = list[tuple[str, list[str]]]()
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in KNOWN:
        texts = [item.value for item in value.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        if len(texts) < len(value.args) or (value.keywords and re.search(r"[^\w\s\"'-]", "".join(texts))):
            return None  # of a variable, or a pattern
        calls.insert(0, (value.func.attr, texts))
        value = value.func.value
        if not own and isinstance(value, ast.Attribute) and value.attr == "str":
            value = value.value
    ends = isinstance(value, ast.Name) and value.id == own if own else ast.unparse(value).endswith(".columns")
    if not ends or not calls:
        return None
    found = list(columns)
    for name, texts in calls:
        found = [getattr(column, name)(*texts) for column in found]
    return found

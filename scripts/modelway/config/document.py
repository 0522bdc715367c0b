"""A file of plain values that knows the line of every place in it, held against a type: a mistake names file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from modelway.config import kinds, look_alikes
from modelway.errors import InvalidInput

T = TypeVar("T")
Where = tuple[str | int, ...]
"""A place in a document: the keys and indices that lead to it."""
LFS_POINTER = "version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values, and the line of every place in it."""

    name: str
    value: Any
    lines: Mapping[Where, int] = field(default_factory=dict)

    def has(self, where: Where) -> bool:
        """Whether the document says anything there."""
        value = self.value
        for part in where:
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    def at(self, where: Where) -> str:
        """`file:line: key` of a place, or of the nearest one around it."""
        known = where
        while known and known not in self.lines:
            known = known[:-1]
        line = f":{self.lines[known]}" if known in self.lines else ""
        return f"{self.name}{line}: {dotted(where)}" if where else f"{self.name}{line}"


def dotted(where: Where) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")


def convert(document: Document, kind: type[T]) -> T:
    check(document, inspect.type_info(kind), document.value, ())
    return msgspec.convert(document.value, kind)


def check(document: Document, kind: inspect.Type, value: Any, where: Where) -> None:
    """Raise InvalidInput for the first place where `value` is not of `kind`. msgspec alone would not name the keys of
    a mapping, nor the line."""
    if isinstance(kind, inspect.StructType):
        if not isinstance(value, dict):
            raise InvalidInput(
                f"is {kinds.described(value)}, not a mapping",
                where=document.at(where),
                fix=f"write keys such as {', '.join(item.encode_name for item in kind.fields[:3])} under it",
            )
        known = {item.encode_name: item for item in kind.fields}
        for key, inner in value.items():
            if key not in known:
                raise InvalidInput(
                    f"unknown key {key!r}", where=document.at((*where, key)), fix=suggestion(str(key), known)
                )
            check(document, known[key].type, inner, (*where, key))
        for key, item in known.items():
            if item.required and key not in value:
                raise InvalidInput(f"the key {key!r} is missing", where=document.at(where), fix=f"add `{key}:`")
    elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
        for key, inner in value.items():
            _leaf(document, kind.key_type, key, (*where, key))
            check(document, kind.value_type, inner, (*where, key))
    elif isinstance(kind, inspect.VarTupleType | inspect.ListType) and isinstance(value, list):
        if not value:
            _leaf(document, kind, value, where)  # some may not be empty
        for index, inner in enumerate(value):
            check(document, kind.item_type, inner, (*where, index))
    elif (struct := _only_struct(kind)) is not None and _is_meant(kind, value):
        check(document, struct, value, where)
    else:
        _leaf(document, kind, value, where)


def suggestion(given: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known."""
    names = sorted(known)
    if twin := look_alikes.twin_of(given, names):
        return f"did you mean {twin!r}? It looks the same, and {look_alikes.difference(given, twin)}"
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"did you mean {close[0]!r}?" if close else f"use one of {shown or '(none is defined)'}"


def _only_struct(kind: inspect.Type) -> inspect.StructType | None:
    if isinstance(kind, inspect.UnionType):
        structs = [item for item in kind.types if isinstance(item, inspect.StructType)]
        return structs[0] if len(structs) == 1 else None
    return None


def _is_meant(kind: inspect.Type, value: Any) -> bool:
    """Whether the section is what should stand there, and not another type of the union."""
    if isinstance(value, dict):
        return True
    switched = isinstance(kind, inspect.UnionType) and any(isinstance(item, inspect.BoolType) for item in kind.types)
    return bool(kinds.problem(kind, value)) and not switched  # of a section that may be off, the message names both


def _leaf(document: Document, kind: inspect.Type, value: Any, where: Where) -> None:
    problem = kinds.problem(kind, value)
    if problem:
        raise InvalidInput(
            f"is {kinds.described(value)}, not {problem}", where=document.at(where), fix=f"give {problem}"
        )

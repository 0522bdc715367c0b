"""YAML read strictly: into a type, with the file and line of whatever does not fit.

The scalars are those of YAML 1.2's core schema, so `NO`, `on` and 2026-11-21 are text, and a key given twice is an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import inspect

from modelway.errors import InvalidInput

T = TypeVar("T")
MOST_VALUES = 100_000
"""Values of one document, aliases written out: a few lines of aliases can stand for billions."""
LONGEST_NUMBER = 300
"""Digits of a whole number; Python itself refuses to read more than a few thousand."""

Where = tuple[str | int, ...]
"""A place in a document: the keys and indices that lead to it."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with the core schema's scalars only."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$", "-+."),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):  # fmt: skip
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values, and the line of every place in it."""

    name: str
    value: Any
    lines: Mapping[Where, int] = field(default_factory=dict)

    def at(self, where: Where) -> str:
        """`file:line: key` of a place, or of the nearest one around it."""
        known = where
        while known and known not in self.lines:
            known = known[:-1]
        line = f":{self.lines[known]}" if known in self.lines else ""
        return f"{self.name}{line}: {dotted(where)}" if where else f"{self.name}{line}"


def dotted(where: Where) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")


LFS_POINTER = "version https://git-lfs.github.com/spec/"


def read(path: Path, name: str | None = None) -> Document:
    """The document in a file; `name` is what messages call it. A missing file, a syntax error: InvalidInput."""
    name = name or str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=name, fix="name an existing YAML file") from None
    except UnicodeDecodeError:
        raise InvalidInput("is not UTF-8 text", where=name, fix="save it as UTF-8") from None
    if text.startswith(LFS_POINTER):
        raise InvalidInput(
            "is a Git-LFS pointer, not the file", where=name, fix="check it out with `lfs: true`, or run `git lfs pull`"
        )
    try:
        node = yaml.compose(text, Loader=_Loader)
        lines: dict[Where, int] = {}
        return Document(name, None if node is None else _plain(node, (), lines, name), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InvalidInput(
            f"is not YAML: {error.problem or error.context}", where=where, fix="mend the syntax at this line"
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise InvalidInput("is not YAML", where=name, fix="save it as plain YAML text") from None


def load(path: Path, kind: type[T], name: str | None = None) -> T:
    """The file as a `kind`: every key known, every value of its type, or InvalidInput with file, line, key and fix."""
    document = read(path, name)
    return convert(document, kind)


def convert(document: Document, kind: type[T]) -> T:
    check(document, inspect.type_info(kind), document.value, ())
    return msgspec.convert(document.value, kind)


def check(document: Document, kind: inspect.Type, value: Any, where: Where) -> None:
    """Raise InvalidInput for the first place where `value` is not of `kind`. msgspec alone would not name the keys of
    a mapping, nor the line."""
    if isinstance(kind, inspect.StructType):
        if not isinstance(value, dict):
            raise InvalidInput(
                f"is {described(value)}, not a mapping",
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
        for index, inner in enumerate(value):
            check(document, kind.item_type, inner, (*where, index))
    elif (struct := _only_struct(kind)) is not None and value is not None:
        check(document, struct, value, where)
    else:
        _leaf(document, kind, value, where)


def suggestion(given: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"did you mean {close[0]!r}?" if close else f"use one of {shown or '(none is defined)'}"


def described(value: Any) -> str:
    if value is None:
        return "empty"
    kinds = {
        bool: "true/false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a mapping",
    }
    kind = kinds.get(type(value), "something else")
    text = repr(value)
    return kind if isinstance(value, dict | list) else f"{kind} ({text if len(text) <= 60 else text[:59] + '…'})"


def _only_struct(kind: inspect.Type) -> inspect.StructType | None:
    if isinstance(kind, inspect.UnionType):
        structs = [item for item in kind.types if isinstance(item, inspect.StructType)]
        return structs[0] if len(structs) == 1 else None
    return None


def _leaf(document: Document, kind: inspect.Type, value: Any, where: Where) -> None:
    problem = _problem(kind, value)
    if problem:
        raise InvalidInput(f"is {described(value)}, not {problem}", where=document.at(where), fix=f"give {problem}")


def _problem(kind: inspect.Type, value: Any) -> str:
    """What the value should have been, in words; empty where it fits."""
    if isinstance(kind, inspect.UnionType):
        problems = [_problem(item, value) for item in kind.types]
        named = [problem for problem in problems if problem != "nothing"]
        return "" if "" in problems else " or ".join(dict.fromkeys(named))
    if isinstance(kind, inspect.NoneType):
        return "" if value is None else "nothing"
    if isinstance(kind, inspect.BoolType):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(kind, inspect.StrType):
        wanted = "text" if not kind.min_length else "text that is not empty"
        if not isinstance(value, str) or len(value) < (kind.min_length or 0):
            return wanted
        return "" if kind.pattern is None or re.search(kind.pattern, value) else f"text that matches {kind.pattern}"
    if isinstance(kind, inspect.LiteralType):
        return "" if value in kind.values else "one of " + ", ".join(map(str, sorted(kind.values, key=str)))
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number_problem(kind, value)
    if isinstance(kind, inspect.AnyType):
        return ""
    if isinstance(kind, inspect.DictType):
        return "a mapping"
    if isinstance(value, list) and isinstance(kind, inspect.VarTupleType | inspect.ListType):  # one kind of several
        return next(filter(None, (_problem(kind.item_type, item) for item in value)), "") and "a list of such values"
    return "a list"


def _number_problem(kind: inspect.IntType | inspect.FloatType, value: Any) -> str:
    whole = isinstance(kind, inspect.IntType)
    limits = {"above": kind.gt, "at least": kind.ge, "below": kind.lt, "at most": kind.le}
    said = " and ".join(f"{word} {limit:g}" for word, limit in limits.items() if limit is not None)
    wanted = " ".join(filter(None, ("a whole number" if whole else "a number", said)))
    number = isinstance(value, int) if whole else isinstance(value, int | float)
    if isinstance(value, bool) or not number or value != value or value in (float("inf"), float("-inf")):
        return wanted
    fits = (
        (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )
    return "" if fits else wanted


def _plain(node: yaml.Node, where: Where, lines: dict[Where, int], name: str) -> Any:
    lines.setdefault(where, node.start_mark.line + 1)
    if len(lines) > MOST_VALUES:
        raise InvalidInput(
            f"has more than {MOST_VALUES} values", where=name, fix="make it smaller, or use fewer aliases"
        )
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                key = key_node.value
            if key in result:
                raise InvalidInput(f"the key {key!r} is given twice", where=f"{name}:{line}", fix="remove one of them")
            lines[(*where, key)] = line
            result[key] = _plain(value_node, (*where, key), lines, name)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*where, index), lines, name) for index, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a key must be a plain word", problem_mark=node.start_mark)
    kind = node.tag.rpartition(":")[2]
    text: str = node.value
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and len(text) <= LONGEST_NUMBER:
        return int(text)
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if kind == "null":
        return None
    if kind == "str":
        return text
    raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not supported", problem_mark=node.start_mark)

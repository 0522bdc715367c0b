"""Types of values, in words: what a value of modelway.yml, of an input, or of a call should have been.

One table of words for all three, over the types that msgspec reads from an annotation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from msgspec import inspect

LONGEST_NUMBER = 300
"""Digits of a whole number; Python itself refuses to read more than a few thousand."""
WHOLE = re.compile(rf"[-+]?[0-9]{{1,{LONGEST_NUMBER}}}")
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
LARGEST = 10**LONGEST_NUMBER
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
"""As YAML spells them, and GitHub reads its own inputs."""


def problem(kind: inspect.Type, value: object) -> str:
    """What the value should have been; empty where it fits. Mappings are not looked into."""
    match kind:
        case inspect.UnionType(types=types):
            problems = [problem(item, value) for item in types]
            return "" if "" in problems else " or ".join(dict.fromkeys(said for said in problems if said != "nothing"))
        case inspect.NoneType():
            return "" if value is None else "nothing"
        case inspect.BoolType():
            return "" if isinstance(value, bool) else "true or false"
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            if not isinstance(value, str) or len(value) < (least or 0):
                return "text that is not empty" if least else "text"
            if most is not None and len(value) > most:
                return f"text of at most {most} characters"
            return "" if pattern is None or re.search(pattern, value) else f"text that matches {pattern}"
        case inspect.LiteralType(values=values):
            return "" if value in values else "one of " + ", ".join(map(str, sorted(values, key=str)))
        case inspect.IntType() | inspect.FloatType():
            return _number_problem(kind, value)
        case inspect.DateTimeType():
            return "" if isinstance(value, datetime) and value == value else "a time such as 2026-11-21T08:30:00Z"
        case inspect.DictType() | inspect.StructType():
            return "" if isinstance(value, Mapping) else "a mapping"
        case inspect.AnyType():
            return ""
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            if not isinstance(value, list | tuple):
                return "a list"
            if len(value) < (kind.min_length or 0):
                return "a list that is not empty"
            return next(filter(None, (problem(item, one) for one in value)), "") and "a list of such values"
        case _:
            return "" if isinstance(value, list | tuple) else "a list"


def words(kind: inspect.Type) -> str:
    """What a value of the type is: `a whole number at least 1`."""
    return problem(kind, _NOTHING_FITS) or "any value"


_NOTHING_FITS = object()


def _number_problem(kind: inspect.IntType | inspect.FloatType, value: object) -> str:
    whole = isinstance(kind, inspect.IntType)
    limits = {"above": kind.gt, "at least": kind.ge, "below": kind.lt, "at most": kind.le}
    said = " and ".join(f"{word} {limit:.10g}" for word, limit in limits.items() if limit is not None)
    wanted = " ".join(filter(None, ("a whole number" if whole else "a number", said)))
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or abs(value) >= LARGEST:
        return wanted
    fits = (
        value == value
        and (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )
    return "" if fits else wanted


def from_text(kind: inspect.Type, text: str) -> Any:
    """The value that a flag or a variable holds; the text itself where it is none of the type, which `problem` then says.
    An object is JSON (ValueError where it is none), a list has commas between its items, a time without a zone is UTC.
    Blanks around a value are no part of it, such as the line break that a block of YAML ends with; text is as it stands."""
    stripped = text.strip()
    match kind:
        case inspect.UnionType(types=types):
            values = [from_text(item, text) for item in types if not isinstance(item, inspect.NoneType)]
            return next((value for value in values if not problem(kind, value)), text)
        case inspect.BoolType():
            return BOOLEANS.get(stripped, text)
        case inspect.IntType():
            return int(stripped) if WHOLE.fullmatch(stripped) else text
        case inspect.FloatType():
            return float(stripped) if NUMBER.fullmatch(stripped) else text
        case inspect.LiteralType():
            return stripped
        case inspect.DateTimeType():
            return _moment(stripped)
        case inspect.DictType():
            return _from_json(text)
        case inspect.VarTupleType() | inspect.ListType():
            return tuple(item for part in text.split(",") if (item := part.strip()))
        case _:
            return text


def from_python(kind: inspect.Type, value: Any) -> Any:
    """A value as a caller in Python has it, in the type's own terms: what numpy and pandas wrap, a path, text that is an
    instance of a class derived from it. A time may be text, and is UTC where it has no zone."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    elif hasattr(value, "dtype") and hasattr(value, "tolist"):  # of numpy or pandas, neither of which need be here
        value = value.tolist()
    match value:
        case str():
            value = str.__str__(value)
            return from_text(kind, value) if _is_time(kind) else value
        case date() if _is_time(kind) and value == value:  # NaT, the time that is none, equals nothing
            moment = _moment(value.isoformat())
            return value if isinstance(moment, str) else moment
        case bool():
            return value
        case int():
            return int(value)
        case float():
            return float(value)
        case Mapping():
            any_ = inspect.AnyType()
            return {from_python(any_, key): from_python(any_, inner) for key, inner in value.items()}
        case list() | tuple():
            return tuple(from_python(inspect.AnyType(), item) for item in value)
        case _:
            return value


def _is_time(kind: inspect.Type) -> bool:
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return any(isinstance(item, inspect.DateTimeType) for item in kinds)


def _from_json(text: str) -> Any:
    """ValueError says in plain words why it is none."""
    try:
        return json.loads(text, object_pairs_hook=_each_key_once, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole(digits: str) -> int:
    if not WHOLE.fullmatch(digits):
        raise ValueError(f"a number has more than {LONGEST_NUMBER} digits")
    return int(digits)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands there twice")
    return found


def _moment(text: str) -> datetime | str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def described(value: object) -> str:
    """A value as a message names it: its type, and what it is."""
    if value is None:
        return "empty"
    kinds = {
        bool: "true/false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        tuple: "a list",
        dict: "a mapping",
    }
    kind = kinds.get(type(value), "something else")
    text = repr(value)
    return (
        kind if isinstance(value, dict | list | tuple) else f"{kind} ({text if len(text) <= 60 else text[:59] + '…'})"
    )

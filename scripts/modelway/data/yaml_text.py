"""YAML as modelway reads it (modelway.config.strict_yaml), written: the same value comes back, whatever is in its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
"""Texts that are written without quotes."""
RESERVED = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""Words that some reader of YAML takes for something else."""
LONGEST_KEY = 800
"""Longer keys are written behind `?`: YAML knows no longer ones before a colon."""
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def scalar(value: Any) -> str:
    """A text, number, truth value or null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if PLAIN.fullmatch(text) and text.lower() not in RESERVED:
        return text
    return '"{}"'.format("".join(ESCAPES.get(char) or _printable(char) for char in text))


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    point = ord(char)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def flow(value: Any) -> str:
    """On one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


def entry(key: str, value: str) -> str:
    """A key and what stands behind it."""
    name = scalar(key)
    return f"? {name}\n: {value}" if len(name) > LONGEST_KEY else f"{name}: {value}"


def block(value: Mapping[str, Any]) -> str:
    """A mapping over as many lines as it has entries, what is small in it on one line."""
    return "".join(f"{line}\n" for line in _lines(value, ""))


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if _is_small(item):
                yield from (f"{indent}{line}" for line in entry(key, flow(item)).split("\n"))
            else:
                yield from (f"{indent}{line}" for line in entry(key, "").rstrip().split("\n"))
                yield from _lines(item, f"{indent}  ")
        return
    for item in value:
        if _is_small(item):
            yield f"{indent}- {flow(item)}"
        else:
            first, *rest = _lines(item, "")
            yield f"{indent}- {first}"
            yield from (f"{indent}  {line}" for line in rest)


def _is_small(value: Any) -> bool:
    if isinstance(value, Mapping | list | tuple):
        return not value or (len(flow(value)) <= 70 and not any(isinstance(item, Mapping) for item in _items(value)))
    return True


def _items(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, Mapping) else value)

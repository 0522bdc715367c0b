"""YAML read strictly: with the line of every place in it.

The scalars are those of YAML 1.2's core schema, so `NO`, `on` and 2026-11-21 are text, and a key given twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from modelway.config.document import LFS_POINTER, Document, Where
from modelway.config.kinds import LONGEST_NUMBER
from modelway.errors import InvalidInput

MOST_VALUES = 100_000
"""Values of one document, aliases written out: a few lines of aliases can stand for billions."""


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


def read(path: Path, name: str | None = None) -> Document:
    """The document in a file; `name` is what messages call it. A missing file, a syntax error: InvalidInput."""
    name = name or str(path)
    return read_text(_text(path, name), name)


def read_text(text: str, name: str) -> Document:
    """The document in a text; `name` is what messages call it."""
    with _syntax(name):
        return _document(yaml.compose(text, Loader=_Loader), name)


def read_all(path: Path, name: str | None = None) -> tuple[Document, ...]:
    """The documents in a file, between lines of `---`; those without anything are left out."""
    name = name or str(path)
    text = _text(path, name)
    with _syntax(name):
        nodes = list(yaml.compose_all(text, Loader=_Loader))
        return tuple(document for node in nodes if (document := _document(node, name)).value is not None)


def _document(node: yaml.Node | None, name: str) -> Document:
    lines: dict[Where, int] = {}
    return Document(name, None if node is None else _plain(node, (), lines, name), lines)


def _text(path: Path, name: str) -> str:
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
    return text


@contextmanager
def _syntax(name: str) -> Iterator[None]:
    """Whatever PyYAML objects to, as InvalidInput with the line."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InvalidInput(
            f"is not YAML: {error.problem or error.context}", where=where, fix="mend the syntax at this line"
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise InvalidInput("is not YAML", where=name, fix="save it as plain YAML text") from None


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
        try:  # JSON, which is YAML, writes what is beyond 16 bits as two escapes
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            problem = "half a surrogate pair stands alone"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None
    raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not supported", problem_mark=node.start_mark)

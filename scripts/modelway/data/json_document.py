"""A JSON file with the line of every place in it, as modelway.config.strict_yaml has it of YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import yaml

from modelway.config.document import Document, Where
from modelway.errors import InvalidInput


def read_json(path: Path, name: str) -> Document:
    """A missing file, a syntax error, a key given twice, NaN: InvalidInput."""

    def refuse_constant(constant: str) -> NoReturn:
        raise InvalidInput(f"{constant} is not JSON", where=name, fix="write a finite number")

    def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in pairs:
            if key in found:
                raise InvalidInput(f"the key {key!r} is given twice", where=name, fix="remove one of them")
            found[key] = item
        return found

    try:
        text = path.read_bytes().decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=without_twins, parse_constant=refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=name, fix="name an existing file") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"is not JSON: {error.msg}", where=f"{name}:{error.lineno}", fix="mend the syntax at this line"
        ) from None
    except (ValueError, RecursionError):
        raise InvalidInput("is not JSON", where=name, fix="save it as JSON in UTF-8") from None
    return Document(name, value, _lines(text, value))


def _lines(text: str, value: Any) -> dict[Where, int]:
    """JSON is YAML but for tabs, and YAML's nodes know their lines. The few files that are not have no lines."""
    try:
        node = yaml.compose(text.replace("\t", " "), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return {}
    lines: dict[Where, int] = {}
    _collect(node, value, (), lines)
    return lines


def _collect(node: yaml.Node | None, value: Any, where: Where, lines: dict[Where, int]) -> None:
    if isinstance(node, yaml.MappingNode) and isinstance(value, dict):
        for (key_node, value_node), (key, inner) in zip(node.value, value.items(), strict=False):
            lines[(*where, key)] = key_node.start_mark.line + 1
            _collect(value_node, inner, (*where, key), lines)
    elif isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        for index, (item_node, inner) in enumerate(zip(node.value, value, strict=False)):
            lines[(*where, index)] = item_node.start_mark.line + 1
            _collect(item_node, inner, (*where, index), lines)

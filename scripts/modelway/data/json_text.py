"""The text of JSON lines: as plain UTF-8 for the engine, and where in it something is wrong."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

from modelway.data.plain_text import CHUNK, Fault

LONGEST_OBJECT_BYTES = 16 << 20
NOT_UTF8, SAVE_AS_UTF8 = "is not UTF-8", "save it as UTF-8"
ONE_OBJECT = 'write one JSON object on each line, such as {"a": 1, "b": "x"}, or a list of such objects'


def is_list(file: Path) -> bool:
    """Whether the file is one list of objects, as pandas writes with orient="records"; else it is an object a line."""
    with file.open("rb") as stream:
        stream.seek(len(codecs.BOM_UTF8) if stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0)
        while chunk := stream.read(4096).lstrip():
            return chunk.startswith(b"[")
    return False


def without_mark(file: Path, target: Path) -> bool:
    """Write a file that begins with a byte order mark to `target` without it; False where there is none."""
    with file.open("rb") as source:
        if source.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            return False
        with target.open("wb") as plain:
            while chunk := source.read(CHUNK):
                plain.write(chunk)
    return True


def find_fault(file: Path) -> Fault | None:
    """The first place where a file in plain text is not a table of JSON objects, found by a plain reading; None where that
    finds nothing."""
    if is_list(file):
        return _in_list(file)
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if line.strip() and (what := _wrong(line)):
                return Fault(number, what, SAVE_AS_UTF8 if what.startswith(NOT_UTF8) else ONE_OBJECT)
    return None


def _in_list(file: Path) -> Fault | None:
    data = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        rows = json.loads(data, object_pairs_hook=_pairs)
    except UnicodeDecodeError as error:
        return Fault(data.count(b"\n", 0, error.start) + 1, NOT_UTF8, SAVE_AS_UTF8)
    except json.JSONDecodeError as error:
        return Fault(error.lineno, f"is not JSON: {error.msg}", ONE_OBJECT)
    except RecursionError:
        return Fault(1, "is nested too deeply", ONE_OBJECT)
    except ValueError as error:
        return Fault(1, str(error), ONE_OBJECT)
    at = next((at for at, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
    return None if at is None else Fault(1, f"has no object as item {at} of its list", ONE_OBJECT)


def _wrong(line: bytes) -> str:
    """What is wrong with a line; nothing where it is one object."""
    if len(line) > LONGEST_OBJECT_BYTES:
        return f"is longer than {LONGEST_OBJECT_BYTES >> 20} MiB"
    try:
        row = json.loads(line.decode("utf-8"), object_pairs_hook=_pairs)
    except UnicodeDecodeError as error:
        return f"{NOT_UTF8}: byte 0x{line[error.start]:02x}"
    except json.JSONDecodeError as error:
        return f"is not JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        return "is nested too deeply"
    except ValueError as error:
        return str(error)
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds one half of a surrogate pair"
    return "" if isinstance(row, dict) else "is not a JSON object"


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(name for at, (name, _) in enumerate(pairs) if name in [key for key, _ in pairs[:at]])
        raise ValueError(f"has the key {twice[:100]!r} twice")
    return row

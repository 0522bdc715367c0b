"""JSON lines, and lists of objects, that are none."""

from __future__ import annotations

from data.bad_input.case import THE_DATA_DOOR, BadInput

ONE = '{"a": 1, "b": 2}\n'


def lines(content: str | bytes, *told: str, name: str = "rows.jsonl", fixed: str = "", **options: object) -> BadInput:
    mended = {name: fixed} if fixed else None
    return BadInput({name: content}, told, data=name, mended=mended, **options)  # type: ignore[arg-type]


CASES: dict[str, BadInput] = {
    "empty lines": lines("", "rows.jsonl", "is empty", fixed=ONE),
    "lines of nothing": lines("\n\n", "rows.jsonl: has no", fixed=ONE),
    "a cut line": lines(ONE + '{"a": ', "is not JSON", fixed=ONE),
    "two objects on a line": lines('{"a": 1} {"a": 2}\n', "is not JSON: Extra data", fixed='{"a": 1}\n{"a": 2}\n'),
    "a number as a line": lines(ONE + "7\n", "is not a JSON object", fixed=ONE),
    "a list as a line": lines(ONE + "[]\n", "is not a JSON object", fixed=ONE),
    "a list with a number": lines('[{"a": 1}, 2]', "has no object as item 2", name="rows.json", fixed='[{"a": 1}]'),
    "a list that is cut": lines('[{"a": 1},\n{"a": 2}', "is not JSON", name="rows.json", fixed='[{"a": 1}]'),
    "a list of nothing": lines("[]", "rows.json: has no", name="rows.json", fixed='[{"a": 1}]'),
    "no key": lines("{}\n{}\n", "has no columns", fixed=ONE, readers=THE_DATA_DOOR),
    "a key twice": lines('{"a": 1}\n{"b": 1, "b": 2}\n', "has the key 'b' twice", fixed='{"a": 1}\n{"b": 1, "c": 2}\n'),
    "half a character": lines('{"a": "\\ud800"}\n', "holds one half of a surrogate pair"),
    "lines in Latin-1": lines('{"a": "é"}\n'.encode("latin-1"), "is not UTF-8: byte 0xe9"),
    "lines in UTF-16": lines(ONE.encode("utf-16"), "is not UTF-8", fixed=ONE),
    "NUL in a line": lines(b'{"a": 1}\n{"a": "\0"}\n', "is not JSON"),
    "single quotes": lines("{'a': 1}\n", "is not JSON"),
    "a value that is no JSON": lines('{"a": undefined}\n', "is not JSON"),
    "lines of a Git-LFS pointer": lines(
        "version https://git-lfs.github.com/spec/v1\n", "is a Git-LFS pointer", fixed=ONE
    ),
    "CSV called JSON lines": lines("a,b\n1,2\n", "is not JSON"),
    "20,001 keys": lines(
        "{" + ", ".join(f'"k{at}": 1' for at in range(20_001)) + "}\n", "has over 20,000 keys", readers=THE_DATA_DOOR
    ),
}

"""A drafted contract as a text for a person to edit, and what later data adds to one that a person has edited."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from modelway.config import strict_yaml
from modelway.config.document import Document
from modelway.data.contract import contract_of
from modelway.data.contract_text import column_line, own_text
from modelway.data.drafting import DraftedColumn, DraftedContract
from modelway.data.values import printable
from modelway.errors import InvalidInput


def first_text(draft: DraftedContract, name: str) -> str:
    """The whole contract, with what was seen behind each column."""
    head = (
        f"# Drafted from {printable(name)}, {draft.rows} rows, by generate-contract. Its limits are guesses with some room:\n"
        "# correct them. Run it again on newer data, and only columns that are new are added.\n"
    )
    table = {key: value for key, value in draft.value.items() if key != "columns"}
    return head + own_text(table) + "columns:\n" + "".join(_lines(name, draft.columns[name]) for name in draft.columns)


def with_new_columns(text: str, document: Document, draft: DraftedContract) -> str:
    """The text with a line for each column that the data has and the contract has not, behind its last one; all else is as it
    stands. One without columns is told how the data is written too. document: what was read from the text. InvalidInput where
    its columns do not stand one below the other."""
    known = document.value.get("columns", {})
    new = {name: column for name, column in draft.columns.items() if name not in known}
    if not new:
        return text
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    head: dict[str, Any] = {}
    if not known:
        if "columns" not in document.value:
            said = {"rows", "columns", *document.value}
            head = {key: value for key, value in draft.value.items() if key not in said}
            lines += [own_text(head), "columns:\n"]
        result = "".join([*lines, *(_lines(name, column) for name, column in new.items())])
    else:
        first = min(document.lines[("columns", name)] for name in known)
        last = max(line for where, line in document.lines.items() if where[:1] == ("columns",))
        indent = lines[first - 1][: len(lines[first - 1]) - len(lines[first - 1].lstrip())]
        while last < len(lines) and lines[last].startswith(indent + " ") and lines[last].strip():
            last += 1
        more = [line[2:] for name, column in new.items() for line in _lines(name, column).splitlines(keepends=True)]
        result = "".join([*lines[:last], *(indent + line for line in more), *lines[last:]])
    if not _adds_only(result, document, head, new):
        raise InvalidInput(
            "has columns that do not stand one below the other, so that none can be added",
            where=document.at(("columns",)),
            fix="write each on a line of its own, or name another file",
        )
    return result


def difference(before: str, after: str, name: str) -> str:
    """As `diff -U1` shows it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, n=1, lineterm="")
    return "\n".join(lines)


def _lines(name: str, column: DraftedColumn) -> str:
    text = column_line(name, column.asked)
    return f"{text[:-1]} # {printable(column.seen)}\n" if column.seen else text


def _adds_only(text: str, before: Document, head: Mapping[str, Any], new: Mapping[str, DraftedColumn]) -> bool:
    """Whether the text reads as the contract with these keys and columns more."""
    try:
        after = strict_yaml.read_text(text, before.name)
        contract_of(after)
    except InvalidInput:
        return False
    columns = {**before.value.get("columns", {}), **{name: column.asked for name, column in new.items()}}
    return bool(after.value == {**before.value, **head, "columns": columns})

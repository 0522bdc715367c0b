"""A contract as a text in one of its forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelway.data import forms
from modelway.data.compact import compact
from modelway.data.contract import Contract
from modelway.data.yaml_text import block, entry, flow

ORDER = ("rows", "freshness", "unique", "unlisted-columns", "null-values", "delimiter", "quote", "encoding")
"""Of the keys at the top; the lists of checks follow, then the columns."""
COLUMN_ORDER = ("type", "nullable", "max-null-percent", "range", "length", "allowed", "pattern", "unique", "sensitive")
SUFFIXES = {forms.OWN: ".yml", "odcs": ".odcs.yaml", "json-schema": ".schema.json", "schema-json": ".json"}


def text_of(contract: Contract, form: str, name: str) -> tuple[str, tuple[str, ...]]:
    """(text, lost): the contract in a form, and what of it that form cannot say. name: what it is about."""
    if form == forms.OWN:
        return own_text(compact(contract)), ()
    written: forms.Written = forms.form(form).write(contract, name)
    if form == "odcs":
        return block(written.value), written.lost
    return json.dumps(written.value, indent=2, ensure_ascii=False) + "\n", written.lost


def own_text(value: Mapping[str, Any]) -> str:
    """In our own form: in the same order always, each column and each check on a line of its own."""
    columns = value.get("columns", {})
    top = [key for key in ORDER if key in value]
    lists = [key for key in value if key not in (*ORDER, "columns")]
    text = block({key: value[key] for key in top if key != "unique"})
    for key in [*(key for key in top if key == "unique"), *lists]:
        text += f"{key}:\n" + "".join(f"  - {flow(item)}\n" for item in value[key])
    if columns:
        text += "columns:\n" + "".join(column_line(name, asked) for name, asked in columns.items())
    return text


def column_line(name: str, asked: Mapping[str, Any]) -> str:
    """Of a column, with the line end."""
    keys = [*(key for key in COLUMN_ORDER if key in asked), *(key for key in asked if key not in COLUMN_ORDER)]
    lines = entry(name, flow({key: asked[key] for key in keys})).split("\n")
    return "".join(f"  {line}\n" for line in lines)

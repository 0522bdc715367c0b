"""The one secret of many values: a dotenv text in $MODELWAY_ENV, for the team's own commands only."""

from __future__ import annotations

import re

from modelway.errors import InvalidInput

VARIABLE = "MODELWAY_ENV"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(text: str) -> dict[str, str]:
    """NAME=value lines; `export`, comments, empty lines and one pair of quotes around a value are understood. A line that
    is none of these is InvalidInput, which names its number and never its text."""
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not NAME.fullmatch(name):
            raise InvalidInput(
                "is not NAME=value", where=f"{VARIABLE}, line {number}", fix="write one NAME=value a line"
            )
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        values[name] = value
    return values

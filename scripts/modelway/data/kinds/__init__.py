"""Kinds of checks, one module each: its keys of the contract, when these are sound, what it asks, and how it judges.

A module here is a kind; nothing lists them. It has

- ORDER: its place in a report (of a table's kinds, those below FIRST_OF_REST stand before the columns), and LEVEL: whether
  its keys stand under each column, or at the top;
- KEYS: a Section with these keys;
- sound(document, where, keys): InvalidInput for keys that do not go together;
- of_column(name, keys, around) or of_table(contract, around): the checks to be made;
- columns_named(contract), where a table's kind names columns that need not be listed: these must be there too.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Literal

from modelway import extensions

FIRST_OF_REST = 100


@cache
def of_level(level: Literal["table", "column"]) -> tuple[ModuleType, ...]:
    """Every kind of the level, in the order of reports."""
    modules = [extensions.module(__name__, name) for name in extensions.names(__name__)]
    return tuple(sorted((item for item in modules if level == item.LEVEL), key=lambda item: int(item.ORDER)))

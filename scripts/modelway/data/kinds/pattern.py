"""Whether a regular expression is found in every text of a column."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.kinds.nulls import may_be_empty
from modelway.data.rule_queries import Mismatched
from modelway.data.values import READABLE, shortened
from modelway.errors import InvalidInput

ORDER, LEVEL = 50, "column"
LONGEST = 1000
"""Characters of a pattern."""
NOT_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!]|P=|\()|(?<!\\)(?:\\\\)*\\[1-9]")
"""Look-around, back-references and conditions, which take more than linear time."""


class PatternKeys(Section, frozen=True):
    pattern: Name | UnsetType = UNSET
    """A regular expression in RE2's syntax that must be found in every text; ^ and $ are the text's ends."""


KEYS = PatternKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    if not keys.pattern:
        return
    place = (*where, "pattern")
    if keys.type != "string":
        raise InvalidInput("goes with the type string", where=document.at(place), fix="say `type: string`")
    pattern_is_sound(document, place, keys.pattern)


def pattern_is_sound(document: Document, where: Where, pattern: str) -> None:
    """What can be told without the engine, which has the last word on a pattern."""
    fix = "mend it; the syntax is RE2's, and ' in YAML keeps \\ as it is"
    if len(pattern) > LONGEST:
        raise InvalidInput(f"has more than {LONGEST} characters", where=document.at(where), fix="use a shorter one")
    if NOT_RE2.search(pattern):
        what = "has look-around or a back-reference, which RE2 has not: they can take forever"
        raise InvalidInput(what, where=document.at(where), fix="write it without, or as several patterns")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(re.sub(r"\\[pP](\{\^?\w+\}|\w)|\\[zQEC]|\[:\^?\w+:\]", "a", pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f"is no regular expression: {error}", where=document.at(where), fix=fix) from None


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    if keys.pattern and around.columns[name].stored in READABLE["string"]:
        query = Mismatched(name, "string", keys.pattern)
        yield no_violation(query, f"{name} matches", shortened(keys.pattern, 120), may_be_empty(keys))

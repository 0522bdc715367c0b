"""How many characters the texts of a column have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.kinds.nulls import may_be_empty
from modelway.data.rule_queries import WrongLength
from modelway.data.values import READABLE
from modelway.errors import InvalidInput

ORDER, LEVEL = 45, "column"
Length = Annotated[int, Meta(ge=0, le=1 << 40)]


class LengthKeys(Section, frozen=True):
    length: tuple[Length | None, ...] | UnsetType = UNSET
    """[fewest, most] characters, both allowed; null leaves a side open."""


KEYS = LengthKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    if keys.length is UNSET:
        return
    place = document.at((*where, "length"))
    if keys.type != "string":
        raise InvalidInput("goes with the type string", where=place, fix="say `type: string`")
    if len(keys.length) != 2 or all(bound is None for bound in keys.length):
        raise InvalidInput("is not [fewest, most]", where=place, fix="give both, null for an open side")
    fewest, most = keys.length
    if fewest is not None and most is not None and fewest > most:
        raise InvalidInput("has its fewest above its most", where=place, fix="swap them")


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    if keys.length is not UNSET and around.columns[name].stored in READABLE["string"]:
        fewest, most = keys.length
        rule = f"at most {most}" if fewest is None else f"at least {fewest}" if most is None else f"{fewest} to {most}"
        query = WrongLength(name, "string", fewest, most)
        yield no_violation(query, f"{name} length", f"{rule} characters", may_be_empty(keys))

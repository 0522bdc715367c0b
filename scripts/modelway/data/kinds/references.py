"""Whether columns hold only what another data set has: foreign keys between files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.rule_queries import Unreferenced
from modelway.data.sources import digest_of_source, find_source
from modelway.errors import InvalidInput

ORDER, LEVEL = 140, "table"


class Reference(Section, frozen=True):
    """Columns whose values stand in another file or folder."""

    columns: tuple[Name, ...]
    data: Name
    """A CSV or Parquet file, a folder or a pattern of them, relative to the contract. CSV is written as this contract says."""
    their: tuple[Name, ...] = ()
    """The columns there, in the same order. Left out: of the same names."""
    nullable: bool = True
    """A row in which one of them is missing refers to nothing. false: it breaks the reference."""


class ReferenceKeys(Section, frozen=True):
    references: tuple[Reference, ...] | UnsetType = UNSET


KEYS = ReferenceKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    for index, asked in enumerate(keys.references or ()):
        place = (*where, "references", index)
        if not asked.columns or len(set(asked.columns)) < len(asked.columns):
            what, fix = "is not a list of different columns", "name each column once"
            raise InvalidInput(what, where=document.at((*place, "columns")), fix=fix)
        if asked.their and len(asked.their) != len(asked.columns):
            what = f"names {len(asked.their)} columns, and `columns` {len(asked.columns)}"
            raise InvalidInput(what, where=document.at((*place, "their")), fix="name as many, in the same order")


def columns_named(contract: Any) -> Iterable[str]:
    return (name for asked in contract.references or () for name in asked.columns)


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    for asked in contract.references or ():
        kinds = {name: contract.columns[name].type if name in contract.columns else None for name in asked.columns}
        if not around.readable(kinds):
            continue
        source = find_source(around.folder / asked.data, asked.data)
        their = asked.their or asked.columns
        query = Unreferenced(asked.columns, tuple(kinds.values()), source, contract.dialect, their, asked.nullable)
        rule = f"among {', '.join(their)} of {asked.data} (sha256 {digest_of_source(source)[:12]})"
        yield no_violation(query, f"{', '.join(asked.columns)} in {asked.data}", rule)

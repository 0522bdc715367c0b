"""Engines, by name: a module here is one. It opens a source as a `modelway.data.queries.Table`, and counts.

DuckDB reads files. PostgreSQL counts a table in its server, so it opens an address instead. Spark counts Parquet, here or in
a cluster, whose address `data.engine` holds then. Another (a warehouse) is a module beside them, chosen by `data.engine`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from modelway import extensions
from modelway.config.document import suggestion
from modelway.data.dialect import CsvDialect
from modelway.data.queries import Table
from modelway.data.sources import Source
from modelway.errors import InvalidInput

if TYPE_CHECKING:
    from modelway.data.cells import CellTable
    from modelway.data.labelled import LabelTable
    from modelway.data.quality.queries import QualityTable

DEFAULT = "duckdb"


class Engine(Protocol):
    """What a module here offers."""

    def open_table(
        self, source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int
    ) -> AbstractContextManager[Table]:
        """The source, opened. scratch: an empty folder for what does not fit in memory; the caller removes it. memory_mb:
        what the engine may use. Data that cannot be read is InvalidInput with the file's name and the fix."""


class AddressEngine(Engine, Protocol):
    """An engine whose data stays where it is. SCHEMES: of the addresses that it opens."""

    SCHEMES: tuple[str, ...]

    def open_address(self, address: str, name: str) -> AbstractContextManager[AddressedTable]:
        """The data at an address. name: what messages call it. InvalidInput where it names none, OutsideFailure where none can
        be reached."""


class AddressedTable(Table, Protocol):
    @property
    def digest(self) -> str:
        """Of the data, in the same reading as the answers."""


class CellEngine(Engine, Protocol):
    """An engine that counts cells, too: what detect-drift needs."""

    def cells_of(self, table: Table) -> CellTable:
        """The table that `open_table` gave, as one whose cells can be counted."""


class LabelEngine(Engine, Protocol):
    """An engine that joins predictions and labels, too: what monitor-model needs for a model's performance."""

    def labels_of(self, table: Table) -> LabelTable:
        """The table that `open_table` gave, as one whose labels can be joined."""


class QualityEngine(Engine, Protocol):
    """An engine that answers what check-quality and profile-data ask, too."""

    def open_quality_table(
        self, source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int
    ) -> AbstractContextManager[QualityTable]:
        """As `open_table`."""

    def count_near(
        self, first: Path, second: Path, parts: int, spill: Path, memory_mb: int
    ) -> tuple[int, int, list[float]]:
        """Of two files of `QualityTable.write_parts`: rows of the first; those of them that the second has in all parts but
        one at least; and for each part, the chance that two rows of the second are alike in it."""


def quality_engine(name: str = DEFAULT) -> QualityEngine:
    """InvalidInput where there is none of the name, or where it answers contracts alone."""
    found = engine(name)
    if not hasattr(found, "open_quality_table"):
        raise InvalidInput(
            f"the engine {name[:100]!r} holds data against contracts alone",
            where="data.engine",
            fix=f"leave it out, which means {DEFAULT}",
        )
    return cast(QualityEngine, found)


def engine(name: str = DEFAULT) -> Engine:
    """The engine of a name, loaded when it is first asked for; or of the name that an address starts with, at that address
    (such as spark://host:7077). InvalidInput where there is none."""
    known, kind = extensions.names(__name__), name.partition("://")[0]
    if kind not in known:
        raise InvalidInput(f"{name[:100]!r} is no engine", where="data.engine", fix=suggestion(name, known))
    found = extensions.module(__name__, kind)
    if kind == name:
        return cast(Engine, found)
    if not hasattr(found, "at"):
        raise InvalidInput(f"the engine {kind} has no address", where="data.engine", fix=f"write {kind}")
    return cast(Engine, found.at(name))


def opening(address: str, name: str = DEFAULT) -> AddressEngine | None:
    """The engine, where it opens such an address itself; None where data is brought to it."""
    found = engine(name)
    return cast(AddressEngine, found) if address.partition("://")[0].lower() in getattr(found, "SCHEMES", ()) else None


def cell_engine(name: str = DEFAULT) -> CellEngine:
    """The same, where it counts cells; InvalidInput where it does not."""
    found = engine(name)
    if not hasattr(found, "cells_of"):
        raise InvalidInput(f"{name[:100]!r} counts no cells, which drift needs", where="data.engine", fix="use duckdb")
    return cast(CellEngine, found)


def label_engine(name: str = DEFAULT) -> LabelEngine:
    """The same, where it joins labels; InvalidInput where it does not."""
    found = engine(name)
    if not hasattr(found, "labels_of"):
        raise InvalidInput(
            f"{name[:100]!r} joins no labels, which a model's performance needs", where="data.engine", fix="use duckdb"
        )
    return cast(LabelEngine, found)

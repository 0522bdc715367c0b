"""DuckDB's failures in one line for the user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelway.data import csv_text, json_text
from modelway.data.dialect import USUAL, CsvDialect
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.sources import CALLED, Source
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.files import NO_ROOM


@contextmanager
def in_one_line(source: Source, links: dict[str, Path], dialect: CsvDialect, memory_mb: int) -> Iterator[None]:
    try:
        yield
    except ModelwayError:
        raise
    except RuntimeError as error:
        if "interrupted" in str(error):
            raise KeyboardInterrupt from None  # what DuckDB makes of SIGINT during a query
        raise
    except duckdb.OutOfMemoryException as error:
        if "temp_directory_size" in str(error) or "offload" in str(error):
            raise OutsideFailure(
                "the disk is full", where=source.name, fix="free some space in the temporary folder"
            ) from None
        raise InvalidInput(
            f"needs more than {memory_mb} MB of memory",
            where=source.name,
            fix="set the input memory-mb higher"
            + ("" if source.format == "parquet" else ", or write the data as Parquet"),
        ) from None
    except duckdb.Error as error:
        if any(os.strerror(number) in str(error) for number in NO_ROOM):
            raise OutsideFailure(
                "the disk is full", where=source.name, fix="free some space in the temporary folder"
            ) from None
        refuse_fault(source, links, dialect)
        concerned = [source.label(file) for link, file in links.items() if link in str(error)]
        kind = CALLED[source.format]
        raise InvalidInput(
            f"cannot be read as {kind}: {_first_lines(str(error), links, source)}",
            where=concerned[0] if len(concerned) == 1 else source.name,
            fix=f"write the file again as sound {kind}, and check that it was copied whole",
        ) from None


def refuse_fault(source: Source, links: dict[str, Path], dialect: CsvDialect | None = None) -> None:
    """In our own words, where a plain reading finds the fault: the engine's name a cell that it happened to stop at."""
    for link, file in links.items():
        fault = None
        if source.format == "csv":
            fault = csv_text.find_fault(Path(link), dialect or USUAL)
        elif source.format == "jsonl":
            fault = json_text.find_fault(Path(link))
        if fault:
            raise InvalidInput(
                f"cannot be read as {CALLED[source.format]}: line {fault.line} {fault.what}",
                where=source.label(file),
                fix=fault.fix,
            ) from None


def _first_lines(message: str, links: dict[str, Path], source: Source) -> str:
    """The one or two lines of DuckDB's message that say what is wrong: without its class, the data and its options."""
    for link, file in links.items():
        message = message.replace(link, source.label(file))
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.startswith("Original Line")]
    if not lines:
        return "the file is damaged"
    first = lines[0].split(" Error: ", 1)[-1]
    second = lines[1] if first.startswith("CSV Error on Line") and len(lines) > 1 else ""
    return "; ".join(filter(None, (first, second)))[:300]

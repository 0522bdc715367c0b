"""The cells that rows are counted in: those of a sketch of the training data, as detect-drift writes one."""

from __future__ import annotations

import json
import mmap
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelway.serving.payload import shown

SCHEMA = "modelway/data-sketch/1"
BESIDE = "training-sketch.json"
"""Where build-image puts the sketch of the training data: beside the model's folder."""
MOST_MINUTES, MOST_BYTES = 1500, 64 << 20
"""What is kept at most: of so many minutes, in so many bytes for each worker."""
BIN_SECONDS = 60
READ_AS: Mapping[str, tuple[str, ...]] = {
    "number": ("integer", "long", "float", "double"),
    "boolean": ("boolean",),
    "time": ("datetime",),
    "category": ("string",),
    "other": ("binary",),
}
"""Kinds of cells, and the types of a signature whose values fall into them."""
PREDICTED_NUMBER, PREDICTED_CLASS = "(predicted number)", "(predicted class)"
"""Columns of a sketch that no row has: what the model said. Of probabilities of two classes that is the second, of more the
likeliest class."""
STAMP, ROWS, COLUMNS = 0, 1, 2
"""Where a minute's own numbers are, and where those of its columns begin."""
MISSING, BEYOND, LOW, HIGH, COUNTS = range(5)
"""Where a column's numbers are, from its own place on. LOW and HIGH are floating point."""


@dataclass(frozen=True)
class CountedColumn:
    """cells: as the reference has them. at: its place in a minute's numbers. size: how many cells."""

    cells: Mapping[str, Any]
    kind: str
    edges: list[float]
    places: Mapping[str, int]
    at: int
    size: int

    @property
    def name(self) -> str:
        return str(self.cells["name"])


@dataclass(frozen=True)
class CellReference:
    """The cells that rows are counted in. size: numbers of 8 bytes for a minute. minutes: that are kept."""

    columns: tuple[CountedColumn, ...]
    size: int
    text: bytes = b""
    """The sketch that they come from."""
    server: str = field(default_factory=lambda: secrets.token_hex(8))
    """Of the memory that rows are counted in: whoever adds what it tells knows that it began anew."""
    started: float = field(default_factory=time.time)

    @property
    def minutes(self) -> int:
        return max(2, min(MOST_MINUTES, MOST_BYTES // (8 * self.size)))

    def memory(self, workers: int) -> mmap.mmap:
        """Zeroed memory that forked workers share; a page that nobody writes takes no room."""
        return mmap.mmap(-1, workers * self.minutes * self.size * 8)


def nothing() -> CellReference:
    """Of a server without a sketch: it counts rows, and no column of them."""
    none = {"schema": SCHEMA, "rows": 0, "columns": [], "absent": []}
    return CellReference((), COLUMNS, json.dumps(none).encode())


def read(path: Path) -> CellReference:
    """The cells of a sketch that detect-drift wrote. ValueError, with the fix, where it is none."""
    fix = "Fix: give a sketch of the training data, as detect-drift's reference-sketch writes it"
    try:
        text = path.read_bytes()
        said = json.loads(text.decode())
        if said["schema"] != SCHEMA:
            raise ValueError(f"its schema is {shown(said['schema'])}")
        cells = [*(column["cells"] for column in said["columns"]), *said["absent"]]
        columns, at = [], COLUMNS
        for one in sorted(cells, key=lambda item: str(item["name"])):
            kind, edges, values = one["kind"], list(one.get("edges", ())), list(one.get("values", ()))
            if kind not in READ_AS or not all(type(edge) in (int, float) for edge in edges):
                raise ValueError(f"column {shown(one['name'])} has cells of no known kind")
            size = len(values) if kind == "category" else len(edges) + 1
            places = {value: place for place, value in enumerate(values)}
            columns.append(CountedColumn(one, kind, edges, places, at, size))
            at += COUNTS + size
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}. {fix}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: is no sketch of data: {' '.join(str(error).split())[:200]}. {fix}") from None
    return CellReference(tuple(columns), at, text)

"""The two data sets of a comparison: rows that are opened, or sketches of some that are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from modelway.data.drift.sketch import DataSketch, begins_as_sketch, merged, read_sketch
from modelway.data.drift.sketching import DataReading, OpenedCells, open_cells
from modelway.data.sources import PATTERN, digest_meanwhile, find_source
from modelway.errors import InvalidInput
from modelway.records import digest_of_json


@dataclass(frozen=True)
class DriftSide:
    """Exactly one of rows and sketch is there. name: what messages and the report call it. digest: waits for that of the files
    with rows, or of what the sketches hold together. sketches: those that `sketch` is made of, by what messages call it."""

    name: str
    digest: Callable[[], str]
    rows: OpenedCells | None = None
    sketch: DataSketch | None = None
    sketches: Mapping[str, DataSketch] = field(default_factory=dict)


@contextmanager
def open_side(path: Path, name: str, reading: DataReading) -> Iterator[DriftSide]:
    """Rows as `find_source` takes them; or a sketch, and a pattern of them: all rows of all together. A file is what it holds:
    one that begins as a sketch does is a sketch. InvalidInput where it cannot be read, or a pattern matches both."""
    sketches = _sketches_in(path, name)
    if sketches is None:
        source = find_source(path, name)
        with open_cells(source, reading) as rows:
            yield DriftSide(name, digest_meanwhile(source), rows=rows)
        return
    sketch = merged(list(sketches.values()), list(sketches))
    digest = digest_of_json(msgspec.to_builtins(sketch))
    yield DriftSide(name, lambda: digest, sketch=sketch, sketches=sketches)


def _sketches_in(path: Path, name: str) -> dict[str, DataSketch] | None:
    """Each sketch of a file, or of a pattern, by what messages call it; None where it is rows."""
    if path.is_file() or not PATTERN.search(path.name):
        return {name: read_sketch(path, name)} if path.is_file() and begins_as_sketch(path) else None
    files = sorted(path.parent.glob(path.name)) if path.suffix.lower() == ".json" else []
    found = {file: begins_as_sketch(file) for file in files if file.is_file()}
    if len(set(found.values())) == 2:
        rows = next(file for file, sketch in found.items() if not sketch)
        what, fix = "is no sketch, and others that the pattern matches are", "name sketches, or rows, and not both"
        raise InvalidInput(what, where=f"{rows.name} in {name}", fix=fix)
    if not any(found.values()):
        return None
    return {f"{file.name} in {name}": read_sketch(file, f"{file.name} in {name}") for file in found}

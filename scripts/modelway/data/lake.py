"""Tables of Delta Lake and Apache Iceberg: a folder of Parquet files and a log that says which of them are the table now.

The log is read by the library of each, in a process and an environment of its own; the Parquet files are then read as any
others. What takes more than reading whole files (deleted rows beside them, renamed columns) is refused, never read wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modelway.errors import InvalidInput

LakeKind = Literal["delta", "iceberg"]
CALLED: dict[LakeKind, str] = {"delta": "Delta table", "iceberg": "Iceberg table"}
DELTA_LOG = "_delta_log"
SETTINGS = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class LakeTable:
    """files: absolute, sorted. partitions: of each column that stands in the log alone, its value for every file. columns: the
    names of the table's columns."""

    files: tuple[Path, ...]
    partitions: dict[str, tuple[str | None, ...]]
    columns: tuple[str, ...]


def kind_of(folder: Path) -> LakeKind | None:
    if (folder / DELTA_LOG).is_dir():
        return "delta"
    return "iceberg" if next((folder / "metadata").glob("*.metadata.json"), None) else None


def read_table(folder: Path, kind: LakeKind, name: str) -> LakeTable:
    """What the newest version of the table consists of. InvalidInput where it is no sound one, or not whole files."""
    from modelway.data import workers  # most data is no such table

    asked = {"folder": str(folder.resolve()), "kind": kind}
    said = workers.fetched("lake", asked, name, lambda _: None, SETTINGS, "try again")
    if not said["files"]:
        raise InvalidInput(f"is a {CALLED[kind]} without rows", where=name, fix="name a table with rows")
    files = [Path(file["path"]) for file in said["files"]]
    absent = next((file for file in files if not file.is_file()), None)
    if absent is not None:
        raise InvalidInput(
            f"is a {CALLED[kind]} whose file {absent.name} is not there", where=name, fix="copy the table whole"
        )
    order = sorted(range(len(files)), key=lambda at: str(files[at]))
    values: Sequence[dict[str, str | None]] = [said["files"][at]["partition"] for at in order]
    partitions = {key: tuple(part[key] for part in values) for key in values[0]}
    return LakeTable(tuple(files[at] for at in order), partitions, tuple(said["columns"]))

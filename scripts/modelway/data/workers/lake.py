"""deltalake and pyiceberg: which files a table consists of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from modelway.data.workers import Described, message_of

WHOLE_FILES = ("timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "appendOnly", "invariants", "typeWidening")
"""Features of a Delta table that leave its files what they are."""
COPY = "write a copy of the table as it is now, or compact it"


class NotWholeFiles(Exception):
    """The table is not the sum of its files."""


def answer(asked: Mapping[str, str], say: Callable[[str], None]) -> dict[str, Any]:
    """asked: folder; kind: delta or iceberg. files: of each its path and its partition (column -> text or null); columns."""
    return {"delta": delta, "iceberg": iceberg}[asked["kind"]](Path(asked["folder"]))


def described(error: Exception) -> Described:
    fix = COPY if isinstance(error, NotWholeFiles) else "look at the table with the tool that wrote it"
    return {"error": message_of(error), "user": True, "fix": fix}


def delta(folder: Path) -> dict[str, Any]:
    from deltalake import DeltaTable

    table = DeltaTable(str(folder))
    for feature in table.protocol().reader_features or ():
        if feature not in WHOLE_FILES:
            raise NotWholeFiles(f"the table has the feature {feature}")
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        raise NotWholeFiles("the table's columns are mapped to other names")
    actions = table.get_add_actions(flatten=False)
    paths = actions.column("path").to_pylist()
    names = table.metadata().partition_columns
    parts = actions.column("partition").to_pylist() if names else [{}] * len(paths)
    files = [
        {
            "path": str(_below(folder, path)),
            "partition": {name: None if part[name] is None else str(part[name]) for name in names},
        }
        for path, part in zip(paths, parts, strict=True)
    ]
    return {"files": files, "columns": [field.name for field in table.schema().fields if field.name not in names]}


def _below(folder: Path, path: str) -> Path:
    """(The log has the names of files as parts of URLs.)"""
    if "://" in path:
        return Path(unquote(urlsplit(path).path))
    decoded = folder / unquote(path)
    return decoded if decoded.exists() else folder / path


def iceberg(folder: Path) -> dict[str, Any]:
    from pyiceberg.table import StaticTable

    newest = max((folder / "metadata").glob("*.metadata.json"), key=_version)
    table = StaticTable.from_metadata(str(newest), {"py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"})
    moved = _Moved(table.metadata.location, folder)
    table.io.__class__ = moved.reading(type(table.io))
    files = []
    for task in table.scan().plan_files():
        if task.delete_files:
            raise NotWholeFiles("rows of the table are deleted beside its files")
        if task.file.file_format.name != "PARQUET":
            raise NotWholeFiles(f"the table has files of {task.file.file_format.name}")
        files.append({"path": moved.place(task.file.file_path), "partition": {}})
    return {"files": files, "columns": [field.name for field in table.schema().fields]}


def _version(file: Path) -> tuple[int, float]:
    number = re.match(r"v?(\d+)", file.name)
    return int(number[1]) if number else -1, file.stat().st_mtime


class _Moved:
    """A table names its files by where it was written, and lies where it lies now."""

    def __init__(self, location: str, folder: Path) -> None:
        self.location, self.folder = location.rstrip("/"), folder

    def place(self, path: str) -> str:
        for start in (self.location, self.location.removeprefix("file://")):
            if path.startswith(f"{start}/"):
                return f"{self.folder}{path.removeprefix(start)}"
        return path.removeprefix("file://")

    def reading(self, kind: type) -> type:
        place = self.place

        class Reading(kind):  # type: ignore[misc]
            def new_input(self, location: str) -> Any:
                return super().new_input(place(location))

        return Reading

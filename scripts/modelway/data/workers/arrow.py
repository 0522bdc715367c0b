"""pyarrow: Arrow's files as Parquet, which the engine reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelway.data.workers import Described, message_of


class NotSound(Exception):
    """A file that Arrow does not take."""


def answer(asked: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """asked: files, each with the name of the Parquet file that it becomes."""
    for file, target in asked["files"]:
        try:
            write(file, target)
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:  # Arrow's own has no number
                raise
            raise NotSound(f"{Path(file).name} is no sound Arrow file: {message_of(error)}") from None


def write(file: str, target: str) -> None:
    """Batch by batch: in bounded memory."""
    import pyarrow as pa
    from pyarrow import parquet

    with pa.memory_map(file) as source:
        try:
            reader = pa.ipc.open_file(source)
            batches = (reader.get_batch(at) for at in range(reader.num_record_batches))
        except pa.ArrowInvalid:
            source.seek(0)
            reader = pa.ipc.open_stream(source)
            batches = iter(reader)
        with parquet.ParquetWriter(target, reader.schema) as writer:
            for batch in batches:
                batch.validate(full=True)
                writer.write_batch(batch)


def described(error: Exception) -> Described:
    if isinstance(error, OSError):
        return {"error": str(error.strerror), "user": False}
    fix = "write the file again as Arrow IPC (Feather 2), and check that it was copied whole"
    return {"error": message_of(error), "user": True, "fix": fix}

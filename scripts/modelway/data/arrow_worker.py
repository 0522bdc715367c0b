"""pyarrow as a program, for an environment of its own: Arrow's files as Parquet, which the engine reads.

It reads {"files": [[file, target], ...]} and writes {"answer": ""}, or {"error": ..., "user": true, "fix": ...}.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    said: dict[str, Any] = {"answer": ""}
    for file, target in json.load(sys.stdin)["files"]:
        try:
            write(file, target)
        except OSError as error:
            its_own = error.errno is not None  # Arrow raises one without a number for a file that is not sound
            said = {"error": str(error.strerror), "user": False} if its_own else damaged(file, error)
            break
        except Exception as error:
            said = damaged(file, error)
            break
    answers.write(json.dumps(said) + "\n")
    answers.flush()


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


def damaged(file: str, error: Exception) -> dict[str, Any]:
    what = " ".join(str(error).split())[:200] or type(error).__name__
    fix = "write the file again as Arrow IPC (Feather 2), and check that it was copied whole"
    return {"error": f"{Path(file).name} is no sound Arrow file: {what}", "user": True, "fix": fix}


if __name__ == "__main__":
    main()

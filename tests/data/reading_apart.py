"""A process of its own that reads what it is asked to: a crash or a hang of a library in C++ ends it alone, and is seen."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE_SECONDS = 60


class ReaderApart:
    """Asked for one file at a time; started when it is first asked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, kind: str, path: Path) -> dict[str, Any]:
        """The answer: of rows their columns, of others something small; or `code` and `line` of the error.

        AssertionError where the process died, hung, or raised anything else."""
        if self._process is None:
            environ = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
            )
        process = self._process
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps([kind, str(path)]).encode() + b"\n")
        process.stdin.flush()
        answered = select.select([process.stdout], [], [], PATIENCE_SECONDS)[0]
        line = process.stdout.readline() if answered else b""
        if not line:
            self.close()
            what = f"ended with {process.returncode}" if answered else f"took over {PATIENCE_SECONDS} s"
            raise AssertionError(f"the reader of a file of {kind} {what}")
        answer: dict[str, Any] = json.loads(line)
        assert "defect" not in answer, answer["defect"]
        return answer

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe
                pipe.close()
            self._process = None


def answer(kind: str, path: Path) -> dict[str, Any]:
    from modelway.data.contract import Contract, load_contract
    from modelway.data.drift.sketch import read_sketch
    from modelway.data.rows import open_rows

    if kind == "contract":
        return {"digest": load_contract(path, path.name).digest}
    if kind == "sketch":
        return {"rows": read_sketch(path, path.name).rows}
    with open_rows(path, path.name, Contract()) as rows:
        values = rows.lists({name: rows.as_stored(name) for name in rows.names})
        return {"names": list(rows.names), "values": list(values.values()), "rows": rows.count}


def main() -> None:
    import traceback

    from modelway.errors import ModelwayError

    for line in sys.stdin:
        kind, path = json.loads(line)
        try:
            said = answer(kind, Path(path))
        except ModelwayError as error:
            said = {"code": error.exit_code, "line": error.line()}
        except BaseException:
            said = {"defect": traceback.format_exc()}
        print(json.dumps(said, default=str), flush=True)


if __name__ == "__main__":
    main()

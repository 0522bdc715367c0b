"""The program: `python -I start.py --model FOLDER --release FILE --port N`. `--help` lists every flag.

Exit codes: 0 after SIGTERM or SIGINT; 1 when the model cannot be served; 2 for a wrong flag or file.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    for name in THREADS:  # read once, when numpy is imported
        os.environ.setdefault(name, os.environ.get("OMP_NUM_THREADS", "1"))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # what -I leaves out: the folder that holds modelway
    from modelway.serving import settings

    chosen = settings.read(sys.argv[1:])
    if chosen.environment:
        _add_environment(chosen.environment)
    try:
        from modelway.serving import supervisor
    except ModuleNotFoundError as error:
        if error.name != "httptools":
            raise
        fix = "install requirements/serving.txt beside the model's environment, or give --environment"
        print(f"error: the model server needs httptools. Fix: {fix}", file=sys.stderr)
        return 2
    return supervisor.serve(chosen)


def _add_environment(folder: str) -> None:
    """Put a folder of packages first, with the .pth files in it, as an installed environment has them."""
    before = list(sys.path)
    site.addsitedir(folder)
    added = [item for item in sys.path if item not in before]
    sys.path[:] = added + before


if __name__ == "__main__":
    sys.exit(main())

"""Ways to do one thing beside each other: each in a process of its own, in turn; medians of wall and CPU time, and of peaks.

A script names its ways (`name -> function of a path`), and calls `measured` for each table and `run_one` where it is started
with a way's name. Peers run in environments of their own, outside the repository: MODELWAY_PEERS names a folder with `gx`,
`pandera`, `evidently` and `ydata`, each made by

    uv venv FOLDER/gx && uv pip install --python FOLDER/gx/bin/python great_expectations pyarrow
    (`pandera[pandas] pyarrow`, `evidently pyarrow "pandas<3"`, `ydata-profiling pyarrow "setuptools<81"`)

One that is not there is left out, and said so. Seconds and CPU are of the work, without imports; whole is the process from its
start to its end, imports and all.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Ways = Mapping[str, Callable[[Path], Callable[[], None]]]
"""Each imports what it needs, and gives back the work."""
SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def python_of(environment: str) -> str | None:
    """The interpreter of a peer; ours where it needs none of its own."""
    if not environment:
        return sys.executable
    found = Path(os.environ.get("MODELWAY_PEERS", "")) / environment / "bin" / "python"
    return str(found) if found.is_file() else None


def run_one(ways: Ways, name: str, path: Path) -> None:
    """What a process of one way does; its figures are its last line."""
    sys.path.insert(0, str(SCRIPTS))
    work = ways[name](path)
    began, cpu = time.perf_counter(), time.process_time()
    work()
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]))


def measured(script: str, title: str, asked: Sequence[tuple[str, str, int]], path: Path) -> dict[str, list[float]]:
    """asked: (way, its environment, runs), the floor first. Prints the table; gives the medians of each way."""
    found: dict[str, list[list[float]]] = {}
    print(
        f"\n{title}\n{'':14} {'s':>8} {'CPU s':>8} {'x floor':>8} {'x CPU':>7} {'whole s':>8} {'peak MB':>8}  runs",
        flush=True,
    )
    left_out: set[str] = set()
    for turn in range(max(runs for _, _, runs in asked)):
        for way, environment, runs in asked:
            if turn < runs and way not in left_out:
                one = _run(script, way, environment, path)
                if isinstance(one, str):
                    left_out.add(way)
                    print(f"{way:14} left out: {one}", flush=True)
                else:
                    found.setdefault(way, []).append(one)
    medians = {way: [statistics.median(column) for column in zip(*runs, strict=True)] for way, runs in found.items()}
    base = next(iter(medians.values()))
    for way, (wall, cpu, whole, peak) in medians.items():
        ratios = f"{wall / base[0]:8.2f} {cpu / base[1]:7.2f}"
        print(f"{way:14} {wall:8.2f} {cpu:8.2f} {ratios} {whole:8.2f} {peak:8.0f}  {len(found[way])}", flush=True)
    return medians


def _run(script: str, way: str, environment: str, path: Path) -> list[float] | str:
    python = python_of(environment)
    if python is None:
        return f"no environment {environment} below MODELWAY_PEERS"
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        process = subprocess.Popen([python, script, way, str(path)], stdout=out, stderr=err, text=True)
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if status:
            return (err.read().strip().splitlines() or ["it was ended"])[-1][:200]
        return [*json.loads(out.read().splitlines()[-1]), whole, usage.ru_maxrss / 1024]

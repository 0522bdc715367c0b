"""A script's own process to which something happens at a chosen one of its calls to the API server.

Usage: scripts/run --in deploy python at_a_call.py MODE CALL SCRIPT [flags]

A call is named by the rollout's phase (what its journal said last), its method and the kind of object, and how many of the
same name there were before it: `route 0.5: PATCH httproutes #1`. The lease's own thread is not counted. Modes:

    before   SIGKILL before the call is sent          lost   it is answered, and the answer never comes
    after    SIGKILL once it was answered             stop   SIGSTOP before it is sent
    int      SIGINT before it is sent                 term   SIGTERM before it is sent
    record   nothing

The names of all calls are written to the file $CALLS, if that is set, when the script ends.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts")]

from modelway.errors import OutsideFailure  # noqa: E402 - after the path is known
from modelway.rollout.journal import Line  # noqa: E402
from modelway.targets.kubernetes.cluster import KINDS, Cluster  # noqa: E402
from modelway.targets.kubernetes.records import KubernetesRecords  # noqa: E402

SIGNALS = {"before": signal.SIGKILL, "stop": signal.SIGSTOP, "int": signal.SIGINT, "term": signal.SIGTERM}
RESOURCES = {resource for _, resource in KINDS.values()}


class Calls:
    """What happens to the process at which of its calls."""

    def __init__(self, mode: str, at: str) -> None:
        self.mode, self.at, self.phase = mode, at, "before"
        self.seen: Counter[str] = Counter()
        self.names: list[str] = []
        self.once, self.append, self.begin = Cluster._once, KubernetesRecords.append, KubernetesRecords.begin

    def install(self) -> None:
        calls = self

        def once(cluster: Cluster, method: str, path: str, *more: Any) -> bytes:
            if threading.current_thread() is not threading.main_thread():
                return calls.once(cluster, method, path, *more)
            name = calls.name(method, path)
            if name == calls.at and calls.mode in SIGNALS:
                os.kill(os.getpid(), SIGNALS[calls.mode])
            answer = calls.once(cluster, method, path, *more)
            if name == calls.at and calls.mode == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            if name == calls.at and calls.mode == "lost":
                raise OutsideFailure("the answer was lost", where="the network")
            return answer

        def append(records: KubernetesRecords[Any], number: int, line: Line) -> None:
            calls.phase = f"writing {said(line)}"
            calls.append(records, number, line)
            calls.phase = said(line)

        def begin(records: KubernetesRecords[Any], plan: Any) -> None:
            calls.phase = "writing the plan"
            calls.begin(records, plan)
            calls.phase = "the plan"

        Cluster._once = once  # type: ignore[assignment, method-assign]
        KubernetesRecords.append = append  # type: ignore[assignment, method-assign]
        KubernetesRecords.begin = begin  # type: ignore[assignment, method-assign]

    def name(self, method: str, path: str) -> str:
        parts = path.strip("/").split("/")
        at = next((number for number, part in enumerate(parts) if part in RESOURCES), len(parts) - 1)
        resource = parts[at] if len(parts) - at < 3 else f"{parts[at]}/{parts[at + 2]}"
        key = f"{self.phase}: {method} {resource}"
        self.seen[key] += 1
        self.names.append(f"{key} #{self.seen[key]}")
        return self.names[-1]


def said(line: Line) -> str:
    """Of an act what it is, and to where; of an event that it came."""
    of = line.act if line.act is not None else line.event
    assert of is not None
    detail = next((f" {getattr(of, name)}" for name in ("weight", "which", "outcome") if hasattr(of, name)), "")
    return f"{type(of).__name__.lower()}{detail}"


def main() -> int:
    mode, at, script, *flags = sys.argv[1:]
    calls = Calls(mode, at)
    calls.install()
    try:
        return int(importlib.import_module(script).main(flags))
    finally:
        if path := os.environ.get("CALLS"):
            Path(path).write_text("\n".join(calls.names) + "\n")


if __name__ == "__main__":
    sys.exit(main())

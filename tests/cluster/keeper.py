"""Keeps one cluster: starts its namespaces, ends them when its own input ends, and leaves nothing of them behind.

A process of its own, so that the cluster ends whatever becomes of the one that asked for it; and if this one is killed, the
kernel kills the namespaces' first process, and with it all that is inside.

Usage, by run.py only: python keeper.py PLAN
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from cluster import control_groups, namespaces, plan, settings  # noqa: E402

END_SECONDS = 20.0


def main(arguments: Sequence[str] = sys.argv[1:]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the end of the input says it, once
    the_plan = plan.read(Path(arguments[0]))
    control_groups.sweep()
    group = control_groups.create()
    try:
        return keep(the_plan, group)
    finally:
        control_groups.remove(group)
        shutil.rmtree(the_plan.state, ignore_errors=True)


def keep(the_plan: plan.Plan, group: str) -> int:
    for name, content in settings.files(the_plan, f"/{group}").items():
        path = the_plan.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(content)
    supervisor = [sys.executable, str(Path(__file__).with_name("supervisor.py")), str(the_plan.file), str(os.getpid())]
    with (the_plan.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [*namespaces.KILLED_WITH_PARENT, *namespaces.NEW, *supervisor],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        while process.poll() is None:
            if select.select([sys.stdin], [], [], 0.5)[0]:
                return 0
        return 4
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the first process inside: the one outside, its parent, ends when all of them are gone."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    process.kill()
    process.wait()


if __name__ == "__main__":
    sys.exit(main())

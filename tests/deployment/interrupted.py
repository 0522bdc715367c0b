"""A script's own process that dies, stops, or finds its clock set, at a chosen one of the steps that change something.

Usage: scripts/run --in deploy python interrupted.py count|kill|stop|forward|back N SCRIPT [flags]

A step is what the interpreter reports before it does it: a file opened for writing, renamed, linked or removed, a lock, a
process started or signalled. `count` writes how many there were into the file $STEPS.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

DAY = 86_400
STEPS = {
    "os.rename",
    "os.remove",
    "os.symlink",
    "os.mkdir",
    "os.killpg",
    "os.truncate",
    "fcntl.flock",
    "subprocess.Popen",
}


class Steps:
    def __init__(self, mode: str, at: int) -> None:
        self.mode, self.at, self.number = mode, at, 0
        self.own = os.getpid()

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in STEPS and not _writes(event, arguments):
            return
        if os.getpid() != self.own:
            return
        self.number += 1
        if self.number == self.at:
            self.happen()

    def happen(self) -> None:
        if self.mode == "kill":
            os.kill(self.own, signal.SIGKILL)
        elif self.mode == "stop":
            os.kill(self.own, signal.SIGSTOP)
        elif self.mode in ("forward", "back"):
            real, offset = time.time, DAY if self.mode == "forward" else -DAY
            time.time = lambda: real() + offset


def _writes(event: str, arguments: tuple[object, ...]) -> bool:
    if event != "open" or not isinstance(arguments[0], str):
        return False
    mode, flags = arguments[1], arguments[2]
    return (
        isinstance(mode, str) and mode[:1] in "wax" and isinstance(flags, int) and not arguments[0].startswith("/dev")
    )


def main() -> int:
    mode, at, script, *flags = sys.argv[1:]
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts")]
    module = importlib.import_module(script)
    steps = Steps(mode, int(at))
    sys.addaudithook(steps)
    code = int(module.main(flags))
    if mode == "count":
        Path(os.environ["STEPS"]).write_text(str(steps.number))
    return code


if __name__ == "__main__":
    sys.exit(main())

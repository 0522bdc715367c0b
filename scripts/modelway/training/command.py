"""Run the team's command: output streamed, a time limit, and nothing of it left running."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelway import processes
from modelway.errors import InvalidInput, OutsideFailure

GRACE_SECONDS = 5.0
"""Between asking the command to stop and ending it. GitHub gives a cancelled step 7.5 s."""
LONGEST_LINE = 1 << 16


def run(
    command: str,
    folder: Path,
    environ: Mapping[str, str],
    timeout_seconds: float,
    say: Callable[[str], None],
    started: Callable[[int], None] = lambda group: None,
    where: str = "train.command",
) -> None:
    """Run `command` by bash in `folder`; each line of its output goes to `say`. started(process group) is called once;
    `where` is the key that the command stands at.

    A command that fails is InvalidInput naming its exit code, one that takes too long OutsideFailure; on
    KeyboardInterrupt, as in every other case, its whole process group is ended before this returns.
    """
    try:
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
        process = processes.start(shell, folder, environ, subprocess.PIPE)
    except OSError as error:
        raise InvalidInput(
            f"cannot be started: {error.strerror}", where=where, fix="shorten it, or its inputs"
        ) from None
    try:
        started(process.pid)
        finished = _stream(process, time.monotonic() + timeout_seconds, say)
    finally:
        processes.end_own(process, GRACE_SECONDS, signal.SIGINT)
        assert process.stdout is not None
        process.stdout.close()
    shown = " ".join(command.split())[:120]
    if not finished:
        raise OutsideFailure(
            f"`{shown}` was still running after {timeout_seconds / 60:g} minutes and was ended",
            where=where,
            fix=f"raise {where.partition('.')[0]}.timeout-minutes",
        )
    if process.returncode:
        code = process.returncode
        said = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"
        raise InvalidInput(f"`{shown}` {said}", where=where, fix="see its output above")


def _stream(process: subprocess.Popen[bytes], deadline: float, say: Callable[[str], None]) -> bool:
    """Pass the output on until it ends (True) or the deadline is there (False)."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(min(left, 0.5)):
                if process.poll() is None:
                    continue
                break  # it ended and left a child behind that holds the pipe
            chunk = os.read(process.stdout.fileno(), LONGEST_LINE)
            if not chunk:
                break
            *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                say(line.decode("utf-8", "replace"))
            if len(rest) >= LONGEST_LINE:
                say(rest.decode("utf-8", "replace"))
                rest = b""
    if rest:
        say(rest.decode("utf-8", "replace"))
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True

"""Processes and all that they start: begun in a session of their own, ended as a group, found again by their command line.

A number alone is not kept: it may be another's by the time that it is used.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

PROC = Path("/proc")
KILL_SECONDS = 5.0
"""Between SIGKILL and the end: longer only where the kernel itself waits."""

OUTLIVING = {"RUNNER_TRACKING_ID": ""}
"""Variables of a process that is to outlive the job's step: GitHub's runner ends what carries the number of its own."""


class Identity(msgspec.Struct, frozen=True):
    """A process that cannot be mistaken for a later one of the same number. started: as the system counts."""

    pid: int
    started: str


def identity(pid: int) -> Identity:
    return Identity(pid, _started(pid))


def lives(process: Identity) -> bool:
    return bool(process.started) and _started(process.pid) == process.started


def start(
    command: Sequence[str],
    folder: Path | str,
    environ: Mapping[str, str],
    output: IO[bytes] | int,
    stdin: int = subprocess.DEVNULL,
    errors: IO[bytes] | int = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that its group is it and all that it starts. output: for what it says, and
    for its errors where these have no place of their own."""
    return subprocess.Popen(
        list(command),
        cwd=folder,
        env=dict(environ),
        stdin=stdin,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )


def detach(process: subprocess.Popen[bytes]) -> None:
    """It outlives this command on purpose, and is found again by its command line: nobody waits for it, and Python need not
    warn that nobody did."""
    process.returncode = 0


def find(*marks: str) -> list[int]:
    """Leaders of sessions whose command line holds every mark, each as a whole argument or the start of one."""
    found = []
    for pid, arguments in _commands():
        if all(any(item.startswith(mark) for item in arguments) for mark in marks):
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) == pid:
                    found.append(pid)
    return found


def owner(pid: int) -> str:
    """The name of the user whose process it is, or the number; empty where there is no such process."""
    try:
        number = PROC.joinpath(str(pid)).stat().st_uid if PROC.is_dir() else _user_of(pid)
    except OSError:
        return ""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def others(groups: Iterable[int]) -> list[int]:
    """Those that this user may not end."""
    found = []
    for group in groups:
        try:
            os.killpg(group, 0)
        except PermissionError:
            found.append(group)
        except ProcessLookupError:
            pass
    return found


def end(groups: Iterable[int], seconds: float) -> set[int]:
    """SIGTERM to whole groups, SIGKILL to what is left after that long. The groups that live all the same."""
    left = set(groups)
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
        for group in left:
            signal_group(group, number)
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = {group for group in left if _group_lives(group)}
            time.sleep(0.02)
    return left


def end_own(process: subprocess.Popen[bytes], seconds: float = 0.0, first: signal.Signals = signal.SIGTERM) -> None:
    """End the group of a process that this one started with `start`: `first`, and SIGKILL after so many seconds to all that is
    left of it, also where the process itself has ended. Its exit code is kept."""
    if seconds and process.poll() is None:
        signal_group(process.pid, first)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()


def signal_group(group: int, number: signal.Signals) -> None:
    """Nothing where all of it has ended (macOS says EPERM for zombies), or where it is another user's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _user_of(pid: int) -> int:
    said = _ps("-o", "uid=", "-p", str(pid)).strip()
    if not said:
        raise ProcessLookupError(pid)
    return int(said)


def _group_lives(group: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    members = [pid for pid, _ in _commands() if _group_of(pid) == group]
    return any(not _is_zombie(pid) for pid in members)


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _is_zombie(pid: int) -> bool:
    if not PROC.is_dir():
        return False
    try:
        return _state_of(pid)[0] == b"Z"
    except OSError:
        return True


def _started(pid: int) -> str:
    """Empty where there is no such process."""
    if PROC.is_dir():
        try:
            fields = _state_of(pid)
        except OSError:
            return ""
        return "" if fields[0] == b"Z" else fields[19].decode()
    return _ps("-o", "lstart=", "-p", str(pid)).strip()


def _state_of(pid: int) -> list[bytes]:
    """The fields behind the command's name (proc(5)). The name is bytes, and cut off at 15 of them."""
    return PROC.joinpath(str(pid), "stat").read_bytes().rpartition(b")")[2].split()


def _commands() -> list[tuple[int, list[str]]]:
    if PROC.is_dir():
        found = []
        for folder in PROC.glob("[0-9]*"):
            with contextlib.suppress(OSError):
                text = (folder / "cmdline").read_bytes().decode("utf-8", "surrogateescape")
                found.append((int(folder.name), text.rstrip("\0").split("\0")))
        return found
    rows = (line.strip().split(" ") for line in _ps("-axww", "-o", "pid=,args=").splitlines())
    return [(int(row[0]), row[1:]) for row in rows if row[0].isdigit()]


def _ps(*arguments: str) -> str:
    """The same for everybody who asks: a time is said in the language and the time zone of the caller else."""
    environ = {**os.environ, "LC_ALL": "C", "TZ": "UTC0"}
    done = subprocess.run(["ps", *arguments], env=environ, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "surrogateescape")

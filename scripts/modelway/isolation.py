"""A program that runs a model's code finds no secret of the process that starts it, nor of any other.

A process reads another's environment and memory below /proc, as the same user or as root. So this process empties its own
environment's block and forbids others to look into it, and the program gets, where the kernel lets one, a process
namespace and a /proc of its own, in which there is nobody else.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

STAT = Path("/proc/self/stat")
ENVIRONMENT_BLOCK = slice(47, 49)
"""env_start and env_end, of the fields behind the command's name (proc(5))."""
PR_SET_DUMPABLE = 4
NOBODY = 65534
TRY_SECONDS = 20
FIRST = ("/bin/sh", "-c", 'unset PWD OLDPWD; "$@"; exit $?', "sh")
"""The first process of a namespace takes no signal that it does not ask for: so it is a shell, and the program its child."""


def hide() -> None:
    """Nobody reads this process's environment or memory any more, but root its memory. It keeps its variables itself. Called
    once a program was started: a process that nobody may look into starts others more slowly."""
    if not STAT.exists():
        return
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    fields = STAT.read_bytes().rpartition(b")")[2].split()
    start, end = (int(field) for field in fields[ENVIRONMENT_BLOCK])
    if not 0 < start < end:
        return
    kept = dict(os.environb)
    ctypes.memset(start, 0, end - start)
    for name, value in kept.items():
        os.putenv(name, value)  # its text stood in that block


def command(program: Sequence[str]) -> list[str]:
    """The program in namespaces of its own, as no user of this machine; unchanged where the kernel does not let one."""
    return [*_prefix()[0], *program]


def missing() -> str:
    """Why a program is not alone; empty where it is."""
    return _prefix()[1]


@cache
def _prefix() -> tuple[tuple[str, ...], str]:
    unshare = shutil.which("unshare", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if unshare is None:
        return (), "there is no unshare (util-linux) here"
    inside = NOBODY if os.geteuid() == 0 else os.geteuid()
    group = NOBODY if os.geteuid() == 0 else os.getegid()
    names = (
        "--user",
        f"--map-user={inside}",
        f"--map-group={group}",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    )
    prefix = (unshare, *names, "--ipc", *FIRST)
    try:
        done = subprocess.run([*prefix, "/bin/true"], capture_output=True, text=True, check=False, timeout=TRY_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), f"unshare: {type(error).__name__}"
    if done.returncode:
        return (), (done.stderr.strip().splitlines() or ["unshare failed"])[-1][:200]
    return prefix, ""

"""The control groups of a cluster's pods, the one thing of a cluster that the kernel keeps when its processes are gone."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from modelway.errors import InvalidInput

MOUNTS = Path("/sys/fs/cgroup")
PREFIX = "modelway-cluster-"
EMPTY_SECONDS = 10.0


def hierarchies() -> list[Path]:
    """Of version 1, each controller's, and the one of version 2 that has none."""
    if (MOUNTS / "cgroup.controllers").exists():
        raise InvalidInput(
            "this machine has version 2 of control groups, and the cluster of the tests knows version 1",
            where=str(MOUNTS),
            fix="start another cluster, such as kind, and name it in KUBECONFIG",
        )
    return [place for place in MOUNTS.iterdir() if (place / "cgroup.procs").exists()]


def create() -> str:
    """The name of new ones for the cluster that this process keeps."""
    name = f"{PREFIX}{os.getpid()}"
    for place in hierarchies():
        folder = place / name
        folder.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (place / setting).exists():
                (folder / setting).write_text((place / setting).read_text())
    return name


def remove(name: str) -> None:
    """Also those below. Their processes may take a moment to end."""
    deadline = time.monotonic() + EMPTY_SECONDS
    while folders := [found for place in hierarchies() if (found := place / name).is_dir()]:
        for folder in folders:
            for below, _, _ in os.walk(folder, topdown=False):
                with contextlib.suppress(OSError):
                    Path(below).rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)


def sweep() -> None:
    """Remove those of clusters whose keeper was killed."""
    names = {found.name for place in hierarchies() for found in place.glob(f"{PREFIX}*")}
    for name in names:
        with contextlib.suppress(OSError):
            if b"keeper.py" in Path("/proc", name.removeprefix(PREFIX), "cmdline").read_bytes():
                continue
        remove(name)

"""What the operating system says of this process, under the names that Prometheus' own clients use."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

STATM, DESCRIPTORS = Path("/proc/self/statm"), Path("/proc/self/fd")


def gauges() -> dict[str, float]:
    """By name in metrics.GAUGES; on a system without /proc those that it can say."""
    found = {"process_threads": float(threading.active_count())}
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    found["process_max_fds"] = float(soft)
    try:
        pages = STATM.read_text(encoding="ascii").split()
        size = os.sysconf("SC_PAGE_SIZE")
        found["process_virtual_memory_bytes"] = float(int(pages[0]) * size)
        found["process_resident_memory_bytes"] = float(int(pages[1]) * size)
        found["process_open_fds"] = float(len(os.listdir(DESCRIPTORS)))
    except (OSError, ValueError, IndexError):  # not Linux, or no /proc in the container
        return found
    return found


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

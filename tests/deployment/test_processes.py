"""A process is known again whatever it calls itself, and whoever asks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelway import processes

NAMED = """
import ctypes, sys, time
ctypes.CDLL(None).prctl(15, b"caf\\xe9) 1 (\\xc3", 0, 0, 0)
print(flush=True)
time.sleep(60)
"""


def test_a_process_whose_name_is_not_utf_8_is_known_again() -> None:
    """The kernel cuts a name off at 15 bytes, which may be within a letter."""
    with subprocess.Popen([sys.executable, "-c", NAMED], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline()
        known = processes.identity(process.pid)
        assert known.started.isdigit() and processes.lives(known)
        assert processes._group_lives(process.pid)
        process.kill()
    assert not processes.lives(known)


def test_without_proc_a_process_is_the_same_for_a_step_in_another_zone_and_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: ps says when a process was started in the caller's language and time zone."""
    (tmp_path / "ps").write_text('#!/bin/sh\necho "Mo 23 Nov 2026 in $TZ, $LC_ALL"\n')
    (tmp_path / "ps").chmod(0o755)
    monkeypatch.setattr(processes, "PROC", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    known = processes.identity(os.getpid())
    monkeypatch.setenv("TZ", "America/St_Johns")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert processes.lives(known)


HELD = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
CHILD = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = subprocess.Popen([sys.executable, "-c", "{HELD}"])
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("seconds", "first", "code"),
    [(20, signal.SIGINT, 7), (0.2, signal.SIGTERM, -signal.SIGKILL), (0, signal.SIGTERM, -signal.SIGKILL)],
)
def test_a_process_is_ended_with_all_that_it_started(seconds: float, first: signal.Signals, code: int) -> None:
    """Also where it has ended itself and left a child behind; its exit code stays."""
    process = processes.start([sys.executable, "-c", CHILD], "/", os.environ, subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    processes.end_own(process, seconds, first)
    assert process.returncode == code
    assert not process.stdout.read(), "nobody holds the pipe"
    process.stdout.close()
    assert processes.end([process.pid], 5) == set()


def test_groups_that_ignore_the_first_signal_are_killed_in_time() -> None:
    process = processes.start([sys.executable, "-c", CHILD], "/", os.environ, subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    began = time.monotonic()
    assert processes.end([process.pid], 0.3) == set()
    assert time.monotonic() - began < 0.3 + processes.KILL_SECONDS
    process.stdout.close()
    process.wait()

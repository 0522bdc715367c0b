"""The lease on a target whose records are a folder: whoever took it last may act, and every act happens under the target's
lock.

A deploy takes it where nobody holds it; a rollback takes it always, and the deploy that is still running finds that out at
its next act. The lock is held for the moment of an act only, so that a rollback never waits for a rollout; a command that
stopped within an act is ended by the rollback that waits for it, which is safe, since it may die at any moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from modelway import processes
from modelway.errors import OutsideFailure
from modelway.files import try_lock, write_whole
from modelway.rollout.run import AtWork, Superseded

LEASE, LOCK = "lease.json", "lock"
PATIENCE_SECONDS = 12.0
"""For one act of another command: longer than any may take. The longest is a start of what routes requests."""
END_SECONDS = 5.0


class Holder(msgspec.Struct, frozen=True):
    """number: one higher for every taker. process: the holder's; empty where it gave the lease back. nonce: this taking's own,
    so that two are never mistaken for each other, also where the file was lost in between."""

    number: int
    who: str
    what: str
    process: processes.Identity | None
    nonce: str = ""


class Act(msgspec.Struct, frozen=True):
    """Who is within an act: what stands in the lock's file."""

    process: processes.Identity
    nonce: str


class FolderLease:
    """This command's own. Every act on the target happens inside `held`."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.folder, self.holder = folder, holder

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The target is this command's for the moment; Superseded where another has taken it over."""
        with _alone(self.folder, end_holder=False):
            now = _read(self.folder)
            if now is None or now != self.holder:
                by = f"{now.what} by {now.who}" if now else "somebody who removed the lease"
                raise Superseded(
                    f"superseded: {by} has taken the target over, so this command changes nothing more",
                    where=str(self.folder),
                    fix="look at what is there now, then decide",
                )
            yield

    def give_back(self, *, left: bool = False) -> None:
        with contextlib.suppress(Superseded, OutsideFailure, OSError), self.held():
            write_whole(self.folder / LEASE, msgspec.json.encode(msgspec.structs.replace(self.holder, process=None)))


def take(folder: Path, who: str, what: str, *, always: bool) -> FolderLease:
    """The lease with the next number. AtWork where a command that lives holds it, unless `always`."""
    with _alone(folder, end_holder=always):
        now = _read(folder)
        if now and now.process and processes.lives(now.process) and not always:
            raise AtWork(
                f"{now.what} by {now.who} is at work on this target (process {now.process.pid})",
                where=str(folder),
                fix="wait until it has ended, or end it with rollback-release",
            )
        number = (now.number if now else 0) + 1
        holder = Holder(number, who, what, processes.identity(os.getpid()), uuid.uuid4().hex)
        write_whole(folder / LEASE, msgspec.json.encode(holder))
    return FolderLease(folder, holder)


@contextlib.contextmanager
def _alone(folder: Path, *, end_holder: bool) -> Iterator[None]:
    """Nobody else is within an act on this target. end_holder: one that has been within the same act for PATIENCE_SECONDS is
    killed; without it that is an OutsideFailure."""
    with (folder / LOCK).open("a+b") as gate:
        descriptor = gate.fileno()
        seen, since, ended = b"", time.monotonic(), 0.0
        while not try_lock(descriptor):
            now = os.pread(descriptor, 1000, 0)
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > PATIENCE_SECONDS and not ended:
                _end(folder, now, allowed=end_holder)
                ended = time.monotonic()
            if ended and time.monotonic() - ended > END_SECONDS:
                raise _stuck(folder, "a process that could not be ended")
            time.sleep(0.01)
        act = msgspec.json.encode(Act(processes.identity(os.getpid()), uuid.uuid4().hex))
        with contextlib.suppress(OSError):  # a full disk keeps nobody from acting: it only cannot be ended by name then
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, act, 0)
        yield


def _end(folder: Path, act: bytes, *, allowed: bool) -> None:
    """Kill who is within the act; OutsideFailure where that is not allowed, or it cannot be found."""
    try:
        process: processes.Identity | None = msgspec.json.decode(act, type=Act).process
    except msgspec.DecodeError:
        holder = _read(folder)
        process = holder.process if holder else None
    if process is None or not processes.lives(process):
        raise _stuck(folder, "a process that is not on this machine, or of which nothing is known")
    if not allowed:
        raise _stuck(folder, f"process {process.pid}")
    try:
        os.kill(process.pid, signal.SIGKILL)
    except PermissionError:
        raise _stuck(folder, f"process {process.pid} of user {processes.owner(process.pid)}") from None
    except ProcessLookupError:
        pass


def _stuck(folder: Path, by: str) -> OutsideFailure:
    return OutsideFailure(
        f"the target has been locked for {PATIENCE_SECONDS:.0f} s by {by}",
        where=str(folder / LOCK),
        fix="run rollback-release as the user of the target, which ends it, or end it yourself",
    )


def _read(folder: Path) -> Holder | None:
    """None where nobody ever took it, and where the file is no lease: who held it will find that it does so no more."""
    try:
        return msgspec.json.decode((folder / LEASE).read_bytes(), type=Holder)
    except (FileNotFoundError, msgspec.DecodeError):
        return None

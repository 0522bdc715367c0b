"""The lease on a target: one number, and whoever holds the highest may act.

A deploy takes it where nobody holds it; a rollback takes it always, with a higher number, and the deploy that is still
running finds that out at its next act. The file lock is held for the moment of an act only, so that a rollback never
waits for a rollout.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from modelway.errors import InvalidInput, Refused
from modelway.files import locked, write_whole
from modelway.rollout.run import Superseded
from modelway.targets.local import processes

LEASE, LOCK = "lease.json", "lock"


class Holder(msgspec.Struct, frozen=True):
    """number: the fencing number, one higher for every taker. process: the holder's; empty where it gave the lease back."""

    number: int
    who: str
    what: str
    process: processes.Identity | None


class Lease:
    """This command's own. Every act on the target happens inside `held`."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.folder, self.holder = folder, holder

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The target is this command's for the moment; Superseded where another has taken it over."""
        with locked(self.folder / LOCK):
            now = _read(self.folder)
            if now is None or now.number != self.holder.number:
                by = f"{now.what} by {now.who}" if now else "somebody who removed the lease"
                raise Superseded(
                    f"superseded: {by} has taken the target over, so this command changes nothing more",
                    where=str(self.folder),
                    fix="look at what is there now, then decide",
                )
            yield

    def give_back(self) -> None:
        with contextlib.suppress(Superseded, OSError), self.held():
            write_whole(self.folder / LEASE, msgspec.json.encode(msgspec.structs.replace(self.holder, process=None)))


def take(folder: Path, who: str, what: str, *, always: bool) -> Lease:
    """The lease with the next number. Refused where a command that lives holds it, unless `always`."""
    with locked(folder / LOCK):
        now = _read(folder)
        if now and now.process and processes.lives(now.process) and not always:
            raise Refused(
                f"{now.what} by {now.who} is at work on this target (process {now.process.pid})",
                where=str(folder),
                fix="wait until it has ended, or end it with rollback-release",
            )
        holder = Holder((now.number if now else 0) + 1, who, what, processes.identity(os.getpid()))
        write_whole(folder / LEASE, msgspec.json.encode(holder))
    return Lease(folder, holder)


def _read(folder: Path) -> Holder | None:
    path = folder / LEASE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise InvalidInput(
            "is not a lease", where=str(path), fix="make sure that no deployment is at work, and delete the file"
        ) from None

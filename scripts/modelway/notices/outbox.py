"""What is kept of notices, in modelway's state folder: those that a receiver has not got yet, and which it has had.

A notice is written before it is sent, and taken away afterwards: a process that dies in between loses none, and may tell one
twice. Below the project's folder each receiver has one of its own:

    waiting/ID.json   not told yet
    told/ID           told; kept for KEPT_DAYS
    lock              whoever tells it something holds this
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from modelway.environments import home
from modelway.errors import ModelwayError, OutsideFailure
from modelway.files import locked, write_whole
from modelway.notices.notice import Notice
from modelway.records import digest_of_json

DAY = 24 * 3600.0
KEPT_DAYS = 30
"""For so long the same event is not told again."""
LONGEST_WAIT_DAYS = 7
"""After so long a notice is given up, which is said."""


@dataclass(frozen=True)
class ReceiverBox:
    """What is kept for one receiver of one project."""

    folder: Path

    @contextlib.contextmanager
    def alone(self, until: float) -> Iterator[None]:
        """No other process tells it anything meanwhile. until: by time.monotonic."""
        try:
            with locked(self.folder / "lock", max(0.0, until - time.monotonic())):
                yield
        except OutsideFailure as error:
            if "lock" not in error.what:
                raise
            fix = "give it more time in notify.timeout-seconds"
            raise OutsideFailure("another notify was busy with it all the time", fix=fix) from None

    def add(self, notice: Notice) -> None:
        """Keep it, unless it is there already or was told."""
        if self.has_told(notice.id) or self._file(notice.id).exists():
            return
        write_whole(self._file(notice.id), msgspec.json.encode(notice), shared=True)

    def waiting(self) -> list[Notice]:
        """Not told yet, the oldest first. What cannot be read is no notice of ours, and goes."""
        found = []
        for path in self.folder.glob("waiting/*.json"):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Notice))
            except FileNotFoundError:
                continue
            except (msgspec.MsgspecError, UnicodeDecodeError):
                path.unlink(missing_ok=True)
        return sorted(found, key=lambda notice: (notice.at, notice.id))

    def has_told(self, identity: str) -> bool:
        return (self.folder / "told" / identity).exists()

    def done(self, notice: Notice) -> None:
        """It was told."""
        (self.folder / "told" / notice.id).touch()
        self.drop(notice)

    def drop(self, notice: Notice) -> None:
        self._file(notice.id).unlink(missing_ok=True)

    def given_up(self, now: float) -> int:
        """Forget what is too old, and say how many of those nobody was told of. now: seconds of the epoch."""
        _older(self.folder.glob("told/*"), now - KEPT_DAYS * DAY)
        return _older(self.folder.glob("waiting/*.json"), now - LONGEST_WAIT_DAYS * DAY)

    def _file(self, identity: str) -> Path:
        return self.folder / "waiting" / f"{identity}.json"


def _older(paths: Iterator[Path], than: float) -> int:
    removed = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < than:
                path.unlink()
                removed += 1
    return removed


def open_boxes(project: Sequence[str], receivers: Sequence[str]) -> dict[str, ReceiverBox]:
    """By the receiver's name. project: what tells it from every other one on this machine. ModelwayError where the state
    folder cannot be written."""
    folder = home.made(home.state_folder() / "notices" / digest_of_json(list(project))[:32])
    boxes = {}
    for name in receivers:
        own = folder / f"{name.replace(' ', '-')}-{digest_of_json(name)[:8]}"  # some disks take A for a
        for part in ("waiting", "told"):
            home.made(own / part)
        boxes[name] = ReceiverBox(own)
    with contextlib.suppress(OSError):
        folder.chmod(0o700)  # what happens to a team's models is theirs
    return boxes


def kept(box: ReceiverBox | None, notice: Notice) -> bool:
    """Whether the notice is on the disk now, or was told before."""
    if box is None:
        return False
    try:
        box.add(notice)
    except (OSError, ModelwayError):
        return False
    return True

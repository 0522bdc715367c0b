"""What clients asked and what was said of it, row by row, as lines of JSON that are data like any other: labels that come
weeks later are joined to it by the prediction's id.

A disk may be slow, full or gone: lines wait for it in a thread of their own, so many at most, and no request does.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import queue
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelway.serving.cells import PREDICTED_CLASS, PREDICTED_NUMBER
from modelway.serving.columns import CheckedRows

log = logging.getLogger("modelway.serving")
STDOUT = "-"
MOST_WAITING = 1000
"""Requests whose lines are not written yet; of more, the lines are lost, and counted as that."""
FILE_BYTES = 64 << 20
FILE_SECONDS = 3600.0
"""A file is followed by another one when it is so large or so old: whole files are deleted."""
FILES = re.compile(r"requests-\d{8}T\d{6}Z-[0-9a-f]{12}\.jsonl")
ID, TIME, VERSION, OTHER = "(prediction id)", "(time)", "(version)", "(prediction)"
"""Columns beside the model's own and those of the sketches; OTHER is what is predicted and no number or class."""
TOLD_SECONDS = 60.0


@dataclass(frozen=True)
class RequestLogSettings:
    """folder: of its files; `-`: standard output. share: of requests, drawn at random. masked: columns that are never written.
    keep_seconds, most_bytes: of all files there; what is older, or more, is deleted, the oldest first."""

    folder: str
    share: float
    masked: frozenset[str]
    keep_seconds: float
    most_bytes: int


@dataclass(frozen=True)
class LoggedRequest:
    """One request's rows and what was predicted for them, plain."""

    id: str
    at: float
    rows: CheckedRows
    said: Sequence[Any]


class PredictionIds:
    """Of requests, unlike any other's of any server: a worker's random name, and a number."""

    def __init__(self) -> None:
        self._worker, self._numbers = secrets.token_hex(6), itertools.count(1)

    def next(self) -> str:
        """In any thread."""
        return f"{self._worker}-{next(self._numbers):x}"


def of_row(prediction: str, row: int, rows: int) -> str:
    """A request of one row has its id; of several, each row has it with its number."""
    return prediction if rows == 1 else f"{prediction}/{row}"


def check_folder(settings: RequestLogSettings) -> None:
    """ValueError where nothing can be written there."""
    if settings.folder == STDOUT:
        return
    folder = Path(settings.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tried = folder / f".{secrets.token_hex(6)}"
        tried.touch()
        tried.unlink()
    except OSError as error:
        fix = "name a folder, or - for standard output"
        raise ValueError(f"--request-log: nothing can be written in {folder}: {error.strerror}. Fix: {fix}") from None


class RequestLog:
    """One worker's. reduced: a plain prediction as a number or a class, else None. encode: as JSON. lost, wrote: told how many
    rows."""

    def __init__(
        self,
        settings: RequestLogSettings,
        version: int,
        reduced: Callable[[Any], float | str | None],
        encode: Callable[[Any], str],
        wrote: Callable[[int], None],
        lost: Callable[[int], None],
    ) -> None:
        self.settings, self.version, self.reduced, self.encode = settings, version, reduced, encode
        self.wrote, self.lost = wrote, lost
        self._queue: queue.Queue[LoggedRequest | None] = queue.Queue(MOST_WAITING)
        self._file: int | None = None
        self._opened, self._told, self._bytes = 0.0, -math.inf, 0
        self._losing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
        self._thread.start()

    def note(self, asked: LoggedRequest) -> None:
        """Never waits."""
        if random.random() >= self.settings.share:  # noqa: S311  no secret
            return
        try:
            self._queue.put_nowait(asked)
        except queue.Full:
            self._lose(asked, "the disk is too slow for it")

    def close(self, seconds: float) -> None:
        """What waits is written, in this time at most."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=seconds)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (asked := self._queue.get()) is not None:
            try:
                self._write(b"".join(self._lines(asked)))
            except OSError as error:
                self._lose(asked, error.strerror or type(error).__name__)
            except Exception as error:  # noqa: BLE001  no word of a row may come into the server's log
                self._lose(asked, f"a row is not JSON ({type(error).__name__})")
            else:
                self.wrote(asked.rows.rows)

    def _lines(self, asked: LoggedRequest) -> list[bytes]:
        when = datetime.fromtimestamp(asked.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept = [
            (column.name, values)
            for column, values in zip(asked.rows.columns, asked.rows.values, strict=True)
            if column.name not in self.settings.masked
        ]
        lines = []
        for row in range(asked.rows.rows):
            said = {ID: of_row(asked.id, row, asked.rows.rows), TIME: when, VERSION: self.version}
            one = self.reduced(asked.said[row])
            name = PREDICTED_CLASS if isinstance(one, str) else OTHER if one is None else PREDICTED_NUMBER
            said[name] = asked.said[row] if one is None else one
            lines.append(self.encode({name: values[row] for name, values in kept} | said).encode() + b"\n")
        return lines

    def _write(self, lines: bytes) -> None:
        number, before = 1, 0
        if self.settings.folder != STDOUT:
            if self._file is None or self._is_over(self._file):
                self._begin_file()
            assert self._file is not None
            number, before = self._file, self._bytes
            self._bytes += len(lines)
        try:
            while lines:  # a pipe may take a part of it
                lines = lines[os.write(number, lines) :]
        except OSError:
            if self._file is not None:  # no line is left cut off
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, before)
                self._bytes = before
            raise

    def _is_over(self, file: int) -> bool:
        """A file that somebody has deleted is: nobody would see what is written there."""
        large, old = self._bytes > self._file_bytes, time.time() - self._opened > FILE_SECONDS
        return large or old or os.fstat(file).st_nlink == 0

    @property
    def _file_bytes(self) -> int:
        return min(FILE_BYTES, self.settings.most_bytes // 4)

    def _begin_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        folder, now = Path(self.settings.folder), time.time()
        folder.mkdir(parents=True, exist_ok=True)
        named = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = folder / f"requests-{named}-{secrets.token_hex(6)}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._opened, self._bytes = now, 0
        self._forget(folder, now)

    def _forget(self, folder: Path, now: float) -> None:
        """Of all files of all servers that write there."""
        found = []
        for path in folder.iterdir():
            with contextlib.suppress(OSError):  # another server has deleted it
                if FILES.fullmatch(path.name):
                    about = path.stat()
                    found.append((about.st_mtime, about.st_size, path))
        held = sum(size for _, size, _ in found)
        for changed, size, path in sorted(found):
            if now - changed > self.settings.keep_seconds or held > self.settings.most_bytes - self._file_bytes:
                with contextlib.suppress(OSError):
                    path.unlink()
                held -= size

    def _lose(self, asked: LoggedRequest, why: str) -> None:
        with self._losing:  # the event loop loses rows, too
            self.lost(asked.rows.rows)
        if time.monotonic() - self._told > TOLD_SECONDS:
            self._told = time.monotonic()
            log.error("the request log loses rows: %s", why)

"""The source of counts of docs/extending.md, as it stands there, passes the suite for every source."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from documented import examples
from observe.contract import Counting, CountsContract


class LogCounting(Counting):
    """A router's access log, as the router writes it."""

    slots = ("v1", "v2")

    def __init__(self, file: Path) -> None:
        module: dict[str, Any] = {}
        for code in examples("extending.md", "Add a counts source"):
            exec(compile(code, "docs/extending.md", "exec"), module)
        self.file = file
        self.file.touch()
        self.source = module["AccessLogCounts"](file, self.slots)

    def send(self, slot: str, count: int, bad: bool = False) -> None:
        with self.file.open("a") as log:
            log.writelines(f"{slot} {400 if bad else 200} {7 * number + 0.5}\n" for number in range(count))

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        moved = self.file.rename(self.file.with_suffix(".1"))
        yield
        moved.rename(self.file)


class TestDocumentedSource(CountsContract):
    @pytest.fixture
    def counting(self, tmp_path: Path) -> Counting:
        return LogCounting(tmp_path / "access.log")

"""What a case of bad input is: files, who reads them, and what must be said of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

ANY = "columns: {a: {}}\n"
READERS = ("validate-data", "check-quality", "detect-drift", "profile-data", "generate-contract", "rows")
"""Whatever reads data. `rows`: as the gate and the tests of an endpoint do."""
THE_DATA_DOOR = tuple(name for name in READERS if name != "rows")
"""The actions: JSON lines for an endpoint are sent as they are, whatever their keys."""

Files = Mapping[str, str | bytes]
Make = Callable[[Path], None]
"""Writes into a folder."""
Around = Callable[[Path], AbstractContextManager[object]]
"""What holds while data in a folder are read: another user, a full disk."""


@dataclass(frozen=True)
class BadInput:
    """Data that must end in one line with exit code 2, whoever reads it.

    made: the files, or what writes them. told: parts of the line, the place and what is wrong. data: what is read. mended: the
    file, or what changes it, that the line's fix asks for: afterwards it is read. around: what holds until it is mended.
    """

    made: Files | Make
    told: tuple[str, ...]
    data: str = "rows.csv"
    contract: str = ANY
    readers: tuple[str, ...] = READERS
    mended: Files | Make | None = None
    code: int = 2
    around: Around = contextlib.nullcontext


def write(made: Files | Make, folder: Path) -> None:
    if callable(made):
        made(folder)
        return
    for name, content in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def csv(content: str | bytes, *told: str, fixed: str | bytes = "", **options: object) -> BadInput:
    """Of one file, rows.csv. fixed: its content as the fix asks for it."""
    mended = {"rows.csv": fixed} if fixed else None
    return BadInput({"rows.csv": content}, told, mended=mended, **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class RightCount:
    """Data that look odd and can be read: what validate-data must count of them, and no reader may fail at as if it were a
    defect.

    found: check -> (looked at, found). told: a part of the line that says it, where the contract is broken.
    """

    made: Files | Make
    contract: str
    found: Mapping[str, tuple[int, float]]
    data: str = "rows.csv"
    code: int = 0
    told: str = ""

"""What a case of bad input is: files, who reads them, and what must be said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class BadInput:
    """Data that must end in one line with exit code 2, whoever reads it.

    made: the files, or what writes them. told: parts of the line, the place and what is wrong. data: what is read. mended: the
    file, or what changes it, that the line's fix asks for: afterwards it is read.
    """

    made: Files | Make
    told: tuple[str, ...]
    data: str = "rows.csv"
    contract: str = ANY
    readers: tuple[str, ...] = READERS
    mended: Files | Make | None = None
    code: int = 2


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

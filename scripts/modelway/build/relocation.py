"""The path of a prefix of conda's, which is written into its files.

In an image it is known. A bundle for the local target is unpacked where nobody knows before, so there it is a long
placeholder, which unpacking replaces: as in conda's own packages. Little is imported: this runs where deployments do.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from modelway.build.names import CONDA
from modelway.errors import InvalidInput

PLACEHOLDER = f"/{CONDA}{'_placeholder' * 15}"
"""Shorter than the 255 letters that conda's packages have for it."""


def relocate(prefix: Path, place: Path) -> None:
    """Write `place`, where the prefix will lie, into its files in the placeholder's stead: in a text it takes as much room as
    it needs, in a binary file the rest of the string is NUL."""
    old, new = PLACEHOLDER.encode(), os.fsencode(place)
    for file in (path for path in prefix.rglob("*") if path.is_file()):
        data = file.read_bytes()
        if old not in data:
            continue
        if b"\0" not in data:
            file.write_bytes(data.replace(old, new))
            continue
        if len(new) > len(old):
            raise InvalidInput(
                f"its path is too long to be written into {file.relative_to(prefix)}",
                where=str(place),
                fix=f"set MODELWAY_STATE to a folder whose path is {len(new) - len(old)} letters shorter",
            )
        file.write_bytes(re.sub(re.escape(old) + rb"[^\0]*", lambda found: _padded(found[0], old, new), data))


def _padded(text: bytes, old: bytes, new: bytes) -> bytes:
    return text.replace(old, new).ljust(len(text), b"\0")

"""The path of a prefix of conda's, which is written into its files.

In an image it is known. A bundle for the local target is unpacked where nobody knows before, so there it is a long
placeholder, which unpacking replaces: as in conda's own packages. Little is imported: this runs where deployments do.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from modelway.build.names import CONDA
from modelway.errors import InvalidInput

PLACEHOLDER = f"/{CONDA}{'_placeholder' * 15}"
"""Shorter than the 255 letters that conda's packages have for it."""
INSIDE = f"/{CONDA}".encode()
"""What stands in the files of a release with a base image, which the local target may run too."""


def relocate(prefix: Path, place: Path) -> None:
    """Write `place`, where the prefix will lie, into its files: in a text it takes as much room as it needs, in a binary file
    the rest of the string is NUL. InvalidInput where a binary file has no room for it."""
    new = os.fsencode(place)
    for file in (path for path in prefix.rglob("*") if path.is_file()):
        data = file.read_bytes()
        old = PLACEHOLDER.encode() if PLACEHOLDER.encode() in data else INSIDE
        if old == new or old not in data:
            continue
        if b"\0" not in data:
            file.write_bytes(data.replace(old, new))
            continue
        if len(new) > len(old):
            shorter = f"set MODELWAY_STATE to a folder whose path is {len(new) - len(old)} letters shorter"
            bundle = "build the version with build.base-image: none for the local target"
            raise InvalidInput(
                f"it is too long to be written into {file.relative_to(prefix)}, a program of conda's channels",
                where=str(place),
                fix=bundle if old == INSIDE else shorter,
            )
        file.write_bytes(re.sub(re.escape(old) + rb"[^\0]*", partial(_padded, old, new), data))


def _padded(old: bytes, new: bytes, found: re.Match[bytes]) -> bytes:
    return found[0].replace(old, new).ljust(len(found[0]), b"\0")

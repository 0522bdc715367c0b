"""file:///an/absolute/path: data of this machine, as other tools write its address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote

from modelway.data.schemes import Say
from modelway.errors import InvalidInput


def brought(address: SplitResult, say: Say) -> Path:
    if address.netloc not in ("", "localhost"):
        raise InvalidInput(
            f"names the machine {address.netloc!r}", where=address.geturl()[:200], fix="give file:///, and a path"
        )
    return Path(unquote(address.path))

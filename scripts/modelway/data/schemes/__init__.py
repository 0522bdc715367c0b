"""Where data comes from, by the scheme of its address: a module here is one, such as `file` for file:///data/train.csv.

It offers `brought(address: SplitResult) -> Path`: the data as a file or a folder of this machine, brought here where it is
elsewhere. An address without a scheme is a path.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from modelway import extensions
from modelway.errors import InvalidInput


def path_of(address: str, folder: Path, where: str) -> Path:
    """The data of an address, on this machine: a path is below `folder`. where: the input or key that names it, for messages.
    InvalidInput where no module here knows the scheme."""
    if "://" not in address:
        return folder / address
    scheme = address.partition("://")[0].lower()
    known = extensions.names(__name__)
    if scheme not in known:
        raise InvalidInput(
            f"nothing here fetches the address {address[:100]!r}",
            where=where,
            fix=f"fetch it with data.command and name the file that it writes, or give a path or {', '.join(known)}://",
        )
    brought: Path = extensions.module(__name__, scheme).brought(urlsplit(address))
    return brought

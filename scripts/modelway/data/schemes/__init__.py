"""Where data comes from, by the scheme of its address: a module here is one, such as `file` for file:///data/train.csv.

It offers `brought(address: SplitResult, say: Say) -> Path`: the data as a file, a folder or a pattern of this machine,
brought here where it is elsewhere; say: for progress. An address without a scheme is a path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modelway import extensions
from modelway.errors import InvalidInput

Say = Callable[[str], None]
PORT = re.compile(r"^[^:]*(:\d*)?$|\](:\d*)?$")
"""Of a server's name and port, or of an IPv6 address."""


def path_of(address: str, folder: Path, where: str, say: Say = lambda _: None) -> Path:
    """The data of an address, on this machine: a path is below `folder`. where: the input or key that names it, for messages.
    InvalidInput where no module here knows the scheme, or nothing is there; OutsideFailure where it cannot be brought."""
    address = address.strip() if "://" in address else address
    if "://" not in address:
        return folder / address
    scheme = address.partition("://")[0].lower()
    known = extensions.names(__name__)
    if scheme not in known:
        raise InvalidInput(
            f"nothing here fetches the address {name_of(address)[:100]!r}",
            where=where,
            fix=f"fetch it with data.command and name the file that it writes, or give a path or {', '.join(known)}://",
        )
    try:
        split = urlsplit(address)
    except ValueError:
        raise InvalidInput("is no address", where=where, fix="write it as scheme://host/path") from None
    brought: Path = extensions.module(__name__, scheme).brought(split, say)
    return brought


def held(tables: Mapping[str, Any]) -> AbstractContextManager[Mapping[str, str]]:
    """Addresses of tables in memory, each by its name, for as long as the context lasts."""
    from modelway.data.schemes import memory

    return memory.held(tables)


def name_of(address: str) -> str:
    """What reports and messages call the data of an address: without what may be secret in it, the user and what stands after
    `?` (a signature)."""
    if "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    asked = ""
    if scheme.lower() not in ("s3", "file"):  # whose names may hold these signs
        rest, _, query = rest.partition("?")
        rest = rest.partition("#")[0]
        asked = next((f"?{part}" for part in query.split("&") if part.startswith("table=")), "")
    place, slash, path = rest.partition("/")
    if "@" not in place and not PORT.search(place):  # a password that is not quoted, and has `/` in it
        place, slash, path = (slash + path).rpartition("@")[2].partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}{asked}"

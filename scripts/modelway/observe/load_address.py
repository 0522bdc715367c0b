"""An endpoint's address, taken apart once for all requests to it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

PATH = "/predict"
PORTS = {"http": 80, "https": 443}
SAFE = "/%:@!$&'()*+,;=-._~"
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class Address:
    """head: a request as it is sent, up to the number behind content-length."""

    host: str
    port: int
    secure: bool
    head: bytes

    async def resolve(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        """The host's addresses, in the order in which to try them. OSError where it has none."""
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(item[4][0]) for item in found))


def read_address(url: str, headers: Mapping[str, str]) -> Address:
    """ValueError, in words for a person, where it is no address of http or https, or a header would be another one."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url[:200]!r} is not an address such as http://127.0.0.1:8080")
    port = parts.port or PORTS[parts.scheme]  # ValueError where it is no port
    target = quote(parts.path if parts.path not in ("", "/") else PATH, safe=SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=SAFE + "?")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    sent = {"host": host if port == PORTS[parts.scheme] else f"{host}:{port}", "content-type": "application/json"}
    sent |= {name.lower(): value for name, value in headers.items()}
    for name, value in sent.items():
        if not NAME.fullmatch(name) or not value.isprintable():
            raise ValueError(f"the header {name[:80]!r} is not one line of text")
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    head = f"POST {target} HTTP/1.1\r\n{lines}content-length: "
    return Address(parts.hostname, port, parts.scheme == "https", head.encode("latin-1"))

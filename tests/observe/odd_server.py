"""A server whose every byte is chosen by the test: what the load generator may meet."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Say = Callable[["Asked"], Awaitable[None]]


@dataclass
class Asked:
    """One request. number: from 0, over all connections."""

    number: int
    head: bytes
    body: bytes
    writer: asyncio.StreamWriter

    async def answer(self, body: bytes = b"{}", status: int = 200, more: bytes = b"") -> None:
        head = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n%b\r\n" % (status, len(body), more)
        self.writer.write(head + body)


@dataclass
class Server:
    say: Say
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    most_open: int = 0
    writers: dict[asyncio.StreamWriter, asyncio.Task[object] | None] = field(default_factory=dict)

    @property
    def open(self) -> int:
        return sum(not writer.is_closing() for writer in self.writers)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers[writer] = asyncio.current_task()
        self.most_open = max(self.most_open, self.open)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                assert length
                asked = Asked(len(self.asked), head, await reader.readexactly(int(length[1])), writer)
                self.asked.append(asked)
                await self.say(asked)
        writer.close()


@contextlib.asynccontextmanager
async def serving(say: Say) -> AsyncIterator[Server]:
    server = Server(say)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for writer, task in server.writers.items():
            writer.transport.abort()
            if task:
                await asyncio.wait([task])

"""Ports of this machine's own address."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
PORTS = range(20_000, 30_000)
"""Below those that Linux and macOS give to outgoing connections: nothing takes one by chance before it is listened on, or
while a server that had it is away."""


def free_port() -> int:
    """One that nobody listens on. OSError where there is none."""
    for port in random.sample(PORTS, len(PORTS)):
        if not is_taken(port):
            return port
    raise OSError(f"no port of {HOST} from {PORTS.start} to {PORTS.stop - 1} is free")


def is_taken(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return True
    return False

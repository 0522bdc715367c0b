"""Receivers on this machine: an HTTP server that behaves as it is told, GitHub's API for issues in memory behind one, and a
mail server in a process of its own."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import servers
from modelway.environments import store
from modelway.loopback import free_port


@dataclass(frozen=True)
class Asked:
    verb: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Listening:
    """behave: what it does with a request; answers with a status, headers and a body, or does something else with the
    connection and answers None."""

    url: str
    behave: Callable[[Asked, Any], tuple[int, Mapping[str, str], bytes] | None]
    asked: list[Asked] = field(default_factory=list)


def answering(status: int, body: bytes = b"ok", **headers: str) -> Callable[[Asked, Any], Any]:
    return lambda asked, handler: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def in_turn(*behaviours: Callable[[Asked, Any], Any]) -> Callable[[Asked, Any], Any]:
    """Each once; the last one for all that follow."""
    left = list(behaviours)
    return lambda asked, handler: (left.pop(0) if len(left) > 1 else left[0])(asked, handler)


def reset(asked: Asked, handler: Any) -> None:
    """The connection ends without an answer."""
    handler.close_connection = True
    handler.connection.close()


def hang(asked: Asked, handler: Any) -> None:
    """No answer for longer than anybody waits, and then none."""
    time.sleep(8)
    reset(asked, handler)


def trickle(asked: Asked, handler: Any) -> None:
    """A refusal that never ends, a byte at a time."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 404 No\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(80):
            handler.wfile.write(b".")
            time.sleep(0.1)
    reset(asked, handler)


@contextlib.contextmanager
def listening(behave: Callable[[Asked, Any], Any] | None = None) -> Iterator[Listening]:
    found = Listening("", behave or answering(200))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            found.asked.append(asked)
            answer = found.behave(asked, self)
            if answer is not None:
                status, headers, content = answer
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(content))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _take  # noqa: N815 - the names that http.server looks for

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *arguments: object) -> None:
            pass  # a client that has seen enough

    server = Server(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


class Issues:
    """GitHub's API for issues, as its reference says, in memory: what a notice needs of it. token: the one that may write;
    another one may read."""

    def __init__(self, token: str = "may-write-issues") -> None:
        self.token, self.issues, self.lock = token, list[dict[str, Any]](), Lock()
        self.before_create: Callable[[], None] = lambda: None

    def __call__(self, asked: Asked, handler: Any) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(asked.path)
        path = re.fullmatch(r"/repos/team/parcels/issues(?:/(\d+))?(/comments)?", parts.path)
        if path is None:
            return 404, {}, b'{"message": "Not Found"}'
        if asked.verb != "GET" and asked.headers.get("Authorization") != f"Bearer {self.token}":
            return 403, {}, b'{"message": "Resource not accessible by integration"}'
        if asked.verb == "POST" and not path[1]:
            self.before_create()
        with self.lock:
            status, answer = self._do(asked, path, {name: one[0] for name, one in parse_qs(parts.query).items()})
        return status, {}, json.dumps(answer).encode()

    def _do(self, asked: Asked, path: re.Match[str], query: Mapping[str, str]) -> tuple[int, Any]:
        if asked.verb == "GET":
            per, page = int(query["per_page"]), int(query["page"])
            found = [issue for issue in reversed(self.issues) if {"name": query["labels"]} in issue["labels"]]
            return 200, found[per * (page - 1) : per * page]
        body = asked.json()
        if not path[1]:
            made = {"number": len(self.issues) + 1, "state": "open", "comments": [], "title": body["title"]}
            made |= {"body": body["body"], "labels": [{"name": name} for name in body["labels"]]}
            self.issues.append(made)
            return 201, made
        issue = self.issues[int(path[1]) - 1]
        if path[2]:
            issue["comments"].append(body["body"])
            return 201, {}
        issue |= body
        return 200, issue


@contextlib.contextmanager
def mail_server(folder: Path, **settings: Any) -> Iterator[tuple[int, Path]]:
    """A real SMTP server, on localhost: its port, and the folder in which each message becomes a file. settings: see
    mail_server.py."""
    folder.mkdir()
    python = store.interpreter(servers.ROOT / "requirements" / "test-mail.txt", sys.executable)
    port, log = free_port(), folder.parent / f"{folder.name}.log"
    program = Path(__file__).parent / "notices" / "mail_server.py"
    command = [python, str(program), str(port), str(folder), json.dumps(settings)]
    with servers.running(command, log, servers.clean_environ()) as process:
        servers.wait_until(lambda: "listening" in log.read_text(), process, log)
        yield port, folder


def certificate(
    folder: Path, alternatives: str = "DNS:localhost", names: tuple[str, str] = ("certificate.pem", "key.pem")
) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key. alternatives: what it is for, as openssl's subjectAltName has it."""
    found = folder / names[0], folder / names[1]
    command: list[str | Path] = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", f"subjectAltName={alternatives}"]
    subprocess.run([*command, "-out", found[0], "-keyout", found[1]], check=True, capture_output=True)
    return found

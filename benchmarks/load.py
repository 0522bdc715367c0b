"""The load generator beside closed-loop tools: how fast it is, and whether it sees a stall.

1. Speed: one process of it, on one core, against a server that only answers. Beside it wrk (C, closed loop).
2. Truth: a server that answers after 5 ms, but for 400 ms in every 4 s holds back all answers. It records for each request how
   long it had it; under arrivals at a constant rate that record is the truth. Each tool's percentiles are held against it: a
   closed loop stops asking during a stall, and so asks it once for each connection instead of for everyone who came.

Usage: scripts/run --in test python benchmarks/load.py [--seconds 12]       (wrk is left out where it is not installed)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "scripts"))

from modelway.loopback import free_port  # noqa: E402  after the path is known
from modelway.observe import load  # noqa: E402

BODY = b'{"rows": [{"carrier": "AA", "dep_delay": 12.0, "temp": 71.5, "pressure": null}]}'
SHARES = (0.5, 0.95, 0.99)
BASE, STALL, EVERY = 0.005, 0.4, 4.0
RATES = (1_000, 5_000, 10_000, 15_000, 20_000)
GOAL = 10_000


class Server(asyncio.Protocol):
    """stalls: answer after BASE, and nothing while a stall lasts. seconds: how long it had each request."""

    seconds: list[float] = []  # noqa: RUF012  of all connections
    stalls = False
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n" + b'{"predictions": [1]}'
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"content-length: *(\d+)", self.held[:end], re.IGNORECASE)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.held) < whole:
                return
            self.held = self.held[whole:]
            if not self.stalls:
                self.transport.write(self.answer)
                continue
            loop = asyncio.get_running_loop()
            now = loop.time()
            since = (now + BASE) % EVERY
            loop.call_at(now + BASE + max(0.0, STALL - since), self._late, now)

    def _late(self, came: float) -> None:
        self.transport.write(self.answer)
        self.seconds.append(asyncio.get_running_loop().time() - came)


def serve(port: int, stalls: bool) -> None:
    """Runs until SIGTERM, then prints the percentiles of its record."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        Server.stalls = stalls
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_signal_handler(signal.SIGUSR1, Server.seconds.clear)
        server = await loop.create_server(Server, "127.0.0.1", port)
        print("ready", flush=True)
        await ended.wait()
        server.close()

    load.run(main())
    print(json.dumps(percentiles(Server.seconds)), flush=True)


def percentiles(seconds: Sequence[float]) -> list[float]:
    ordered = sorted(seconds)
    return [ordered[math.ceil(share * len(ordered)) - 1] * 1000 if ordered else math.nan for share in SHARES]


@contextlib.contextmanager
def served(stalls: bool) -> Iterator[tuple[str, list[float]]]:
    """The address; the list holds the server's own percentiles afterwards."""
    port = free_port()
    command = [sys.executable, str(HERE), "--serve", str(port), *(["--stalls"] if stalls else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    truth: list[float] = []
    try:
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}/predict", truth
    finally:
        process.terminate()
        truth += json.loads(process.stdout.readline())
        process.wait()


def ours(url: str, rate: float, seconds: float) -> tuple[list[float], float, float, load.Lateness]:
    """Percentiles in ms, answers a second, share of one core, lateness."""
    found: list[float] = []
    requests = load.requests_of([BODY], list(load.arrivals(rate, seconds)))
    began, used = time.perf_counter(), time.process_time()

    def answered(answer: load.LoadAnswer) -> None:
        assert answer.status == 200, answer
        found.append(answer.ended - answer.at)

    lateness = load.run(load.drive(url, requests, connections=256, timeout_seconds=10, answered=answered))
    took = time.perf_counter() - began
    return percentiles(found), len(found) / took, (time.process_time() - used) / took, lateness


def wrk(url: str, connections: int, seconds: float) -> tuple[list[float], float] | None:
    if shutil.which("wrk") is None:
        return None
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    script = folder / f"modelway-load-{os.getpid()}.lua"
    script.write_text(
        f"wrk.method, wrk.body = 'POST', [[{BODY.decode()}]]\n"
        "done = function(s, l, r) io.write(string.format('\\n%f %f %f %f\\n', l:percentile(50), l:percentile(95),"
        " l:percentile(99), s.requests / s.duration * 1e6)) end\n"
    )
    try:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        script.unlink()
    *found, rate = (float(word) for word in done.stdout.strip().splitlines()[-1].split())
    return [item / 1000 for item in found], rate


def sequential(url: str, clients: int, seconds: float) -> list[float]:
    """What most test scripts do: ask, wait for the answer, ask again; percentiles in ms."""
    found: list[float] = []
    until = time.perf_counter() + seconds

    def ask() -> None:
        connection = http.client.HTTPConnection(url.split("/")[2])
        while (began := time.perf_counter()) < until:
            connection.request("POST", "/predict", BODY, {"content-type": "application/json"})
            connection.getresponse().read()
            found.append(time.perf_counter() - began)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return percentiles(found)


def speed(seconds: float) -> None:
    print("1. Speed: open loop against a server that only answers")
    print("asked/s   answered/s   p50 ms   p99 ms   of one core   generator late, p99 ms")
    kept = 0.0
    with served(stalls=False) as (url, _):
        for rate in RATES:
            (p50, _, p99), answered, core, lateness = ours(url, rate, seconds)
            steady = answered > 0.95 * rate
            kept = rate if steady else kept
            print(
                f"{rate:7} {answered:12.0f} {p50:8.2f} {p99:8.2f} {core:13.2f} {lateness.p99 * 1000:24.2f}"
                f"{'' if steady else '   not kept'}",
                flush=True,
            )
        closed = wrk(url, 64, seconds)
    if closed:
        print(f"wrk, closed loop, 64 connections: {closed[1]:.0f} answers/s (what this server can do at most)")
        print(
            f"kept {kept:.0f}/s = {kept / closed[1]:.2f} of wrk's; goal {GOAL}/s: {'met' if kept >= GOAL else 'NOT met'}"
        )


def truth(seconds: float) -> None:
    print(f"\n2. Truth: {BASE * 1000:g} ms, and {STALL * 1000:g} ms of silence every {EVERY:g} s")
    waits = [BASE + max(0.0, STALL - EVERY * at / 100_000) for at in range(100_000)]
    print(f"{'':36} p50 ms   p95 ms   p99 ms   worst factor")
    print(f"{'by arithmetic':36}" + "".join(f"{value:9.1f}" for value in percentiles(waits)))
    with served(stalls=True) as (url, record):
        open_loop, *_ = ours(url, 500, seconds)
    print(f"{'the record of the server':36}" + "".join(f"{value:9.1f}" for value in record))
    rows = [("open loop, 500/s", open_loop)]
    with served(stalls=True) as (url, _):
        rows += [
            (f"{clients} {'client' if clients == 1 else 'clients'} in a closed loop", sequential(url, clients, seconds))
            for clients in (1, 8)
        ]
        if found := wrk(url, 16, seconds):
            rows.append(("wrk (adds what it thinks it missed)", found[0]))
    for name, found in rows:
        factors = [max(value / true, true / value) for value, true in zip(found, record, strict=True)]
        print(f"{name:36}" + "".join(f"{value:9.1f}" for value in found) + f"{max(factors):15.2f}", flush=True)
    off = max(abs(value / true - 1) for value, true in zip(open_loop, record, strict=True))
    print(f"open loop: within {off:.1%} of the server's record; goal 10 %: {'met' if off <= 0.1 else 'NOT met'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--stalls", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.stalls)
        return 0
    speed(chosen.seconds / 3)
    truth(chosen.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What hostile clients do to everyone else: /health's longest wait and the server's memory while they send.

Usage: scripts/run --in test python benchmarks/serving_attacks.py [--seconds 6] [--beside FOLDER]

A server of its own for each case, on loopback, in the environment of start-registry. The floor is the same server with
nobody but who asks for /health every 20 ms. --beside: another checkout of modelway, whose server takes turns with this one's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import servers  # noqa: E402 - after the path is known
from modelway.environments import store  # noqa: E402
from modelway.loopback import free_port  # noqa: E402

RELEASE = {"model": "m", "version": 1, "run_id": "", "digest": "", "content": "", "trained_at": "", "environment": ""}
START_SECONDS = 120
ASK_SECONDS = 0.02
MEBIBYTE = 1 << 20
POST = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
MODEL = """
import sys
import mlflow.pyfunc, pandas
from mlflow.models import infer_signature

class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["x"] * 2).tolist()

frame = pandas.DataFrame({"x": [1.0], "y": [2.0], "z": ["a"]})
mlflow.pyfunc.save_model(sys.argv[1], python_model=Twice(), signature=infer_signature(frame), input_example=frame,
                         pip_requirements=["mlflow"])
"""


def posted(body: bytes) -> bytes:
    return POST + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def of_rows(row: bytes, count: int) -> bytes:
    return posted(b'{"rows": [' + b",".join([row] * count) + b"]}")


ENDLESS = 64 << 10
CASES: dict[str, tuple[int, bytes, bytes]] = {
    "nobody else": (0, b"", b""),
    "endless trailer, 16 connections": (16, POST + b"transfer-encoding: chunked\r\n\r\n0\r\na: ", b"x" * ENDLESS),
    "endless chunk extension, 16": (16, POST + b"transfer-encoding: chunked\r\n\r\n1;a=", b"x" * ENDLESS),
    "4 MB of {} rows, 4": (4, of_rows(b"{}", 1_390_000), b""),
    "4 MB of numbers as rows, 4": (4, of_rows(b"1", 2_090_000), b""),
    "10,000 valid rows, 4": (4, of_rows(b'{"x": 1.5, "y": -0.25, "z": "text"}', 10_000), b""),
    "4 MB of [] in a column, 4": (4, posted(b'{"x": [' + b",".join([b"[]"] * 1_390_000) + b"]}"), b""),
    "4 MB of 1.5 in a column, 4": (4, posted(b'{"x": [' + b",".join([b"1.5"] * 1_040_000) + b"]}"), b""),
}
"""Name -> connections, what each sends first, and what it goes on to send (nothing: it waits for its answer, asks again)."""


@contextlib.contextmanager
def serving(root: Path, python: str, packages: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """The process and the port."""
    port = free_port()
    command = [python, "-I", str(root / "scripts/modelway/serving/start.py"), "--environment", str(packages)]
    command += ["--model", str(folder / "model"), "--release", str(folder / "release.json")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/ready"):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit((folder / "log.txt").read_text())
            time.sleep(0.1)
        yield process.pid, port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=30) as answer:
        return answer.status == 200
    return False


def resident(pid: int) -> float:
    """MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE


def attack(port: int, first: bytes, more: bytes, over: Callable[[], bool], statuses: list[bytes]) -> None:
    while not over():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(first)
            while more and not over():
                client.sendall(more)
            if not more:
                said = client.recv(65536)
                statuses.append(said[9:12])
                while not over() and said:
                    client.sendall(first)
                    said = client.recv(65536)
                    statuses.append(said[9:12])
        time.sleep(0.01)


def measure(pid: int, port: int, case: tuple[int, bytes, bytes], seconds: float) -> tuple[float, float, str]:
    """The longest wait of /health in ms, the growth of memory in MiB, and what the attackers were answered."""
    count, first, more = case
    before = most = resident(pid)
    until = time.monotonic() + seconds
    statuses: list[bytes] = []
    threads = [
        threading.Thread(target=attack, args=(port, first, more, lambda: time.monotonic() > until, statuses))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    longest = 0.0
    while time.monotonic() < until:
        began = time.perf_counter()
        _answers(f"http://127.0.0.1:{port}/health")
        longest = max(longest, time.perf_counter() - began)
        most = max(most, resident(pid))
        time.sleep(ASK_SECONDS)
    for thread in threads:
        thread.join(60)
    told = ", ".join(f"{statuses.count(one)} x {one.decode()}" for one in sorted(set(statuses)) if one.isdigit())
    return longest * 1000, most - before, told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--beside", type=Path)
    arguments = parser.parse_args()
    python = servers.mlflow_python(servers.NEWEST_3)
    beside = store.interpreter(ROOT / "requirements" / "serving.txt", sys.executable)
    [packages] = Path(beside).parents[1].glob("lib/python3*/site-packages")
    roots = {"": ROOT} | ({"beside: ": arguments.beside.resolve()} if arguments.beside else {})
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name:
        folder = Path(name)
        subprocess.run([python, "-W", "ignore", "-c", MODEL, folder / "model"], check=True, capture_output=True)
        (folder / "release.json").write_text(json.dumps(RELEASE))
        print(f"{'':42} {'/health, longest ms':>20} {'of the floor':>13} {'memory, MiB':>12}  answers")
        floors: dict[str, float] = {}
        for case, parts in CASES.items():
            for title, root in roots.items():
                with serving(root, python, packages, folder) as (pid, port):
                    longest, grown, told = measure(pid, port, parts, arguments.seconds)
                floor = floors.setdefault(title, longest)
                print(f"{title + case:42} {longest:20.1f} {longest / floor:13.1f} {grown:12.0f}  {told}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

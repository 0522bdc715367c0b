"""The request log of real servers: rows by the id that their clients were told, nothing of a masked column, and no request
that waits for a disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from cluster.fixture import wait_until
from modelway.serving import request_log
from modelway.serving.columns import CheckedRows, SignatureColumn
from served import Serve, Served

ID = "x-modelway-prediction-id"


def ended(served: Served) -> None:
    """As a pod is: what waits is written first."""
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(30) == 0


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]


def asked(served: Served, path: str, body: object, **headers: str) -> requests.Response:
    """Over a connection of its own, so that all workers are asked."""
    answer = requests.post(f"http://127.0.0.1:{served.port}{path}", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer


def test_every_answer_has_an_id_and_the_log_has_its_rows(
    serve: Serve, expected: dict[str, Any], tmp_path: Path
) -> None:
    folder, rows = tmp_path / "log", expected["rows"]
    told = dict[str, dict[str, Any]]()
    flags = ("--request-log", str(folder), "--request-log-masked", "carrier, pressure", "--workers", "2")
    with serve("boosting", *flags) as served:
        for row in rows[:20]:
            answer = asked(served, "/predict", row)
            told[answer.headers[ID]] = row
        several = asked(served, "/invocations", {"dataframe_records": rows[:3]}).headers[ID]
        told |= {f"{several}/{number}": row for number, row in enumerate(rows[:3])}
        for foreign in ("x-modelway-tester", "x-modelway-sample"):
            assert asked(served, "/predict", rows[0], **{foreign: "1"}).headers[ID] not in told
        assert ID not in served.post("/predict", {"rows": [{"carrier": 1}]}).headers
        ended(served)
    found = {line["(prediction id)"]: line for line in lines(folder)}
    assert found.keys() == told.keys()
    for number, (name, row) in enumerate(told.items()):
        assert found[name]["delay"] == row["delay"]
        assert found[name]["(version)"] == 3 and re.fullmatch(r"2\d{3}-.*Z", found[name]["(time)"])
        predicted = expected["boosting"][number if number < 20 else number - 20]
        assert found[name]["(predicted number)"] == pytest.approx(predicted[-1])
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"carrier" not in written and b"pressure" not in written
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir()), (
        "rows are for the server's user alone"
    )


@pytest.mark.long
def test_a_share_of_the_requests_on_standard_output(serve: Serve, expected: dict[str, Any]) -> None:
    with serve("boosting", "--request-log", "-", "--request-log-share", "0.3") as served:
        for number in range(300):
            served.post("/predict", expected["rows"][number % len(expected["rows"])])
        deadline = time.monotonic() + 10
        while (logged := served.said().count('"(prediction id)"')) < 50 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert 50 <= logged <= 140, "90 of 300"
        assert served.metric("modelway_request_log_rows_total") == logged
        assert served.metric("modelway_request_log_lost_rows_total") == 0


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--request-log", "/proc/nowhere"), 2, "--request-log: nothing can be written in /proc/nowhere"),
        (("--request-log", "-", "--request-log-masked", "carier"), 1, "'carier', which is no column of the model"),
        (("--request-log-masked", "carrier"), 2, "--request-log-masked needs --request-log"),
        (
            ("--request-log", "-", "--request-log-share", "2"),
            2,
            "argument --request-log-share: invalid number value: '2'",
        ),
    ],
)
def test_wrong_settings_end_the_server_with_one_line(start: Any, flags: tuple[str, ...], code: int, said: str) -> None:
    served = start("boosting", *flags)
    assert served.process.wait(60) == code
    assert said in served.said()


def log_in(folder: Path, **settings: Any) -> tuple[request_log.RequestLog, list[int], list[int]]:
    """And how many rows it wrote and lost."""
    wrote, lost = list[int](), list[int]()
    chosen = {"share": 1.0, "masked": frozenset[str](), "keep_seconds": 7 * 86400.0, "most_bytes": 1 << 30, **settings}
    made = request_log.RequestLog(
        request_log.RequestLogSettings(str(folder), **chosen),
        3,
        lambda value: value,
        json.dumps,
        wrote.append,
        lost.append,
    )
    return made, wrote, lost


def one(number: int, size: int = 1) -> request_log.LoggedRequest:
    columns = (SignatureColumn("text", "string", True),)
    return request_log.LoggedRequest(f"a-{number}", 1.8e9, CheckedRows(columns, (["x" * size],), 1, ()), [0.5])


def test_old_files_go_and_others_stay(tmp_path: Path) -> None:
    day = time.time() - 86400
    names = {
        "requests-20260101T000000Z-0123456789ab.jsonl": day * 0.9,
        "requests-20260102T000000Z-0123456789ab.jsonl": day,
        "requests-by-hand.jsonl": day * 0.9,
    }
    for name, changed in names.items():
        (tmp_path / name).write_text("{}\n")
        os.utime(tmp_path / name, (changed, changed))
    made, wrote, _ = log_in(tmp_path)
    made.note(one(1))
    made.close(10)
    assert wrote == [1]
    left = {path.name for path in tmp_path.iterdir()}
    assert left & names.keys() == {"requests-20260102T000000Z-0123456789ab.jsonl", "requests-by-hand.jsonl"}


def test_all_files_together_are_bounded(tmp_path: Path) -> None:
    made, wrote, lost = log_in(tmp_path, most_bytes=400_000)
    for number in range(300):
        made.note(one(number, 10_000))
        time.sleep(0.0005)
    made.close(30)
    assert sum(wrote) + sum(lost) == 300 and sum(wrote) > 100
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 400_000 + 20_000
    assert "a-299" in {line["(prediction id)"] for line in lines(tmp_path)}, "the newest are there"


def test_a_file_that_is_deleted_is_followed_by_another(tmp_path: Path) -> None:
    made, wrote, _ = log_in(tmp_path / "log")
    for number in range(3):
        made.note(one(number))
        wait_until(lambda number=number: len(wrote) == number + 1, 10)
        if number == 1:
            shutil.rmtree(tmp_path / "log")
    made.close(10)
    assert [line["(prediction id)"] for line in lines(tmp_path / "log")] == ["a-2"]


FULL = """
import resource, sys, time
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from serving.test_request_log import log_in, one
resource.setrlimit(resource.RLIMIT_FSIZE, (25_000, resource.RLIM_INFINITY))
made, wrote, lost = log_in(Path(sys.argv[3]))
for number in range(4):
    made.note(one(number, 10_000))
    time.sleep(0.2)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
made.note(one(4, 10_000))
made.close(10)
print(wrote, lost)
"""


def test_a_disk_that_is_full_costs_lines_and_leaves_none_cut_off(tmp_path: Path, root: Path) -> None:
    """The kernel's own limit stands for it: a write ends in the middle, and then fails."""
    command = [sys.executable, "-c", FULL, str(root / "tests"), str(root / "scripts"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[1, 1, 1] [1, 1]\n"
    assert done.stderr.count("the request log loses rows: File too large") == 1
    assert [line["(prediction id)"] for line in lines(tmp_path)] == ["a-0", "a-1", "a-4"]


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    made, wrote, lost = log_in(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    hung = os.open(tmp_path / "pipe", os.O_RDWR)
    made._file, made._opened = hung, time.time()  # nobody reads it: the thread waits in its write for good
    began = time.monotonic()
    for number in range(3 * request_log.MOST_WAITING):
        made.note(one(number, 100))
    made.close(0.5)
    assert time.monotonic() - began < 30
    assert sum(lost) >= request_log.MOST_WAITING and not sum(wrote) > request_log.MOST_WAITING
    os.read(hung, 1 << 20)

"""The scripts behind test-endpoint and benchmark-endpoint: exit codes, outputs, reports, one line for every mistake."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import benchmark_endpoint
import test_endpoint
from endpoint.model_server import ROWS, VERSION, serving
from github_files import outputs_in

BUSY = {0, 3}
"""On a machine that is busy with something else the generator may say that it was the bottleneck."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path


def outputs(folder: Path) -> dict[str, str]:
    return outputs_in(folder / "output")


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def silent() -> Iterator[str]:
    """It takes connections, and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_good_endpoint(folder: Path, good: str) -> None:
    digest = str(VERSION["digest"])
    assert test_endpoint.main(["--url", good, "--version", "3", "--digest", digest, "--rows", "rows.jsonl"]) == 0
    given = outputs(folder)
    report = json.loads((folder / "out/modelway/test-endpoint.json").read_text())
    assert (given["outcome"], given["failed"]) == (report["outcome"], str(report["fail"])) == ("pass", "0")
    suite = ElementTree.parse(folder / "out/modelway/test-endpoint.xml").getroot()
    assert suite.attrib["tests"] == str(len(report["checks"])) == str(len(list(suite.iter("testcase"))))
    assert len(list(suite.iter("skipped"))) == int(given["skipped"])
    assert "checks passed" in (folder / "summary").read_text()


def test_rows_are_read_by_the_project_s_contract(folder: Path, good: str, capsys: Any) -> None:
    """Not by a guess: the same file is refused where modelway.yml names no contract."""
    names = list(ROWS[0])
    table = [
        ";".join(names),
        *(";".join("" if row[name] is None else str(row[name]) for name in names) for row in ROWS),
    ]
    (folder / "rows.csv").write_text("\n".join(table) + "\n")
    asked = ["--url", good, "--rows", "rows.csv", "--columns", ",".join(names)]
    assert test_endpoint.main(asked) == 2
    assert 'Fix: say `delimiter: ";"` in the contract' in capsys.readouterr().out
    (folder / "contract.yml").write_text('delimiter: ";"\nrows: {at-least: 1}\n')
    (folder / "modelway.yml").write_text("model: m\ndata: {contract: contract.yml}\n")
    assert test_endpoint.main(asked) == 0
    (folder / "modelway.yml").write_text("model: m\ndata: {contracts: contract.yml}\n")
    assert test_endpoint.main(asked) == 2
    assert "unknown key 'contracts'" in capsys.readouterr().out


def test_a_report_differs_from_run_to_run_only_in_its_run(folder: Path, good: str) -> None:
    found = []
    for _ in range(2):
        test_endpoint.main(["--url", good])
        report = json.loads((folder / "out/modelway/test-endpoint.json").read_text())
        del report["run"]
        found.append(report)
    assert found[0] == found[1]


def test_a_lying_endpoint(folder: Path, capsys: Any) -> None:
    with serving("another digest") as url:
        assert test_endpoint.main(["--url", url, "--digest", str(VERSION["digest"])]) == 1
    assert outputs(folder)["outcome"] == "fail"
    assert "digest is another, and should be d" in capsys.readouterr().out
    failures = ElementTree.parse(folder / "out/modelway/test-endpoint.xml").getroot().iter("failure")
    assert any("digest is another" in item.attrib["message"] for item in failures)


@pytest.mark.parametrize("script", [test_endpoint, benchmark_endpoint])
def test_a_web_server_of_another_kind_is_one_line_up_front(folder: Path, good: str, script: Any, capsys: Any) -> None:
    assert script.main(["--url", f"{good}/elsewhere/", "--rows", "rows.jsonl"]) == 2
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert "speaks neither modelway's protocol nor MLflow's nor KServe's v2" in line and "path and body" in line


@pytest.mark.parametrize("script", [test_endpoint, benchmark_endpoint])
def test_nothing_answers(folder: Path, silent: str, script: Any, capsys: Any) -> None:
    rows = ["--rows", "rows.jsonl"]
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert script.main(["--url", f"http://127.0.0.1:{bound.getsockname()[1]}", *rows]) == 4
    assert "cannot connect: Connection refused. Fix: start the server" in capsys.readouterr().out
    assert script.main(["--url", silent, "--timeout-seconds", "0.2", *rows]) == 4
    assert "no whole answer in 0.2 s" in capsys.readouterr().out


@pytest.mark.parametrize("script", [test_endpoint, benchmark_endpoint])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "url: is required without environment"),
        (["--url", "127.0.0.1:80"], "input url"),
        (["--url", "http://u:secret@h/"], "holds a user or a password"),
        (["--url", "http://h/?a=b"], "more than an address"),
        (["--url", "http://h:99999999/"], "input url"),
        (["--url", "http://h/", "--timeout-seconds", "0"], "input timeout-seconds"),
        (["--url", "http://h/", "--timeout-seconds", "nan"], "input timeout-seconds"),
        (["--url", "http://h/", "--rows", "none.csv"], "no such file"),
        (["--environment", "nowhere"], "modelway.yml"),
        (
            ["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--protocol", "grpc"],
            "give one of kserve-v2, mlflow, modelway",
        ),
        (["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--protocol", "kserve-v2"], "/v2/models/NAME/infer"),
        (["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--path", "/x"], "without a protocol"),
        (["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--path", "x", "--body", "{}"], "begin with /"),
        (["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--body", "{}"], "give path too"),
        (
            ["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--path", "/x", "--body", "{"],
            "input body: is not JSON",
        ),
        (["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--path", "/x", "--body", "{}"], "where the rows go"),
        (["--url", "http://127.0.0.1:9", "--rows", "rows.jsonl", "--answer", "a"], "input answer"),
    ],
)
def test_wrong_input_is_one_line(folder: Path, script: Any, arguments: list[str], said: str, capsys: Any) -> None:
    assert script.main(arguments) == 2
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert said in line
    assert "defect" not in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--environment", "staging"], "input version"),
        (["--environment", "staging", "--version", "1", "--rows", "rows.jsonl"], "without environment"),
        (["--built-for", "staging"], "input built-for"),
        (["--tolerance", "-1"], "input tolerance"),
    ],
)
def test_expectations_that_do_not_go_together(folder: Path, arguments: list[str], said: str, capsys: Any) -> None:
    assert test_endpoint.main(["--url", "http://127.0.0.1:9", *arguments]) == 2
    assert said in capsys.readouterr().out


SMALL = ["--rows", "rows.jsonl", "--requests-per-second", "200", "--duration-seconds", "1", "--warm-up-seconds", "0.2"]


def test_a_benchmark(folder: Path, good: str) -> None:
    code = benchmark_endpoint.main(["--url", good, *SMALL, "--error-percent", "5", "--p50-ms", "9000"])
    given = outputs(folder)
    assert code in BUSY
    assert given["outcome"] == {0: "pass", 3: "inconclusive"}[code]
    intervals = json.loads(given["intervals"])
    low, high = intervals["p50-ms"]
    assert 0 < low <= float(given["p50-ms"]) <= high
    assert float(given["p50-ms"]) <= float(given["p95-ms"]) <= float(given["p99-ms"])
    assert float(given["error-percent"]) == 0 < intervals["error-percent"][1] < 5
    report = json.loads((folder / "out/modelway/benchmark-endpoint.json").read_text())
    assert report["asked"]["limits"] == {"error-percent": 5.0, "p50-ms": 9000.0}
    assert "Open loop" in (folder / "summary").read_text()


def test_rows_that_are_refused_are_said_before_the_load(folder: Path, good: str, capsys: Any) -> None:
    (folder / "rows.jsonl").write_text('{"y": 1}')
    assert benchmark_endpoint.main(["--url", good, *SMALL]) == 2
    assert "the first row is answered 400" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--requests-per-second", "0"],
        ["--requests-per-second", "inf"],
        ["--duration-seconds", "-1"],
        ["--requests-per-second", "1000000", "--duration-seconds", "10000"],
        ["--confidence", "1"],
        ["--connections", "0"],
        ["--p99-ms", "-5"],
        ["--error-percent", "nan"],
        ["--timeout-seconds", "1e300"],
    ],
)
def test_a_load_that_makes_no_sense(folder: Path, good: str, arguments: list[str], capsys: Any) -> None:
    assert benchmark_endpoint.main(["--url", good, "--rows", "rows.jsonl", *arguments]) == 2
    assert arguments[0].removeprefix("--") in capsys.readouterr().out


@pytest.mark.parametrize("token", ["hunter2hunter2", "hunter2hunter2\n"])
def test_a_token_is_sent_and_never_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, token: str
) -> None:
    monkeypatch.setenv("MODELWAY_ENDPOINT_TOKEN", token)
    heard: list[bytes] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def hear() -> None:
            accepted, _ = listening.accept()
            with accepted:
                heard.append(accepted.recv(4096))
                accepted.sendall(b"HTTP/1.1 401 hunter2hunter2\r\ncontent-length: 14\r\n\r\nhunter2hunter2")

        thread = threading.Thread(target=hear)
        thread.start()
        assert benchmark_endpoint.main(["--url", f"http://127.0.0.1:{listening.getsockname()[1]}", *SMALL]) == 2
        thread.join()
    assert b"\r\nauthorization: Bearer hunter2hunter2\r\n" in heard[0]
    said = capsys.readouterr().out.replace("::add-mask::hunter2hunter2", "")
    assert "hunter2" not in said
    assert "the first row is answered 401" in said


@pytest.mark.parametrize("token", ["abc\nx-role: admin", "two words", "tökén"])
@pytest.mark.parametrize("script", [test_endpoint, benchmark_endpoint])
def test_a_token_that_no_header_can_hold_is_the_users_and_is_not_shown(
    folder: Path, good: str, monkeypatch: pytest.MonkeyPatch, capsys: Any, token: str, script: Any
) -> None:
    monkeypatch.setenv("MODELWAY_ENDPOINT_TOKEN", token)
    assert script.main(["--url", good, "--rows", "rows.jsonl"]) == 2
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("::add-mask::")]
    [error] = [line for line in said if line.startswith("::error")]
    assert "input endpoint-token: holds a character that no bearer token may hold" in error
    assert not any(part in line for line in said for part in token.splitlines())


def test_a_time_above_a_year_is_one_line(folder: Path, good: str, capsys: Any) -> None:
    """Sockets and waits overflow somewhere above it."""
    assert test_endpoint.main(["--url", good, "--timeout-seconds", "1e12"]) == 2
    assert "is not a number above 0 and at most 31536000. Fix" in capsys.readouterr().out

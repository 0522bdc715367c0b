"""What a user is told when the server is wrong, away or old; what is repeated and what never is; and that no message shows
a secret. Against an HTTP server on this machine that answers as each test says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry import connection, mlflow, mlflow_client, transport
from modelway.registry.mlflow import connect
from modelway.registry.protocol import AmbiguousAnswer, Rejected
from modelway.registry.server_address import open_transport
from modelway.registry.transport import Transport

SECRET = "correct-horse"
Answer = tuple[int, dict[str, str], bytes]
DROP = (0, {}, b"")
"""Closes the connection after it has read the request."""


@dataclass
class Scripted:
    """Gives these answers in turn, the last one for ever; keeps what it was asked."""

    uri: str = ""
    answers: list[Answer] = field(default_factory=list)
    version: bytes = b"3.17.2"
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)

    def answer(self, *answers: Answer) -> None:
        self.answers[:] = answers
        self.asked.clear()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/version":
                status, headers, content = 200, {}, script.version
            else:
                script.asked.append((self.command, self.path, self.headers.get("Authorization", ""), body))
                status, headers, content = script.answers[0] if len(script.answers) == 1 else script.answers.pop(0)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.uri = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield script
    server.shutdown()
    server.server_close()


def opened(script: Scripted, environ: dict[str, str] | None = None) -> Transport:
    return replace(open_transport(script.uri, environ or {}), sleep=lambda seconds: None)


def failure(status: int, message: str = "no", code: str = "INTERNAL_ERROR") -> Answer:
    return status, {}, f'{{"error_code": "{code}", "message": "{message}"}}'.encode()


FINE: Answer = (200, {}, b'{"experiment_id": "1"}')


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "no MLflow server is named"),
        ("https://adb-1.azuredatabricks.net", "write it as databricks, and set DATABRICKS_HOST"),
        ("sqlite:///mlflow.db", "mlflow server --serve-artifacts"),
        ("file:///mlruns", "mlflow server --serve-artifacts"),
        ("./mlruns", "a folder names a store"),
        (f"postgresql://me:{SECRET}@db/mlflow", "postgresql: names a store"),
        (f"http://me:{SECRET}@[bad", "not the address of a server"),
        ("http://host:port", "not the address of a server"),
        ("http://host/?x=1", "not the address of a server"),
    ],
)
def test_an_address_that_is_no_server_is_one_line_with_the_fix(uri: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        connect(uri, {})
    assert said in caught.value.line() and "Fix: " in caught.value.line()
    assert "\n" not in caught.value.line() and SECRET not in caught.value.line()


@pytest.mark.parametrize(
    ("address", "module"),
    [
        ("http://host", mlflow),
        (" HTTPS://host/x ", mlflow),
        ("databricks", mlflow_client),
        ("databricks://profile", mlflow_client),
        ("databricks-uc", mlflow_client),
        ("azureml://westeurope.api.azureml.ms/mlflow/v1.0/x", mlflow_client),
        ("arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/ours", mlflow_client),
        ("./mlruns", mlflow),
        ("", mlflow),
    ],
)
def test_an_address_says_which_registry_it_is(address: str, module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "connect", lambda uri, environ, seconds: (uri, environ, seconds))
    assert connection.connect(address, {"A": "b"}, 3) == (address, {"A": "b"}, 3)


def test_an_old_server_is_one_line(scripted: Scripted) -> None:
    scripted.version = b"2.2.2"
    with pytest.raises(InvalidInput, match=r"version 2\.2, too old.*2\.3 or newer"):
        connect(scripted.uri, {})


@pytest.mark.parametrize("version", [b"2.3.0", b"2.22.5", b"3.17.2", b"3.18.0rc1", b"3.1.0.dev0\n"])
def test_supported_versions_are_taken(scripted: Scripted, version: bytes) -> None:
    scripted.version = version
    connect(scripted.uri, {})


@pytest.mark.parametrize("version", [b"", b"<html>Sign in</html>", b"ok"])
def test_another_service_is_not_taken_for_mlflow(scripted: Scripted, version: bytes) -> None:
    scripted.version = version
    with pytest.raises(InvalidInput, match="does not answer as an MLflow server does"):
        connect(scripted.uri, {})


def test_a_server_that_is_away_names_host_and_fix_but_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONGEST_PAUSE_SECONDS", 0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(OutsideFailure) as caught:
        connect(f"http://me:{SECRET}@127.0.0.1:{port}/mlflow", {})
    line = caught.value.line()
    assert f"127.0.0.1:{port} cannot be reached" in line and "Fix: " in line
    assert SECRET not in line


def test_a_redirect_is_named_and_not_followed(scripted: Scripted) -> None:
    scripted.answer((302, {"Location": "https://login.example.org/?next=x"}, b""))
    with pytest.raises(InvalidInput, match=r"redirects to https://login\.example\.org.*Fix: "):
        opened(scripted).api("POST", "runs/create", {}, once=True)


def test_a_web_page_is_no_answer(scripted: Scripted) -> None:
    scripted.answer((200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"))
    with pytest.raises(InvalidInput, match="does not answer as an MLflow server does"):
        opened(scripted).api("GET", "experiments/get")


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_the_variables_and_show_no_secret(scripted: Scripted, status: int) -> None:
    scripted.answer(failure(status, f"the token {SECRET} is not known"))
    with pytest.raises(Rejected) as caught:
        opened(scripted, {"MLFLOW_TRACKING_TOKEN": SECRET}).api("GET", "experiments/get")
    assert "MLFLOW_TRACKING_TOKEN" in caught.value.line() and SECRET not in caught.value.line()
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(
    ("environ", "user", "sent"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "abc\n"}, "", "Bearer abc"),
        ({"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "pä"}, "", "Basic bWU6cMOk"),
        ({}, "me:p%40ss@", "Basic bWU6cEBzcw=="),
        (
            {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "p", "MLFLOW_TRACKING_TOKEN": "t"},
            "",
            "Basic bWU6cA==",
        ),
        ({}, "", ""),
    ],
)
def test_credentials_reach_the_server(scripted: Scripted, environ: dict[str, str], user: str, sent: str) -> None:
    scripted.uri = scripted.uri.replace("http://", f"http://{user}")
    scripted.answer(FINE)
    client = opened(scripted, environ)
    client.api("GET", "experiments/get")
    assert scripted.asked[0][2] == sent
    assert "p%40ss" not in client.base and "p@ss" not in repr(client)


@pytest.mark.parametrize(
    "trouble", [DROP, failure(429), failure(500), failure(503), failure(400, "[SQL: INSERT", "BAD_REQUEST")]
)
def test_what_may_be_repeated_is_repeated(scripted: Scripted, trouble: Answer) -> None:
    scripted.answer(trouble, trouble, FINE)
    assert opened(scripted).api("GET", "experiments/get") == {"experiment_id": "1"}
    assert len(scripted.asked) == 3


def test_repeating_ends(scripted: Scripted) -> None:
    scripted.answer(failure(503, "the   store\\nis locked"))
    with pytest.raises(OutsideFailure, match=r"failed: the store is locked \(status 503\)"):
        opened(scripted).api("GET", "experiments/get")
    assert len(scripted.asked) == transport.ATTEMPTS


@pytest.mark.parametrize("trouble", [DROP, failure(500), failure(503), failure(400, "[SQL: INSERT", "BAD_REQUEST")])
def test_what_must_not_be_repeated_is_sent_once(scripted: Scripted, trouble: Answer) -> None:
    scripted.answer(trouble)
    with pytest.raises(AmbiguousAnswer):
        opened(scripted).api("POST", "model-versions/create", {}, once=True)
    assert len(scripted.asked) == 1


def test_what_the_server_did_not_take_is_sent_again(scripted: Scripted) -> None:
    scripted.answer(failure(429), FINE)
    opened(scripted).api("POST", "model-versions/create", {}, once=True)
    assert len(scripted.asked) == 2


def test_a_plain_refusal_is_not_repeated(scripted: Scripted) -> None:
    scripted.answer(failure(400, "bad name", "INVALID_PARAMETER_VALUE"))
    with pytest.raises(Rejected, match="refused: bad name") as caught:
        opened(scripted).api("GET", "experiments/get")
    assert caught.value.code == "INVALID_PARAMETER_VALUE"
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(("asked", "least", "most"), [("3", 1.5, 3), ("3600", 5, 10), ("soon", 0, 0.2)])
def test_the_pause_that_a_server_asks_for_is_kept_within_bounds(
    scripted: Scripted, asked: str, least: float, most: float
) -> None:
    pauses: list[float] = []
    scripted.answer((503, {"Retry-After": asked}, b""), FINE)
    replace(opened(scripted), sleep=pauses.append).api("GET", "experiments/get")
    assert len(pauses) == 1 and least <= pauses[0] <= most


def test_a_token_that_can_be_none_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidInput, match="MLFLOW_TRACKING_TOKEN: holds characters") as caught:
        connect("http://127.0.0.1:9", {"MLFLOW_TRACKING_TOKEN": f"{SECRET}\r\nX: y"})
    assert SECRET not in caught.value.line()


def test_a_missing_certificate_file_is_named(scripted: Scripted) -> None:
    uri = scripted.uri.replace("http:", "https:")
    with pytest.raises(InvalidInput, match="MLFLOW_TRACKING_SERVER_CERT_PATH: the certificate file cannot be read"):
        connect(uri, {"MLFLOW_TRACKING_SERVER_CERT_PATH": "/nowhere/ca.pem"})


@pytest.fixture
def endless() -> Iterator[tuple[str, list[float]]]:
    """A server whose answers never end: its address, and the seconds between two pieces of 64 KiB."""
    pause = [0.0]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            if self.path == "/version":
                self.wfile.write(b"3.17.2")
                return
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" " * (1 << 16))
                    self.wfile.flush()
                    time.sleep(pause[0])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pause
    server.shutdown()
    server.server_close()


def test_an_answer_without_an_end_is_not_held_in_memory(endless: tuple[str, list[float]]) -> None:
    with pytest.raises(OutsideFailure, match="answered with more than 64 MiB"):
        connect(endless[0], {}).get_model("m")


def test_an_answer_that_drips_for_ever_ends(endless: tuple[str, list[float]], monkeypatch: pytest.MonkeyPatch) -> None:
    endless[1][0] = 0.1
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.3)
    with pytest.raises(OutsideFailure, match="gave no answer in time"):
        replace(open_transport(endless[0], {}), sleep=lambda seconds: None).api("GET", "registered-models/get")


def test_all_calls_together_are_bounded(endless: tuple[str, list[float]]) -> None:
    endless[1][0] = 0.1
    began = time.monotonic()
    with pytest.raises(OutsideFailure, match="gave no answer in time"):
        open_transport(endless[0], {}, seconds=1).api("GET", "registered-models/get")
    assert time.monotonic() - began < 10


def test_who_waits_for_a_server_is_told_so(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.answer(failure(503, "overloaded"))
    monkeypatch.setattr(transport, "WORD_SECONDS", -1.0)
    with pytest.raises(OutsideFailure):
        opened(scripted).api("GET", "registered-models/get")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == transport.ATTEMPTS - 1
    assert "overloaded" in said[0] and said[0].endswith("attempt 2 of 6")

"""Mail, against a real SMTP server: TLS, logins, refusals."""

from __future__ import annotations

import email
import email.policy
import json
import socket
from pathlib import Path
from typing import Any

import pytest

import notify
from listening import certificate, mail_server
from notice_cases import Configure, Kept, told, warning


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


def mails(folder: Path) -> list[Any]:
    paths = sorted(folder.glob("*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]


def receiver(port: int, **more: Any) -> dict[str, Any]:
    return {
        "to": ["a@example.org", "b@example.org"],
        "from": "ci@example.org",
        "host": "localhost",
        "port": port,
    } | more


@pytest.mark.parametrize("tls", ["starttls", "always"])
def test_mail_is_sent_over_tls_with_a_login(
    tls: str, project: Path, configure: Configure, trusted: Any, monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    settings = {"certificate": str(trusted[0]), "key": str(trusted[1]), "user": "ci", "password": "open sesame"}
    monkeypatch.setenv("MODELWAY_SMTP_USER", "ci")
    with mail_server(tmp_path / "mails", implicit=tls == "always", **settings) as (port, folder):
        configure({"email": {"on-call": receiver(port, tls=tls)}})
        monkeypatch.setenv("MODELWAY_SMTP_PASSWORD", "open sesame")
        assert notify.main(["--report", "report.json"]) == 0
        assert "TLS with localhost" in warning(capsys) and not mails(folder), "nobody vouches for that certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted[0]))
        monkeypatch.setenv("MODELWAY_SMTP_PASSWORD", "wrong-password")
        assert notify.main(["--report", "report.json"]) == 0
        said = warning(capsys)
        assert "refused the login (status 535). Fix: check $MODELWAY_SMTP_USER" in said and "wrong-password" not in said
        monkeypatch.setenv("MODELWAY_SMTP_PASSWORD", "open sesame")
        assert notify.main(["--report", "report.json"]) == 0
        assert told(project) == (["email on-call"], [])
        (mail,) = mails(folder)
    assert mail["Subject"] == "[modelway] parcels in production: rollout rolled back"
    assert mail["To"] == "a@example.org, b@example.org" and mail["Message-ID"].endswith("@example.org>")
    assert (
        "Version 7 was rolled back from production" in mail.get_content()
        and "Run: https://github.com" in mail.get_content()
    )


def test_a_report_goes_with_a_mail_where_that_is_said(
    project: Path, configure: Configure, tmp_path: Path, monkeypatch: Any
) -> None:
    with mail_server(tmp_path / "mails") as (port, folder):
        plain = receiver(port, tls="never")
        configure({"email": {"without": plain, "with": plain | {"attach-report": True}}})
        assert notify.main(["--report", "report.json"]) == 0
        found = sorted((list(mail.iter_attachments()) for mail in mails(folder)), key=len)
    assert [len(parts) for parts in found] == [0, 1]
    assert json.loads(found[1][0].get_content()) == json.loads((project / "report.json").read_text())


def test_a_mail_server_that_is_busy_is_asked_again(project: Path, configure: Configure, tmp_path: Path) -> None:
    with mail_server(tmp_path / "mails", busy=2) as (port, folder):
        configure({"email": {"a": receiver(port, tls="never")}})
        assert notify.main(["--report", "report.json"]) == 0
        assert len(mails(folder)) == 1 and told(project) == (["email a"], [])


@pytest.mark.parametrize(
    ("settings", "more", "said"),
    [
        ({}, {"tls": "starttls"}, "offers no STARTTLS"),
        ({"refuses": ["a@example.org", "b@example.org"]}, {"tls": "never"}, "refused every recipient (status 550)"),
        ({}, {"tls": "never", "user-variable": "SOMEBODY"}, "would go over the network as it is"),
    ],
)
def test_a_mail_that_nobody_takes_is_a_warning(
    settings: Any,
    more: Any,
    said: str,
    project: Path,
    configure: Configure,
    tmp_path: Path,
    monkeypatch: Any,
    capsys: Any,
    kept: Kept,
) -> None:
    monkeypatch.setenv("SOMEBODY", "somebody")
    monkeypatch.setenv("MODELWAY_SMTP_PASSWORD", "open sesame")
    with mail_server(tmp_path / "mails", **settings) as (port, folder):
        configure({"email": {"a": receiver(port, **more)}})
        assert notify.main(["--report", "report.json"]) == 0
        assert said in warning(capsys) and kept() and not mails(folder)


def test_a_recipient_that_is_refused_is_said(project: Path, configure: Configure, tmp_path: Path, capsys: Any) -> None:
    with mail_server(tmp_path / "mails", refuses=["b@example.org"]) as (port, folder):
        configure({"email": {"a": receiver(port, tls="never")}})
        assert notify.main(["--report", "report.json"]) == 0
        assert len(mails(folder)) == 1 and told(project) == (["email a"], [])
        assert "refused for b@example.org" in warning(capsys)


def test_a_mail_server_that_says_nothing_holds_nothing_up(project: Path, configure: Configure, capsys: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure({"email": {"a": receiver(silent.getsockname()[1], host="127.0.0.1")}, "timeout-seconds": 0.5})
        assert notify.main(["--report", "report.json"]) == 0
        assert "gave no answer in time" in warning(capsys)

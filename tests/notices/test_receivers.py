"""What each kind of receiver gets: real servers of this machine, of SNS moto's, of GitHub one that keeps issues in memory."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

import documented
import notify
import servers
from github_files import outputs_in
from listening import Issues, certificate, listening, mail_server
from modelway.notices import sns
from modelway.notices.issues import GithubIssues
from modelway.notices.notice import Happening, Notice, notice_of
from notice_cases import Configure, Kept, rollout

TOPIC = "arn:aws:sns:us-east-1:123456789012:releases"


def some_notice(
    identity: str = "a" * 64, outcome: Any = "failed", sentence: str = "it is broken", **more: Any
) -> Notice:
    found = Happening(
        subject="rollout", outcome=outcome, sentence=sentence, model="parcels", environment="production", **more
    )
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return notice_of(found, identity=identity, at=at, run="https://example.org/runs/1", report="", clean=str)


def told(project: Path) -> tuple[list[str], list[str]]:
    given = outputs_in(project.parent / "output")
    return json.loads(given["told"]), json.loads(given["not-told"])


def warning(capsys: Any) -> str:
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::warning ")]
    return line.replace("%3A", ":")


# a webhook


def test_a_webhook_is_signed_over_what_was_sent(project: Path, configure: Configure, monkeypatch: Any) -> None:
    """By the example of the docs, which a receiver copies."""
    monkeypatch.setenv("MODELWAY_WEBHOOK_SECRET", "open sesame")
    with listening() as pager:
        monkeypatch.setenv("MODELWAY_WEBHOOK_URL", f"{pager.url}/hook?to=me")
        configure({"webhook": {"pager": {}}})
        assert notify.main(["--report", "report.json"]) == 0
    (asked,) = pager.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    body = asked.json()
    assert asked.path == "/hook?to=me" and headers["idempotency-key"] == body["id"]
    assert (body["schema"], body["outcome"], body["version"]) == ("modelway/notice/1", "rolled-back", 7)
    assert "report" not in body, "a path of the machine that sends"
    (code,) = documented.examples("notify.md", "A webhook")
    is_genuine: Any = {}
    exec(code, is_genuine)
    check = is_genuine["is_genuine"]
    assert check(asked.body, headers, b"open sesame")
    assert not check(asked.body + b" ", headers, b"open sesame") and not check(asked.body, headers, b"other")
    old = {**headers, "x-modelway-timestamp": str(int(time.time()) - 3600)}
    assert not check(asked.body, old, b"open sesame"), "a timestamp that was changed"
    signed = hmac.new(
        b"open sesame", old["x-modelway-timestamp"].encode() + b"." + asked.body, hashlib.sha256
    ).hexdigest()
    assert not check(asked.body, old | {"x-modelway-signature-256": f"sha256={signed}"}, b"open sesame"), "a replay"


def test_without_a_secret_a_webhook_is_told_only_where_that_is_said(
    project: Path, configure: Configure, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.delenv("MODELWAY_WEBHOOK_SECRET", raising=False)
    with listening() as pager:
        monkeypatch.setenv("MODELWAY_WEBHOOK_URL", pager.url)
        configure({"webhook": {"pager": {}}})
        assert notify.main(["--report", "report.json"]) == 0
        assert "$MODELWAY_WEBHOOK_SECRET: is not set" in warning(capsys) and not pager.asked
        configure({"webhook": {"pager": {"signed": False}}})
        assert notify.main(["--report", "report.json"]) == 0
        (asked,) = pager.asked
        assert not [name for name in asked.headers if "Signature" in name]


# mail


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


# AWS SNS


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """moto's AWS."""
    with servers.s3(tmp_path_factory.mktemp("aws")) as found:
        yield found


def on_aws(aws: dict[str, str], code: str, *arguments: str) -> Any:
    """What Python with boto3 prints as JSON."""
    environ = {**servers.clean_environ(), **aws, "AWS_ENDPOINT_URL": aws["MLFLOW_S3_ENDPOINT_URL"]}
    command = [servers.stores_python(), "-c", code, *arguments]
    return json.loads(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)


SUBSCRIBE = """
import boto3, json, sys
sns, sqs = boto3.client("sns"), boto3.client("sqs")
fifo = {"FifoTopic": "true"} if sys.argv[1].endswith(".fifo") else {}
topic = sns.create_topic(Name=sys.argv[1], Attributes=fifo)["TopicArn"]
attributes = {"FifoQueue": "true"} if fifo else {}
queue = sqs.create_queue(QueueName=sys.argv[1], Attributes=attributes)["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
print(json.dumps([topic, queue]))
"""
RECEIVE = """
import boto3, json, sys
found = boto3.client("sqs").receive_message(QueueUrl=sys.argv[1], MaxNumberOfMessages=10).get("Messages", [])
print(json.dumps([json.loads(one["Body"]) for one in found]))
"""


@pytest.mark.parametrize("name", ["releases", "releases.fifo"])
def test_a_topic_gets_it(name: str, aws: dict[str, str], project: Path, configure: Configure, monkeypatch: Any) -> None:
    topic, queue = on_aws(aws, SUBSCRIBE, name)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, aws[variable])
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", aws["MLFLOW_S3_ENDPOINT_URL"])
    configure({"sns": {"topic": {"topic": topic}}})
    (project / "report.json").write_text(json.dumps(rollout(reasons=("größer & <b>",))))
    assert notify.main(["--report", "report.json"]) == 0
    assert told(project) == (["sns topic"], [])
    (message,) = on_aws(aws, RECEIVE, queue)
    assert message["Subject"] == "[modelway] parcels in production: rollout rolled back"
    assert "- größer & <b>" in message["Message"]


SIGN = """
import json, sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import botocore.auth, datetime
url, body, region, token, headers = json.loads(sys.argv[1])
class Then(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 27, 8, 30, tzinfo=tz)
    @classmethod
    def utcnow(cls):
        return cls(2026, 11, 27, 8, 30)
botocore.auth.datetime = type("d", (), {"datetime": Then, "timezone": datetime.timezone, "UTC": datetime.timezone.utc})
if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda *a, **k: datetime.datetime(2026, 11, 27, 8, 30)
request = AWSRequest("POST", url, headers=headers, data=body)
SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token or None), "sns", region).add_auth(request)
print(json.dumps(dict(request.headers)))
"""


@pytest.mark.parametrize("token", ["", "a/session+token=="])
@pytest.mark.parametrize("topic", [TOPIC, "arn:aws-cn:sns:cn-north-1:123456789012:a.fifo"])
def test_the_signature_is_that_of_botocore(token: str, topic: str, aws: dict[str, str]) -> None:
    """Of the same request at the same second, byte for byte. moto does not look at it; AWS does."""
    url, body, region = sns.endpoint_of(topic, {}), sns.form_of(some_notice(), topic), topic.split(":")[3]
    known = sns.AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token)
    ours = sns.signed_headers(url, body, region, known, datetime(2026, 11, 27, 8, 30, tzinfo=UTC))
    asked = json.dumps([url, body.decode(), region, token, {"content-type": sns.FORM}])
    theirs = {name.lower(): value for name, value in on_aws(aws, SIGN, asked).items()}
    assert theirs["x-amz-date"] == ours["x-amz-date"] == "20261127T083000Z"
    assert theirs["authorization"] == ours["Authorization"]


def test_what_aws_refuses_is_a_warning(
    project: Path, configure: Configure, monkeypatch: Any, aws: Any, capsys: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", aws["MLFLOW_S3_ENDPOINT_URL"])
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    configure({"sns": {"topic": {"topic": TOPIC + "-of-nobody"}}})
    assert notify.main(["--report", "report.json"]) == 0
    assert "$AWS_ACCESS_KEY_ID or $AWS_SECRET_ACCESS_KEY: is not set" in warning(capsys)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, aws[variable])
    assert notify.main(["--report", "report.json"]) == 0
    assert "answered with status 404" in (said := warning(capsys)) and "sns:Publish" in said


# GitHub issues


@pytest.fixture
def github(project: Path, configure: Configure, monkeypatch: Any) -> Iterator[Issues]:
    issues = Issues()
    with listening(issues) as api:
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        monkeypatch.setenv("GITHUB_TOKEN", issues.token)
        configure({"github-issue": {"incidents": {}}})
        yield issues


def report(project: Path, outcome: str, reason: str = "errors", **more: Any) -> list[str]:
    (project / "report.json").write_text(json.dumps(rollout(outcome, (reason,), **more)))
    return ["--report", "report.json"]


def test_an_issue_is_opened_commented_closed_and_opened_again(project: Path, github: Issues) -> None:
    for outcome, reason in (
        ("rolled-back", "one"),
        ("failed", "two"),
        ("deployed", ""),
        ("deployed", "again"),
        ("failed", "three"),
    ):
        assert notify.main(report(project, outcome, reason)) == 0
        (issue,) = github.issues
        assert issue["state"] == ("closed" if outcome == "deployed" else "open")
    assert issue["title"] == "parcels in production: rollout failed" and "- one" in issue["body"]
    assert len(issue["comments"]) == 3, "two more failures, and the success that ended it"
    other = report(project, "failed", plan={"environment": "staging"})
    assert notify.main(other) == 0
    assert [issue["title"] for issue in github.issues[1:]] == ["parcels in staging: rollout failed"]


def test_a_success_opens_no_issue(project: Path, github: Issues) -> None:
    assert notify.main(report(project, "deployed")) == 0
    assert github.issues == [] and told(project) == (["github-issue incidents"], [])


def test_a_runner_that_keeps_nothing_tells_an_issue_once(project: Path, github: Issues, monkeypatch: Any) -> None:
    for runner in "abc":
        monkeypatch.setenv("MODELWAY_STATE", str(project.parent / runner))
        assert notify.main(report(project, "failed")) == 0
    (issue,) = github.issues
    assert issue["comments"] == []


def test_what_a_person_wrote_into_an_issue_stays(project: Path, github: Issues) -> None:
    assert notify.main(report(project, "failed", "one")) == 0
    github.issues[0]["body"] = "Looking at it. " + github.issues[0]["body"] + "\nDone?"
    assert notify.main(report(project, "failed", "two")) == 0
    (issue,) = github.issues
    assert (
        issue["body"].startswith("Looking at it. ")
        and issue["body"].endswith("\nDone?")
        and len(issue["comments"]) == 1
    )


def test_two_runners_at_once_end_with_one_open_issue(github: Issues, monkeypatch: Any) -> None:
    """Neither sees the other's before it opens its own."""
    both = Barrier(2, timeout=20)
    github.before_create = lambda: both.wait() and None
    api = GithubIssues(os.environ["GITHUB_API_URL"], "team/parcels", "modelway", github.token, time.monotonic() + 20)
    notices = [some_notice("a" * 64, sentence="first"), some_notice("b" * 64, sentence="second")]
    threads = [Thread(target=api.tell, args=(notice,)) for notice in notices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [issue["state"] for issue in github.issues] == ["open", "closed"]
    said = github.issues[0]["body"] + "".join(github.issues[0]["comments"])
    assert "first" in said and "second" in said


def test_markup_in_a_reason_is_text(project: Path, github: Issues) -> None:
    hostile = "@team <!-- modelway-notice: x --> [a](http://x) <script> #1 ```"
    assert notify.main(report(project, "failed", hostile)) == 0
    body = github.issues[0]["body"]
    assert "@team" not in body and "<script>" not in body and "[a](" not in body and "```" not in body
    assert body.count("<!--") == 1


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("may-read-alone", "give the job `permissions: { issues: write }`"),
        ("", "$GITHUB_TOKEN: is not set. Fix: give the step `env:"),
        ("tökén", "holds characters that no token has"),
    ],
)
def test_a_token_without_the_right_is_said(
    token: str, said: str, project: Path, github: Issues, monkeypatch: Any, capsys: Any, kept: Kept
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    assert notify.main(report(project, "failed")) == 0
    assert said in warning(capsys) and kept() and not github.issues
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    assert notify.main(report(project, "failed", "two")) == 0
    (issue,) = github.issues
    assert "- errors" in issue["body"] and len(issue["comments"]) == 1, "what waited came first"


def test_an_issue_beyond_the_first_page_is_found(project: Path, github: Issues) -> None:
    assert notify.main(report(project, "failed", "one")) == 0
    filler = {"state": "open", "comments": [], "title": "", "body": None, "labels": [{"name": "modelway"}]}
    github.issues += [{"number": number, **filler} for number in range(2, 240)]
    assert notify.main(report(project, "failed", "two")) == 0
    assert len(github.issues[0]["comments"]) == 1


def test_a_repository_that_is_not_there_is_said(
    project: Path, github: Issues, configure: Configure, capsys: Any
) -> None:
    configure({"github-issue": {"incidents": {"repository": "team/other"}}})
    assert notify.main(report(project, "failed")) == 0
    assert "check the repository team/other" in warning(capsys)

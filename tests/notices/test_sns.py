"""AWS SNS: moto's server, and the signature of botocore."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import notify
import servers
from modelway.notices import sns
from notice_cases import Configure, rollout, some_notice, told, warning

TOPIC = "arn:aws:sns:us-east-1:123456789012:releases"


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

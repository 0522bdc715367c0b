"""A notice to a topic of AWS SNS: one POST of its query API, signed with AWS Signature Version 4.

boto3 and botocore would be the largest packages of this environment, for one request whose signature is 20 lines.
Source: AWS' page "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from modelway.errors import InvalidInput
from modelway.notices.notice import Notice, plain_text, shortened
from modelway.notices.sending import checked_url

LONGEST_SUBJECT = 100
"""Of ASCII characters; SNS refuses others, and more."""
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True)
class AwsCredentials:
    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False, default="")


def credentials_from(environ: Mapping[str, str]) -> AwsCredentials:
    found = AwsCredentials(
        environ.get("AWS_ACCESS_KEY_ID", "").strip(),
        environ.get("AWS_SECRET_ACCESS_KEY", "").strip(),
        environ.get("AWS_SESSION_TOKEN", "").strip(),
    )
    if not found.key_id or not found.secret:
        fix = "run aws-actions/configure-aws-credentials before, or set both from secrets"
        raise InvalidInput("is not set", where="$AWS_ACCESS_KEY_ID or $AWS_SECRET_ACCESS_KEY", fix=fix)
    if not all(part.isascii() and part.isprintable() for part in (found.key_id, found.secret, found.token)):
        where = "$AWS_ACCESS_KEY_ID, $AWS_SECRET_ACCESS_KEY or $AWS_SESSION_TOKEN"
        raise InvalidInput("holds characters that no credential has", where=where, fix="copy it again")
    return found


def endpoint_of(topic: str, environ: Mapping[str, str]) -> str:
    """As AWS' own tools find it: a variable names another one than the region's."""
    _, partition, _, region, *_ = topic.split(":")
    ends = {"aws-cn": "amazonaws.com.cn"}.get(partition, "amazonaws.com")
    for variable in ("AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL"):
        if named := environ.get(variable, ""):
            return checked_url(named, variable, secret=False).rstrip("/") + "/"
    return f"https://sns.{region}.{ends}/"


def form_of(notice: Notice, topic: str) -> bytes:
    form = {
        "Action": "Publish",
        "Version": "2010-03-31",
        "TopicArn": topic,
        "Subject": _subject(notice),
        "Message": plain_text(notice),
    }
    if topic.endswith(".fifo"):
        form |= {"MessageGroupId": notice.model[:128] or "modelway", "MessageDeduplicationId": notice.id}
        form["MessageGroupId"] = "".join(
            one if one.isascii() and one.isalnum() else "-" for one in form["MessageGroupId"]
        )
    return urlencode(form, quote_via=quote).encode()


def _subject(notice: Notice) -> str:
    """SNS takes printable ASCII that does not begin with a blank."""
    text = "".join(one if " " <= one <= "~" else "?" for one in f"[modelway] {notice.title}")
    return text if len(text) <= LONGEST_SUBJECT else shortened(text, LONGEST_SUBJECT - 2)[:-1] + "..."


def signed_headers(
    url: str, body: bytes, region: str, known: AwsCredentials, now: datetime | None = None
) -> dict[str, str]:
    """The headers of the POST, with its signature."""
    now = now or datetime.now(UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    parts = urlsplit(url)
    headers = {"content-type": FORM, "host": parts.netloc, "x-amz-date": stamp}
    if known.token:
        headers["x-amz-security-token"] = known.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    asked = "\n".join(("POST", quote(parts.path) or "/", "", lines, names, hashlib.sha256(body).hexdigest()))
    scope = f"{day}/{region}/sns/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(asked.encode()).hexdigest()))
    key = f"AWS4{known.secret}".encode()
    for part in (day, region, "sns", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={known.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": credential}

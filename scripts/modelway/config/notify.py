"""What may stand below `notify` in modelway.yml: who is told what became of a step, and how."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelway.config.keys import Section

NoticeOutcome = Literal["success", "refused", "rolled-back", "failed", "alarm", "inconclusive", "paused", "ongoing"]
"""What a step came to, whichever step it was. paused: it waits for a person. ongoing: nothing new and not over, such as a
rollout that is under way, or a change of the data that was told before."""

NO_SUCCESS: tuple[NoticeOutcome, ...] = ("refused", "rolled-back", "failed", "alarm", "inconclusive", "paused")

Variable = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable; what it holds never stands in a file."""
ReceiverName = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Part of a path."""
Repository = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")]
"""OWNER/NAME."""
EventType = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,100}$")]
"""Of a `repository_dispatch`."""
Address = Annotated[str, Meta(pattern="^[A-Za-z0-9._%+=~-]{1,64}@[A-Za-z0-9.-]{1,253}$")]


class NoticeReceiver(Section, frozen=True, kw_only=True):
    """Somebody who is told."""

    on: Annotated[tuple[NoticeOutcome, ...], Meta(min_length=1)] = NO_SUCCESS
    """The outcomes that are told. Left out: all but success and ongoing."""
    required: bool = False
    """true: notify fails with exit code 4 where this receiver could not be told. false: it warns."""


class SlackReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """A channel of Slack's, by an incoming webhook."""

    url_variable: Variable = "MODELWAY_SLACK_URL"
    """The environment variable that holds the webhook's URL, which is a secret."""


class TeamsReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """A channel of Microsoft Teams, by its workflow "Post to a channel when a webhook request is received"."""

    url_variable: Variable = "MODELWAY_TEAMS_URL"
    """The environment variable that holds the workflow's URL, which is a secret."""


class WebhookReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """Any server that takes JSON by POST."""

    url_variable: Variable = "MODELWAY_WEBHOOK_URL"
    """The environment variable that holds its URL."""
    secret_variable: Variable = "MODELWAY_WEBHOOK_SECRET"  # noqa: S105 - a variable's name
    """The environment variable that holds the secret by which each message is signed."""
    signed: bool = True
    """false: messages are not signed, for a server whose URL is its only secret."""


class EmailReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """People, by e-mail through an SMTP server."""

    to: Annotated[tuple[Address, ...], Meta(min_length=1)]
    """The addresses that it goes to."""
    sender: Address = msgspec.field(name="from")
    """The address that it comes from."""
    host: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,253}$")]
    """The SMTP server."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    """Its port."""
    tls: Literal["starttls", "always", "never"] = "starttls"
    """`starttls`, as on port 587; `always` from the first byte, as on port 465; `never` for a relay that knows you by your
    address: then no password is sent."""
    user_variable: Variable = "MODELWAY_SMTP_USER"
    """The environment variable that holds the user; where it is not set, nobody logs in."""
    password_variable: Variable = "MODELWAY_SMTP_PASSWORD"  # noqa: S105 - a variable's name
    """The environment variable that holds the password."""
    attach_report: bool = False
    """true: the step's report goes with it, where it has at most 256 KiB. Reports may show values of single rows."""


class SnsReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """A topic of AWS SNS, with the credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."""

    topic: Annotated[str, Meta(pattern="^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,251}([.]fifo)?$")]
    """The topic's ARN."""


class GithubIssueReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """An issue for each model, environment and subject: opened when something is wrong, closed when it is well again."""

    repository: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")] | None = None
    """The repository, OWNER/NAME. Left out: $GITHUB_REPOSITORY."""
    token_variable: Variable = "GITHUB_TOKEN"  # noqa: S105 - a variable's name
    """The environment variable that holds a token that may write issues (`permissions: { issues: write }`)."""
    label: Annotated[str, Meta(min_length=1, max_length=50, pattern="^[^,]*$")] = "modelway"
    """The label that the issues have."""


class GithubDispatchReceiver(NoticeReceiver, frozen=True, kw_only=True):
    """A repository whose workflows begin with `on: repository_dispatch`, such as one that deploys what was promoted here."""

    repository: Repository
    """The repository, OWNER/NAME."""
    event_type: EventType = "model-promoted"
    """The event's type, which the workflow names below `types`."""
    on: Annotated[tuple[NoticeOutcome, ...], Meta(min_length=1)] = ("success", "rolled-back")
    """The outcomes that are told. Left out: success and rolled-back, after which another version is there."""
    subjects: Annotated[tuple[str, ...], Meta(min_length=1)] = ("rollout",)
    """What is told of. Left out: rollout, which is what deploy-model, promote-model and rollback-release tell of."""
    token_variable: Variable = "MODELWAY_DISPATCH_TOKEN"  # noqa: S105 - a variable's name
    """The environment variable that holds a token that may write the contents of that repository, as GitHub calls it."""


class Notify(Section, frozen=True):
    """Who is told what became of a step (docs/notify.md). Each receiver has a name of its own, below its kind."""

    slack: dict[ReceiverName, SlackReceiver] = msgspec.field(default_factory=dict)
    """Channels of Slack's. Left out: none."""
    teams: dict[ReceiverName, TeamsReceiver] = msgspec.field(default_factory=dict)
    """Channels of Microsoft Teams. Left out: none."""
    webhook: dict[ReceiverName, WebhookReceiver] = msgspec.field(default_factory=dict)
    """Servers that take JSON, with a signature. Left out: none."""
    email: dict[ReceiverName, EmailReceiver] = msgspec.field(default_factory=dict)
    """Mail. Left out: none."""
    sns: dict[ReceiverName, SnsReceiver] = msgspec.field(default_factory=dict)
    """Topics of AWS SNS. Left out: none."""
    github_issue: dict[ReceiverName, GithubIssueReceiver] = msgspec.field(default_factory=dict)
    """Issues of a repository. Left out: none."""
    github_dispatch: dict[ReceiverName, GithubDispatchReceiver] = msgspec.field(default_factory=dict)
    """Workflows of another repository, by an event. Left out: none."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 4
    """For all receivers together; who was not told until then is told by the next call."""

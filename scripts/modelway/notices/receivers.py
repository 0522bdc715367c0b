"""Who is told, out of modelway.yml and the environment's variables: each with the one call that tells it a notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from modelway.config.alarm_policy import DispatchTarget
from modelway.config.notify import (
    EmailReceiver,
    GithubDispatchReceiver,
    GithubIssueReceiver,
    NoticeReceiver,
    Notify,
    SlackReceiver,
    SnsReceiver,
    TeamsReceiver,
    WebhookReceiver,
)
from modelway.errors import InvalidInput
from modelway.notices import chat, mail, sns, webhook
from modelway.notices.dispatch import dispatch_of
from modelway.notices.github_api import api_address, checked_token, from_its_own
from modelway.notices.issues import GithubIssues
from modelway.notices.notice import Notice
from modelway.notices.sending import checked_url, host_of, post
from modelway.records import canonical_json

NEW_WEBHOOK = "make a new webhook, and put its URL into the variable"
LONGEST_WORD = 16
"""Parts of a URL's path that are longer are taken for secrets."""


class Tell(Protocol):
    def __call__(self, notice: Notice, until: float) -> str | None:
        """What is to be said of it though it was told. until: by time.monotonic. OutsideFailure: it may work later;
        InvalidInput: somebody has to mend something."""


@dataclass(frozen=True)
class Receiver:
    """name: its kind and its name in modelway.yml. in_order: older notices have to come before newer ones, and a success is
    told too, because it ends what is open."""

    name: str
    settings: NoticeReceiver
    tell: Tell = field(repr=False)
    in_order: bool = False

    def wants(self, notice: Notice) -> bool:
        if isinstance(self.settings, GithubDispatchReceiver) and notice.subject not in self.settings.subjects:
            return False
        return notice.outcome in self.settings.on or (self.in_order and notice.outcome == "success")


def receivers_of(notify: Notify, environ: Mapping[str, str]) -> tuple[Receiver, ...]:
    """In the order of the file. A variable that is not set is told when its receiver is."""
    found: list[Receiver] = []
    for kind in KINDS:
        for name, settings in getattr(notify, kind).items():
            in_order = isinstance(settings, GithubIssueReceiver)
            label = f"{kind.replace('_', '-')} {name}"
            found.append(Receiver(label, settings, KINDS[kind](settings, environ), in_order))
    return tuple(found)


def secrets_of_receivers(notify: Notify, environ: Mapping[str, str]) -> Iterator[str]:
    """What the variables that the section names hold, and the parts of URLs that are secrets."""
    for kind in KINDS:
        for settings in getattr(notify, kind).values():
            for key in settings.__struct_fields__:
                if key.endswith("_variable") and (value := environ.get(getattr(settings, key), "").strip()):
                    yield value
                    if key == "url_variable":
                        yield from _secret_parts(value)


def _secret_parts(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    yield from (part for part in parts.path.split("/") if len(part) > LONGEST_WORD)
    yield from filter(
        None, (parts.path if parts.path.count("/") > 1 and len(parts.path) > LONGEST_WORD else "", parts.query)
    )
    yield from (value for item in parts.query.split("&") if len(value := item.partition("=")[2]) > LONGEST_WORD)


def _slack(settings: SlackReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> None:
        url = checked_url(environ.get(settings.url_variable, ""), settings.url_variable)
        post(url, canonical_json(chat.slack(notice)), JSON, until, NEW_WEBHOOK)

    return tell


def _teams(settings: TeamsReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> None:
        url = checked_url(environ.get(settings.url_variable, ""), settings.url_variable)
        post(
            url,
            canonical_json(chat.teams(notice)),
            JSON,
            until,
            "make the workflow anew, and put its URL into the variable",
        )

    return tell


def _webhook(settings: WebhookReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> None:
        url = checked_url(environ.get(settings.url_variable, ""), settings.url_variable, secret=not settings.signed)
        secret = environ.get(settings.secret_variable, "").strip() if settings.signed else ""
        if settings.signed and not secret:
            fix = "set it from a secret, or signed: false for a server that checks none"
            raise InvalidInput("is not set", where=f"${settings.secret_variable}", fix=fix)
        body = webhook.body_of(notice)
        post(url, body, webhook.headers_of(notice, body, secret), until, f"see what {host_of(url)} says of it")

    return tell


def _email(settings: EmailReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> str | None:
        user = environ.get(settings.user_variable, "").strip()
        password = environ.get(settings.password_variable, "").strip()
        if user and not password:
            raise InvalidInput("is not set", where=f"${settings.password_variable}", fix="set it from a secret")
        return mail.send_mail(mail.message_of(notice, settings), settings, user, password, until)

    return tell


def _sns(settings: SnsReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> None:
        known, url = sns.credentials_from(environ), sns.endpoint_of(settings.topic, environ)
        body, region = sns.form_of(notice, settings.topic), settings.topic.split(":")[3]
        fix = "let the credentials have sns:Publish on the topic, and check its ARN"
        post(url, body, sns.signed_headers(url, body, region, known), until, fix)

    return tell


def _github_issue(settings: GithubIssueReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> None:
        repository = settings.repository or environ.get("GITHUB_REPOSITORY", "")
        if not repository:
            raise InvalidInput("no repository is named", where="$GITHUB_REPOSITORY", fix="set `repository: OWNER/NAME`")
        variable = settings.token_variable
        token = checked_token(environ, variable, from_its_own(variable, "issues: write"))
        GithubIssues(api_address(environ), repository, settings.label, token, until).tell(notice)

    return tell


def _github_dispatch(settings: GithubDispatchReceiver, environ: Mapping[str, str]) -> Tell:
    def tell(notice: Notice, until: float) -> None:
        target = DispatchTarget(
            event_type=settings.event_type, repository=settings.repository, token_variable=settings.token_variable
        )
        values = {
            "id": notice.id,
            "at": notice.at,
            "model": notice.model,
            "environment": notice.environment,
            "version": "" if notice.version is None else str(notice.version),
            "outcome": notice.outcome,
            "subject": notice.subject,
            "reason": notice.sentence,
            "run": notice.run,
        }
        dispatch_of(target, environ, "notify.github-dispatch").send(values, until)

    return tell


JSON = {"Content-Type": "application/json"}
KINDS: dict[str, Callable[[Any, Mapping[str, str]], Tell]] = {
    "slack": _slack,
    "teams": _teams,
    "webhook": _webhook,
    "email": _email,
    "sns": _sns,
    "github_issue": _github_issue,
    "github_dispatch": _github_dispatch,
}
assert tuple(KINDS) == tuple(name for name in Notify.__struct_fields__ if name != "timeout_seconds")

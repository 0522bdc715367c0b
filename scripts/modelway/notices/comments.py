"""One comment on a pull request for each key: created once, then edited; what a second run made at the same moment is joined.

It is found by a marker at its beginning, which nobody sees, and by its author: a marker that somebody else wrote is only text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import requests

from modelway.errors import ModelwayError
from modelway.notices.github_api import call, repository_address
from modelway.notices.sending import AmbiguousDelivery, ReceiverAnswer, Rejection

MARKER = re.compile(r"\A<!-- modelway-report: ([0-9a-f]{64}) run ([0-9]{0,20}) commit ([0-9a-f]{0,64}) -->")
LARGEST_BODY = 65_000
"""Bytes: GitHub takes 65,536 characters, and does not say how it counts those beyond ASCII."""
LARGEST_PAGE = 32 << 20
"""Bytes of a page of a hundred comments."""
PAGES = 30
"""Of a hundred comments each that are looked through, the oldest first."""

How = Literal["created", "updated", "outdated"]


@dataclass(frozen=True)
class MarkedComment:
    """A comment of ours: its number, the page that shows it, and which run wrote it for which commit."""

    number: int
    url: str
    run: int
    commit: str


@dataclass(frozen=True)
class KeptComment:
    """What became of it. outdated: a newer run, for another commit, has written it; it was left as it is."""

    how: How
    url: str


@dataclass(frozen=True)
class PullRequestComments:
    """The comments of one pull request. api: such as https://api.github.com. until: by time.monotonic."""

    api: str
    repository: str
    number: int
    token: str = field(repr=False)
    until: float

    def keep(self, key: str, run: str, commit: str, text: str) -> KeptComment:
        """Bring the one comment of this key to the text. key: 64 hexadecimal digits. run: GitHub's number of it.

        Two runs at once may each create one: each then looks again, and keeps the older one. A run that dies in between leaves
        two, which the next one joins."""
        author, body = self._own_name(), marked(key, run, commit, text)
        found = self._found(author, key)
        number = int(run) if run.isdecimal() else 0
        if found and found[0].run > number and found[0].commit != commit:
            return KeptComment("outdated", found[0].url)
        if found and self._edit(found[0], body):
            self._delete(found[1:])
            return KeptComment("updated", found[0].url)
        return self._create(author, key, body)

    def _create(self, author: str, key: str, body: str) -> KeptComment:
        path, unheard, made = f"/issues/{self.number}/comments", None, None
        try:
            made = self._call("POST", path, {"body": body}, again=False)
        except AmbiguousDelivery as failure:
            unheard = failure
        found = self._found(author, key)
        if not found:
            raise unheard or Rejection("took a comment and does not show it", status=0, fix="see the pull request")
        own = made.get("id") if isinstance(made, dict) else None
        if found[0].number == own:
            return KeptComment("created", found[0].url)
        # another run was quicker, or the answer was lost: GitHub offers no way to create one only where there is none
        self._edit(found[0], body)
        self._delete([one for one in found[1:] if one.number == own])
        return KeptComment("created" if unheard and len(found) == 1 else "updated", found[0].url)

    def _edit(self, comment: MarkedComment, body: str) -> bool:
        """Whether it was still there."""
        try:
            self._call("PATCH", f"/issues/comments/{comment.number}", {"body": body})
        except Rejection as refused:
            if refused.status != 404:
                raise
            return False
        return True

    def _delete(self, comments: Sequence[MarkedComment]) -> None:
        """Those that are left where GitHub does not do it, the next run finds: the one that counts is right already."""
        for comment in comments:
            with suppress(ModelwayError):
                self._call("DELETE", f"/issues/comments/{comment.number}")

    def _found(self, author: str, key: str) -> list[MarkedComment]:
        """The oldest first."""
        found: dict[int, MarkedComment] = {}
        url = f"{self._repository}/issues/{self.number}/comments?per_page=100"
        for _ in range(PAGES):
            answer = self._send("GET", url, None, LARGEST_PAGE)
            listed = answer.json()
            if not isinstance(listed, list):
                raise Rejection("the answer is no list of comments", status=0, fix="check $GITHUB_API_URL")
            found |= {one.number: one for item in listed if (one := _marked_comment(item, author, key))}
            url = self._next(answer)
            if not url:
                break
        return [found[number] for number in sorted(found)]

    def _next(self, answer: ReceiverAnswer) -> str:
        """The following page, where it is one of the same API: the token goes nowhere else."""
        links = requests.utils.parse_header_links(answer.headers.get("Link", ""))
        named = next((str(link["url"]) for link in links if link.get("rel") == "next"), "")
        return named if named.startswith(f"{self.api.rstrip('/')}/") else ""

    def _own_name(self) -> str:
        """Whose token it is. Of an app's, such as that of a job, only GraphQL says it."""
        asked = {"query": "query { viewer { login } }"}
        found = self._send("POST", graphql_address(self.api), asked, 1 << 16).json()
        try:
            name = found["data"]["viewer"]["login"]
        except (TypeError, KeyError):
            name = None
        if not isinstance(name, str) or not name:
            raise Rejection("does not say whose token it is", status=0, fix="give a token of a user or of an app")
        return name

    def _call(self, verb: str, path: str, body: Mapping[str, Any] | None = None, *, again: bool = True) -> Any:
        return self._send(verb, f"{self._repository}{path}", body, 1 << 20, again=again).json()

    def _send(
        self, verb: str, url: str, body: Mapping[str, Any] | None, largest: int, *, again: bool = True
    ) -> ReceiverAnswer:
        fixes = {
            401: "the token is wrong or has expired: set it anew",
            403: "give the job `permissions: { pull-requests: write }`; the token of a pull request from a fork may only read",
            404: f"check that {self.repository} has the pull request {self.number}, and that the token may read it",
            410: f"check that the pull request {self.number} of {self.repository} is still there",
        }
        return call(verb, url, self.token, self.until, fixes, body, largest=largest, again=again)

    @property
    def _repository(self) -> str:
        return repository_address(self.api, self.repository)


def marked(key: str, run: str, commit: str, text: str) -> str:
    return f"<!-- modelway-report: {key} run {run if run.isdecimal() else ''} commit {commit} -->\n{text}"


def graphql_address(api: str) -> str:
    """Beside the REST API: of an Enterprise Server it is at /api/graphql, elsewhere at /graphql."""
    api = api.rstrip("/")
    return f"{api.removesuffix('/v3')}/graphql" if api.endswith("/api/v3") else f"{api}/graphql"


def _marked_comment(item: Any, author: str, key: str) -> MarkedComment | None:
    """None where it is somebody else's, or has another key. A bot's name has `[bot]` at its end in one API and may have none
    in the other."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), int):
        return None
    user = item.get("user")
    name = user.get("login") if isinstance(user, dict) else None
    marker = MARKER.match(str(item.get("body") or ""))
    if marker is None or marker[1] != key or name not in (author, f"{author}[bot]"):
        return None
    return MarkedComment(item["id"], str(item.get("html_url") or ""), int(marker[2] or 0), marker[3])

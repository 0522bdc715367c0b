"""A GitHub issue for each model, environment and subject: opened, commented, reopened, closed when it is well again.

An issue is found by its label and by a marker in its body, which nobody sees. The marker also keeps which notices the issue
has had, so that a runner that keeps nothing tells none twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from modelway.markdown import cell
from modelway.notices.github_api import call, repository_address
from modelway.notices.notice import SIGNS, Notice, shortened
from modelway.notices.sending import Rejection
from modelway.records import digest_of_json

MARKER = re.compile(r"<!-- modelway-notice: ([0-9a-f]{64}) ([0-9a-f,]*) -->")
REMEMBERED = 30
"""Notices that an issue's marker names."""
LARGEST = 16 << 20
"""Bytes of a page of a hundred issues; each body has 64 KiB at most."""
PAGES = 5
"""Of a hundred issues each that are looked through for the marker, the newest first."""


@dataclass(frozen=True)
class GithubIssues:
    """The issues of one repository. api: such as https://api.github.com. until: by time.monotonic."""

    api: str
    repository: str
    label: str
    token: str = field(repr=False)
    until: float

    def tell(self, notice: Notice) -> None:
        """Bring the issue of the notice to what it says. What the issue has had already changes nothing."""
        key = key_of(notice)
        found = self._found(key)
        if found is None:
            if notice.outcome != "success":
                self._open(notice, key)
            return
        number, told = int(found["number"]), _told(found)
        if notice.id in told:
            return
        is_open, is_over = found.get("state") == "open", notice.outcome == "success"
        if is_over and not is_open:
            return
        self._call("POST", f"/issues/{number}/comments", {"body": comment_of(notice)})
        changed: dict[str, Any] = {"body": _with_marker(str(found.get("body") or ""), key, (*told, notice.id))}
        if is_over:
            changed |= {"state": "closed", "state_reason": "completed"}
        elif not is_open:
            changed |= {"state": "open"}
        if not is_over:
            changed["title"] = title_of(notice)
        self._call("PATCH", f"/issues/{number}", changed)

    def _open(self, notice: Notice, key: str) -> None:
        body = _with_marker(comment_of(notice), key, (notice.id,))
        made = self._call("POST", "/issues", {"title": title_of(notice), "body": body, "labels": [self.label]})
        number = made.get("number") if isinstance(made, dict) else None
        first = self._found(key)
        if first is None or number is None or first["number"] == number:
            return
        # another runner was quicker, or an answer was lost: GitHub offers no way to open one only where there is none
        if notice.id not in (told := _told(first)):
            self._call("POST", f"/issues/{first['number']}/comments", {"body": comment_of(notice)})
            body = _with_marker(str(first["body"]), key, (*told, notice.id))
            self._call("PATCH", f"/issues/{first['number']}", {"body": body})
        closed = {"state": "closed", "state_reason": "not_planned", "body": f"The same as #{first['number']}."}
        self._call("PATCH", f"/issues/{number}", closed)

    def _found(self, key: str) -> dict[str, Any] | None:
        """The open one with the marker, else the one that was closed last; of several the first that was made."""
        matching: list[dict[str, Any]] = []
        for page in range(1, PAGES + 1):
            query = (
                f"?labels={quote(self.label, safe='')}&state=all&sort=created&direction=desc&per_page=100&page={page}"
            )
            listed = self._call("GET", f"/issues{query}")
            if not isinstance(listed, list):
                raise Rejection("the answer is no list of issues", status=0, fix="check $GITHUB_API_URL")
            for item in listed:
                marker = MARKER.search(str(item.get("body") or "")) if isinstance(item, dict) else None
                if marker and marker[1] == key and "pull_request" not in item:
                    matching.append(item)
            if len(listed) < 100:
                break
        opened = [item for item in matching if item.get("state") == "open"]
        return min(opened or matching[:1], key=lambda item: int(item["number"]), default=None)

    def _call(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        fixes = {
            401: "the token is wrong or has expired: set it anew",
            403: "the token may not write issues: give the job `permissions: { issues: write }`",
            404: f"check the repository {self.repository}, and that the token may read it and write issues",
            410: f"switch issues on in the settings of {self.repository}",
        }
        url = repository_address(self.api, self.repository) + path
        return call(verb, url, self.token, self.until, fixes, body, largest=LARGEST).json()


def key_of(notice: Notice) -> str:
    return digest_of_json([notice.model, notice.environment, notice.subject])


def title_of(notice: Notice) -> str:
    return shortened(notice.title, 200)


def comment_of(notice: Notice) -> str:
    """Markdown in which values are only text: no mention, no link, no marker."""
    parts = [f"{SIGNS[notice.outcome]} **{cell(notice.title, 400)}**", cell(notice.sentence, 2000)]
    parts += ["\n".join(f"- {cell(reason, 400)}" for reason in notice.reasons)] if notice.reasons else []
    facts = ", ".join(f"{name.lower()} {cell(value)}" for name, value in notice.facts if name != "Outcome")
    address = quote(notice.run, safe=":/")
    parts.append(f"{facts}, [run]({address})" if address else facts)
    return "\n\n".join(parts)


def _told(issue: Mapping[str, Any]) -> tuple[str, ...]:
    marker = MARKER.search(str(issue.get("body") or ""))
    return tuple(filter(None, marker[2].split(","))) if marker else ()


def _with_marker(body: str, key: str, told: tuple[str, ...]) -> str:
    """Whatever people wrote around it stays."""
    marker = f"<!-- modelway-notice: {key} {','.join(told[-REMEMBERED:])} -->"
    return MARKER.sub(marker, body, count=1) if MARKER.search(body) else f"{body}\n\n{marker}\n"

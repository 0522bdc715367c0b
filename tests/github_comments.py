"""GitHub's API for the comments of a pull request, as its reference says, in memory, for a server of `listening`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from listening import Asked

BOT = "github-actions[bot]"
LONGEST = 65_536


class Comments:
    """tokens: whose each is; one that is not named may read, as the bot. url: of the server, once it listens."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {"may-write": BOT, "may-write-as-a-person": "ann"}
        self.comments, self.lock, self.next_number, self.url = list[dict[str, Any]](), Lock(), 101, ""
        self.before_create: Callable[[], None] = lambda: None

    def add(self, author: str, body: str) -> dict[str, Any]:
        number = self.next_number
        self.next_number += 1
        page = f"https://github.com/team/parcels/pull/5#issuecomment-{number}"
        made: dict[str, Any] = {"id": number, "user": {"login": author}, "body": body, "html_url": page}
        self.comments.append(made)
        return made

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]

    def __call__(self, asked: Asked, handler: Any) -> tuple[int, Mapping[str, str], bytes]:
        author = self.tokens.get(asked.headers.get("Authorization", "").removeprefix("Bearer "))
        parts = urlsplit(asked.path)
        if parts.path == "/graphql":
            return 200, {}, json.dumps({"data": {"viewer": {"login": author or BOT}}}).encode()
        path = re.fullmatch(r"/repos/team/parcels/issues/(?:5/comments|comments/(\d+))", parts.path)
        if path is None:
            return 404, {}, b'{"message": "Not Found"}'
        if asked.verb != "GET" and author is None:
            return 403, {}, b'{"message": "Resource not accessible by integration"}'
        if asked.verb == "POST":
            self.before_create()
        with self.lock:
            if path[1]:
                return self._one(asked, int(path[1]))
            if asked.verb == "POST":
                return self._created(asked, author or "")
            return self._listed({name: int(one[0]) for name, one in parse_qs(parts.query).items()})

    def _listed(self, query: Mapping[str, int]) -> tuple[int, Mapping[str, str], bytes]:
        per, page = query["per_page"], query.get("page", 1)
        shown = self.comments[per * (page - 1) : per * page]
        more = len(self.comments) > per * page
        address = f"{self.url}/repos/team/parcels/issues/5/comments?per_page={per}&page="
        link = {"Link": f'<{address}{page + 1}>; rel="next", <{address}9>; rel="last"'} if more else {}
        return 200, link, json.dumps(shown).encode()

    def _created(self, asked: Asked, author: str) -> tuple[int, Mapping[str, str], bytes]:
        body = asked.json()["body"]
        if len(body) > LONGEST:
            return 422, {}, b'{"message": "Validation Failed: body is too long (maximum is 65536 characters)"}'
        return 201, {}, json.dumps(self.add(author, body)).encode()

    def _one(self, asked: Asked, number: int) -> tuple[int, Mapping[str, str], bytes]:
        found = next((comment for comment in self.comments if comment["id"] == number), None)
        if found is None:
            return 404, {}, b'{"message": "Not Found"}'
        if asked.verb == "DELETE":
            self.comments.remove(found)
            return 204, {}, b""
        found["body"] = asked.json()["body"]
        return 200, {}, json.dumps(found).encode()

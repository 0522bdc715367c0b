"""What the API server refuses, and how a user is told of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.targets.kubernetes import connection
from modelway.targets.kubernetes.trouble import fix_of_refusal
from modelway.targets.place import Unanswered

NO_ADDRESS = "failed to allocate a serviceIP: range is full"
BUSY = (429, 500, 502, 503, 504)
UNREADABLE = ("unable to convert unstructured object", "failed to create typed patch object")
ANONYMOUS = 'User "system:anonymous"'
NO_NAMESPACE = re.compile(r'^namespaces "([^"]+)" not found')
FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)


@dataclass
class ApiError(Exception):
    """What the API server refused. status: of HTTP. causes: of its details, such as the fields of a conflict."""

    status: int
    message: str
    reason: str = ""
    causes: tuple[Mapping[str, str], ...] = ()
    retry_after: float = 0.0

    @property
    def is_conflict(self) -> bool:
        """Somebody else changed the object: not a conflict of field managers."""
        return self.status == 409 and self.reason != "AlreadyExists" and not self.causes

    @property
    def is_foreign(self) -> bool:
        """Said by something that is no API server: a login page, a web server, the TLS port itself."""
        return not self.reason and (300 <= self.status < 400 or "HTTP request to an HTTPS server" in self.message)

    @property
    def is_unreadable(self) -> bool:
        """A value that no field of the kind can have, such as a quantity that is none: the API server answers 500."""
        return self.status == 500 and any(mark in self.message for mark in UNREADABLE)

    @property
    def is_unexplained(self) -> bool:
        """A 404 that no API server gives for what every one of them knows."""
        return self.status == 404 and not self.reason

    @property
    def is_test_failed(self) -> bool:
        """A `test` of a JSON patch did not hold, or its path is not there."""
        return (self.status == 422 and self.reason == "Invalid") or "the server rejected our request" in self.message


class Unserved(Unanswered):
    """A pod or a Service answers with an error, or there is none. status: of HTTP. is_gone: there is none of the name."""

    def __init__(self, name: str, below: str, error: ApiError) -> None:
        said = " ".join(error.message.split())[:200]
        what = f"{name} answers {error.status} at {below}{f': {said}' if said else ''}"
        super().__init__(error.status, what, fix="see its log")
        self.is_gone = error.status == 404 and error.reason == "NotFound"


def read(status: int, data: bytes, headers: Mapping[str, str]) -> ApiError:
    said: dict[str, Any] = {}
    try:
        parsed = json.loads(data)
        said = parsed if isinstance(parsed, dict) else {}
    except ValueError:
        said = {"message": data[:500].decode(errors="replace")}
    causes = tuple((said.get("details") or {}).get("causes") or ())
    after = headers.get("Retry-After") or "0"
    seconds = float(after) if after.isdecimal() else 0.0
    message = said.get("message") or said.get("error") or ""
    return ApiError(status, str(message), str(said.get("reason") or ""), causes, seconds)


def may_pass(error: ApiError) -> bool:
    """A proxy's 503 about a pod is an answer; the API server's own is a moment. One that starts says that it has no address
    for a Service left, until it has read its ranges."""
    starts = error.status == 500 and NO_ADDRESS in error.message
    return starts or (error.status in BUSY and not error.causes and not error.is_unreadable)


def told(error: ApiError, server: str, place: str) -> ModelwayError:
    """server, place: for messages: its address, and the namespace."""
    message = " ".join(error.message.split())[:500]
    if error.status == 401 or (error.status == 403 and ANONYMOUS in message):
        return InvalidInput(
            f"the cluster at {server} does not accept these credentials",
            where=connection.WHERE,
            fix="log in again, or renew the token: it may have expired",
        )
    if error.status == 403 and (match := FORBIDDEN.search(message)):
        group = match["group"] or '""'
        line = f"{{apiGroups: [{group}], resources: [{match['resource']}], verbs: [{match['verb']}]}}"
        where = f"namespace {match['namespace']}" if match["namespace"] else "the whole cluster"
        return InvalidInput(
            f"these credentials may not {match['verb']} {match['resource']}",
            where=where,
            fix=f"add to the Role: - {line} (docs/kubernetes.md has the whole of it)",
        )
    if (missing := NO_NAMESPACE.search(message)) and error.status == 404:
        fix = f"kubectl create namespace {missing[1]}, or correct deploy.kubernetes.namespace"
        return InvalidInput("is not there", where=f"namespace {missing[1]}", fix=fix)
    if error.status in (400, 403, 404, 405, 415, 422) or error.is_unreadable:
        return InvalidInput(f"the cluster refuses: {message}", where=place, fix=fix_of_refusal(message))
    return OutsideFailure(
        f"the cluster answers {error.status}: {message}", where=server, fix="run the same command again"
    )

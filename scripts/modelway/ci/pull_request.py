"""Which pull request a job on GitHub runs for, as the event that started it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

LARGEST = 32 << 20
"""Bytes of an event; GitHub sends at most 25 MiB."""
COMMIT = re.compile(r"[0-9a-f]{7,64}")


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """number: None where the event is of none. commit: its newest one, or the one that the run is for; empty where that is not
    known. from_fork: it comes from another repository, so that the job's token may only read."""

    number: int | None = None
    commit: str = ""
    from_fork: bool = False


def pull_request_of(environ: Mapping[str, str]) -> PullRequest:
    """Of pull_request and its fellows, of a comment on one, and of a workflow_run, which names none that comes from a fork.
    An event that cannot be read is of none."""
    event = _event(environ)
    found = _of(event, "pull_request")
    issue, run = _of(event, "issue"), _of(event, "workflow_run")
    number = found.get("number")
    if number is None and "pull_request" in issue:
        number = issue.get("number")
    if number is None and isinstance(named := run.get("pull_requests"), list) and len(named) == 1:
        number = named[0].get("number") if isinstance(named[0], dict) else None
    head, base = _of(found, "head"), _of(found, "base")
    commit = head.get("sha") or run.get("head_sha") or environ.get("GITHUB_SHA", "")
    return PullRequest(
        number=number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None,
        commit=commit if isinstance(commit, str) and COMMIT.fullmatch(commit) else "",
        from_fork=bool(found) and _of(head, "repo").get("id") != _of(base, "repo").get("id"),
    )


def _event(environ: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        with Path(environ.get("GITHUB_EVENT_PATH") or "/dev/null").open("rb") as stream:
            event = json.loads(stream.read(LARGEST + 1)[:LARGEST] or b"{}")
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _of(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = mapping.get(name)
    return found if isinstance(found, dict) else {}

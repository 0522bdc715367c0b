"""What every call of GitHub's API has in common: where it is, the headers, the token, its limit on requests, its refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.notices.sending import LATER, ReceiverAnswer, Rejection, checked_url, host_of, said, send


def api_address(environ: Mapping[str, str]) -> str:
    """GitHub's, or that of an Enterprise Server."""
    return checked_url(environ.get("GITHUB_API_URL", "") or "https://api.github.com", "GITHUB_API_URL")


def _headers(token: str) -> dict[str, str]:
    return {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": "2022-11-28",
        "Content-Type": "application/json",
    }


def checked_token(environ: Mapping[str, str], variable: str, fix: str) -> str:
    """fix: where it is to come from, where it is not set."""
    token = environ.get(variable, "").strip()
    if not token:
        raise InvalidInput("is not set", where=f"${variable}", fix=fix)
    if not token.isascii() or not token.isprintable():
        raise InvalidInput("holds characters that no token has", where=f"${variable}", fix="copy it again")
    return token


def from_its_own(variable: str, permission: str) -> str:
    """The fix where the token of the workflow's own repository does."""
    return (
        f"give the step `env: {{ {variable}: ${{{{ github.token }}}} }}` and the job `permissions: {{ {permission} }}`"
    )


def repository_address(api: str, repository: str) -> str:
    return f"{api.rstrip('/')}/repos/{repository}"


def call(
    verb: str,
    url: str,
    token: str,
    until: float,
    fixes: Mapping[int, str],
    body: Mapping[str, Any] | None = None,
    *,
    largest: int = 0,
    again: bool = True,
) -> ReceiverAnswer:
    """Send as sending.send does. fixes: status of a refusal -> what to do; body: as JSON."""
    data = None if body is None else json.dumps(body).encode()
    return send(
        verb, url, data, _headers(token), until, lambda found: _refused(url, found, fixes), largest, again=again
    )


def _refused(url: str, answer: ReceiverAnswer, fixes: Mapping[int, str]) -> ModelwayError:
    """A 403 may be of GitHub's limit on requests, and not of the token."""
    limited = "Retry-After" in answer.headers or answer.headers.get("X-RateLimit-Remaining") == "0"
    if answer.status == 403 and limited:
        return OutsideFailure(f"{host_of(url)} takes no more requests for now (status 403)", fix=LATER)
    return Rejection(said(url, answer), status=answer.status, fix=fixes.get(answer.status, "see what it says"))

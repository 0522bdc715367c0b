"""What every call of GitHub's API has in common: where it is, the headers, the token, its limit on requests."""

from __future__ import annotations

from collections.abc import Mapping

from modelway.errors import InvalidInput, OutsideFailure
from modelway.notices.sending import LATER, ReceiverAnswer, checked_url, host_of


def api_address(environ: Mapping[str, str]) -> str:
    """GitHub's, or that of an Enterprise Server."""
    return checked_url(environ.get("GITHUB_API_URL", "") or "https://api.github.com", "GITHUB_API_URL")


def headers(token: str) -> dict[str, str]:
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


def limit_reached(answer: ReceiverAnswer, url: str) -> OutsideFailure | None:
    """Where a 403 is of GitHub's limit on requests, and not of the token."""
    limited = "Retry-After" in answer.headers or answer.headers.get("X-RateLimit-Remaining") == "0"
    if answer.status != 403 or not limited:
        return None
    return OutsideFailure(f"{host_of(url)} takes no more requests for now (status 403)", fix=LATER)

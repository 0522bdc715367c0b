"""A Prometheus server at a URL of the team's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from modelway.errors import InvalidInput, OutsideFailure

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
TOKEN = "MODELWAY_PROMETHEUS_TOKEN"  # noqa: S105  the variable's name
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BearerToken(requests.auth.AuthBase):
    """An auth object, because a .netrc would replace a plain Authorization header."""

    token: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@dataclass(frozen=True)
class PrometheusUrl:
    """url: http or https, with the path that the API is below, if any. InvalidInput where it is none. Called with a path of
    the API and its parameters, it is the body of the answer; OutsideFailure where there is none in time."""

    url: str
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        where = "the URL of Prometheus"
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise InvalidInput("is no URL", where=where, fix="such as https://prometheus.example.com") from None
        if parts.username is not None:
            raise InvalidInput("holds a name or a password", where=where, fix="leave it out, and give a token")
        if not valid or parts.query or parts.fragment:
            raise InvalidInput(f"is {self.url!r}", where=where, fix="such as https://prometheus.example.com")
        if not (self.token.isascii() and self.token.isprintable()):
            raise InvalidInput(
                "holds characters that no token has", where="the token of Prometheus", fix="copy it again"
            )

    def __call__(self, path: str, parameters: Mapping[str, str]) -> bytes:
        try:
            with requests.get(
                self.url.rstrip("/") + path,
                params=parameters,
                auth=BearerToken(self.token),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,  # a token goes nowhere else
                stream=True,
            ) as answer:
                body = bytearray()
                for part in answer.iter_content(1 << 20):
                    body += part
                    if len(body) > MOST_BYTES:
                        raise self._failed("answers with more than 64 MB", "name fewer series")
        except requests.RequestException as error:
            raise self._failed(
                f"cannot be read: {type(error).__name__}", "see that it runs, and is reached from here"
            ) from None
        if answer.status_code in (401, 403):
            raise self._failed(f"answers {answer.status_code}", "give a token that may query it") from None
        if answer.is_redirect or answer.is_permanent_redirect:
            raise self._failed(f"answers {answer.status_code}: it sends elsewhere", "name the address that it sends to")
        if answer.status_code != 200 and not answer.headers.get("content-type", "").startswith("application/json"):
            raise self._failed(f"answers {answer.status_code}", "see that the URL is Prometheus' own")
        return bytes(body)

    def _failed(self, what: str, fix: str) -> OutsideFailure:
        return OutsideFailure(f"Prometheus {what}", where=self.url, fix=fix)

"""One message over HTTP: within its time, repeated where that may help, and a failure in one line without a secret."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.loopback import HOST

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
NOT_TAKEN = frozenset({425, 429, 503})
"""Of these: the server has not begun with it."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST_WORDS = 1 << 10
"""Bytes that are read of what a receiver says where it refuses; of its yes nothing is."""
CHUNK = 16 << 10
FIRST_PAUSE_SECONDS = 0.2


class Rejection(InvalidInput):
    """The server answered, and will not take it, however often it is sent."""

    def __init__(self, what: str, *, status: int, fix: str) -> None:
        self.status = status
        super().__init__(what, fix=fix)


class AmbiguousDelivery(OutsideFailure):
    """Nobody can say whether the server has taken it."""


@dataclass(frozen=True)
class ReceiverAnswer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """None where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


def checked_url(url: str, variable: str, *, secret: bool = True) -> str:
    """The address that a variable holds. secret: it is one, so that only https will do, but on this machine."""
    url = url.strip()
    if not url:
        raise InvalidInput("is not set", where=f"${variable}", fix="set it to the receiver's URL, from a secret")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise InvalidInput("does not hold a URL", where=f"${variable}", fix="copy it again; it begins with https://")
    if secret and parts.scheme == "http" and host not in (HOST, "localhost", "::1"):
        raise InvalidInput(
            "holds a URL with http://, over which anybody reads it", where=f"${variable}", fix="write https://"
        )
    return url


def host_of(url: str) -> str:
    """For messages: nothing else of a URL is said."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth of our own, because a .netrc would add one."""
    return request


def post(url: str, body: bytes, headers: Mapping[str, str], until: float, fix: str = "") -> ReceiverAnswer:
    """The answer with status 2xx. until: by time.monotonic. fix: what to do where it is refused."""
    return send(
        "POST", url, body, headers, until, lambda answer: Rejection(said(url, answer), status=answer.status, fix=fix)
    )


def send(
    verb: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    until: float,
    rejection: Callable[[ReceiverAnswer], ModelwayError],
    largest: int = 0,
    *,
    again: bool = True,
) -> ReceiverAnswer:
    """The answer with status 2xx; what is transient is tried again as long as there is time. OutsideFailure: it may work
    later. rejection: the failure that any other answer is. largest: so many bytes of the answer are wanted. again: false
    where it must not be done twice: then only what has not been taken for certain is tried again, and where nobody knows that
    it is AmbiguousDelivery."""
    failure: ModelwayError = OutsideFailure(f"{host_of(url)} was not asked: no time was left", fix=LATER)
    pause = FIRST_PAUSE_SECONDS
    while time.monotonic() < until:
        wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        try:
            answer = _once(verb, url, body, headers, until, largest)
        except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError, UnicodeError):
            raise InvalidInput(f"{host_of(url)[:100]} is no name of a host", fix="copy the URL again") from None
        except requests.exceptions.RequestException as error:
            failure = _unreachable(url, error)
            if isinstance(error, requests.exceptions.SSLError):
                raise failure from None
            if not again and not _is_unheard(error):
                raise AmbiguousDelivery(failure.what, fix=failure.fix) from None
        else:
            if answer.status < 300:
                return answer
            if answer.status in REDIRECTS:
                target = host_of(answer.headers.get("Location", ""))
                raise Rejection(
                    f"{host_of(url)} redirects{f' to {target[:100]}' if target else ''}, and a redirect is not followed",
                    status=answer.status,
                    fix="put the URL that it redirects to into the variable",
                )
            if answer.status not in TRANSIENT:
                raise rejection(answer)
            failure = OutsideFailure(said(url, answer), fix=LATER)
            if not again and answer.status not in NOT_TAKEN:
                raise AmbiguousDelivery(failure.what, fix=failure.fix)
            wait = max(wait, retry_after(answer))
        if time.monotonic() + wait >= until:
            break
        time.sleep(wait)
        pause *= 2
    raise failure


LATER = "see whether it runs, and what it says in its log"


def retry_after(answer: ReceiverAnswer) -> float:
    """Seconds that the server asks for; a date is none of them."""
    asked = answer.headers.get("Retry-After", "").strip()
    return float(asked) if asked.isdecimal() and len(asked) < 9 else 0.0


def said(url: str, answer: ReceiverAnswer) -> str:
    """What the server said, on one line: a status, and a short text where it gave one that is a message."""
    found = answer.json()
    text = found.get("message", "") if isinstance(found, dict) else answer.text
    flat = " ".join(str(text).split())
    shown = f": {flat[:200]}" if flat and not flat.startswith("<") else ""
    later = f", and takes no more for {seconds:.0f} s" if (seconds := retry_after(answer)) else ""
    return f"{host_of(url)} answered with status {answer.status}{shown}{later}"


def _once(
    verb: str, url: str, body: bytes | None, headers: Mapping[str, str], until: float, largest: int
) -> ReceiverAnswer:
    left = max(0.01, until - time.monotonic())
    with requests.request(
        verb,
        url,
        data=body,
        headers={"User-Agent": "modelway", **headers},
        auth=_as_it_is,
        timeout=left,
        allow_redirects=False,
        stream=True,
    ) as response:
        largest = largest if response.status_code < 300 else LONGEST_WORDS
        kept = bytearray()
        # few bytes one by one: a chunk is waited for until it is full, however slowly they come
        for chunk in response.iter_content(CHUNK if largest > LONGEST_WORDS else 1) if largest else ():
            kept += chunk
            if len(kept) >= largest:
                break
            if time.monotonic() > until:
                raise requests.exceptions.ReadTimeout
        return ReceiverAnswer(response.status_code, response.headers, bytes(kept[:largest]))


def _is_unheard(error: requests.exceptions.RequestException) -> bool:
    """Whether no connection was made at all."""
    return "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)


def _unreachable(url: str, error: requests.exceptions.RequestException) -> OutsideFailure:
    host = host_of(url)
    if isinstance(error, requests.exceptions.SSLError):
        return OutsideFailure(
            f"the TLS certificate of {host} is not trusted", fix="name its certificate authority in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return OutsideFailure(f"the proxy before {host} refused", fix="check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, requests.exceptions.Timeout):
        return OutsideFailure(f"{host} gave no answer in time", fix=LATER)
    if _is_unheard(error):
        return OutsideFailure(f"{host} cannot be reached", fix=LATER)
    return OutsideFailure(f"the connection to {host} broke", fix=LATER)

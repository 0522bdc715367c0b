"""HTTP to one MLflow server: time limits, retries, and errors in one line without secrets."""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3

from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry.protocol import AmbiguousAnswer, Rejected

CONNECT_SECONDS, READ_SECONDS = 10, 60
CALL_SECONDS, DOWNLOAD_SECONDS = 120, 3600
"""Of one answer from its first byte to its last: a server may send one byte a minute and never be silent."""
LARGEST = 64 << 20
"""Bytes of an answer that is held in memory."""
CHUNK = 1 << 20
ATTEMPTS = 6
WORD_SECONDS = 5.0
"""After so long a person who waits is told what for."""
LONGEST_PAUSE_SECONDS = 10.0
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
API = "/api/2.0/mlflow/"


@dataclass(frozen=True)
class Response:
    """What the server said, read whole. content is empty where it went into a file."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """ValueError where it is none."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Transport:
    """base: the server's address without credentials or a final slash. secrets: what no message may show."""

    base: str
    host: str
    session: requests.Session = field(repr=False)
    verify: bool | str
    certificate: str | None
    secrets: tuple[str, ...] = field(repr=False)
    sleep: Callable[[float], None] = time.sleep
    until: float = math.inf
    """By time.monotonic: no call is begun, waited for or repeated after it."""

    def within(self, seconds: float) -> Transport:
        """The same server, for calls that together take so long at most."""
        return replace(self, until=time.monotonic() + seconds)

    def api(
        self,
        verb: str,
        endpoint: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Iterable[tuple[str, str]] = (),
        once: bool = False,
    ) -> dict[str, Any]:
        """One call of MLflow's REST API. once: never sent a second time; AmbiguousAnswer where its effect is unknown."""
        response = self.send(verb, API + endpoint, json=body, params=list(query), once=once)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self.not_mlflow()
        return answer

    def send(
        self, verb: str, path: str, *, once: bool = False, into: BinaryIO | None = None, **arguments: Any
    ) -> Response:
        """The answer with status 2xx; its content is written into the file `into`, where one is given. Repeats what is safe to
        repeat: everything without `once`, and with it only what certainly did not reach the server. OutsideFailure where the
        answer has more than LARGEST bytes, or is not whole in time."""
        began = time.monotonic()
        for attempt in range(ATTEMPTS):
            response: Response | None = None
            try:
                response = self._request(verb, path, into, arguments)
            except requests.exceptions.SSLError as error:
                raise self._untrusted() from error
            except requests.exceptions.RequestException as error:
                failure: OutsideFailure = _unreachable(self.host, error)
                if once and not _never_sent(error):
                    raise AmbiguousAnswer(failure.what, fix=failure.fix) from error
            else:
                if response.status_code < 300:
                    return response
                if response.status_code not in TRANSIENT and not _lost_in_database(response):
                    raise self._rejection(response)
                failure = OutsideFailure(
                    f"the MLflow server at {self.host} failed: {self._message(response)}",
                    fix="look into the server's log",
                )
                if once and response.status_code != 429:
                    raise AmbiguousAnswer(failure.what, fix=failure.fix)
            pause = _pause(attempt, response)
            if time.monotonic() + pause > self.until:
                break
            if attempt + 1 < ATTEMPTS:
                if time.monotonic() - began > WORD_SECONDS:
                    print(f"{failure.what}; attempt {attempt + 2} of {ATTEMPTS}", file=sys.stderr, flush=True)
                self.sleep(pause)
        raise failure

    def not_mlflow(self) -> InvalidInput:
        return InvalidInput(
            f"{self.host} does not answer as an MLflow server does",
            where="tracking-uri",
            fix="name the server's own address, not a login page or another service",
        )

    def _request(self, verb: str, path: str, into: BinaryIO | None, arguments: Mapping[str, Any]) -> Response:
        left = self.until - time.monotonic()
        if left <= 0:
            raise requests.exceptions.ReadTimeout
        until = time.monotonic() + min(left, DOWNLOAD_SECONDS if into else CALL_SECONDS)
        with self.session.request(
            verb,
            self.base + path,
            timeout=(min(CONNECT_SECONDS, left), min(READ_SECONDS, left)),
            verify=self.verify,
            cert=self.certificate,
            allow_redirects=False,  # requests would turn a POST into a GET
            stream=True,
            **arguments,
        ) as response:
            target = into if into is not None and response.status_code < 300 else None
            if target is not None and target.tell():  # what an attempt before this one brought
                target.seek(0)
                target.truncate()
            kept, size = bytearray(), 0
            for chunk in response.iter_content(CHUNK):
                size += len(chunk)
                if target is not None:
                    target.write(chunk)
                elif size > LARGEST:
                    raise OutsideFailure(
                        f"the MLflow server at {self.host} answered with more than {LARGEST >> 20} MiB",
                        where=path,
                        fix="name the server's own address, not another service",
                    )
                else:
                    kept += chunk
                if time.monotonic() > until:
                    raise requests.exceptions.ReadTimeout
            return Response(response.status_code, response.headers, bytes(kept))

    def _rejection(self, response: Response) -> InvalidInput:
        status = response.status_code
        if status in (301, 302, 303, 307, 308):
            target = urlsplit(response.headers.get("Location", ""))
            return InvalidInput(
                f"{self.host} redirects to {target.scheme}://{target.hostname}",
                where="tracking-uri",
                fix="name the address that it redirects to",
            )
        try:
            answer = response.json()
            code = str(answer["error_code"])
        except (ValueError, KeyError, TypeError):
            code = ""
        if status in (401, 403):
            fix = "check MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        else:
            fix = "" if code else "name the MLflow server's own address"
        what = f"the MLflow server at {self.host} refused: {self._message(response)}"
        return Rejected(what, status=status, code=code, fix=fix)

    def _message(self, response: Response) -> str:
        try:
            message = str(response.json()["message"])
        except (ValueError, KeyError, TypeError):
            message = ""
        message = " ".join(message.split())
        for secret in self.secrets:
            message = message.replace(secret, "***")
        status = f"status {response.status_code}"
        return f"{message[:300]} ({status})" if message else status

    def _untrusted(self) -> OutsideFailure:
        return OutsideFailure(
            f"the TLS certificate of {self.host} is not trusted",
            fix="name its certificate authority in MLFLOW_TRACKING_SERVER_CERT_PATH",
        )


def _lost_in_database(response: Response) -> bool:
    """MLflow answers 400 where its database rolled back, such as when two clients set an alias for the first time at
    the same moment: the next attempt goes through."""
    return response.status_code == 400 and "BAD_REQUEST" in response.text and "[SQL: " in response.text


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    """No connection was made, so the server cannot have seen the call."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    refused = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    return isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, refused)


def _unreachable(host: str, error: requests.exceptions.RequestException) -> OutsideFailure:
    if isinstance(error, requests.exceptions.ReadTimeout):
        what = f"the MLflow server at {host} gave no answer in time"
        return OutsideFailure(what, fix="look into the server's log")
    if isinstance(error, requests.exceptions.ProxyError):
        return OutsideFailure(f"the proxy before {host} refused", fix="check HTTPS_PROXY and NO_PROXY")
    if _never_sent(error):
        fix = "check the tracking-uri, that the server runs, and the network"
        return OutsideFailure(f"the MLflow server at {host} cannot be reached", fix=fix)
    return OutsideFailure(f"the connection to the MLflow server at {host} broke", fix="look into the server's log")


def _pause(attempt: int, response: Response | None) -> float:
    """Seconds before the next attempt: doubled each time, spread so that many clients do not come back as one."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    wanted = float(asked) if asked.isdecimal() else 0.2 * 2**attempt
    return min(wanted, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

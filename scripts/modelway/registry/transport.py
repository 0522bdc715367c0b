"""HTTP to one MLflow server: credentials, time limits, retries, and errors in one line without secrets."""

from __future__ import annotations

import base64
import json
import math
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

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
OLDEST = (2, 3)
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
API = "/api/2.0/mlflow/"
DATABRICKS_HOSTS = (".databricks.com", ".azuredatabricks.net", ".databricks.us", ".databricks.azure.us")


@dataclass(frozen=True)
class Answer:
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
class Credentials(requests.auth.AuthBase):
    """An auth object of our own, because a .netrc would replace a plain Authorization header."""

    header: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header:
            request.headers["Authorization"] = self.header
        return request


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
    ) -> Answer:
        """The answer with status 2xx; its content is written into the file `into`, where one is given. Repeats what is safe to
        repeat: everything without `once`, and with it only what certainly did not reach the server. OutsideFailure where the
        answer has more than LARGEST bytes, or is not whole in time."""
        began = time.monotonic()
        for attempt in range(ATTEMPTS):
            response: Answer | None = None
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

    def _request(self, verb: str, path: str, into: BinaryIO | None, arguments: Mapping[str, Any]) -> Answer:
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
            return Answer(response.status_code, response.headers, bytes(kept))

    def _rejection(self, response: Answer) -> InvalidInput:
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

    def _message(self, response: Answer) -> str:
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


def open_transport(tracking_uri: str, environ: Mapping[str, str], seconds: float = math.inf) -> Transport:
    """A session with the server that the address names, after asking for its version. seconds: for all calls together."""
    address = _checked(tracking_uri.strip())
    name, password = environ.get("MLFLOW_TRACKING_USERNAME", ""), environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if not name and address.username:
        name, password = unquote(address.username), unquote(address.password or "")
    token = environ.get("MLFLOW_TRACKING_TOKEN", "").strip()
    if not token.isascii() or not token.isprintable():
        raise InvalidInput("holds characters that no token has", where="MLFLOW_TRACKING_TOKEN", fix="copy it again")
    session = requests.Session()
    session.auth = Credentials(_authorization(token, name, password))
    insecure = environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true")
    authority = environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or environ.get("REQUESTS_CA_BUNDLE") or True
    if insecure:  # the user has said so: no warning for every call
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    host = address.netloc.rpartition("@")[2]
    transport = Transport(
        base=f"{address.scheme}://{host}{address.path.rstrip('/')}",
        host=host,
        session=session,
        verify=False if insecure else authority,
        certificate=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
        secrets=tuple(secret for secret in (token, password, unquote(address.password or "")) if secret),
    ).within(seconds)
    try:
        version = _version_of(transport)
    except OSError as error:  # requests: a certificate file that is not there
        raise InvalidInput(
            "the certificate file cannot be read", where="MLFLOW_TRACKING_SERVER_CERT_PATH", fix="name an existing file"
        ) from error
    if version < OLDEST:
        raise InvalidInput(
            f"the MLflow server at {host} is version {'.'.join(map(str, version))}, too old for aliases",
            where="tracking-uri",
            fix=f"upgrade it to {'.'.join(map(str, OLDEST))} or newer",
        )
    return transport


def _version_of(transport: Transport) -> tuple[int, ...]:
    text = transport.send("GET", "/version").text.strip()
    found = re.match(r"(\d+)\.(\d+)(\.\d+)?[.\w+-]*\Z", text)
    if found is None:
        raise transport.not_mlflow()
    return int(found[1]), int(found[2])


def _checked(tracking_uri: str) -> Any:
    try:
        address = urlsplit(tracking_uri)
        host = address.hostname or ""
        _ = address.port
    except ValueError as error:
        raise _not_an_address() from error
    scheme = address.scheme.lower()
    if scheme in ("databricks", "databricks-uc", "uc") or tracking_uri in ("databricks", "databricks-uc"):
        raise _databricks()
    if not tracking_uri:
        raise InvalidInput("no MLflow server is named", where="tracking-uri", fix="set it, or MLFLOW_TRACKING_URI")
    if scheme not in ("http", "https"):
        store = f"{scheme}:" if scheme else "a folder"
        raise InvalidInput(
            f"{store} names a store, not a server",
            where="tracking-uri",
            fix="start `mlflow server --serve-artifacts --backend-store-uri ...` on it and name its http:// address",
        )
    if not host or address.query or address.fragment:
        raise _not_an_address()
    if host.endswith(DATABRICKS_HOSTS):
        raise _databricks()
    return address


def _not_an_address() -> InvalidInput:
    return InvalidInput(
        "not the address of a server", where="tracking-uri", fix="write it as https://mlflow.example.org"
    )


def _databricks() -> InvalidInput:
    return InvalidInput(
        "Databricks' registry (Unity Catalog) is not supported yet",
        where="tracking-uri",
        fix="name an MLflow server of your own (https://mlflow.example.org)",
    )


def _authorization(token: str, name: str, password: str) -> str:
    if name:
        return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    return f"Bearer {token}" if token else ""


def _lost_in_database(response: Answer) -> bool:
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


def _pause(attempt: int, response: Answer | None) -> float:
    """Seconds before the next attempt: doubled each time, spread so that many clients do not come back as one."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    wanted = float(asked) if asked.isdecimal() else 0.2 * 2**attempt
    return min(wanted, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

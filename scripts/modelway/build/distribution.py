"""A repository of an OCI registry: what is there, what is fetched, what is pushed.

oras exchanges credentials for tokens. The calls are made here: with a time limit, short retries, a fresh token when another
scope is asked for, blobs that are streamed and not read into memory, and manifests that are sent as the bytes that they are
(it would write their JSON anew, with another digest; ADR 6).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import oras.auth
import oras.logger
import requests
import requests.adapters

from modelway.build.docker_config import Login, login_of
from modelway.build.layout import DOCUMENT_LIMIT, INDEX_TYPE, MANIFEST_TYPE, Descriptor
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure, Refused

PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"(?P<host>[A-Za-z0-9.-]+(?::\d+)?|\[::1\]:\d+)/(?P<path>{PART}(?:/{PART})*)")
DOCKER_HUB, HUB_HOST, HUB_LOGIN = (
    ("docker.io", "index.docker.io"),
    "registry-1.docker.io",
    "https://index.docker.io/v1/",
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ACCEPTED = (
    MANIFEST_TYPE,
    INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
CONNECT_SECONDS, READ_SECONDS = 10, 120
PAUSES_SECONDS = (0.5, 2.0, 5.0)
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
CHUNK = 1 << 20
REFERRERS_HEADER = "OCI-Subject"


@dataclass(frozen=True)
class Body:
    """A file that is sent, from its start at every attempt."""

    path: Path
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


class _Adapter(requests.adapters.HTTPAdapter):
    """oras asks for tokens without a time limit."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        options["timeout"] = options.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        return super().send(request, **options)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without an auth of its own a session lets a .netrc replace the Authorization header."""
    return request


@dataclass(frozen=True)
class Repository:
    """name: as the user wrote it, without tag and digest. host: where its registry answers."""

    name: str
    host: str
    path: str
    scheme: str
    session: requests.Session = field(repr=False)
    basic: str = field(repr=False)
    """The Authorization header of a registry that wants it with every call; empty for one that wants a token."""
    tokens: oras.auth.TokenAuth = field(repr=False)

    def manifest(self, reference: str) -> tuple[bytes, str]:
        """The bytes of a manifest or index, and its media type. reference: `sha256:...` or a tag."""
        answer = self._call("GET", f"manifests/{reference}", headers={"Accept": ", ".join(ACCEPTED)})
        if answer.status_code != 200:
            raise self._refusal(answer, f"has no {self.name} {reference[:80]}")
        data = answer.content
        if len(data) > DOCUMENT_LIMIT:
            raise OutsideFailure(f"the manifest of {self.name} is over {DOCUMENT_LIMIT >> 20} MiB", where=self.host)
        expected = reference.removeprefix("sha256:")
        if reference.startswith("sha256:") and hashlib.sha256(data).hexdigest() != expected:
            raise Refused(f"answered {self.name}@{reference} with something else", where=self.host, fix="try another")
        return data, answer.headers.get("Content-Type", "").split(";")[0]

    def index(self, tag: str) -> list[dict[str, Any]]:
        """The manifests of the index that has the tag; none where it is not there."""
        answer = self._call("GET", f"manifests/{tag}", headers={"Accept": INDEX_TYPE})
        if answer.status_code == 404:
            return []
        try:
            return [dict(item) for item in answer.json()["manifests"]]
        except (ValueError, KeyError, TypeError):
            raise self._refusal(answer, f"has something else than an index at {self.name}:{tag}") from None

    def fetch_blob(self, blob: Descriptor, file: Path) -> None:
        """Write a blob to a file. Refused where it is not what its digest says."""
        answer = self._call("GET", f"blobs/sha256:{blob.digest}", stream=True)
        if answer.status_code != 200:
            raise self._refusal(answer, f"has no blob sha256:{blob.digest}")
        digest = hashlib.sha256()
        try:
            with answer, file.open("wb") as target:
                for chunk in answer.iter_content(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
        except requests.RequestException as error:
            raise self._unreachable(error) from None
        if digest.hexdigest() != blob.digest:
            what = f"sent something else as blob sha256:{blob.digest}, or a part of it"
            raise Refused(what, where=self.host, fix="run the same command again")

    def push_blob(self, blob: Descriptor, file: Path) -> bool:
        """False where the registry has it already."""
        if self._call("HEAD", f"blobs/sha256:{blob.digest}").status_code == 200:
            return False
        begun = self._call("POST", "blobs/uploads/")
        location = begun.headers.get("Location", "")
        if begun.status_code != 202 or not location:
            raise self._refusal(begun, f"takes no upload to {self.name}")
        address = urljoin(self._url("blobs/uploads/"), location)
        address += ("&" if urlsplit(address).query else "?") + urlencode({"digest": f"sha256:{blob.digest}"})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        answer = self._call("PUT", address, data=Body(file, blob.size), headers=headers)
        if answer.status_code != 201:
            raise self._refusal(answer, f"did not take blob sha256:{blob.digest}")
        return True

    def push_manifest(self, data: bytes, media_type: str, reference: str) -> bool:
        """Put the bytes as they are. Refused where the registry then speaks of another digest. True where it took note of
        the manifest's subject."""
        answer = self._call("PUT", f"manifests/{reference}", data=data, headers={"Content-Type": media_type})
        if answer.status_code != 201:
            raise self._refusal(answer, f"did not take the manifest {reference[:80]} of {self.name}")
        expected = f"sha256:{hashlib.sha256(data).hexdigest()}"
        said = answer.headers.get("Docker-Content-Digest", expected)
        if said != expected:
            raise Refused(f"stored {self.name} as {said[:80]}, not as {expected}", where=self.host)
        return REFERRERS_HEADER in answer.headers

    def _url(self, path: str) -> str:
        return f"{self.scheme}://{self.host}/v2/{self.path}/{path}"

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call, again after a passing failure; and once more with a new token, since one token has one scope."""
        address = path if "://" in path else self._url(path)
        pauses = iter(PAUSES_SECONDS)
        renewed = False
        while True:
            failure = None
            try:
                answer = self._asked(method, address, options)
                if answer.status_code in (401, 403) and not renewed and self._renewed(answer):
                    renewed = True
                    continue
            except requests.exceptions.SSLError as error:
                raise self._unreachable(error) from None
            except requests.RequestException as error:
                failure = self._unreachable(error)
            else:
                if answer.status_code == 401:
                    raise self._login()
                if answer.status_code not in TRANSIENT:
                    return answer
            pause = next(pauses, None)
            if pause is None:
                raise failure or OutsideFailure(
                    f"answered {answer.status_code}, again and again", where=self.host, fix="try again later"
                )
            time.sleep(pause)

    def _asked(self, method: str, address: str, options: Mapping[str, Any]) -> requests.Response:
        """Basic credentials go with the first request already: a blob need not be sent twice."""
        token = f"Bearer {self.tokens.token}" if self.tokens.token else ""
        authorization = {"Authorization": self.basic or token} if self.basic or token else {}
        return self.session.request(
            method, address, **{**options, "headers": {**options.get("headers", {}), **authorization}}
        )

    def _renewed(self, answer: requests.Response) -> bool:
        """Whether there is a token for what the answer asks for."""
        answer.close()
        self.tokens.token = None
        if not answer.headers.get("WWW-Authenticate", "").lower().startswith("bearer"):
            return False
        try:
            return bool(self.tokens.authenticate_request(answer, {})[1])
        except (ValueError, AttributeError, TypeError) as error:  # its demand, or its token, is none
            if isinstance(error, requests.RequestException):
                raise
            return False

    def _refusal(self, answer: requests.Response, what: str) -> ModelwayError:
        try:
            said = "; ".join(str(error.get("message") or error.get("code")) for error in answer.json()["errors"])[:300]
        except (ValueError, KeyError, TypeError, AttributeError):
            said = ""
        if answer.status_code == 403:
            return InvalidInput(
                f"{what}: forbidden{f' ({said})' if said else ''}",
                where=self.host,
                fix=f"log in with `docker login {self.host}` as one who may, and see that the repository exists",
            )
        text = f"{what}: {answer.status_code}{f' ({said})' if said else ''}"
        return InvalidInput(text, where=self.host, fix="check the repository's name and that this user may reach it")

    def _login(self) -> InvalidInput:
        return InvalidInput(
            f"asks for a login to {self.name}, and what the docker config has for it is missing or not accepted",
            where=self.host,
            fix=f"run `docker login {self.host}` (or the registry's login action) before",
        )

    def _unreachable(self, error: Exception) -> OutsideFailure:
        reason = re.search(r"(\[Errno -?\d+\] [^'\")]+|certificate verify failed[^'\")]*|timed out)", str(error))
        return OutsideFailure(
            f"cannot be reached by {self.scheme}: {reason[1] if reason else type(error).__name__}",
            where=self.host,
            fix="check the registry's name and the network; http is used for this machine's own registries only",
        )


def open_repository(name: str, environ: Mapping[str, str] = os.environ) -> Repository:
    """name: REGISTRY/REPOSITORY, without tag or digest; a name without a registry is Docker Hub's. Credentials are those of
    $DOCKER_CONFIG/config.json, else ~/.docker/config.json, with its credential helpers."""
    host, path = _parsed(name)
    login = login_of(HUB_LOGIN if host in DOCKER_HUB else host, environ)
    host = HUB_HOST if host in DOCKER_HUB else host
    loopback = (urlsplit(f"//{host}").hostname or "") in LOOPBACK
    scheme = "http" if loopback else "https"
    session = _session(loopback)
    oras.logger.setup_logger(quiet=True)
    tokens = oras.auth.get_auth_backend("token", session, insecure=loopback)
    if login:
        tokens.set_basic_auth(login.user, login.secret)
    basic = _header(login) if login and _wants_basic(session, f"{scheme}://{host}/v2/") else ""
    return Repository(name, host, path, scheme, session, basic, tokens)


def _session(loopback: bool) -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # Harbor takes who keeps one for a browser
    for prefix in ("http://", "https://"):
        session.mount(prefix, _Adapter())
    session.auth = _as_it_is
    session.trust_env = not loopback  # no proxy to this machine
    return session


def _header(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.user}:{login.secret}".encode()).decode()


def _parsed(name: str) -> tuple[str, str]:
    first, _, rest = name.partition("/")
    named = rest and ("." in first or ":" in first or first == "localhost")
    full = name if named else f"docker.io/{name if '/' in name else f'library/{name}'}"
    found = NAME.fullmatch(full)
    if not found:
        raise InvalidInput(
            f"{name[:200]!r} is no repository's name",
            where="build",
            fix="write it as ghcr.io/team/model, in lower case",
        )
    return found["host"], found["path"]


def _wants_basic(session: requests.Session, address: str) -> bool:
    """How the registry wants to be asked."""
    try:
        answer = session.get(address)
    except requests.RequestException:
        return False  # the first call says why it cannot be reached
    return answer.headers.get("WWW-Authenticate", "").lower().startswith("basic")

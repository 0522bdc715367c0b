"""A repository of an OCI registry: what is there, what is fetched, what is pushed.

oras knows the docker config, credential helpers and the exchange of tokens. What it leaves open is closed here: a time limit
for every call, short retries, a fresh token when another scope is asked for, blobs that are streamed and not read into memory,
and manifests that are sent as the bytes that they are (it would write their JSON anew, with another digest; ADR 6).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import oras.auth
import oras.container
import oras.logger
import oras.provider
import requests
import requests.adapters

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
    """oras passes no time limit."""

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
    client: oras.provider.Registry = field(repr=False)

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
        return f"{self.client.prefix}://{self.host}/v2/{self.path}/{path}"

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call, again after a passing failure; and once more with a new token, since one token has one scope."""
        address = path if "://" in path else self._url(path)
        pauses = iter(PAUSES_SECONDS)
        renewed = False
        while True:
            headers = {**options.get("headers", {}), **self._authorization()}
            try:
                # without oras' own retries, which wait for more than two minutes
                answer: requests.Response = oras.provider.Registry.do_request.__wrapped__(
                    self.client, address, method, **{**options, "headers": headers}
                )
                failure = None
            except requests.exceptions.SSLError as error:
                raise self._unreachable(error) from None
            except requests.RequestException as error:
                failure = self._unreachable(error)
            except (ValueError, AttributeError):  # oras has nothing to answer a demand for credentials with
                raise self._login() from None
            if failure is None and answer.status_code == 401:
                if renewed or not isinstance(self.client.auth, oras.auth.TokenAuth):
                    raise self._login()
                self.client.auth.token, renewed = None, True
                continue
            if failure is None and answer.status_code not in TRANSIENT:
                return answer
            pause = next(pauses, None)
            if pause is None:
                raise failure or OutsideFailure(
                    f"answered {answer.status_code}, again and again", where=self.host, fix="try again later"
                )
            time.sleep(pause)

    def _authorization(self) -> dict[str, str]:
        """Basic credentials go with the first request already: a blob need not be sent twice."""
        basic = getattr(self.client.auth, "_basic_auth", None)
        return (
            {"Authorization": f"Basic {basic}"} if basic and isinstance(self.client.auth, oras.auth.BasicAuth) else {}
        )

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
            f"cannot be reached by {self.client.prefix}: {reason[1] if reason else type(error).__name__}",
            where=self.host,
            fix="check the registry's name and the network; http is used for this machine's own registries only",
        )


def open_repository(name: str, environ: Mapping[str, str] = os.environ) -> Repository:
    """name: REGISTRY/REPOSITORY, without tag or digest; a name without a registry is Docker Hub's. Credentials are those of
    $DOCKER_CONFIG/config.json, else ~/.docker/config.json, with its credential helpers."""
    host, path = _parsed(name)
    login = HUB_LOGIN if host in DOCKER_HUB else host
    host = HUB_HOST if host in DOCKER_HUB else host
    loopback = (urlsplit(f"//{host}").hostname or "") in LOOPBACK
    oras.logger.setup_logger(quiet=True)
    backend = _backend(host, loopback)
    client = oras.provider.Registry(host, insecure=loopback, auth_backend=backend)
    for prefix in ("http://", "https://"):
        client.session.mount(prefix, _Adapter())
    client.session.auth = _as_it_is
    client.session.trust_env = not loopback  # no proxy to this machine
    client.auth._auth_config = _docker_config(environ)
    client.auth.load_configs(oras.container.Container(f"{login}/x" if "://" not in login else "x", registry=login))
    return Repository(name, host, path, client)


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


def _backend(host: str, loopback: bool) -> str:
    """How the registry wants to be asked: oras does not find out by itself."""
    session = requests.Session()
    session.trust_env = not loopback
    session.auth = _as_it_is
    try:
        answer = session.get(f"{'http' if loopback else 'https'}://{host}/v2/", timeout=(CONNECT_SECONDS, READ_SECONDS))
    except requests.RequestException:
        return "token"  # the first call says why it cannot be reached
    return "basic" if answer.headers.get("WWW-Authenticate", "").lower().startswith("basic") else "token"


def _docker_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """auths, credHelpers and credsStore of the docker config; oras reads the one in the home folder only."""
    folder = environ.get("DOCKER_CONFIG") or os.path.join(environ.get("HOME", "/nonexistent"), ".docker")
    path = Path(folder, "config.json")
    empty: dict[str, Any] = {"auths": {}, "credHelpers": {}, "credsStore": None}
    if not path.is_file():
        return empty
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {key: said.get(key) or default for key, default in empty.items()}
    except (OSError, ValueError, AttributeError):
        raise InvalidInput("is no docker config", where=str(path), fix="log in again with `docker login`") from None

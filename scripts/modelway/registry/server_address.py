"""The way to one MLflow server: its address, the credentials, and whether it is a server of MLflow that is new enough."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from modelway.errors import InvalidInput
from modelway.registry.transport import Transport

OLDEST = (2, 3)
DATABRICKS_HOSTS = (".databricks.com", ".azuredatabricks.net", ".databricks.us", ".databricks.azure.us")


@dataclass(frozen=True)
class Credentials(requests.auth.AuthBase):
    """An auth object of our own, because a .netrc would replace a plain Authorization header."""

    header: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header:
            request.headers["Authorization"] = self.header
        return request


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
        "Databricks is asked through MLflow's own client",
        where="tracking-uri",
        fix="write it as databricks, and set DATABRICKS_HOST and DATABRICKS_TOKEN",
    )


def _authorization(token: str, name: str, password: str) -> str:
    if name:
        return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    return f"Bearer {token}" if token else ""

"""The keys and certificates of a cluster, by openssl: its authority, its API server's, and the key that signs the tokens of
service accounts."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from cluster.plan import API_SERVICE, NODE_ADDRESS

DAYS = "7"
NAMES = (
    *("DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc"),
    *("IP:127.0.0.1", f"IP:{NODE_ADDRESS}", f"IP:{API_SERVICE}"),
)


def write(folder: Path) -> str:
    """authority.crt, server.crt, server.key and accounts.key. Returns the authority's certificate, base64."""
    _key(folder / "authority.key")
    _key(folder / "server.key")
    _openssl("genrsa", "-out", folder / "accounts.key", "2048")
    authority: list[str | Path] = [
        "-key",
        folder / "authority.key",
        "-subj",
        "/CN=tests",
        "-out",
        folder / "authority.crt",
    ]
    uses = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    _openssl("req", "-x509", "-new", "-days", DAYS, *authority, *uses)
    request: list[str | Path] = [
        "-key",
        folder / "server.key",
        "-subj",
        "/CN=kube-apiserver",
        "-out",
        folder / "server.csr",
    ]
    _openssl("req", "-new", *request)
    (folder / "server.ext").write_text(
        f"subjectAltName={','.join(NAMES)}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n"
    )
    signer: list[str | Path] = ["-CA", folder / "authority.crt", "-CAkey", folder / "authority.key", "-CAcreateserial"]
    made: list[str | Path] = [
        "-in",
        folder / "server.csr",
        "-extfile",
        folder / "server.ext",
        "-out",
        folder / "server.crt",
    ]
    _openssl("x509", "-req", "-days", DAYS, *signer, *made)
    return base64.b64encode((folder / "authority.crt").read_bytes()).decode()


def _key(path: Path) -> None:
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *(str(argument) for argument in arguments)], check=True, capture_output=True)

"""uv without pip: the pinned wheel from the index that pip is set up for, checked against its hash.

A machine that has python3 alone (no pip, no ensurepip, no curl) is an ordinary Debian; the standard library is enough.
"""

from __future__ import annotations

import configparser
import hashlib
import html
import os
import re
import ssl
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from modelway.environments import home
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import replacing

DEFAULT_INDEX = "https://pypi.org/simple"
PIN = requirements_file("uv")
TIMEOUT_SECONDS = 60
FIX = "install uv (it is taken from PATH), set PIP_INDEX_URL to an index that is reached, or MODELWAY_WHEELHOUSE"


@dataclass(frozen=True)
class IndexSettings:
    """Where packages come from, as pip is configured. Empty: not configured."""

    url: str
    certificates: str
    extra: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Addresses, and folders that exist: pip passes over one that does not."""
    no_index: bool = False


def index_settings(environ: Mapping[str, str]) -> IndexSettings:
    """pip's own order: its variables, the file of $PIP_CONFIG_FILE, the user's file, the machine's file."""
    configured: dict[str, str] = {}
    user = environ.get("HOME", "/nonexistent")
    config_home = environ.get("XDG_CONFIG_HOME") or f"{user}/.config"
    paths = [
        "/etc/pip.conf",
        f"{user}/.pip/pip.conf",
        f"{config_home}/pip/pip.conf",
        environ.get("PIP_CONFIG_FILE", ""),
    ]
    for path in filter(None, paths):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            continue  # a file that pip would refuse is pip's to report
        for key in ("index-url", "extra-index-url", "find-links", "no-index", "cert"):
            if parser.has_option("global", key):
                configured[key] = parser.get("global", key)

    def said(key: str) -> str:
        return environ.get(f"PIP_{key.upper().replace('-', '_')}") or configured.get(key, "")

    return IndexSettings(
        url=said("index-url"),
        certificates=said("cert"),
        extra=tuple(said("extra-index-url").split()),
        links=tuple(link for link in said("find-links").split() if "://" in link or Path(link).is_dir()),
        no_index=said("no-index").lower() in ("1", "true", "yes", "on"),
    )


def uv_indexes(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The addresses that uv is set up for, its default index first (empty where it has none), with the names and passwords
    of its named ones in place."""
    default = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or ""
    more = f"{environ.get('UV_INDEX', '')} {environ.get('UV_EXTRA_INDEX_URL', '')}".split()
    return tuple(_address(said, environ) for said in (default, *more))


def _address(said: str, environ: Mapping[str, str]) -> str:
    name, equals, address = said.partition("=")
    if not equals or not re.fullmatch(r"[\w.-]+", name):
        return said
    variable = "UV_INDEX_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()
    user, password = (
        urllib.parse.quote(environ.get(f"{variable}_{part}", ""), "") for part in ("USERNAME", "PASSWORD")
    )
    return address.replace("://", f"://{user}:{password}@", 1) if user or password else address


def pinned_uv() -> Path:
    """The uv of requirements/uv.txt, made executable below the cache folder. InvalidInput where it cannot be had."""
    version, hashes = _pin(PIN.read_text(encoding="utf-8"))
    target = home.cache_folder() / "uv" / version / "uv"
    if target.exists():
        return target
    wheel = _from_wheelhouse(version, hashes) or _from_index(version, hashes)
    with zipfile.ZipFile(BytesIO(wheel)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        program = archive.read(member)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, shared=True) as unfinished:
        unfinished.write_bytes(program)
        unfinished.chmod(0o755)
    return target


def _pin(text: str) -> tuple[str, frozenset[str]]:
    version = re.search(r"^uv==([0-9.]+)", text, re.MULTILINE)
    if not version:
        raise InvalidInput("names no uv==VERSION", where=str(PIN), fix="check out all of modelway")
    return version[1], frozenset(re.findall(r"sha256:([0-9a-f]{64})", text))


def _fits(name: str, version: str) -> bool:
    system = os.uname()
    tags = {"Linux": "manylinux", "Darwin": "macosx"}
    return (
        name.startswith(f"uv-{version}-py3-none-")
        and name.endswith(f"_{system.machine}.whl")
        and tags.get(system.sysname, "-") in name
    )


def _from_wheelhouse(version: str, hashes: frozenset[str]) -> bytes | None:
    wheelhouse = os.environ.get("MODELWAY_WHEELHOUSE")
    if not wheelhouse:
        return None
    for path in sorted(Path(wheelhouse).glob(f"uv-{version}-*.whl")):
        if _fits(path.name, version):
            return _checked(path.read_bytes(), hashes, path.name)
    raise InvalidInput(
        f"holds no uv {version} for this machine", where="MODELWAY_WHEELHOUSE", fix="add uv's wheel, or install uv"
    )


def _from_index(version: str, hashes: frozenset[str]) -> bytes:
    environ = os.environ
    settings = index_settings(environ)
    index = uv_indexes(environ)[0] or settings.url or DEFAULT_INDEX
    context = ssl.create_default_context(cafile=settings.certificates or environ.get("SSL_CERT_FILE") or None)
    page_url = f"{index.rstrip('/')}/uv/"
    page = _fetch(page_url, context).decode("utf-8", "replace")
    for link in re.findall(r'href="([^"]+)"', page):
        url = urllib.parse.urljoin(page_url, html.unescape(link))
        name = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])
        if _fits(name, version):
            return _checked(_fetch(url, context), hashes, name)
    raise InvalidInput(f"the package index has no uv {version} for this machine", fix=FIX)


def _fetch(url: str, context: ssl.SSLContext) -> bytes:
    parts = urllib.parse.urlsplit(url)
    request = urllib.request.Request(
        urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    )
    if parts.username:
        import base64

        pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as answer:
            return bytes(answer.read())
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise InvalidInput(
            f"uv is not on PATH and could not be fetched from {parts.hostname or 'the package index'}: {reason}",
            fix=FIX,
        ) from None


def _checked(wheel: bytes, hashes: frozenset[str], name: str) -> bytes:
    if hashlib.sha256(wheel).hexdigest() not in hashes:
        raise OutsideFailure(
            f"{name} does not have the pinned hash", fix="use another package index, or install uv yourself"
        )
    return wheel

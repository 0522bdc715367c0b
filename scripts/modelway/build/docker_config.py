"""The logins of `docker login`: what config.json and its credential helpers know of a registry."""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelway.errors import InvalidInput

HELPER_SECONDS = 60


@dataclass(frozen=True)
class Login:
    user: str
    secret: str = field(repr=False)


def login_of(host: str, environ: Mapping[str, str]) -> Login | None:
    """Of $DOCKER_CONFIG/config.json, else ~/.docker/config.json; None where it has none for this host. localhost and 127.0.0.1
    are the same machine."""
    folder = environ.get("DOCKER_CONFIG") or os.path.join(environ.get("HOME", "/nonexistent"), ".docker")
    path = Path(folder, "config.json")
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        sections = {name: dict(config.get(name) or {}) for name in ("auths", "credHelpers")}
        found = (_found(name, sections, config.get("credsStore")) for name in _names(host))
        return next((login for login in found if login), None)
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        raise InvalidInput("is no docker config", where=str(path), fix="log in again with `docker login`") from None


def _found(host: str, sections: Mapping[str, Mapping[str, Any]], store: str | None) -> Login | None:
    if written := (sections["auths"].get(host) or {}).get("auth"):
        try:
            user, _, secret = base64.b64decode(written).decode().partition(":")
        except binascii.Error as error:
            raise ValueError("not base64") from error
        return Login(user, secret)
    helpers = (sections["credHelpers"].get(host), store)
    return next((login for helper in helpers if helper and (login := _helped(helper, host))), None)


def _helped(helper: str, host: str) -> Login | None:
    """None where the helper is missing or knows nothing."""
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=host.encode(),
            capture_output=True,
            check=True,
            timeout=HELPER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    said = json.loads(done.stdout)
    return Login(said["Username"], said["Secret"])


def _names(host: str) -> list[str]:
    pairs = (("localhost", "127.0.0.1"), ("127.0.0.1", "localhost"))
    return [host, *(host.replace(one, other) for one, other in pairs if one in host)]

"""Where environments are kept, and what of the caller's surroundings may reach them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from modelway.errors import InvalidInput

PLATFORMS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}


def check_platform() -> None:
    system = os.uname()
    if (system.sysname, system.machine) not in PLATFORMS:
        raise InvalidInput(
            f"{system.sysname} on {system.machine} is not supported",
            fix="use Linux with glibc on x86-64 or arm64, or macOS 15 on arm64",
        )
    if system.sysname == "Linux" and not _glibc():
        raise InvalidInput("this Linux has no glibc (Alpine?)", fix="use a Debian, Ubuntu or Red Hat based machine")


def _glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """$MODELWAY_HOME, else modelway below the user's cache folder: what can be made again. Absolute; not made here."""
    return _folder(environ, "MODELWAY_HOME", "XDG_CACHE_HOME", ".cache")


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """$MODELWAY_STATE, else modelway below the user's state folder: deployments and images of this machine, which cannot be
    made again. Absolute; not made here."""
    return _folder(environ, "MODELWAY_STATE", "XDG_STATE_HOME", ".local/state")


def _folder(environ: Mapping[str, str], own: str, standard: str, below_home: str) -> Path:
    """own: the variable that names the folder itself; standard: the one for all programs, of the XDG base directories."""
    if named := environ.get(own):
        return Path(named).absolute()
    parent = environ.get(standard, "")
    if parent.startswith("/"):
        return Path(parent, "modelway")
    user = environ.get("HOME", "")
    if not user.startswith("/"):
        raise InvalidInput(f"neither {own} nor HOME is set", fix=f"set {own} to a folder that may be written")
    return Path(user, below_home, "modelway")


def made(folder: Path) -> Path:
    """The folder, which exists afterwards; InvalidInput where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"cannot be written: {error.strerror}",
            where=str(folder),
            fix="set MODELWAY_HOME to a folder that may be written",
        ) from None
    return folder


def without_python_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would steer a Python: PYTHON*, and a virtual environment's mark."""
    return {name: value for name, value in environ.items() if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"}

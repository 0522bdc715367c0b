"""Where environments are kept, and what of the caller's surroundings may reach them."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.files import NO_ROOM

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
        try:
            user = pwd.getpwuid(os.getuid()).pw_dir  # as a shell finds it
        except KeyError:
            raise InvalidInput(
                f"neither {own} nor HOME is set, and user {os.getuid()} has no account",
                fix=f"set {own} to a folder that may be written",
            ) from None
    return Path(user, below_home, "modelway")


def made(folder: Path) -> Path:
    """The folder, which exists afterwards and may be written; InvalidInput where it cannot, OutsideFailure where the disk is
    full."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise cannot_write(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    return folder


def cannot_write(folder: Path, error: OSError) -> ModelwayError:
    """What stands in the way, and the variable that names another place."""
    where = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if error.errno in NO_ROOM:
        return OutsideFailure(
            "the disk is full", where=str(where), fix="free some space and run the same command again"
        )
    variable = "MODELWAY_STATE" if _is_below(folder, state_folder) else "MODELWAY_HOME"
    what = f"cannot be written: {error.strerror}"
    if isinstance(error, PermissionError):
        what += f" (it is user {_owner(where)}'s, and this is user {_name(os.geteuid())})"
    return InvalidInput(what, where=str(where), fix=f"set {variable} to a folder that this user may write to")


def _is_below(folder: Path, of: Callable[[], Path]) -> bool:
    try:
        return folder.is_relative_to(of())
    except InvalidInput:
        return False


def _owner(path: Path) -> str:
    try:
        return _name(path.stat().st_uid)
    except OSError:
        return "another"


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def without_python_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would steer a Python: PYTHON*, and a virtual environment's mark."""
    return {name: value for name, value in environ.items() if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"}

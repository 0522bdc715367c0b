"""What a release is made for: a Python's minor version, an operating system, an architecture and its C library."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass

from modelway.errors import InvalidInput

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""OCI's names of architectures, and Linux's."""
OLDEST_GLIBC = 5
NEWEST_MAC = 15


@dataclass(frozen=True)
class Platform:
    """system and architecture are OCI's (linux, amd64); python is such as 3.11; libc such as 2.36, empty on macOS."""

    system: str
    architecture: str
    python: str
    libc: str

    @property
    def platform(self) -> str:
        return f"{self.system}/{self.architecture}"

    @property
    def named(self) -> str:
        return f"Python {self.python} on {self.platform}" + (f" with glibc {self.libc}" if self.libc else "")

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """The platform tags of the wheels that run there, the best first."""
        if self.system == "darwin":
            return tuple(f"macosx_{major}_0_{kind}" for major in range(NEWEST_MAC, 10, -1) for kind in _KINDS)
        machine = MACHINES[self.architecture]
        newest = _minor(self.libc)
        tags = []
        for minor in range(newest, OLDEST_GLIBC - 1, -1):
            tags.append(f"manylinux_2_{minor}_{machine}")
            tags += [f"{old}_{machine}" for old, since in _OLD_NAMES.items() if since == minor]
        return (*tags, f"linux_{machine}")

    @property
    def uv_platform(self) -> str:
        """uv's name for it."""
        if self.system == "darwin":
            return "aarch64-apple-darwin"
        newest = _minor(self.libc)
        known = max((minor for minor in _UV_GLIBC if minor <= newest), default=0)
        return f"{MACHINES[self.architecture]}-manylinux{f'_2_{known}' if known else '2014'}"


_KINDS = ("arm64", "universal2")
_OLD_NAMES = {"manylinux2014": 17, "manylinux2010": 12, "manylinux1": 5}
_UV_GLIBC = (17, 28, *range(31, 41))


def this_machine(python: str) -> Platform:
    """This machine with a Python of the given minor version."""
    system = os.uname()
    architecture = {"x86_64": "amd64"}.get(system.machine, "arm64")
    libc = platform.libc_ver()[1] if system.sysname == "Linux" else ""
    if system.sysname == "Linux":
        libc = (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]
    return Platform(system.sysname.lower(), architecture, python, libc)


def platform_of(described: str) -> str:
    """OCI's name of what `sysconfig.get_platform()` says, such as linux-x86_64 or macosx-14.0-arm64."""
    system = {"macosx": "darwin"}.get(described.split("-")[0], described.split("-")[0])
    machine = described.rpartition("-")[2]
    architecture = next((name for name, linux in MACHINES.items() if machine in (name, linux)), machine)
    return f"{system}/{architecture}"


def minor_of(version: str) -> str:
    """3.11 of 3.11.7."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found:
        raise InvalidInput(f"{version[:40]!r} is no Python version", fix="train the model again")
    return f"{found[1]}.{found[2]}"


def must_fit(python: str, described: str, target: Platform, where: str) -> None:
    """InvalidInput, naming both, where the model was trained for another Python or platform than the release is for."""
    trained = f"Python {minor_of(python)} on {platform_of(described)}"
    wanted = f"Python {target.python} on {target.platform}"
    if trained != wanted:
        raise InvalidInput(
            f"is {wanted}, and the model was trained with {trained}",
            where=where,
            fix="choose a base image with the model's Python and platform, or train with the image's",
        )


def _minor(libc: str) -> int:
    found = re.fullmatch(r"2\.(\d+)(\.\d+)?", libc)
    if not found:
        raise InvalidInput(f"the C library {libc[:40]!r} is no glibc 2.x", fix="use an image with glibc")
    return int(found[1])

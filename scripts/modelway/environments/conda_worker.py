"""A program: solves specs of conda's packages, or installs packages of conda's, with py-rattler. In an environment of its own
(requirements/conda.txt), which has nothing of modelway: it is asked by JSON on its input, and answers by JSON on its output.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import rattler
from rattler import exceptions
from rattler.package_streaming import download_to_path

AT_ONCE = 8
"""Downloads."""
REQUEST_SECONDS = 900
"""Of a whole file."""
LONGEST = 600
CHUNK = 1 << 20
TREE = dict.fromkeys(map(ord, "│├└─"), " ")
"""What the solver draws."""
NOT_THERE = ("could not find subdir", "(404 ", "(410 ", "No such file")
NO_LOGIN = ("401", "403")


class WrongHash(Exception):
    """A file that is not the one that was asked for."""


class OtherPlatform(Exception):
    """A package of another kind of machine than this one."""


async def solve(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The packages, each with its address and its sha256 in hexadecimal, which is empty where the channel has none."""
    if not all(channel.startswith("file:") for channel in asked["channels"]):
        reaching(client() if asked["online"] else None)
    gateway = rattler.Gateway(cache_dir=Path(asked["cache"]), client=client())
    records = await rattler.solve(
        [rattler.Channel(channel) for channel in asked["channels"]],
        asked["specs"],
        gateway=gateway,
        virtual_packages=rattler.VirtualPackage.detect(),
        constraints=[f"python {asked['python']}.*"],
        timeout=timedelta(seconds=asked["seconds"]),
    )
    return {"packages": [[record.url, record.sha256.hex() if record.sha256 else ""] for record in records]}


async def install(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Scripts of packages are run, as conda runs them: graphviz is of no use without its own."""
    here = str(rattler.platform.Subdir.current())
    for package in asked["packages"]:
        *_, subdir, name = package["address"].split("/")
        if subdir not in ("noarch", here):
            raise OtherPlatform(f"conda's package {name} is for {subdir}, and this machine is {here}")
    turns, bringing = asyncio.Semaphore(AT_ONCE), client() if asked["online"] else None

    async def one(package: Mapping[str, str]) -> Path:
        async with turns:
            return await brought(package["address"], package["sha256"], Path(asked["archives"]), bringing)

    archives = await asyncio.gather(*map(one, asked["packages"]))
    records = [await rattler.RepoDataRecord.from_package_archive(path) for path in archives]
    prefix = Path(asked["prefix"])
    await rattler.install(
        records,
        prefix,
        cache_dir=prefix.with_name(f"{prefix.name}.cache"),  # of the same disk: its files are the prefix's
        execute_link_scripts=True,
        show_progress=False,
        alternative_target_prefix=asked["written"] or None,
    )
    return {}


async def brought(address: str, sha256: str, archives: Path, bringing: rattler.Client | None) -> Path:
    """The package's file, from the folder of archives or from its channel."""
    name = unquote(urlsplit(address).path.rpartition("/")[2])
    path = archives / sha256 / name
    if path.is_file() and digest_of(path) == sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{name}.{secrets.token_hex(4)}.new")  # process numbers repeat in namespaces
    try:
        if address.startswith("file:"):
            shutil.copyfile(unquote(urlsplit(address).path), unfinished)
        else:
            await download_to_path(reaching(bringing), address, unfinished)
        if (found := digest_of(unfinished)) != sha256:
            raise WrongHash(f"{name} has the sha256 {found[:12]} and not {sha256[:12]}")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def client() -> rattler.Client:
    """A company's own authority is in the machine's store."""
    settings = rattler.Config.from_toml('tls-root-certs = "system"')
    return rattler.Client.from_config(settings, timeout=REQUEST_SECONDS)


def reaching(network: rattler.Client | None) -> rattler.Client:
    if network is None:
        raise ConnectionError("MODELWAY_WHEELHOUSE is set, so no network is used, and this is no folder's")
    return network


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def described(error: Exception) -> dict[str, str]:
    """On one line, with what kind of mistake it is."""
    said = " ".join(str(error).translate(TREE).split()).removeprefix("Cannot solve the request because of: ")[:LONGEST]
    return {"error": said or type(error).__name__, "kind": kind_of(error, said)}


def kind_of(error: Exception, said: str) -> str:
    if isinstance(error, WrongHash):
        return "hash"
    if isinstance(error, OtherPlatform):
        return "platform"
    if "No space left" in said or "os error 28" in said:
        return "disk"
    if isinstance(error, exceptions.SolverError):
        return "unsolvable"
    if isinstance(error, exceptions.InvalidMatchSpecError | exceptions.InvalidVersionSpecError):
        return "spec"
    if isinstance(error, exceptions.InvalidChannelError | exceptions.InvalidUrlError | FileNotFoundError):
        return "channel"
    if any(f"({code} " in said for code in NO_LOGIN):
        return "login"
    return "channel" if any(text in said for text in NOT_THERE) else "network"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries and scripts print
    asked = json.load(sys.stdin)
    try:
        answer = asyncio.run({"solve": solve, "install": install}[sys.argv[1]](asked))
    except Exception as error:
        answer = described(error)
    answers.write(json.dumps(answer))
    answers.flush()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(0)  # its threads need not end one by one, and may not outlive Python's


if __name__ == "__main__":
    main()

"""What PyPI has not: packages of conda's channels, solved and installed by py-rattler in a process of its own.

The lock names them in its last lines, `# conda: ADDRESS sha256:HEX`. They are installed into a prefix of their own beside an
environment's packages. A record holds no secret, so a password in an address stands there as `${NAME}`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from modelway import isolation
from modelway.environments import home
from modelway.environments.requirements import VARIABLE, holds_secret
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure

MARK = re.compile(r"^# conda: (\S+) sha256:([0-9a-f]{64})$", re.MULTILINE)
PLACE = "https://conda.anaconda.org"
"""Where a channel is that is named and not addressed."""
ANACONDA = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
"""What conda calls `defaults` on Linux and macOS."""
SUBDIR = re.compile(r"/(?:noarch|(?:linux|osx|win)-\w+)$")
TOKEN = re.compile(r"(/t/)([^/\s]+)")
USER = re.compile(r"(\w+://)([^/@\s]+)@")
WORKER = Path(__file__).with_name("conda_worker.py")
SOLVE_SECONDS, INSTALL_SECONDS = 900, 1500
"""The second is less than others wait for an environment that is being made."""
REACHES = re.compile(
    r"HOME|PATH|TMPDIR|LANG|LC_ALL|USER|LOGNAME|XDG_\w+|SSL_CERT_\w+|RATTLER_\w+|NETRC|(?i:https?_proxy|all_proxy|no_proxy)"
)
"""Of this process's variables what the worker sees: packages may have scripts that run when they are installed."""


@dataclass(frozen=True)
class CondaSpec:
    """A package that an environment.yml asks for. version: in conda's words with what stands before it, such as =1.2 or
    >=2,<3; empty where any will do. channel: an address; empty where any of the file's will do. where: the line."""

    name: str
    version: str
    channel: str
    where: str


@dataclass(frozen=True)
class CondaPackage:
    """One file of a channel. address: with `${NAME}` for what is secret in it."""

    address: str
    sha256: str

    @property
    def name(self) -> str:
        return self._parts[0]

    @property
    def version(self) -> str:
        return self._parts[1]

    @property
    def channel(self) -> str:
        """As people name it."""
        return shown(SUBDIR.sub("", self.address.rpartition("/")[0]))

    @property
    def build(self) -> str:
        return self._parts[2]

    @property
    def subdir(self) -> str:
        """The platform, or noarch."""
        return self.address.split("/")[-2]

    @property
    def mark(self) -> str:
        return f"# conda: {self.address} sha256:{self.sha256}"

    @property
    def _parts(self) -> list[str]:
        file = unquote(self.address.rpartition("/")[2]).removesuffix(".conda").removesuffix(".tar.bz2")
        return file.rsplit("-", 2)


def marked(lock: str) -> tuple[CondaPackage, ...]:
    """The packages that the lock names besides those of Python's indexes."""
    return tuple(CondaPackage(address, sha256) for address, sha256 in MARK.findall(lock))


def addresses(channels: Iterable[object], folder: Path, where: str) -> tuple[str, ...]:
    """Channels as environment.yml names them, as addresses without a last slash; conda-forge where none is named. folder: from
    which a path is found. InvalidInput where a secret stands in one."""
    found: list[str] = []
    for channel in channels:
        name = SUBDIR.sub("", str(channel).strip().rstrip("/"))
        if name == "defaults":
            found += ANACONDA
        elif "://" in name:
            found.append(_without_secrets(name, where))
        elif name.startswith((".", "/", "~")):
            found.append((folder / Path(name).expanduser()).resolve().as_uri())
        elif name != "nodefaults":
            found.append(f"{PLACE}/{name}")
    return tuple(dict.fromkeys(found)) or (f"{PLACE}/conda-forge",)


def shown(address: str) -> str:
    """A channel's name, or its address without what is secret in it."""
    return _hidden(address.removeprefix(f"{PLACE}/"))


def solved(specs: Sequence[CondaSpec], channels: Sequence[str], python: str) -> tuple[CondaPackage, ...]:
    """The packages that fulfil the specs on this machine, with what these need, sorted. python: the minor version of what runs
    beside them, such as 3.11.

    InvalidInput where no packages do, or there is no such channel; OutsideFailure where a channel is not reached."""
    asked_of = tuple(dict.fromkeys([*channels, *(spec.channel for spec in specs if spec.channel)]))
    expanded = {_expanded(address, specs[0].where): address for address in asked_of}
    asked = {
        "specs": [f"{_expanded(spec.channel, spec.where)}::{_text(spec)}".removeprefix("::") for spec in specs],
        "channels": list(expanded),
        "python": python,
        "cache": str(home.made(home.cache_folder() / "conda" / "channels")),
        "seconds": SOLVE_SECONDS,
    }
    answer = _answered("solve", asked, SOLVE_SECONDS)
    if "error" in answer:
        raise _not_solved(answer, specs, asked_of)
    found = [CondaPackage(_folded(address, expanded), sha256) for address, sha256 in answer["packages"]]
    if lacking := next((package for package in found if not package.sha256), None):
        raise InvalidInput(
            f"{lacking.channel} has no sha256 of {lacking.name}, so the environment cannot be repeated",
            where=specs[0].where,
            fix="name a channel that has one, such as conda-forge",
        )
    return tuple(sorted(found, key=lambda package: package.address))


def install(prefix: Path, packages: Sequence[CondaPackage], written: str = "") -> None:
    """The packages into a new folder, each file checked against its hash. written: where the folder will be found, which is
    written into its files; its own place where it is empty."""
    asked = {
        "packages": [
            {"address": _expanded(package.address, "the model's requirements"), "sha256": package.sha256}
            for package in packages
        ],
        "archives": str(home.made(home.cache_folder() / "conda" / "archives")),
        "prefix": str(prefix),
        "written": written,
    }
    try:
        answer = _answered("install", asked, INSTALL_SECONDS)
    finally:
        shutil.rmtree(f"{prefix}.cache", ignore_errors=True)
    if "error" in answer:
        raise _not_installed(answer)


def _answered(what: str, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """It is told by its input, where nobody can look."""
    from modelway.environments import locks, store  # which name this module
    from modelway.environments.tools import requirements_file

    python = store.interpreter(requirements_file("conda"), locks.base_python())
    environ = {name: value for name, value in os.environ.items() if REACHES.fullmatch(name)}
    command = isolation.command([python, "-I", "-X", "utf8", str(WORKER), what])
    try:
        done = subprocess.run(
            command,
            input=json.dumps({**asked, "online": not os.environ.get("MODELWAY_WHEELHOUSE")}),
            cwd="/",
            env=environ,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {seconds / 60:.0f} minutes", "kind": "network"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"error": f"the solver ended with {done.returncode}: {_hidden(said)[:300]}", "kind": "defect"}
    return answer


def _not_solved(answer: Mapping[str, Any], specs: Sequence[CondaSpec], channels: Sequence[str]) -> ModelwayError:
    said, kind = _hidden(str(answer["error"])), answer["kind"]
    named = [(place, spec) for spec in specs if (place := _place(spec.name, said)) is not None]
    where = min(named, key=lambda item: item[0])[1].where if named else specs[0].where
    if kind in ("unsolvable", "spec"):
        from_where = f"conda's channels ({', '.join(map(shown, channels))})"
        return InvalidInput(
            f"{from_where}: {said}",
            where=where,
            fix="correct the version, or add the channel that has it to `channels:`; leave out what nothing starts or imports",
        )
    if kind == "channel":
        return InvalidInput(
            f"there is no such channel of conda: {said}",
            where=where,
            fix="correct `channels:`, whose entries are a name of anaconda.org, an address or a folder",
        )
    if kind == "login":
        return _wants_login(said, where)
    return OutsideFailure(
        f"conda's channels are not reached: {said}",
        where=where,
        fix="check the network (HTTPS_PROXY), or name a mirror by its address in `channels:`; leave out what nothing starts"
        " or imports",
    )


def _not_installed(answer: Mapping[str, Any]) -> ModelwayError:
    said, kind = _hidden(str(answer["error"])), answer["kind"]
    if kind == "hash":
        return OutsideFailure(
            f"{said}: the channel has another file than the one it was trained with",
            fix="use the channel that it was trained from, or train the model again",
        )
    if kind == "platform":
        return InvalidInput(said, fix="train, judge and build on machines of one platform")
    if kind == "disk":
        return OutsideFailure(f"conda's packages: {said}", fix="free some disk space and run it again")
    if kind == "login":
        return _wants_login(said, "")
    if kind == "channel":
        return InvalidInput(
            f"a package of conda's channels is not there: {said}",
            fix="name a channel that every job reaches and that keeps its files, and train the model again",
        )
    return OutsideFailure(f"conda's packages cannot be installed: {said}", fix="check the network, and run it again")


def _wants_login(said: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"a channel of conda wants a login: {said}",
        where=where,
        fix="write https://${CHANNEL_USER}:${CHANNEL_PASSWORD}@host/channel and set both in train, gate and build, or set"
        " RATTLER_AUTH_FILE",
    )


def _text(spec: CondaSpec) -> str:
    return f"{spec.name}{spec.version}"


def _place(name: str, said: str) -> int | None:
    match = re.search(rf"(?i)(?<![\w.-]){re.escape(name)}(?![\w-])", said)
    return match.start() if match else None


def _without_secrets(address: str, where: str) -> str:
    token = TOKEN.search(address)
    if holds_secret(address) or (token and VARIABLE.sub("", token[2])):
        raise InvalidInput(
            "an address with a password or a token would be kept with every model",
            where=where,
            fix="write ${NAME} in its place and set these environment variables in train, gate and build",
        )
    return address


def _expanded(address: str, where: str) -> str:
    """With every `${NAME}` in its place."""
    for name in VARIABLE.findall(address):
        if name not in os.environ:
            raise InvalidInput(
                f"a channel of conda is named with ${{{name}}}, which is not set here",
                where=where,
                fix=f"set {name} as an environment variable of this job, as in the training's",
            )
    return VARIABLE.sub(lambda found: os.environ[found[1]], address)


def _folded(address: str, expanded: Mapping[str, str]) -> str:
    """With `${NAME}` again for what is secret. The solver writes a password in its own way."""
    plain = USER.sub(r"\1", address)
    for real in sorted(expanded, key=len, reverse=True):
        if plain.startswith(begin := USER.sub(r"\1", f"{real}/")):
            return f"{expanded[real]}/{plain[len(begin) :]}"
    return _hidden(address)


def _hidden(text: str) -> str:
    def kept(found: re.Match[str], after: str) -> str:
        return found[0] if not VARIABLE.sub("", found[2]).strip(":") else f"{found[1]}***{after}"

    return TOKEN.sub(lambda found: kept(found, ""), USER.sub(lambda found: kept(found, "@"), text))

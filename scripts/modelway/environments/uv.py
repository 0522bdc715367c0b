"""uv, the installer: found on PATH or brought by hash, and run so that nothing of the workspace steers it."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from modelway.environments import bootstrap, home, requirements
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure

OLDEST = (0, 5)
"""The first uv with every flag used here."""

HONOURED = re.compile(
    r"^UV_((DEFAULT_|EXTRA_)?INDEX(_URL)?|INDEX_.*|FIND_LINKS|NO_INDEX|OFFLINE|CACHE_DIR|NATIVE_TLS|SYSTEM_CERTS"
    r"|HTTP_TIMEOUT|INSECURE_HOST|KEYRING_PROVIDER|LINK_MODE|CONCURRENT_.*)$"
)
"""Where packages come from is the user's business; what they are is the lock's."""

SYSTEM_CERTIFICATES = ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")
"""What uv calls them, and what it called them before. A company's own authority is in the machine's store, as pip reads it,
and not among those that uv brings."""

FRAME = re.compile(
    r"^error: (?:No solution found when resolving dependencies:? (?:cause: )?)?"
    r"|, we can conclude that your requirements are unsatisfiable(?=\.?$)"
)
"""What it puts around a reason."""
BACKEND = "The build backend returned an error"
NETWORK_FAILURES = re.compile(
    r"error sending request|failed to fetch|connection|dns|timed? ?out|network|offline|certificate|tls|status (code )?5\d\d",
    re.IGNORECASE,
)


def make_environment(folder: Path, base_python: str) -> None:
    """An empty virtual environment on `base_python`; pip and ensurepip are not needed."""
    run(["venv", "--quiet", "--no-project", "--no-python-downloads", "--python", base_python, str(folder)])


def install(folder: Path, lock: Path, links: Sequence[str] = ()) -> None:
    """Exactly what `lock` names, every file checked against its hash, so that every index may be asked for every package.
    links: arguments for the wheels that no index has."""
    arguments = [
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--python",
        str(folder / "bin" / "python"),
    ]
    text = lock.read_text(encoding="utf-8")
    requirements.index_variables(requirements.index_lines(text), environment(os.environ), str(lock))
    arguments += ["--index-strategy", "unsafe-best-match", *links, *wheelhouse_arguments()]
    run([*arguments, "--requirement", str(lock.absolute())])


def run(
    arguments: Sequence[str], input_text: str | None = None, environ: Mapping[str, str] = MappingProxyType({})
) -> str:
    """uv's standard output. A failure is one line: what the index does not have is InvalidInput, no index is
    OutsideFailure. Runs outside the workspace, so that no uv.toml, pyproject.toml or .python-version there counts."""
    folder = home.made(home.cache_folder() / "uv-run")
    command = [executable(), *arguments, "--no-config", "--no-progress", "--color", "never"]
    surroundings = {**environment(os.environ), **environ}
    done = subprocess.run(
        command, cwd=folder, env=surroundings, input=input_text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise _failure(arguments, done.stderr)
    return done.stdout


def wheelhouse_arguments() -> list[str]:
    """With $MODELWAY_WHEELHOUSE set, a folder of wheels replaces the index and no network is used."""
    wheelhouse = os.environ.get("MODELWAY_WHEELHOUSE")
    if not wheelhouse:
        return []
    if not os.path.isdir(wheelhouse):
        raise InvalidInput(
            f"{wheelhouse[:200]!r} is not a folder", where="MODELWAY_WHEELHOUSE", fix="name a folder of wheels"
        )
    return ["--offline", "--no-index", "--find-links", os.path.abspath(wheelhouse)]


def executable() -> str:
    """The uv on PATH if it is not too old, else the pinned one, brought once per user."""
    found = shutil.which("uv")
    if found and _version(found) >= OLDEST:
        return found
    return str(bootstrap.pinned_uv())


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What uv may see of the caller's environment. pip's index settings hold for uv too, unless uv has its own."""
    kept = {
        name: value
        for name, value in home.without_python_settings(environ).items()
        if not name.startswith(("UV_", "CONDA_")) or HONOURED.match(name)
    }
    settings = bootstrap.index_settings(environ)
    if settings.url and not any(name in kept for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        kept["UV_DEFAULT_INDEX"] = settings.url
    if settings.extra and not any(name in kept for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL")):
        kept["UV_EXTRA_INDEX_URL"] = " ".join(settings.extra)
    if settings.links and "UV_FIND_LINKS" not in kept:
        kept["UV_FIND_LINKS"] = ",".join(settings.links)
    if settings.no_index:
        kept.setdefault("UV_NO_INDEX", "true")
    if settings.certificates:
        kept.setdefault("SSL_CERT_FILE", settings.certificates)
    elif ssl.get_default_verify_paths().cafile and not any(name in kept for name in SYSTEM_CERTIFICATES):
        kept |= dict.fromkeys(SYSTEM_CERTIFICATES, "true")
    return kept


def _version(path: str) -> tuple[int, ...]:
    try:
        text = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, cwd="/").stdout
    except OSError:
        return (0,)
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0,)


def _failure(arguments: Sequence[str], stderr: str) -> ModelwayError:
    lines = [line.strip(" ×│├─▶╰╭·") for line in stderr.splitlines()]
    said = " ".join(line for line in lines if line and not line.startswith(("hint:", "warning:")))
    said = re.sub(r"(https?://)[^/@\s]+@", r"\1***@", said)
    said = FRAME.sub("", said)
    said = (said[-600:] if BACKEND in stderr else said[:600]) or "no reason was given"
    what = f"uv {' '.join(arguments[:2])}: {said}"
    if "No space left" in stderr:
        return OutsideFailure(what, fix="free some disk space and run it again")
    if "Permission denied" in stderr or "Read-only file system" in stderr:
        return InvalidInput(what, fix="set MODELWAY_HOME (and UV_CACHE_DIR) to folders that this user may write to")
    if BACKEND in stderr:  # what a compiler says of a network is no word on the index
        return InvalidInput(what, fix="mend the package's build, or name a version that has a wheel")
    if NETWORK_FAILURES.search(stderr):
        return OutsideFailure(
            what,
            fix="check that the package index is reached (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, HTTPS_PROXY), or set"
            " MODELWAY_WHEELHOUSE to a folder with the wheels",
        )
    if "--index-strategy" in stderr:
        return InvalidInput(
            what,
            fix="name a version that the first index with this package has (the extra ones come first), or, where you trust"
            " all of them alike, set UV_INDEX_STRATEGY=unsafe-best-match, which takes the best version as pip does",
        )
    return InvalidInput(
        what, fix=f"correct the requirement for Python {sys.version_info[0]}.{sys.version_info[1]} here"
    )

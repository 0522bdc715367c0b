"""The wheels of a lock, fetched once and checked by hash at every use.

uv installs but does not download, so this is pip, which reads the machine's own settings of index, proxy and certificates.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelway.build.lock import pins_of
from modelway.build.platforms import Platform
from modelway.environments import bootstrap, carried, home, requirements, uv
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.files import locked
from modelway.records import digest_of_json, sha256_of_file

HONOURED = re.compile(
    r"^PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CERT|CLIENT_CERT|TRUSTED_HOST|PROXY|CONFIG_FILE|CACHE_DIR"
    r"|NO_CACHE_DIR|DEFAULT_TIMEOUT|TIMEOUT|RETRIES|KEYRING_PROVIDER)$"
)
"""Where packages come from is the user's business; what they are is the lock's."""
NOT_FOUND = re.compile(r"No matching distribution found for ([A-Za-z0-9][\w.-]*==[\w.+!-]+)")
MISMATCH = re.compile(r"([\w.-]+==\S+) from \S+.*?Expected sha256", re.DOTALL)
UNREACHABLE = re.compile(r"connection|timed? ?out|resolve|ssl|certificate|proxy|HTTP error 5\d\d", re.IGNORECASE)


@dataclass(frozen=True)
class Wheel:
    """A checked wheel file. name: the package's, normalised."""

    path: Path
    name: str
    version: str
    sha256: str


def key_of(lock: str, target: Platform) -> str:
    """What names the wheels of a lock on a target, and the environment layer that is made of them."""
    return digest_of_json([lock, target.system, target.architecture, target.python, target.libc])[:32]


def fetch(lock: str, target: Platform) -> tuple[Wheel, ...]:
    """Every wheel of the lock, sorted by name, from the cache or the index. InvalidInput where a package has none for
    the target; OutsideFailure where the index fails or a file does not have its hash."""
    folder = home.made(home.cache_folder() / "wheels") / key_of(lock, target)
    with locked(folder.with_suffix(".lock")):  # two builds at once fetch once
        if not folder.is_dir():
            _download(lock, target, folder)
        try:
            return _checked(folder, lock)
        except OutsideFailure:
            shutil.rmtree(folder)  # the next run fetches it again
            raise


def _download(lock: str, target: Platform, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as name:
        wanted, wheels = Path(name, "requirements.txt"), Path(name, "wheels")
        wheels.mkdir()
        wanted.write_text(_without_carried(lock, wheels), encoding="utf-8")
        requirements.index_variables(
            requirements.index_lines(lock), environment(os.environ), "the release's requirements"
        )
        command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-input", "--no-color"]
        command += ["--disable-pip-version-check", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
        command += ["--implementation", "cp", "--python-version", target.python, "--dest", str(wheels)]
        command += [f"--platform={tag}" for tag in target.wheel_platforms]
        command += ["--requirement", str(wanted), *carried.find_links(lock), *_wheelhouse()]
        done = subprocess.run(
            command, cwd=name, env=environment(os.environ), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise _failure(done.stderr, target)
        wheels.rename(folder)


def _without_carried(lock: str, wheels: Path) -> str:
    """The lock without its pins of one wheel that is here, which is put among `wheels`."""
    lines = requirements.index_lines(lock)
    for pin in pins_of(lock):
        here = carried.here(pin.hashes[0].removeprefix("sha256:")) if len(pin.hashes) == 1 else None
        if here:
            shutil.copyfile(here, wheels / here.name)
        else:
            lines.append(" --hash=".join([f"{pin.name}=={pin.version}", *pin.hashes]))
    return "".join(f"{line}\n" for line in lines)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip may see of the caller's environment: its own index settings, or uv's where it has none."""
    kept = {
        name: value
        for name, value in home.without_python_settings(environ).items()
        if not name.startswith("PIP_") or HONOURED.match(name)
    }
    default, *more = bootstrap.uv_indexes(environ)
    if default and kept.setdefault("PIP_INDEX_URL", default) != default:
        more = [default, *more]
    if more:  # all of them: the lock's hashes decide which file is taken
        kept["PIP_EXTRA_INDEX_URL"] = " ".join(dict.fromkeys([*kept.get("PIP_EXTRA_INDEX_URL", "").split(), *more]))
    if environ.get("UV_FIND_LINKS"):
        kept.setdefault("PIP_FIND_LINKS", " ".join(environ["UV_FIND_LINKS"].split(",")))
    return kept


def _wheelhouse() -> list[str]:
    """$MODELWAY_WHEELHOUSE as pip's arguments."""
    return [argument for argument in uv.wheelhouse_arguments() if argument != "--offline"]


def _checked(folder: Path, lock: str) -> tuple[Wheel, ...]:
    wheels = []
    files = {requirements.normalised(path.name.split("-")[0]): path for path in folder.glob("*.whl")}
    for pin in pins_of(lock):
        path = files.get(pin.name)
        digest = sha256_of_file(path) if path else ""
        if path is None or f"sha256:{digest}" not in pin.hashes:
            raise OutsideFailure(
                f"the wheel of {pin.name}=={pin.version} was changed on disk, or is gone",
                where=str(folder),
                fix="run the same command again: it is fetched anew",
            )
        wheels.append(Wheel(path, pin.name, pin.version, digest))
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def _failure(stderr: str, target: Platform) -> ModelwayError:
    said = " ".join(line.strip() for line in stderr.splitlines() if line.startswith(("ERROR", " ")))
    said = re.sub(r"(https?://)[^/@\s]+@", r"\1***@", said or stderr)[:600]
    if "No space left" in stderr:
        return OutsideFailure("the disk is full while wheels are fetched", fix="free some space and run it again")
    if mismatch := MISMATCH.search(stderr):
        return OutsideFailure(
            f"{mismatch[1]}: the index has another file than the one it was trained with",
            fix="use the package index that it was trained from, or train the model again",
        )
    missing = NOT_FOUND.search(stderr)
    if missing and not UNREACHABLE.search(stderr):
        return InvalidInput(
            f"{missing[1]} has no wheel for {target.named}, and a release is made of wheels only",
            where="the model's requirements.txt",
            fix="leave it out of the model's requirements, or use a version that has a wheel, and train again",
        )
    return OutsideFailure(
        f"pip download: {said}",
        fix="check that the package index is reached (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, HTTPS_PROXY), or set"
        " MODELWAY_WHEELHOUSE to a folder with the wheels",
    )

"""The requirements of a release, locked: what the model asks for and what its server needs, at the versions and with the
hashes that were there when it was trained and judged.

uv finds which packages are needed on the target; versions and hashes are those of two locks and never the index's newest:
the Candidate's lock first, requirements/serving.txt for what it does not have. So the same inputs lock the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelway.build.platforms import Platform
from modelway.environments import carried, conda, home, uv
from modelway.environments import requirements as files
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import digest_of_json

REQUIREMENTS = requirements_file("serving").parent
COMPILE = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url")
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)")
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
NO_WHEEL = re.compile(r"([A-Za-z0-9][\w.-]*==\S+?)[, ]+has no (?:usable )?wheels", re.IGNORECASE)
TRAIN_AGAIN = "train the model again with it among its requirements"


@dataclass(frozen=True)
class Pin:
    """One package of a lock. hashes: every file that may be installed, as `sha256:...`."""

    name: str
    version: str
    hashes: tuple[str, ...]
    line: str
    """As the lock has it, without its hashes but with its marker."""


def pins_of(lock: str) -> tuple[Pin, ...]:
    """The packages of a hash-locked requirements text, in its order; one may stand there twice, with different markers."""
    found = []
    for block in re.split(r"\n(?=[^\s#])", re.sub(r"\\\r?\n", " ", lock)):
        pin = PIN.match(block.strip())
        if pin:
            line = " ".join(block.split("--hash")[0].split("\n")[0].split())
            found.append(Pin(files.normalised(pin[1]), pin[2], tuple(sorted(set(HASH.findall(block)))), line))
    return tuple(found)


def serving_files() -> tuple[Path, Path]:
    """What the model server needs, and its lock."""
    return REQUIREMENTS / "serving.in", REQUIREMENTS / "serving.txt"


def release_lock(model: Path, trained: str, target: Platform) -> str:
    """The hash-locked requirements of a release, sorted by name, and below them what comes from conda's channels.

    model: the folder with the model's files. trained: the Candidate's lock. InvalidInput where a package is in neither
    lock, where it has no wheel for the target, or where the two locks do not fit together.
    """
    wanted = model / "requirements.txt"
    if not wanted.is_file():
        raise InvalidInput(
            "the model has no requirements.txt",
            where="the model's files",
            fix="log it with mlflow.<flavor>.log_model, which writes one",
        )
    serving, serving_lock = serving_files()
    known, served = pins_of(trained), pins_of(serving_lock.read_text(encoding="utf-8"))
    names = {pin.name for pin in known}
    allowed = (*known, *(pin for pin in served if pin.name not in names))
    texts = [path.read_text(encoding="utf-8-sig") for path in sorted(model.glob("*.txt"))]
    head = [line for line in files.index_lines(trained) if line != "--no-index"]  # the server's packages come from one
    others = [package.mark for package in conda.marked(trained)]
    marks = [*(wheel.mark for wheel in carried.marked(trained)), *others]
    pins = [pin.line for pin in allowed]
    key = digest_of_json([texts, head, marks, pins, serving.read_text("utf-8"), target.named])
    cached = home.made(home.cache_folder() / "locks") / f"release-{key[:32]}.txt"
    chosen = cached.read_text(encoding="utf-8") if cached.is_file() else ""
    if not chosen:
        own = _portable(wanted, trained, head)
        chosen = _resolve(own, serving, allowed, target, key, carried.find_links(trained))
        temporary = cached.with_name(f"{cached.name}.{os.getpid()}")
        temporary.write_text(chosen, encoding="utf-8")
        temporary.replace(cached)
    return "".join(f"{line}\n" for line in head) + locked(chosen, allowed) + "".join(f"{line}\n" for line in others)


def locked(chosen: str, allowed: tuple[Pin, ...]) -> str:
    """The lines `name==version` of `chosen`, each with the hashes that `allowed` has for it."""
    lines = []
    for line in sorted(filter(None, (line.split(";")[0].strip() for line in chosen.splitlines()))):
        pin = PIN.match(line)
        if line.startswith("#"):
            continue
        if not pin:
            raise InvalidInput(
                f"{line[:120]} comes from no package index, so the release cannot be repeated",
                where="the model's requirements.txt",
                fix="log the model with requirements that name versions of an index",
            )
        name, version = files.normalised(pin[1]), pin[2]
        same = [item for item in allowed if item.name == name]
        hashes = sorted({value for item in same if item.version == version for value in item.hashes})
        if not hashes:
            there = f"{name}=={same[0].version} is" if same else "it is not"
            raise InvalidInput(
                f"the release needs {name}=={version}, and {there} what the model was trained and judged with",
                where="the model's requirements.txt",
                fix=TRAIN_AGAIN,
            )
        lines.append(" \\\n    --hash=".join([f"{name}=={version}", *hashes]))
    return "\n".join(sorted(lines)) + "\n"


def _portable(wanted: Path, trained: str, head: list[str]) -> str:
    """The model's requirements with the lock's indexes, and each package of the training's disk by its name and version;
    without those that conda's channels alone have."""
    made = {os.path.normpath(wheel.said): wheel for wheel in carried.marked(trained) if wheel.said}
    of_pypi = {pin.name for pin in pins_of(trained)}
    of_conda = {files.normalised(package.name) for package in conda.marked(trained)} - of_pypi
    lines = list(head)
    for line in files.lines_of(wanted):
        if files.normalised(re.split(r"[^\w.-]", line.text)[0]) in of_conda:
            continue
        said = files.said_of(line)
        if said and (wheel := made.get(os.path.normpath(said))):
            lines.append(f"{wheel.name}=={wheel.version}")
            continue
        files.refuse_local([line])
        if not files.INDEX.match(line.text) and line.text != "--no-index":
            lines.append(line.text)
    return "".join(f"{line}\n" for line in lines)


def _resolve(
    own: str, serving: Path, allowed: tuple[Pin, ...], target: Platform, key: str, links: Sequence[str]
) -> str:
    constraints = home.made(home.cache_folder() / "locks") / f"constraints-{key[:32]}-{os.getpid()}.txt"
    wanted = constraints.with_name(f"wanted-{key[:32]}-{os.getpid()}.txt")
    wanted.write_text(own, encoding="utf-8")
    constraints.write_text("".join(f"{pin.line}\n" for pin in allowed), encoding="utf-8")
    arguments = [*COMPILE, "--python-version", target.python, "--python-platform", target.uv_platform]
    arguments += ["--only-binary", ":all:", "--constraint", str(constraints)]
    arguments += ["--index-strategy", "unsafe-best-match", *links]  # versions are pinned, and hashes are the lock's
    try:
        files.index_variables(files.index_lines(own), uv.environment(os.environ), "the model's requirements")
        return uv.run([*arguments, str(wanted), str(serving), *uv.wheelhouse_arguments()])
    except OutsideFailure:
        raise
    except InvalidInput as error:
        raise _refusal(error.what, target) from None
    finally:
        constraints.unlink(missing_ok=True)
        wanted.unlink(missing_ok=True)


def _refusal(said: str, target: Platform) -> InvalidInput:
    missing = NO_WHEEL.search(said)
    if missing:
        return InvalidInput(
            f"{missing[1]} has no wheel for {target.named}, and a release is made of wheels only",
            where="the model's requirements.txt",
            fix="leave it out of the model's requirements, or use a version that has a wheel, and train again",
        )
    return InvalidInput(
        f"the model's requirements and its server's do not fit what it was trained with: {said}",
        where="the model's requirements.txt",
        fix="log the model with requirements that its training environment fulfils, and train again",
    )

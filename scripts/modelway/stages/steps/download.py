"""A version's files brought into a folder: each verified by the record, all of them in one move."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from modelway.config import Resolved
from modelway.errors import InvalidInput, Refused
from modelway.records import Candidate, ModelFile
from modelway.records.digests import sha256_of_file
from modelway.registry import content
from modelway.registry.entities import Version
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import CANDIDATE_TAG, CandidateTag, read_candidate
from modelway.stages.steps.history import standing_version

DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")
EVERY_SECONDS = 10.0
"""Between two lines of progress."""


def version_of(client: ModelRegistry, project: Resolved, version: int | None, digest: str) -> Candidate:
    """The record of the version that is meant: by number, else what is in the project's environment, else by its digest.
    Refused where it has another digest than the one that is given."""
    match = DIGEST.fullmatch(digest.strip())
    if digest and match is None:
        fix = "give the 64 hexadecimal digits that train-model says, or the first 12 of them or more"
        raise InvalidInput(f"{digest[:80]!r} is no digest", where="input digest", fix=fix)
    begins = match[1] if match else ""
    number = version if version is not None else _in_environment(client, project)
    if number is None:
        number = _with_digest(client, project.model, begins)
    candidate = read_candidate(client, project.model, number)
    if not candidate.digest.startswith(begins):
        raise Refused(
            f"{project.model} version {number} has the digest {candidate.digest[:12]}, not {begins[:12]}",
            fix="name the version that has it, or leave the digest out",
        )
    return candidate


def bring(client: ModelRegistry, candidate: Candidate, base: Path, name: str, say: Callable[[str], None]) -> Path:
    """The Candidate's files in the folder `name` below base, and no others. What has arrived before this ends stays in a
    hidden folder beside it, and is not fetched again."""
    target = Path(os.path.normpath(base / name))
    _refuse_what_is_no_model(target, base, name)
    if _is_whole(target, candidate):
        say(f"{name} is {candidate.model} version {candidate.version} already")
        return target
    arriving = target.with_name(f".{target.name}.{candidate.digest[:12]}.partial")
    uri = client.version_artifacts(candidate.model, candidate.version)
    total, done, told = sum(file.size for file in candidate.files), 0, time.monotonic()
    for file in candidate.files:
        _bring_file(client, uri, candidate, file, arriving / file.path)
        done += file.size
        if time.monotonic() - told > EVERY_SECONDS:
            told = time.monotonic()
            say(f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")
    _swap(arriving, target)
    count = len(candidate.files)
    say(f"{candidate.model} version {candidate.version}: {count} files, {total} bytes, each as it was recorded")
    return target


def _in_environment(client: ModelRegistry, project: Resolved) -> int | None:
    if not project.environment:
        return None
    return standing_version(client, project)


def _with_digest(client: ModelRegistry, model: str, begins: str) -> int:
    if not begins:
        raise InvalidInput("no version is named", where="inputs", fix="give environment, version or digest")
    found = {version.version: said for version in client.search_versions(model) if (said := _digest_of(version))}
    fitting = {number: said for number, said in found.items() if said.startswith(begins)}
    if not fitting:
        fix = "look at list-models for those that there are"
        raise InvalidInput(f"no version of {model} has a digest that begins {begins}", where="input digest", fix=fix)
    if len(set(fitting.values())) > 1:
        numbers = ", ".join(map(str, fitting))
        raise InvalidInput(
            f"versions {numbers} of {model} begin with {begins}", where="input digest", fix="give more of it"
        )
    return max(fitting)


def _digest_of(version: Version) -> str:
    """Empty where train-model has not recorded the version, or somebody has changed what it recorded."""
    try:
        return msgspec.json.decode(version.tags.get(CANDIDATE_TAG, ""), type=CandidateTag).digest
    except msgspec.DecodeError:
        return ""


def _refuse_what_is_no_model(target: Path, base: Path, name: str) -> None:
    """Whatever is replaced must be a model: nobody's checkout is."""
    where, fix = f"input folder {name[:200]!r}", "name a folder that is not there yet, or that a download has made"
    if target == base or target in base.parents:
        raise InvalidInput("is the project's own folder, or holds it", where=where, fix=fix)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InvalidInput("is no folder", where=where, fix=fix)
    if target.is_dir() and any(target.iterdir()) and not (target / "MLmodel").is_file():
        raise InvalidInput("holds something else than a model, which would be lost", where=where, fix=fix)


def _is_whole(folder: Path, candidate: Candidate) -> bool:
    if not (folder / "MLmodel").is_file():
        return False
    try:
        return content.digest(content.model_files(folder)) == candidate.digest
    except InvalidInput:
        return False  # something else lies in it, such as a link: it is replaced


def _bring_file(client: ModelRegistry, uri: str, candidate: Candidate, file: ModelFile, target: Path) -> None:
    if target.is_file() and sha256_of_file(target) == file.sha256:
        return
    client.download_file(uri, file.path, target)
    if sha256_of_file(target) != file.sha256:
        target.unlink()
        raise Refused(
            f"{file.path} of {candidate.model} version {candidate.version} is not what was recorded: it was changed",
            fix="train or adopt the model again",
        )


def _swap(arrived: Path, target: Path) -> None:
    """A run that dies in here leaves the new model under its name or the old one hidden beside it, never a mixture."""
    replaced = target.with_name(f".{target.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    arrived.rename(target)
    for left in (replaced, *target.parent.glob(f".{_literal(target.name)}.*.partial")):
        shutil.rmtree(left, ignore_errors=True)


def _literal(name: str) -> str:
    """With none of its characters a pattern's."""
    return re.sub(r"([*?\[])", r"[\1]", name)

"""Candidates, Verdicts and Releases in the registry: each a run artifact; a version tag says where and with which sha256.

A record is believed only when its bytes have the sha256 of its tag and it speaks of the version that carries the tag.
The tag is written last, so that a stage that dies half-way leaves nothing that looks finished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import Candidate, Release, Verdict, canonical_json
from modelway.registry.entities import Version
from modelway.registry.ledger_entries import VerdictReference
from modelway.registry.protocol import ModelRegistry

CANDIDATE_TAG = "modelway.candidate"
VERDICT_TAG = "modelway.verdict."
RELEASE_TAG = "modelway.release."
CANDIDATE_PATH = "modelway/candidate.json"
REQUIREMENTS_PATH = "modelway/requirements.txt"
RECORD_LIMIT = 64 << 20
"""Bytes of a record that are read into memory."""

Record = TypeVar("Record", Candidate, Verdict, Release)
Judged = TypeVar("Judged", Verdict, Release)
Tag = TypeVar("Tag", bound="RecordTag")


class RecordTag(msgspec.Struct, frozen=True):
    """Where a record is kept."""

    sha256: str
    run: str
    path: str


class CandidateTag(RecordTag, frozen=True):
    digest: str
    content: str


class Stored(msgspec.Struct, Generic[Judged], frozen=True):
    """A Verdict or a Release and where it is kept: what a ledger entry refers to."""

    record: Judged
    run: str
    path: str
    sha256: str

    @property
    def reference(self) -> VerdictReference:
        return VerdictReference(run=self.run, path=self.path, sha256=self.sha256)


@dataclass(frozen=True)
class _Kind(Generic[Judged]):
    """How the records of one kind are kept, for each environment. Each has a path of its own, since the ledger still refers to
    an earlier one when a version is judged or built again.

    repeats: what the version's tag says of the record too, for those who look for it without reading the record: by the
    name in the tag, the record's field."""

    type: type[Judged]
    tag: str
    folder: str
    repeats: dict[str, str]

    def tag_of(self, record: Judged, run: str, path: str, sha256: str) -> dict[str, str]:
        """All values are texts."""
        repeated = {name: getattr(record, field) for name, field in self.repeats.items()}
        return {"run": run, "path": path, "sha256": sha256, **repeated}


_VERDICTS = _Kind(
    Verdict,
    VERDICT_TAG,
    "verdicts",
    {"outcome": "outcome", "model": "model_digest", "data": "data_digest", "policy": "policy_digest"},
)
_RELEASES = _Kind(
    Release,
    RELEASE_TAG,
    "releases",
    {"image": "image", "manifest": "manifest_digest", "model": "model_digest", "verdict": "verdict_sha256"},
)


def write_candidate(client: ModelRegistry, candidate: Candidate) -> None:
    """Stores the record and its requirements in the records run, then tags the version."""
    run = client.get_run(candidate.records_run_id)
    client.upload(run.artifact_uri, REQUIREMENTS_PATH, candidate.environment.requirements.encode())
    data = _bytes_of(candidate)
    client.upload(run.artifact_uri, CANDIDATE_PATH, data)
    sha256 = hashlib.sha256(data).hexdigest()
    tag = CandidateTag(sha256, run.id, CANDIDATE_PATH, candidate.digest, candidate.content)
    client.set_version_tag(candidate.model, candidate.version, CANDIDATE_TAG, msgspec.json.encode(tag).decode())


def read_candidate(client: ModelRegistry, model: str, version: int) -> Candidate:
    """The version's Candidate. InvalidInput where the version or its record is missing or was changed."""
    return candidate_of(client, _existing(client, model, version))


def candidate_of(client: ModelRegistry, version: Version) -> Candidate:
    """The Candidate of a version that was asked for already. InvalidInput where it is missing or was changed."""
    model, number = version.name, version.version
    text = version.tags.get(CANDIDATE_TAG, "")
    if not text:
        raise InvalidInput(
            f"{model} version {number} has no Candidate record",
            fix="make it with train-model; for a model trained elsewhere with its input model-uri",
        )
    tag = _tag(text, CandidateTag, model, number)
    candidate = _read(client, Candidate, tag.run, tag.path, tag.sha256)
    if (candidate.model, candidate.version, candidate.digest) != (model, number, tag.digest):
        raise _changed(tag.run, tag.path)
    return candidate


def write_verdict(client: ModelRegistry, candidate: Candidate, verdict: Verdict) -> Stored[Verdict]:
    """Stores the Verdict beside the Candidate, then tags the version: the newest of an environment counts."""
    return _write(client, _VERDICTS, candidate, verdict)


def read_verdict(client: ModelRegistry, model: str, version: int, environment: str) -> Stored[Verdict] | None:
    """The newest Verdict on the version for the environment, None where it was never judged for it. InvalidInput where
    the version is missing, or the record is missing or was changed."""
    return _newest(client, _VERDICTS, model, version, environment)


def write_release(client: ModelRegistry, candidate: Candidate, release: Release) -> Stored[Release]:
    """Stores the Release beside the Candidate, then tags the version: the newest of an environment counts."""
    return _write(client, _RELEASES, candidate, release)


def read_release(client: ModelRegistry, model: str, version: int, environment: str) -> Stored[Release] | None:
    """The newest Release of the version for the environment, None where it was never built for it. InvalidInput where
    the version is missing, or the record is missing or was changed."""
    return _newest(client, _RELEASES, model, version, environment)


def outcomes(version: Version) -> dict[str, str]:
    """What the version's tags say of its newest verdicts, by environment. The records themselves are not read."""
    return {environment: str(said.get("outcome", "")) for environment, said in _said(version, VERDICT_TAG)}


def images(version: Version) -> dict[str, str]:
    """What its tags say of its newest releases: their images, by environment."""
    return {environment: str(said.get("image", "")) for environment, said in _said(version, RELEASE_TAG)}


def _said(version: Version, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, text in sorted(version.tags.items()):
        if key.startswith(prefix):
            try:
                said = msgspec.json.decode(text, type=dict[str, Any])
            except msgspec.DecodeError:
                said = {}
            yield key.removeprefix(prefix), said


def _write(client: ModelRegistry, kind: _Kind[Judged], candidate: Candidate, record: Judged) -> Stored[Judged]:
    if (record.model, record.version, record.model_digest) != (candidate.model, candidate.version, candidate.digest):
        raise ValueError("the record speaks of another version than the candidate")
    run = client.get_run(candidate.records_run_id)
    data = _bytes_of(record)
    sha256 = hashlib.sha256(data).hexdigest()
    path = f"modelway/{kind.folder}/{record.environment}/{sha256[:16]}.json"
    client.upload(run.artifact_uri, path, data)
    tag = msgspec.json.encode(kind.tag_of(record, run.id, path, sha256)).decode()
    client.set_version_tag(record.model, record.version, kind.tag + record.environment, tag)
    return Stored(record, run.id, path, sha256)


def _newest(
    client: ModelRegistry, kind: _Kind[Judged], model: str, version: int, environment: str
) -> Stored[Judged] | None:
    text = _existing(client, model, version).tags.get(kind.tag + environment, "")
    if not text:
        return None
    tag = _tag(text, RecordTag, model, version)
    record = _read(client, kind.type, tag.run, tag.path, tag.sha256)
    said = (record.model, record.version, record.environment)
    repeated = kind.tag_of(record, tag.run, tag.path, tag.sha256)
    if said != (model, version, environment) or repeated != msgspec.json.decode(text):
        raise _changed(tag.run, tag.path)
    return Stored(record, tag.run, tag.path, tag.sha256)


def _existing(client: ModelRegistry, model: str, version: int) -> Version:
    found = client.get_version(model, version)
    if found is None:
        raise InvalidInput(f"there is no {model} version {version}", fix="name a registered model and its version")
    return found


def _tag(text: str, kind: type[Tag], model: str, version: int) -> Tag:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        what = f"a modelway tag of {model} version {version} was changed and cannot be read"
        raise InvalidInput(what, fix="run the stage that wrote it again") from error


def _read(client: ModelRegistry, kind: type[Record], run_id: str, path: str, sha256: str) -> Record:
    data = client.read_artifact(client.get_run(run_id).artifact_uri, path, RECORD_LIMIT)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _changed(run_id, path)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        what = f"the record is of another schema: {error}"
        raise InvalidInput(
            what, where=f"run {run_id}, {path}", fix="use the release of modelway that wrote it"
        ) from error


def _bytes_of(record: Candidate | Verdict | Release) -> bytes:
    """Canonical, so that the same record has the same sha256 everywhere."""
    return canonical_json(json.loads(msgspec.json.encode(record)))


def _changed(run_id: str, path: str) -> OutsideFailure:
    return OutsideFailure(
        "the record is not the one that its version's tag names: it was changed, or is being written right now",
        where=f"run {run_id}, {path}",
        fix="run the stage that wrote it again",
    )

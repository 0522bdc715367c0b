"""Candidates, Verdicts and Releases in the registry: each a run artifact; a version tag says where and with which sha256.

A record is believed only when its bytes have the sha256 of its tag and it speaks of the version that carries the tag.
The tag is written last, so that a stage that dies half-way leaves nothing that looks finished.
"""

from __future__ import annotations

import hashlib
import json
from typing import TypeVar

import msgspec

from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import Candidate, Release, Verdict, canonical_json
from modelway.registry.entities import Version
from modelway.registry.mlflow import MLflow

CANDIDATE_TAG = "modelway.candidate"
VERDICT_TAG = "modelway.verdict."
RELEASE_TAG = "modelway.release."
CANDIDATE_PATH = "modelway/candidate.json"
REQUIREMENTS_PATH = "modelway/requirements.txt"
RECORD_LIMIT = 64 << 20
"""Bytes of a record that are read into memory."""

Record = TypeVar("Record", Candidate, Verdict, Release)


class CandidateTag(msgspec.Struct, frozen=True):
    sha256: str
    run: str
    path: str
    digest: str
    content: str


class VerdictTag(msgspec.Struct, frozen=True):
    """model, data, policy: the three digests that the Verdict holds for."""

    outcome: str
    sha256: str
    run: str
    path: str
    model: str
    data: str
    policy: str


class ReleaseTag(msgspec.Struct, frozen=True):
    """image: what a deployment looks for; manifest: its digest. model, verdict: what the Release was built from."""

    sha256: str
    run: str
    path: str
    image: str
    manifest: str
    model: str
    verdict: str


class StoredVerdict(msgspec.Struct, frozen=True):
    """A Verdict and where it is kept: what a ledger entry refers to."""

    verdict: Verdict
    run: str
    path: str
    sha256: str


class StoredRelease(msgspec.Struct, frozen=True):
    """A Release and where it is kept."""

    release: Release
    run: str
    path: str
    sha256: str


def verdict_path(environment: str, sha256: str) -> str:
    """A path of its own for every Verdict: the ledger still refers to an earlier one when a version is judged again."""
    return f"modelway/verdicts/{environment}/{sha256[:16]}.json"


def release_path(environment: str, sha256: str) -> str:
    """A path of its own for every Release, since what is deployed may be an earlier build."""
    return f"modelway/releases/{environment}/{sha256[:16]}.json"


def write_candidate(client: MLflow, candidate: Candidate) -> None:
    """Stores the record and its requirements in the records run, then tags the version."""
    run = client.get_run(candidate.records_run_id)
    client.upload(run.artifact_uri, REQUIREMENTS_PATH, candidate.environment.requirements.encode())
    data = _bytes_of(candidate)
    client.upload(run.artifact_uri, CANDIDATE_PATH, data)
    sha256 = hashlib.sha256(data).hexdigest()
    tag = CandidateTag(sha256, run.id, CANDIDATE_PATH, candidate.digest, candidate.content)
    client.set_version_tag(candidate.model, candidate.version, CANDIDATE_TAG, msgspec.json.encode(tag).decode())


def read_candidate(client: MLflow, model: str, version: int) -> Candidate:
    """The version's Candidate. InvalidInput where the version or its record is missing or was changed."""
    text = _existing(client, model, version).tags.get(CANDIDATE_TAG, "")
    if not text:
        raise InvalidInput(
            f"{model} version {version} has no Candidate record",
            fix="make it with train-model; for a model trained elsewhere with its input model-uri",
        )
    tag = _tag(text, CandidateTag, model, version)
    candidate = _read(client, Candidate, tag.run, tag.path, tag.sha256)
    if (candidate.model, candidate.version, candidate.digest) != (model, version, tag.digest):
        raise _changed(tag.run, tag.path)
    return candidate


def write_verdict(client: MLflow, candidate: Candidate, verdict: Verdict) -> StoredVerdict:
    """Stores the Verdict beside the Candidate, then tags the version: the newest of an environment counts."""
    if (verdict.model, verdict.version, verdict.model_digest) != (candidate.model, candidate.version, candidate.digest):
        raise ValueError("the verdict speaks of another version than the candidate")
    run = client.get_run(candidate.records_run_id)
    data = _bytes_of(verdict)
    sha256 = hashlib.sha256(data).hexdigest()
    stored = StoredVerdict(verdict, run.id, verdict_path(verdict.environment, sha256), sha256)
    client.upload(run.artifact_uri, stored.path, data)
    tag = VerdictTag(
        outcome=verdict.outcome,
        sha256=stored.sha256,
        run=run.id,
        path=stored.path,
        model=verdict.model_digest,
        data=verdict.data_digest,
        policy=verdict.policy_digest,
    )
    key = VERDICT_TAG + verdict.environment
    client.set_version_tag(verdict.model, verdict.version, key, msgspec.json.encode(tag).decode())
    return stored


def read_verdict(client: MLflow, model: str, version: int, environment: str) -> StoredVerdict | None:
    """The newest Verdict on the version for the environment, None where it was never judged for it. InvalidInput where
    the version is missing, or the record is missing or was changed."""
    text = _existing(client, model, version).tags.get(VERDICT_TAG + environment, "")
    if not text:
        return None
    tag = _tag(text, VerdictTag, model, version)
    verdict = _read(client, Verdict, tag.run, tag.path, tag.sha256)
    said = (verdict.model, verdict.version, verdict.environment, verdict.outcome)
    digests = (verdict.model_digest, verdict.data_digest, verdict.policy_digest)
    if said != (model, version, environment, tag.outcome) or digests != (tag.model, tag.data, tag.policy):
        raise _changed(tag.run, tag.path)
    return StoredVerdict(verdict, tag.run, tag.path, tag.sha256)


def write_release(client: MLflow, candidate: Candidate, release: Release) -> StoredRelease:
    """Stores the Release beside the Candidate, then tags the version: the newest of an environment counts."""
    if (release.model, release.version, release.model_digest) != (candidate.model, candidate.version, candidate.digest):
        raise ValueError("the release speaks of another version than the candidate")
    run = client.get_run(candidate.records_run_id)
    data = _bytes_of(release)
    sha256 = hashlib.sha256(data).hexdigest()
    stored = StoredRelease(release, run.id, release_path(release.environment, sha256), sha256)
    client.upload(run.artifact_uri, stored.path, data)
    tag = ReleaseTag(
        sha256=stored.sha256,
        run=run.id,
        path=stored.path,
        image=release.image,
        manifest=release.manifest_digest,
        model=release.model_digest,
        verdict=release.verdict_sha256,
    )
    key = RELEASE_TAG + release.environment
    client.set_version_tag(release.model, release.version, key, msgspec.json.encode(tag).decode())
    return stored


def read_release(client: MLflow, model: str, version: int, environment: str) -> StoredRelease | None:
    """The newest Release of the version for the environment, None where it was never built for it. InvalidInput where
    the version is missing, or the record is missing or was changed."""
    text = _existing(client, model, version).tags.get(RELEASE_TAG + environment, "")
    if not text:
        return None
    tag = _tag(text, ReleaseTag, model, version)
    release = _read(client, Release, tag.run, tag.path, tag.sha256)
    said = (release.model, release.version, release.environment)
    digests = (release.image, release.manifest_digest, release.model_digest, release.verdict_sha256)
    if said != (model, version, environment) or digests != (tag.image, tag.manifest, tag.model, tag.verdict):
        raise _changed(tag.run, tag.path)
    return StoredRelease(release, tag.run, tag.path, tag.sha256)


def _existing(client: MLflow, model: str, version: int) -> Version:
    found = client.get_version(model, version)
    if found is None:
        raise InvalidInput(f"there is no {model} version {version}", fix="name a registered model and its version")
    return found


Tag = TypeVar("Tag", CandidateTag, VerdictTag, ReleaseTag)


def _tag(text: str, kind: type[Tag], model: str, version: int) -> Tag:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        what = f"a modelway tag of {model} version {version} was changed and cannot be read"
        raise InvalidInput(what, fix="run the stage that wrote it again") from error


def _read(client: MLflow, kind: type[Record], run_id: str, path: str, sha256: str) -> Record:
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

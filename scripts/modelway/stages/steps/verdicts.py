"""What several stages ask of a judged version: its passing Verdict, and its files as they were recorded."""

from __future__ import annotations

from pathlib import Path

from modelway.config import Resolved
from modelway.errors import Refused
from modelway.records import Candidate, Verdict
from modelway.registry import content
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import Stored, read_verdict


def passing_verdict(client: ModelRegistry, project: Resolved, candidate: Candidate, then: str) -> Stored[Verdict]:
    """The newest Verdict on the Candidate for the project's environment. Refused where there is none, where it is no
    pass, or where it holds for another model or policy than those of now. then: what the caller does, for the fix."""
    named = f"version {candidate.version} for {project.environment}"
    again = f"run evaluate-gate again, then {then}"
    stored = read_verdict(client, project.model, candidate.version, project.environment)
    if stored is None:
        raise Refused(f"there is no verdict on {named}", fix=again)
    verdict = stored.record
    if verdict.outcome != "pass":
        raise Refused(f"the verdict on {named} is {verdict.outcome}", fix=f"{then} with a version that passes")
    for what, judged, now in (
        ("the model's stored files", verdict.model_digest, candidate.digest),
        ("the policy (section gate)", verdict.policy_digest, project.policy_digest),
    ):
        if judged != now:
            raise Refused(f"{what} changed since the verdict on {named}: {judged[:12]}, now {now[:12]}", fix=again)
    return stored


def download_model(client: ModelRegistry, candidate: Candidate, folder: Path) -> None:
    """The Candidate's files. Refused where they are not those that were recorded."""
    client.download(client.version_artifacts(candidate.model, candidate.version), folder)
    if content.digest(content.model_files(folder)) != candidate.digest:
        raise Refused(
            f"the stored files of {candidate.model} version {candidate.version} are not what was recorded: they were"
            " changed",
            fix="train or adopt the model again",
        )

"""What would make a verdict worthless: a model that has seen the answers. Refused where it is sure, else a warning."""

from __future__ import annotations

from pathlib import Path

from modelway import ci
from modelway.config import Resolved
from modelway.data import schemes
from modelway.data.shared_rows import SharedRows, count_shared
from modelway.data.sources import digest_of_data
from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import Candidate
from modelway.scoring import types_of
from modelway.stages.steps import workspace


def refuse_the_label_as_input(candidate: Candidate, label: str) -> None:
    if label in (types_of(candidate.signature) or {}):
        raise InvalidInput(
            f"version {candidate.version} takes {label[:100]!r} as an input, and it is the label",
            where="gate.label",
            fix="train without that column: drop it before fit, and from input_example or signature",
        )


def refuse_the_training_data(candidate: Candidate, data_digest: str, name: str) -> None:
    if data_digest == candidate.data_digest:
        raise InvalidInput(
            f"version {candidate.version} was trained on this very data (sha256 {data_digest[:12]})",
            where=f"data.test {name}",
            fix="hold rows out of the training, and name the file that has them",
        )


def warnings_of_training(
    project: Resolved, job: ci.Job, candidate: Candidate, data: Path, data_digest: str, production: Candidate | None
) -> list[str]:
    """What is odd about how the two models were trained: production's inputs and data, and rows of data.test that stand
    in data.train, where that is at hand."""
    warnings = []
    label = str(project.gate.label)
    if production and label in ((production.signature and types_of(production.signature)) or {}):
        warnings.append(
            f"version {production.version} in production takes the label {label[:100]!r} as an input: no version can be as"
            " good as that"
        )
    if production and production.data_digest == data_digest:
        warnings.append(
            f"version {production.version} in production was trained on this test data: it is not as good as it looks here"
        )
    train = project.data.train
    if train and "://" not in train and (job.folder / train).exists():
        try:
            found = count_shared(
                data,
                job.folder / train,
                workspace.contract_of(project, job),
                names=(schemes.name_of(str(project.data.test)), train),
            )
        except (InvalidInput, OutsideFailure) as fault:
            warnings.append(
                f"whether test rows stand in the training data is not known: {fault.what} ({fault.where or train})"
            )
        else:
            warnings += _shared(found, train, candidate, job.folder / train)
    return warnings


def _shared(found: SharedRows | None, train: str, candidate: Candidate, path: Path) -> list[str]:
    if found is None or not found.shared:
        return []
    said = f"{found.shared} of {found.rows} test rows stand in the training data too ({train}"
    if candidate.data_digest and digest_of_data(path) != candidate.data_digest:
        said += f", which is not what version {candidate.version} was trained on"
    if found.repeated:
        said += f"; rows repeat there anyway, {found.repeated} of {found.others}"
    return [f"{said}): a model that remembers them looks better than it is"]

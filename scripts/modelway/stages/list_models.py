"""list-models: the versions of a model, where each is, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.errors import InvalidInput
from modelway.records import Candidate
from modelway.registry.entities import Version
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import CANDIDATE_TAG, candidate_of, images, outcomes
from modelway.report.models import ListedVersion, lines, markdown
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class ModelsListed(ci.Result):
    versions: Annotated[list[int], Output("the versions that are listed, the newest first, as a JSON list")]
    newest: Annotated[int | None, Output("the newest version; empty where there is none")]
    environments: Annotated[dict[str, int], Output("the version of each alias, as a JSON object")]
    images: Annotated[
        dict[str, str], Output("the image of each environment's version, as a JSON object; those that were pushed")
    ]
    report: Annotated[str, Output("the path of list-models.json")]
    listed: tuple[ListedVersion, ...]
    """Each version, the newest first."""


@ci.use_case
def list_models(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    most: Annotated[
        int, Meta(ge=1, le=1000), Input("How many versions, at most; what an alias names is always there.")
    ] = 20,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelsListed:
    """List the versions of the model: where each is, what the gate said of it, what it was built for and made from.

    Inputs: modelway.yml (model, section registry), and how many versions.
    Outputs: the versions, the newest one, and the version and the image in each environment.
    Exit codes: 0 listed, also where there is none; 2 wrong input; 4 the registry failed.
    """
    project = workspace.resolve(job)
    client = workspace.connect_registry(project, job)
    registered = client.get_model(project.model)
    aliases = dict(registered.aliases) if registered else {}
    known = client.search_versions(project.model) if registered else ()
    named = set(aliases.values())
    shown = [*known[-most:][::-1], *(version for version in known[:-most][::-1] if version.version in named)]
    listed = tuple(_listed(client, version, aliases) for version in shown)
    record = {
        "schema": "modelway/list-models/1",
        "model": project.model,
        "aliases": aliases,
        "versions": len(known),
        "listed": listed,
    }
    path = job.report(record, markdown(project.model, len(known), listed))
    for line in lines(project.model, len(known), listed):
        job.say(line)
    return ModelsListed(
        versions=[row.version for row in listed],
        newest=known[-1].version if known else None,
        environments=aliases,
        images={
            alias: image
            for row in listed
            for alias, number in aliases.items()
            if number == row.version and (image := _image_in(alias, row.images))
        },
        report=str(path),
        listed=listed,
    )


def _image_in(environment: str, images: Mapping[str, str]) -> str:
    """What the environment runs; empty where nobody knows. images: those of its version, by the environment that each was
    built for: one built for staging may be in others."""
    pushed = {image for image in images.values() if image}
    return images.get(environment) or (pushed.pop() if len(pushed) == 1 else "")


def _listed(client: ModelRegistry, version: Version, aliases: dict[str, int]) -> ListedVersion:
    found, problem = _record(client, version)
    row = ListedVersion(
        version=version.version,
        registered=datetime.fromtimestamp(version.created_ms / 1000, UTC),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if number == version.version)),
        verdicts=outcomes(version),
        images=images(version),
        problem=problem,
    )
    if found is None:
        return row
    return msgspec.structs.replace(
        row,
        readable_version=found.readable_version,
        semantic_version=found.semantic_version,
        commit=found.commit,
        digest=found.digest,
        metrics=found.metrics,
    )


def _record(client: ModelRegistry, version: Version) -> tuple[Candidate | None, str]:
    if CANDIDATE_TAG not in version.tags:
        return None, ""
    try:
        return candidate_of(client, version), ""
    except InvalidInput as error:  # its run was deleted, or somebody changed it: the others are listed all the same
        return None, error.what

"""build-image: a judged version as an OCI image, in a layout on disk and, where one is named, in a registry."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelway import ci
from modelway.build import base_image, bundle, bytecode, container, dockerfile, image, layout, lock, publish, sbom
from modelway.build.image import Foundation
from modelway.build.names import FEATURES_FILE, SKETCH_FILE
from modelway.build.platforms import Platform, minor_of, must_fit, this_machine
from modelway.config import Resolved
from modelway.environments import conda
from modelway.errors import InvalidInput
from modelway.records import Candidate, Release
from modelway.registry import ledger
from modelway.registry.stored_records import read_candidate, write_release
from modelway.serving.features import URL_VARIABLE
from modelway.stages.steps import looked_up, training_sketch, workspace
from modelway.stages.steps.candidate import read_mlmodel
from modelway.stages.steps.carried import bring_wheels
from modelway.stages.steps.verdicts import download_model, passing_verdict


@dataclass(frozen=True)
class Built:
    """The Release, and what the report says besides. pushed: bytes that the registry did not have."""

    release: Release
    packages: int
    warnings: tuple[str, ...]
    started: container.Started
    pushed: int


def build(project: Resolved, job: ci.Job, version: int) -> Built:
    """Build the version for the project's environment; the Release is stored beside its Verdict.

    Refused without a passing Verdict that holds for the model and the policy of now, and where the image does not start.
    """
    own = project.build.dockerfile
    if project.build.image and project.build.base_image == "none" and not own:
        raise InvalidInput(
            f"{project.build.image} would have no Python in it: without a base image it is a bundle for the local target",
            where="build.base-image",
            fix="name an image with the model's Python by digest, or leave build.image out",
        )
    if own:
        dockerfile.check(job.folder / own, own)
    client = workspace.connect_registry(project, job)
    candidate = read_candidate(client, project.model, version)
    stored = passing_verdict(client, project, candidate, "build")
    head = ledger.read(client.ledger(project.model)).head
    place = layout_of(project, job)
    base, target = _foundation(project, job, candidate, place)
    compiler = _compiler(base, target, job)
    with tempfile.TemporaryDirectory(prefix="modelway-model-") as name:
        model = Path(name)
        download_model(client, candidate, model)
        bring_wheels(client, candidate)
        described = read_mlmodel(model)
        found = {
            SKETCH_FILE: training_sketch.bring(client, candidate),
            FEATURES_FILE: looked_up.read(project, job.folder, described.get("signature")),
        }
        beside = {path: data for path, data in found.items() if data is not None}
        text = lock.release_lock(model, candidate.environment.requirements, target)
        environment, blob = bundle.environment_layer(text, target, job.say, compiler, base.name != "none")
        trained_at = bundle.moment_of(described)
        by = compiler.version if compiler else ""
        labels = image.labels(candidate, stored.record, stored.sha256, head, base, target, trained_at, by)
        layers = environment.layer, blob
        others = bool(conda.marked(text))
        made = bundle.assemble(
            place, candidate, model, layers, base, target, labels, trained_at, compiler, beside, others
        )
    contents = sbom.Made(made.config_digest, made.layers[1].diff_id)
    document = sbom.document(candidate, environment.packages, base, contents, trained_at or bundle.EPOCH)
    attached = publish.attach(place, made.manifest, document, sbom.MEDIA_TYPE, "sbom.cdx.json")
    tags = (str(version), f"{version}-{project.environment}")
    platform = {"platform": {"architecture": target.architecture, "os": target.system}}
    layout.name_manifest(place, made.manifest, tags, platform)
    layout.name_manifest(place, attached, (), {"artifactType": sbom.MEDIA_TYPE})
    job.say(f"sha256:{made.manifest.digest} is in {place}")
    # a server asks Redis for nothing until it is asked itself
    variables = {URL_VARIABLE: "redis://127.0.0.1:6379/0"} if FEATURES_FILE in beside else {}
    if own:
        tag = f"{project.build.image or f'localhost/{place.name.lower()}'}:{tags[1]}"
        started = dockerfile.build(
            job.folder / own,
            job.folder,
            place,
            made.manifest,
            target.platform,
            labels,
            None if compiler else bytecode.compiler_for(target.python),
            tag,
            job.say,
            variables,
        )
        where = publish.Published(dockerfile.push(tag) if project.build.image else "", 0)
    else:
        started = _started(base, place, made.manifest, tags[1], variables)
        where = _pushed(project, job, place, made.manifest, attached, tags)
    release = Release(
        model=project.model,
        version=version,
        environment=project.environment,
        base_image=base.name,
        platform=target.platform,
        python=target.python,
        requirements=text,
        config_digest=made.config_digest,
        manifest_digest=made.manifest.digest,
        layers=made.layers,
        image=where.image,
        layout=str(place),
        training_sketch=candidate.training_sketch,
        sbom_digest=publish.digest_of(document),
        model_digest=candidate.digest,
        verdict_sha256=stored.sha256,
        ledger_head=head,
    )
    write_release(client, candidate, release)
    return Built(release, len(environment.packages), environment.warnings, started, where.pushed)


def layout_of(project: Resolved, job: ci.Job) -> Path:
    """The folder of the OCI layout: build.layout below the project's folder, or one of the model's own."""
    if project.build.layout:
        return (job.folder / project.build.layout).absolute()
    return layout.of_model(project.model)


def _foundation(project: Resolved, job: ci.Job, candidate: Candidate, place: Path) -> tuple[Foundation, Platform]:
    """What the layers are put on, and what they must be made for: the base image's Python and platform, or this machine's."""
    named, trained = project.build, candidate.environment
    python = minor_of(trained.python)
    here = this_machine(python)
    if named.base_image == "none":
        if named.platform not in (None, here.platform):
            raise InvalidInput(
                f"build.platform is {named.platform}, and without a base image it is this machine's, {here.platform}",
                where=project.source,
                fix="leave build.platform out, or name build.base-image",
            )
        must_fit(trained.python, trained.platform, here, "this machine")
        return Foundation(), here
    found = base_image.pull(named.base_image, named.platform or here.platform, python, place, job.say)
    must_fit(trained.python, trained.platform, found.target, f"build.base-image {named.base_image}")
    return found.foundation, found.target


def _compiler(base: Foundation, target: Platform, job: ci.Job) -> bytecode.Compiler | None:
    """Of the bytecode in the image. None for the local target, whose own Python compiles what it imports; and where this
    machine has no Python of that minor version, which is said."""
    if base.name == "none":
        return None
    found = bytecode.compiler_for(target.python)
    if found is None:
        job.warn(
            "build-image: no bytecode",
            f"there is no Python {target.python} here to compile the packages, so each start of the image compiles them."
            f" Fix: install python{target.python} in this job (actions/setup-python)",
        )
    return found


def _started(
    base: Foundation, place: Path, made: layout.Descriptor, name: str, variables: Mapping[str, str]
) -> container.Started:
    if base.name == "none":
        return container.Started(None, "not started here: without a base image it is a bundle for the local target")
    return container.start(place, made, name, variables)


def _pushed(
    project: Resolved,
    job: ci.Job,
    place: Path,
    made: layout.Descriptor,
    attached: layout.Descriptor,
    tags: tuple[str, str],
) -> publish.Published:
    if not project.build.image:
        return publish.Published("", 0)
    return publish.publish(place, made, attached, project.build.image, tags, job.say)

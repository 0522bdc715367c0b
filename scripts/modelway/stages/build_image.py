"""build-image: a judged version as an OCI image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Output
from modelway.records import Release
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class ImageBuilt(ci.Result):
    image: Annotated[str, Output("REPOSITORY@sha256:..., where it was pushed; empty where it was not")]
    manifest_digest: Annotated[str, Output("sha256:... of the image's manifest, in the layout and in the registry")]
    config_digest: Annotated[
        str, Output("sha256:... of the image's config: the same for the same inputs, on any machine")
    ]
    layout: Annotated[str, Output("the folder of the OCI layout")]
    sbom: Annotated[str, Output("the path of the CycloneDX document")]
    started: Annotated[
        bool | None,
        Output("true where the image was started and answered /ready; empty where it was not started here"),
    ]
    report: Annotated[str, Output("the path of build-image.json")]
    release: Release
    """The whole record."""


@ci.use_case
def build_image(
    job: ci.Job,
    *,
    environment: ci.Environment,
    version: ci.Version,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    base_image: Annotated[
        str | None, ci.key("build.base-image", "What the image stands on, by digest: NAME@sha256:...")
    ] = None,
    platform: Annotated[Literal["linux/amd64", "linux/arm64"] | None, ci.key("build.platform")] = None,
    image: Annotated[str | None, ci.key("build.image")] = None,
    layout: Annotated[str | None, ci.key("build.layout")] = None,
    dockerfile: Annotated[str | None, ci.key("build.dockerfile")] = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ImageBuilt:
    """Build a version that passed the gate into an OCI image: a layout on disk, and a push where a repository is named.

    Inputs: modelway.yml (sections registry, gate, build; the environment's overlay), and the flags below. Credentials for
    registries are the docker config's ($DOCKER_CONFIG, ~/.docker/config.json, credential helpers).
    Outputs: the image's digests and where it is. The same inputs give the same config digest, on any machine.
    Exit codes: 0 built; 1 refused (no passing verdict, something changed since, or the image does not start); 2 wrong input
    (a base image that does not fit, a package without a wheel); 4 the MLflow server, the package index or a registry failed.
    """
    from modelway.build.layout import blob
    from modelway.report.release import markdown
    from modelway.stages.steps.build import build  # its imports take a third of a second, which --help need not pay

    built = build(workspace.resolve(job, environment), job, version)
    release = built.release
    for warning in built.warnings:
        job.warn("build-image", warning)
    path = job.report(release, markdown(release, built.packages, built.started.about, built.pushed))
    job.say(f"built {release.model} version {release.version}: {release.image or release.layout}")
    return ImageBuilt(
        image=release.image,
        manifest_digest=f"sha256:{release.manifest_digest}",
        config_digest=f"sha256:{release.config_digest}",
        layout=release.layout,
        sbom=str(blob(job.folder / release.layout, release.sbom_digest)),
        started=None if built.started.answered is None else True,
        report=str(path),
        release=release,
    )

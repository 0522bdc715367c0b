"""Build a version that passed the gate into an OCI image: a layout on disk, and a push where a repository is named.

Inputs: modelway.yml (sections registry, gate, build; the environment's overlay), and the flags below. Credentials for
registries are the docker config's ($DOCKER_CONFIG, ~/.docker/config.json, credential helpers).
Outputs: the image's digests and where it is. The same inputs give the same config digest, on any machine.
Exit codes: 0 built; 1 refused (no passing verdict, something changed since, or the image does not start); 2 wrong input
(a base image that does not fit, a package without a wheel); 4 the MLflow server, the package index or a registry failed.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.stages.steps import workspace

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.ENVIRONMENT,
    ci.TRACKING_URI,
    ci.VERSION,
    ci.Input(
        "base-image",
        "What the image stands on, by digest: NAME@sha256:... Left out: none, a bundle for the local target.",
        key="build.base-image",
    ),
    ci.Input(
        "platform",
        "linux/amd64 or linux/arm64, which image of an index. Left out: this machine's.",
        key="build.platform",
    ),
    ci.Input(
        "image",
        "The repository to push to, such as ghcr.io/team/model. Left out: nothing is pushed.",
        key="build.image",
    ),
    ci.Input(
        "layout",
        "The folder of the OCI layout. Left out: the model's own below modelway's state folder.",
        key="build.layout",
    ),
    ci.Input(
        "dockerfile",
        "A Dockerfile of the team's own, which Docker builds. Left out: modelway makes the image, without Docker.",
        key="build.dockerfile",
    ),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "image": "REPOSITORY@sha256:..., where it was pushed; empty where it was not",
    "manifest-digest": "sha256:... of the image's manifest, in the layout and in the registry",
    "config-digest": "sha256:... of the image's config: the same for the same inputs, on any machine",
    "layout": "the folder of the OCI layout",
    "sbom": "the path of the CycloneDX document",
    "started": "true where the image was started and answered /ready; empty where it was not started here",
    "report": "the path of build-image.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    from modelway.build import layout
    from modelway.report.release import markdown
    from modelway.stages.steps.build import build  # its imports take a third of a second, which --help need not pay

    built = build(workspace.resolve(values, job, INPUTS), job, int(values["version"]))
    release = built.release
    for warning in built.warnings:
        job.warn("build-image", warning)
    path = job.report(release, markdown(release, built.packages, built.started.about, built.pushed))
    job.set_output("image", release.image)
    job.set_output("manifest-digest", f"sha256:{release.manifest_digest}")
    job.set_output("config-digest", f"sha256:{release.config_digest}")
    job.set_output("layout", release.layout)
    job.set_output("sbom", str(layout.blob(job.folder / release.layout, release.sbom_digest)))
    job.set_output("started", "" if built.started.answered is None else "true")
    job.set_output("report", str(path))
    job.say(f"built {release.model} version {release.version}: {release.image or release.layout}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)

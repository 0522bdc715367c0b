"""The image's config and manifest: pure functions of what goes into them, so that the same inputs give the same digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelway.build.layout import CONFIG_TYPE, MANIFEST_TYPE, Descriptor
from modelway.build.names import BYTECODE_LABEL, CONDA, ENVIRONMENT, LAYER_NAME, PORT, PYTHON_LABEL, START
from modelway.build.platforms import Platform
from modelway.records import Candidate, Verdict
from modelway.records.release import Layer

USER = "65532:65532"
"""Nobody's: the number that distroless images use for their user nonroot."""

VARIABLES = {"HOME": "/tmp", "OMP_NUM_THREADS": "1"}  # noqa: S108 - the one folder that nobody's user may write to
"""HOME: the user has no entry in /etc/passwd, and MLflow asks for a home folder when it is imported."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Of a container whose image says none."""


@dataclass(frozen=True)
class Foundation:
    """What the three layers are put on: a base image, or nothing. layers: its descriptors in the manifest."""

    name: str = "none"
    config: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[Descriptor, ...] = ()
    interpreter: str = "python3"
    """Its Python's path in the image."""


def config(
    base: Foundation,
    target: Platform,
    layers: Sequence[Layer],
    labels: Mapping[str, str],
    created: str,
    with_conda: bool = False,
) -> dict[str, Any]:
    """The image's config: the base's own, with ours on top of it. with_conda: whether programs of conda's channels are in
    it."""
    below = dict(base.config.get("config") or {})
    for key in ("Cmd", "Healthcheck", "OnBuild", "ArgsEscaped", "Image", "Hostname", "Domainname"):
        below.pop(key, None)
    known = dict(text.partition("=")[::2] for text in below.get("Env") or ())
    own = dict(VARIABLES)
    if with_conda:
        own |= {"PATH": f"/{CONDA}/bin:{known.get('PATH', PATH)}", "CONDA_PREFIX": f"/{CONDA}"}
    variables = [text for text in below.get("Env") or () if text.partition("=")[0] not in own]
    run = {
        **below,
        "User": USER,
        "ExposedPorts": {**(below.get("ExposedPorts") or {}), f"{PORT}/tcp": {}},
        "Env": [*variables, *(f"{name}={value}" for name, value in own.items())],
        "Entrypoint": [base.interpreter, "-I", f"/{START}", "--environment", f"/{ENVIRONMENT}"],
        "WorkingDir": "/",
        "StopSignal": "SIGTERM",
        "Labels": {**(below.get("Labels") or {}), **labels},
    }
    under = base.config.get("rootfs") or {}
    history = [{"created": created, "created_by": f"modelway build-image: {layer.name}"} for layer in layers]
    kept = {key: base.config[key] for key in ("variant", "os.version", "os.features") if key in base.config}
    return {
        **kept,
        "created": created,
        "architecture": target.architecture,
        "os": target.system,
        "config": run,
        "rootfs": {
            "type": "layers",
            "diff_ids": [*(under.get("diff_ids") or ()), *(f"sha256:{layer.diff_id}" for layer in layers)],
        },
        "history": [*(base.config.get("history") or ()), *history],
    }


def manifest(
    described: Descriptor, base: Foundation, layers: Sequence[Layer], said: Mapping[str, str]
) -> dict[str, Any]:
    """described: the config's descriptor. said: its annotations."""
    ours = [Descriptor(item.media_type, item.digest, item.size, {LAYER_NAME: item.name}) for item in layers]
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": described.json(),
        "layers": [item.json() for item in (*base.layers, *ours)],
        "annotations": dict(said),
    }


def annotations_of(labels: Mapping[str, str]) -> dict[str, str]:
    """Of the manifest: what registries show, which read no config."""
    return {name: value for name, value in labels.items() if name.startswith("org.opencontainers.image.")}


def config_descriptor(digest: str, size: int) -> Descriptor:
    return Descriptor(CONFIG_TYPE, digest, size)


def labels(
    candidate: Candidate,
    verdict: Verdict,
    verdict_sha256: str,
    ledger_head: str,
    base: Foundation,
    target: Platform,
    created: str = "",
    compiled_by: str = "",
) -> dict[str, str]:
    """What the image says of itself: from the records and the ledger's head alone. created: when the model was logged.
    compiled_by: the version of Python that made the bytecode in it; empty where it has none."""
    said = {
        "org.opencontainers.image.title": candidate.model,
        "org.opencontainers.image.description": f"{candidate.model} version {candidate.version} and its model server",
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.version": str(candidate.version),
        "org.opencontainers.image.revision": candidate.commit,
        "io.modelway.model": candidate.model,
        "io.modelway.version": str(candidate.version),
        "io.modelway.readable-version": candidate.readable_version,
        "io.modelway.run-id": candidate.run_id,
        "io.modelway.environment": verdict.environment,
        PYTHON_LABEL: target.python,
        BYTECODE_LABEL: compiled_by,
        "io.modelway.model-digest": candidate.digest,
        "io.modelway.model-content": candidate.content,
        "io.modelway.data-digest": verdict.data_digest,
        "io.modelway.policy-digest": verdict.policy_digest,
        "io.modelway.verdict-sha256": verdict_sha256,
        "io.modelway.ledger-head": ledger_head,
    }
    if base.name != "none":
        name, _, digest = base.name.partition("@")
        said |= {"org.opencontainers.image.base.name": name, "org.opencontainers.image.base.digest": digest}
    return {name: value for name, value in said.items() if value}

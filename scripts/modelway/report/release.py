"""A Release as a person reads it."""

from __future__ import annotations

from modelway.markdown import cell, number, table
from modelway.records import Release


def markdown(release: Release, packages: int, about_start: str, pushed: int) -> str:
    """packages: how many are in the environment layer. about_start: whether the image was started. pushed: bytes that the
    registry did not have."""
    rows = [
        ("image", release.image or "not pushed"),
        ("manifest", f"sha256:{release.manifest_digest}"),
        ("config", f"sha256:{release.config_digest}"),
        ("base image", release.base_image),
        ("made for", f"Python {release.python} on {release.platform}"),
        ("started", about_start),
        ("layout", release.layout),
        ("SBOM", f"CycloneDX, {packages} packages, sha256:{release.sbom_digest}"),
        ("model's digest", release.model_digest),
        ("verdict", release.verdict_sha256),
        ("head of the ledger", release.ledger_head or "the ledger is empty"),
    ]
    layers = [(layer.name, _megabytes(layer.size), f"sha256:{layer.digest}") for layer in release.layers]
    text = f"### Image of {cell(release.model)} version {release.version} for {cell(release.environment)}\n\n"
    text += f"{table(('', ''), rows)}\n\n{table(('layer', 'MB:', 'digest'), layers)}"
    return f"{text}\n\n{_megabytes(pushed)} MB were pushed; the rest was there." if release.image else text


def _megabytes(size: int) -> str:
    return number(round(size / 1e6, 3))

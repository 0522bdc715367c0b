"""Release: what build-image hands on."""

from __future__ import annotations

from typing import Literal

import msgspec

LayerName = Literal["environment", "server", "model"]


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the three layers that modelway adds to a base. All digests are sha256 in hexadecimal, without a prefix."""

    name: LayerName
    digest: str
    """Of the blob as it is stored (compressed)."""
    diff_id: str
    """Of the tar inside: what does not depend on the compressor."""
    size: int
    """Bytes of the blob."""
    media_type: str


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a model made ready to run, for one environment."""

    schema: str = "modelway/release/1"
    model: str
    version: int
    environment: str
    """The environment whose Verdict let it be built."""
    base_image: str
    """`none`, or REPOSITORY@sha256:..."""
    platform: str
    """Such as linux/amd64."""
    python: str
    """The minor version that its wheels are for, such as 3.11."""
    requirements: str
    """The hash-locked requirements of the environment layer, as text."""
    config_digest: str
    """Of the image's config: the same for the same inputs, on any machine."""
    manifest_digest: str
    """Of the image's manifest, as text that the layout and the registry hold."""
    layers: tuple[Layer, ...]
    image: str
    """REPOSITORY@sha256:..., where it was pushed; empty where it was not."""
    layout: str
    """The folder of the OCI layout that holds it, absolute, on the machine that built it."""
    training_sketch: str = ""
    """The sha256 of the sketch of the training data in it; empty where it holds none: then its servers count nothing."""
    sbom_digest: str
    model_digest: str
    verdict_sha256: str
    """Of the Verdict that it was built from."""
    ledger_head: str
    """The hash of the ledger's head when it was built; empty where the ledger had no entry."""

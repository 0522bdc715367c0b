"""Out of a registry into a layout: what the local target needs of an image that another machine built and pushed.

That is the manifest, the config and modelway's own three layers; a base image's layers stay where they are, since the
machine's own Python runs the release. Each is held against its digest, and what is there already is not fetched again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from modelway.build import layout
from modelway.build.distribution import Repository, open_repository
from modelway.build.layout import Descriptor
from modelway.build.names import LAYER_NAME
from modelway.errors import Refused


def pull(image: str, place: Path, say: Callable[[str], None]) -> None:
    """image: REPOSITORY@sha256:..., as build-image gave it out. place: the layout, made where there is none."""
    name, _, digest = image.rpartition("@")
    repository = open_repository(name)
    data, _ = repository.manifest(digest)
    layout.prepare(place)
    for blob in _needed(data, image):
        _fetched(repository, place, blob, say)
    layout.add_bytes(
        place, data
    )  # last: whoever finds it finds all of it. No index names it, since a base image is missing


def _needed(manifest: bytes, image: str) -> list[Descriptor]:
    try:
        said = json.loads(manifest)
        ours = [layer for layer in said["layers"] if LAYER_NAME in (layer.get("annotations") or {})]
        if not ours:
            raise ValueError("an image of somebody else's")
        return [_descriptor(item["mediaType"], item["digest"], item["size"]) for item in (said["config"], *ours)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("is no image that build-image made", where=image, fix="run build-image again") from None


def _descriptor(media_type: str, digest: str, size: int) -> Descriptor:
    plain = digest.removeprefix("sha256:")
    if len(plain) != 64 or not set(plain) <= set("0123456789abcdef"):
        raise ValueError("it becomes part of a path")
    return Descriptor(media_type, plain, int(size))


def _fetched(repository: Repository, place: Path, blob: Descriptor, say: Callable[[str], None]) -> None:
    if layout.is_whole(place, blob.digest):
        return
    if blob.size > 1 << 20:
        say(f"fetching {blob.size / 1e6:.1f} MB from {repository.name}")
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=place) as name:
        file = Path(name, "blob")
        repository.fetch_blob(blob, file)
        layout.add_file(place, file, blob.digest)

"""Out of the layout into a registry: the blobs that it has not, the manifests, and the SBOM as what refers to the image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelway.build import layout
from modelway.build.distribution import Repository, open_repository
from modelway.build.layout import Descriptor
from modelway.errors import InvalidInput
from modelway.records import canonical_json

EMPTY, EMPTY_TYPE = b"{}", "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True)
class Published:
    """image: REPOSITORY@sha256:... pushed: how many bytes of blobs the registry did not have."""

    image: str
    pushed: int


def attach(place: Path, image: Descriptor, document: bytes, media_type: str, title: str) -> Descriptor:
    """Store a document in the layout as an artifact that refers to the image; the artifact's manifest."""
    content = Descriptor(
        media_type,
        layout.add_bytes(place, document),
        len(document),
        {"org.opencontainers.image.title": title},
    )
    empty = Descriptor(EMPTY_TYPE, layout.add_bytes(place, EMPTY), len(EMPTY))
    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": layout.MANIFEST_TYPE,
            "artifactType": media_type,
            "config": empty.json(),
            "layers": [content.json()],
            "subject": image.json(),
        }
    )
    return Descriptor(layout.MANIFEST_TYPE, layout.add_bytes(place, manifest), len(manifest))


def digest_of(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def publish(
    place: Path, image: Descriptor, attached: Descriptor, name: str, tags: Iterable[str], say: Callable[[str], None]
) -> Published:
    """Push the image and what is attached to it. name: REGISTRY/REPOSITORY, without a tag. The tags come last, so that
    they never name what is not whole."""
    if "@" in name or ":" in name.rpartition("/")[2]:
        raise InvalidInput(
            f"{name[:200]!r} has a tag or a digest, which build-image sets itself",
            where="build.image",
            fix="name the repository only",
        )
    repository = open_repository(name)
    pushed = _push(repository, place, image, say)
    pushed += _push(repository, place, attached, say)
    data = layout.verified(place, attached.digest).read_bytes()
    if not repository.push_manifest(data, attached.media_type, f"sha256:{attached.digest}"):
        _refer(repository, image, attached, json.loads(data)["artifactType"])
    data = layout.verified(place, image.digest).read_bytes()
    for tag in tags:
        repository.push_manifest(data, image.media_type, tag)
    return Published(f"{name}@sha256:{image.digest}", pushed)


def _push(repository: Repository, place: Path, manifest: Descriptor, say: Callable[[str], None]) -> int:
    """The blobs of a manifest; the bytes that the registry did not have."""
    said = layout.read_document(place, manifest.digest)
    pushed = 0
    for item in (said["config"], *said["layers"]):
        blob = Descriptor(item["mediaType"], item["digest"].removeprefix("sha256:"), item["size"])
        if repository.push_blob(blob, layout.blob(place, blob.digest)):
            pushed += blob.size
            if blob.size > 1 << 20:
                say(f"pushed {blob.size / 1e6:.1f} MB to {repository.name}")
    return pushed


def _refer(repository: Repository, image: Descriptor, attached: Descriptor, kind: str) -> None:
    """For a registry without the referrers API: the index under the tag that the OCI specification names."""
    tag = f"sha256-{image.digest}"
    row: dict[str, Any] = {**attached.json(), "artifactType": kind}
    known = [item for item in repository.index(tag) if item.get("digest") != row["digest"]]
    index = canonical_json({"schemaVersion": 2, "mediaType": layout.INDEX_TYPE, "manifests": [*known, row]})
    repository.push_manifest(index, layout.INDEX_TYPE, tag)

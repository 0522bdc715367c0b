"""An OCI image layout on disk: blobs named by their sha256, and an index that names the images.

Every file is written beside its place and renamed, so that a build that is killed leaves only whole files; two builds at
once change the index one after the other. The local target reads layouts too, so little is imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelway.environments import home
from modelway.errors import InvalidInput, Refused
from modelway.files import locked, replacing, write_whole
from modelway.records import canonical_json, sha256_of_file

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
REFERENCE = "org.opencontainers.image.ref.name"
AGAIN = "run build-image again: it makes the same image anew"
DOCUMENT_LIMIT = 16 << 20
"""Bytes of a manifest or config that are read into memory."""


def of_model(model: str) -> Path:
    """The layout of the model's images on this machine, where no other was named."""
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in model).lstrip(".")
    return home.state_folder() / "images" / (safe or "model")


@dataclass(frozen=True)
class Descriptor:
    """What names a blob. digest: sha256 in hexadecimal, without a prefix."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] | None = None

    def json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"mediaType": self.media_type, "digest": f"sha256:{self.digest}", "size": self.size}
        return {**shown, "annotations": dict(self.annotations)} if self.annotations else shown


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest


def prepare(layout: Path) -> None:
    """Make the folder a layout, where it is none yet. InvalidInput where it holds something else."""
    marker = layout / "oci-layout"
    if layout.is_dir() and not marker.is_file() and any(layout.iterdir()):
        raise InvalidInput(
            "holds other files and is no OCI layout", where=str(layout), fix="name an empty folder, or none"
        )
    blob(layout, "").mkdir(parents=True, exist_ok=True)
    if not marker.is_file():
        write_whole(marker, canonical_json({"imageLayoutVersion": "1.0.0"}), shared=True)


def add_bytes(layout: Path, data: bytes) -> str:
    """Store a document; its sha256."""
    digest = hashlib.sha256(data).hexdigest()
    if not is_whole(layout, digest):
        write_whole(blob(layout, digest), data, shared=True)
    return digest


def add_file(layout: Path, file: Path, digest: str) -> None:
    """Store a copy of a file whose sha256 is known: a hard link where that is possible."""
    if is_whole(layout, digest):
        return
    place = blob(layout, digest)
    with replacing(place, shared=True) as unfinished:
        try:
            os.link(file, unfinished)
        except OSError:  # another file system
            shutil.copyfile(file, unfinished)
        if sha256_of_file(unfinished) != digest:
            raise Refused(f"{file} is not what its digest says", fix="remove it and build again")


def is_whole(layout: Path, digest: str) -> bool:
    """Whether the blob is there with the content that its name says; one that is damaged counts as missing."""
    place = blob(layout, digest)
    return place.is_file() and sha256_of_file(place) == digest


def verified(layout: Path, digest: str) -> Path:
    """The blob's path. Refused where it is missing or was changed."""
    place = blob(layout, digest)
    if not place.is_file():
        raise Refused("is missing", where=_where(layout, digest), fix=AGAIN)
    if sha256_of_file(place) != digest:
        raise _changed(layout, digest)
    return place


def read_document(layout: Path, digest: str) -> dict[str, Any]:
    """A verified manifest or config. Refused where it is missing, was changed, or is no JSON object."""
    place = blob(layout, digest)
    if place.is_file() and place.stat().st_size <= DOCUMENT_LIMIT:
        data = place.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise _changed(layout, digest)
        with contextlib.suppress(ValueError):
            value = json.loads(data)
            if isinstance(value, dict):
                return value
    raise Refused("is missing, or no JSON object", where=_where(layout, digest), fix=AGAIN)


def name_manifest(layout: Path, manifest: Descriptor, references: Iterable[str], more: Mapping[str, Any]) -> None:
    """Let the index name the manifest by each of the references. What they named before stays there without a name, so
    that nothing that is deployed is taken for garbage. more: further keys of the descriptor, such as platform."""
    with locked(layout / ".lock"):
        index = layout / "index.json"
        known: dict[str, dict[str, Any]] = {}
        names: dict[str, set[str]] = {}
        for item in _manifests(index):
            annotations = item.pop("annotations", None) or {}
            known[item["digest"]] = item
            names.setdefault(item["digest"], set()).add(annotations.get(REFERENCE, ""))
        for given in names.values():
            given.difference_update(references)
        digest = f"sha256:{manifest.digest}"
        known[digest] = {**manifest.json(), **more}
        names.setdefault(digest, set()).update(references)
        manifests = [
            {**known[digest], **({"annotations": {REFERENCE: name}} if name else {})}
            for digest, given in names.items()
            for name in sorted(given - {""}) or [""]
        ]
        write_whole(index, canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}))


def _manifests(index: Path) -> list[dict[str, Any]]:
    if not index.is_file():
        return []
    try:
        manifests = json.loads(index.read_bytes())["manifests"]
        if all(isinstance(item["digest"], str) for item in manifests):
            return list(manifests)
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidInput("is no index of an OCI layout", where=str(index), fix="remove the layout's folder, build again")


def _where(layout: Path, digest: str) -> str:
    return f"blob sha256:{digest} of {layout}"


def _changed(layout: Path, digest: str) -> Refused:
    what = "was changed since it was built: its content has another digest"
    return Refused(what, where=_where(layout, digest), fix=AGAIN)

"""A release out of its OCI layout, into folders that can run: for the local target.

Nothing is used whose digest is not the one asked for. Each layer is unpacked once, into a folder named by its diff_id: beside
its place, then renamed, so that one that was cut off is never taken for whole. Neither the registry nor the network is
needed, and little is imported: this runs where deployments do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from modelway.build import compression
from modelway.build import layout as layouts
from modelway.build.names import (
    CONDA,
    ENVIRONMENT,
    LAYER_NAME,
    MODEL,
    PYTHON_LABEL,
    RELEASE_FILE,
    SERVER,
)
from modelway.build.relocation import relocate
from modelway.environments import home, locks
from modelway.errors import InvalidInput, Refused
from modelway.files import locked, sync_folder

COMPLETE = "modelway-complete"
UNFINISHED = ".unpacking-"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Unpacked:
    """Where a release's parts lie: absolute paths that stay as they are."""

    environment: Path
    """The installed packages: a folder for sys.path."""
    server: Path
    """The folder that holds the package modelway.serving."""
    model: Path
    """The MLflow model."""
    release: Path
    """release.json: which model this is."""
    config: dict[str, Any]
    """The image's config."""
    python: str
    """An interpreter of the Python that the release is for."""


def unpack(layout: Path, manifest_digest: str, store: Path) -> Unpacked:
    """Verify the image and unpack its three layers below `store`, where they are not there yet. What has no bytecode gets it
    as servers import it: they may write there, and import a quarter of it.

    manifest_digest: sha256 in hexadecimal, with or without its prefix. Refused, naming the blob, where anything differs
    from its digest; InvalidInput where this machine has no Python of the release's minor version, or is another platform.
    """
    config, named = _read(layout, manifest_digest)
    python = locks.python_of_minor(_python_of(config))
    folders = {name: _unpacked(layout, digest, diff_id, store) for name, (digest, diff_id) in named.items()}
    return Unpacked(
        environment=folders["environment"] / ENVIRONMENT,
        server=folders["server"] / SERVER,
        model=folders["model"] / MODEL,
        release=folders["model"] / RELEASE_FILE,
        config=config,
        python=python,
    )


def unpack_into(folder: Path, layout: Path, manifest_digest: str) -> None:
    """The files of the image's three layers below one folder, as a container would see them: ENVIRONMENT, SERVER, MODEL."""
    for digest, diff_id in _read(layout, manifest_digest)[1].values():
        _extract(layouts.verified(layout, digest), folder, diff_id)
    relocate(folder / CONDA, Path("/", CONDA))


def _read(layout: Path, manifest_digest: str) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The config, and what `_layers` says."""
    manifest = layouts.read_document(layout, _hexadecimal({"digest": manifest_digest}))
    config = layouts.read_document(layout, _hexadecimal(manifest.get("config")))
    return config, _layers(manifest, config)


def _layers(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """name -> (digest of the blob, diff_id) of modelway's three layers."""
    layers = manifest.get("layers") or []
    diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
    named = {}
    if len(layers) == len(diff_ids):
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            if name := (layer.get("annotations") or {}).get(LAYER_NAME):
                named[name] = (_hexadecimal(layer), _hexadecimal({"digest": diff_id}))
    if set(named) != {"environment", "server", "model"}:
        raise Refused("is no image that build-image made", where="the manifest", fix="name the digest it gave out")
    return named


def _labels(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return (config.get("config") or {}).get("Labels") or {}


def _python_of(config: Mapping[str, Any]) -> str:
    system = os.uname()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine)
    here, wanted = f"{system.sysname.lower()}/{machine}", f"{config.get('os')}/{config.get('architecture')}"
    if here != wanted:
        raise InvalidInput(f"the release is for {wanted}, and this machine is {here}", fix="build it for this machine")
    return str(_labels(config).get(PYTHON_LABEL, ""))


def _unpacked(layout: Path, digest: str, diff_id: str, store: Path) -> Path:
    blob = layouts.verified(layout, digest)
    place = store / diff_id
    with _alone(place):
        if (place / COMPLETE).exists():
            os.utime(place / COMPLETE)  # when it was needed last
        else:
            folder = store / f"{UNFINISHED}{diff_id}"
            for left in (place, folder):  # by one that was cut off
                shutil.rmtree(left, ignore_errors=True)
            try:
                folder.mkdir()
                _extract(blob, folder, diff_id)
                relocate(folder / CONDA, place / CONDA)
                (folder / COMPLETE).touch()
                os.sync()  # after a power cut a name may be there without what it names: it would be taken for whole
                folder.rename(place)
                sync_folder(store)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return place


def remove(store: Path, diff_id: str, idle_seconds: float) -> bool:
    """Remove an unpacked layer that was not asked for in so many seconds; whether it was."""
    place, folder = store / diff_id, store / f"{UNFINISHED}{diff_id}"
    with _alone(place):
        try:
            idle = time.time() - (place / COMPLETE).stat().st_mtime
        except FileNotFoundError:  # another command has removed it
            return False
        if idle < idle_seconds:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        place.rename(folder)  # cut off from here on, it is not taken for whole
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _alone(place: Path) -> AbstractContextManager[None]:
    return locked(home.made(place.parent) / f"{place.name}.lock")


def _extract(blob: Path, folder: Path, diff_id: str) -> None:
    """Plain files and folders below `folder`, and nothing else; the tar must have the diff_id."""
    try:
        with blob.open("rb") as file, compression.reading(file) as stream:
            plain = _Hashing(stream)
            with tarfile.open(fileobj=plain, mode="r|") as archive:  # type: ignore[call-overload]
                for member in archive:
                    _write(archive, member, _place(folder, member, blob))
            while plain.read(CHUNK):
                pass
    except compression.UNREADABLE as error:
        raise Refused(f"cannot be unpacked: {error}", where=str(blob), fix=layouts.AGAIN) from None
    if plain.digest != diff_id:
        raise Refused("its content has another diff_id than the config says", where=str(blob), fix=layouts.AGAIN)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None  # _place lets plain files through
    with path.open("xb") as target:
        shutil.copyfileobj(content, target, CHUNK)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _place(folder: Path, member: tarfile.TarInfo, blob: Path) -> Path:
    parts = PurePosixPath(member.name).parts
    outside = not parts or member.name.startswith("/") or ".." in parts
    if outside or not (member.isreg() or member.isdir()):
        kind = "a path that leads outside" if outside else "a link or a device"
        raise Refused(f"holds {kind}: {member.name[:120]!r}", where=str(blob), fix=layouts.AGAIN)
    return folder.joinpath(*parts)


def _hexadecimal(descriptor: Any) -> str:
    """The sha256 of a descriptor, checked to be one: it becomes part of a path."""
    digest = descriptor.get("digest", "") if isinstance(descriptor, dict) else ""
    text = str(digest).removeprefix("sha256:")
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise Refused(f"{text[:80]!r} is no sha256 digest", where="the image", fix="name the digest that it gave out")
    return text


class _Hashing:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hash.update(data)
        return data

"""A base image: pulled by digest into the layout, and read to find which Python, C library and architecture it has."""

from __future__ import annotations

import json
import posixpath
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from modelway.build import compression, layout
from modelway.build.distribution import Repository, open_repository
from modelway.build.image import Foundation
from modelway.build.layout import Descriptor
from modelway.build.platforms import Platform
from modelway.environments import home
from modelway.errors import InvalidInput
from modelway.files import write_whole
from modelway.records import digest_of_json

REFERENCE = re.compile(r"(?P<name>[^@]+)@(?P<digest>sha256:[0-9a-f]{64})")
LAYER_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}
"""Docker's names for the same bytes."""
INDEX_TYPES = (layout.INDEX_TYPE, "application/vnd.docker.distribution.manifest.list.v2+json")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIBC = re.compile(r"/libc(\.so\.6|-2\.\d+\.so)$")
LIBC_VERSION = re.compile(rb"GNU C Library[^\n]{0,200}release version (2\.\d+)")
LINKS = 40
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(frozen=True)
class BaseImage:
    foundation: Foundation
    target: Platform


class Found(msgspec.Struct, frozen=True):
    """What the layers say. python: a minor version, such as 3.11; interpreter: its path; libc: such as 2.36."""

    python: str
    interpreter: str
    libc: str
    musl: bool


def pull(reference: str, platform: str, wanted: str, place: Path, say: Callable[[str], None]) -> BaseImage:
    """The base image in the layout at `place`. platform: which image of an index, such as linux/amd64. wanted: the
    model's Python, such as 3.11, which is taken where the image has several. InvalidInput for a tag, for an image without
    a Python or with musl, and where the registry has no such image."""
    parsed = REFERENCE.fullmatch(reference)
    if not parsed:
        raise InvalidInput(
            f"{reference[:200]!r} names no digest, and what a tag names changes",
            where="build.base-image",
            fix=f"write it as NAME@sha256:..., which `docker buildx imagetools inspect {reference[:100]}` shows",
        )
    repository = open_repository(parsed["name"])
    manifest = _manifest(repository, parsed["digest"], platform, reference)
    described = _descriptor(manifest["config"], reference)
    layers = [_descriptor(layer, reference) for layer in manifest["layers"]]
    layout.prepare(place)
    for blob in (described, *layers):
        if not layout.is_whole(place, blob.digest):
            say(f"fetching {blob.size / 1e6:.1f} MB of the base image")
            with tempfile.TemporaryDirectory(prefix=".base-", dir=place) as name:
                repository.fetch_blob(blob, Path(name, "blob"))
                layout.add_file(place, Path(name, "blob"), blob.digest)
    config = layout.read_document(place, described.digest)
    if f"{config.get('os')}/{config.get('architecture')}" != platform:
        raise InvalidInput(
            f"is for {config.get('os')}/{config.get('architecture')}, and not for {platform}",
            where=f"build.base-image {reference}",
            fix="name an image for that platform, or set build.platform",
        )
    found = _found(place, layers, config, wanted)
    _must_run(found, reference)
    system, _, architecture = platform.partition("/")
    return BaseImage(
        Foundation(reference, config, tuple(layers), found.interpreter),
        Platform(system, architecture, found.python, found.libc),
    )


def _manifest(repository: Repository, digest: str, platform: str, reference: str) -> dict[str, Any]:
    """The image's manifest: the one that was named, or the platform's of an index."""
    for _ in range(2):
        data, media_type = repository.manifest(digest)
        try:
            said = json.loads(data)
            index = said.get("mediaType", media_type) in INDEX_TYPES or "manifests" in said
            if not index and said["config"] and isinstance(said["layers"], list):
                return dict(said)
            fitting = [item for item in said["manifests"] if _platform(item) == platform]
            known = sorted({_platform(item) for item in said["manifests"]} - {"unknown/unknown"})
        except (ValueError, KeyError, TypeError, AttributeError):
            break
        if not fitting:
            raise InvalidInput(
                f"has no image for {platform}, only for {', '.join(known)[:200]}",
                where=f"build.base-image {reference}",
                fix="set build.platform to one of them, or name another image",
            )
        digest = str(fitting[0]["digest"])
    raise InvalidInput("is no image", where=f"build.base-image {reference}", fix="name an image by its digest")


def _platform(item: Mapping[str, Any]) -> str:
    said = item.get("platform") or {}
    return f"{said.get('os')}/{said.get('architecture')}"


def _descriptor(said: Mapping[str, Any], reference: str) -> Descriptor:
    media_type, digest = str(said.get("mediaType")), str(said.get("digest"))
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest) or "zstd" in media_type or said.get("urls"):
        raise InvalidInput(
            f"has a layer of the type {media_type[:80]}, which is not read here",
            where=f"build.base-image {reference}",
            fix="use a base image with gzip layers",
        )
    return Descriptor(LAYER_TYPES.get(media_type, media_type), digest.removeprefix("sha256:"), int(said["size"]))


def _must_run(found: Found, reference: str) -> None:
    where = f"build.base-image {reference}"
    if found.musl or not found.libc:
        kind = "musl (Alpine)" if found.musl else "no glibc"
        raise InvalidInput(
            f"has {kind}, and wheels are for glibc", where=where, fix="use a Debian or Red Hat based image"
        )
    if not found.python:
        raise InvalidInput(
            "has no Python", where=where, fix="use an image with the model's Python, such as python:3.11-slim"
        )


def _found(place: Path, layers: Iterable[Descriptor], config: Mapping[str, Any], wanted: str) -> Found:
    """Read once per image and wanted Python: a layer is decompressed whole for it."""
    diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
    key = digest_of_json([diff_ids, search_path(config), wanted])
    record = home.made(home.cache_folder() / "bases") / f"{key}.json"
    if record.is_file():
        return msgspec.json.decode(record.read_bytes(), type=Found)
    files: dict[str, str] = {}
    libc = ""
    for layer in layers:
        libc = _read(layout.blob(place, layer.digest), files) or libc
    interpreter, python = interpreter_of(files, search_path(config), wanted)
    musl = any(re.match(r"(usr/)?lib/ld-musl-", path) for path in files)
    found = Found(python, interpreter, libc, musl)
    write_whole(record, msgspec.json.encode(found), shared=True)
    return found


def search_path(config: Mapping[str, Any]) -> str:
    for text in (config.get("config") or {}).get("Env") or ():
        name, _, value = text.partition("=")
        if name == "PATH":
            return str(value)
    return DEFAULT_PATH


def _read(blob: Path, files: dict[str, str]) -> str:
    """Put a layer's entries on top of `files` (path -> what it links to, empty for none); glibc's version, where this
    layer has it."""
    libc = ""
    try:
        with blob.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            stream = compression.reading(plain) if packed else plain
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    path = posixpath.normpath("/" + member.name).lstrip("/")
                    if posixpath.basename(path).startswith(WHITEOUT):
                        _remove(files, path)
                        continue
                    link = "/" + posixpath.normpath("/" + member.linkname).lstrip("/") if member.islnk() else ""
                    files[path] = member.linkname if member.issym() else link
                    if member.isreg() and LIBC.search("/" + path):
                        content = archive.extractfile(member)
                        version = LIBC_VERSION.search(content.read()) if content else None
                        libc = version[1].decode() if version else libc
    except compression.UNREADABLE as error:
        what = f"the base image's layer cannot be read: {error}"
        raise InvalidInput(what, where=str(blob), fix="use another base image") from None
    return libc


def _remove(files: dict[str, str], path: str) -> None:
    folder, name = posixpath.split(path)
    gone = folder if name == OPAQUE else posixpath.join(folder, name.removeprefix(WHITEOUT))
    for known in [known for known in files if known.startswith(f"{gone}/") or known == gone != folder]:
        del files[known]


def interpreter_of(files: Mapping[str, str], path: str, wanted: str) -> tuple[str, str]:
    """(path of the interpreter, its minor version): of the wanted version where the image has it, else of python3; two
    empty texts where there is none. files: path -> what it links to."""
    for name in (f"python{wanted}", "python3"):
        for folder in path.split(":"):
            real = _resolved(files, posixpath.join(folder, name))
            if real is None:
                continue
            version = re.fullmatch(r"python(3\.\d+)", posixpath.basename(real))
            if version:
                return posixpath.join(folder, name), version[1]
            library = posixpath.join(posixpath.dirname(posixpath.dirname(real)), "lib/python3.")
            minors = {re.match(r"\d+", known[len(library) :]) for known in files if known.startswith(library)}
            numbers = {found[0] for found in minors if found}
            if len(numbers) == 1:
                return posixpath.join(folder, name), f"3.{numbers.pop()}"
    return "", ""


def _resolved(files: Mapping[str, str], path: str) -> str | None:
    """The path without its leading slash, after all links in it were followed; None where it leads nowhere."""
    parts = [part for part in path.split("/") if part]
    done: list[str] = []
    for _ in range(LINKS * 10):
        if not parts:
            return "/".join(done)
        part = parts.pop(0)
        if part == "..":
            done = done[:-1]
            continue
        here = "/".join([*done, part])
        if here not in files and not any(known.startswith(f"{here}/") for known in files):
            return None
        link = files.get(here, "")
        if link:
            parts = [*(item for item in link.split("/") if item and item != "."), *parts]
            done = [] if link.startswith("/") else done
        else:
            done.append(part)
    return None

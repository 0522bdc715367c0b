"""The two digests that name a model: what is stored, and whether two trainings made the same model.

digest: over the bytes as stored. A Verdict, a Release and the ledger hold for it.
content: over what is left when everything is taken out that differs between two equal trainings: identifiers and times
in `MLmodel`, and dates, compression and order inside zip files. A skops file is a zip whose members are named by memory
addresses (its schema.json repeats them as `__id__`): they are numbered by their first appearance instead.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import yaml

from modelway.errors import InvalidInput
from modelway.records import ModelFile, canonical_json, digest_of_json, sha256_of_file
from modelway.records.digests import CHUNK, digest_of_listing

ADDED_BY_DOWNLOAD = "registered_model_meta"
VOLATILE_KEYS = frozenset({"run_id", "model_id", "model_uuid", "utc_time_created", "artifact_path", "model_size_bytes"})
"""Of MLmodel. model_size_bytes follows from the other files, and from how well a zip file packed."""
NESTED_ZIPS = 3
SCHEMA_LIMIT = 64 << 20
"""Bytes of a skops schema.json that are read into memory; a larger one is hashed as it is."""


def model_files(folder: Path) -> tuple[ModelFile, ...]:
    """Every file below the folder, sorted by path. InvalidInput where it is not an MLflow model."""
    if not (folder / "MLmodel").is_file():
        raise InvalidInput(
            "not an MLflow model: it has no file MLmodel",
            where=str(folder),
            fix="log it with mlflow.<flavor>.log_model",
        )
    found = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    for path in found:
        if path.is_symlink() or not path.is_file():
            raise InvalidInput("a model may hold plain files only", where=str(path), fix="store the file itself")
    return tuple(_model_file(folder, path) for path in found if path != folder / ADDED_BY_DOWNLOAD)


def digest(files: tuple[ModelFile, ...]) -> str:
    """The identity of the stored bytes: sha256 over the sorted (path, size in bytes, sha256)."""
    return digest_of_listing((file.path, file.size, file.sha256) for file in files)


def content(files: tuple[ModelFile, ...]) -> str:
    """The same for two trainings that made the same model: sha256 over the sorted (path, content)."""
    return digest_of_json(sorted((file.path, file.content) for file in files))


def differing_files(a: tuple[ModelFile, ...], b: tuple[ModelFile, ...]) -> tuple[str, ...]:
    """The paths whose content differs, or that only one of the two has; sorted."""
    contents_a, contents_b = ({file.path: file.content for file in files} for files in (a, b))
    return tuple(sorted({path for path, _ in contents_a.items() ^ contents_b.items()}))


def _model_file(folder: Path, path: Path) -> ModelFile:
    name = path.relative_to(folder).as_posix()
    stored = sha256_of_file(path)
    if name == "MLmodel":
        kept = digest_of_json(_without_volatile_keys(path))
    else:
        with path.open("rb") as stream:
            kept = _zip_content(stream, NESTED_ZIPS) or stored
    return ModelFile(path=name, size=path.stat().st_size, sha256=stored, content=kept)


def _without_volatile_keys(path: Path) -> dict[str, Any]:
    try:
        # BaseLoader makes no objects and keeps every scalar as its text: nothing is rounded, no date is parsed.
        document = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidInput("MLmodel is not YAML", where=str(path), fix="log the model again") from error
    if not isinstance(document, dict):
        raise InvalidInput("MLmodel is not a mapping", where=str(path), fix="log the model again")
    return {key: value for key, value in document.items() if key not in VOLATILE_KEYS}


def _zip_content(stream: IO[bytes], depth: int) -> str | None:
    """The digest of a zip file's members, or None where the stream is not a readable zip file."""
    start = stream.read(4)
    stream.seek(0)
    if depth == 0 or start not in (b"PK\x03\x04", b"PK\x05\x06"):
        return None
    try:
        with zipfile.ZipFile(stream) as archive:
            rename, schema = _skops_schema(archive)
            listing = [
                ("schema.json", len(schema), hashlib.sha256(schema).hexdigest())
                if schema is not None and member.filename == "schema.json"
                else (rename(member.filename), member.file_size, _member_content(archive, member, depth))
                for member in archive.infolist()
            ]
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ):
        return None  # damaged, encrypted or packed in an unknown way: its stored bytes speak for it
    return digest_of_listing(listing)


def _member_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, depth: int) -> str:
    with archive.open(member) as stream:
        nested = _zip_content(stream, depth - 1)
    if nested is not None:
        return nested
    hashed = hashlib.sha256()
    with archive.open(member) as stream:
        while chunk := stream.read(CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


def _skops_schema(archive: zipfile.ZipFile) -> tuple[Callable[[str], str], bytes | None]:
    """How to rename the members, and the schema with its memory addresses numbered; (same name, None) for a zip file
    that skops did not write."""
    numbers: dict[str | int, int] = {}
    try:
        member = archive.getinfo("schema.json")
        document = json.loads(archive.read(member)) if member.file_size <= SCHEMA_LIMIT else None
    except (KeyError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "_skops_version" not in document:
        return lambda name: name, None

    def rename(name: str) -> str:
        # The stem is an address, the same one that `__id__` names; a `.bin` member's is a random UUID.
        stem, dot, suffix = name.rpartition(".")
        key = int(stem) if stem.isdecimal() else stem
        return f"{numbers.setdefault(key, len(numbers))}{dot}{suffix}"

    def numbered(node: Any) -> Any:
        if isinstance(node, list):
            return [numbered(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: numbers.setdefault(value, len(numbers))
            if key == "__id__" and isinstance(value, int)
            else rename(value)
            if key == "file" and isinstance(value, str)
            else numbered(value)
            for key, value in node.items()
        }

    try:
        return rename, canonical_json(numbered(document))
    except RecursionError:
        return lambda name: name, None

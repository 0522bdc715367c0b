"""Digests: sha256 in lower-case hexadecimal, over bytes that do not depend on the machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modelway.errors import InvalidInput

CHUNK = 1 << 20


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, no NaN or infinity (ValueError): the same value gives the same bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_of_json(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def sha256_of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_listing(listing: Iterable[tuple[str, int, str]]) -> str:
    """The digest of a tree, from its (path, size in bytes, sha256) rows; their order does not matter."""
    return digest_of_json(sorted(listing))


def digest_of_data(path: Path) -> str:
    """The digest of a data set: of the whole file, or of every file below a folder. MLflow's own dataset digest is
    8 hexadecimal digits over the first 10,000 rows, and collides."""
    if path.is_file():
        return sha256_of_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else []
    if not files:
        raise InvalidInput("no such data", where=str(path), fix="name an existing file, or a folder with files in it")
    return digest_of_listing(
        (file.relative_to(path).as_posix(), file.stat().st_size, sha256_of_file(file)) for file in files
    )

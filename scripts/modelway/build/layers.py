"""Deterministic layers: the same content gives the same tar on any machine, and the same blob with the same compressor.

Nothing of a file system gets in: entries are sorted, times are 0, the owner is root, modes are two.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from modelway.build import compression
from modelway.build.entries import LayerFile
from modelway.build.names import HOME
from modelway.records.release import Layer, LayerName

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def write_layer(name: LayerName, entries: Iterable[LayerFile], blob: Path) -> Layer:
    """Write the entries, which must be sorted by path, as a compressed tar to `blob`."""
    with blob.open("wb") as file:
        compressed = _Hashing(file)
        with compression.writing(compressed) as stream:
            plain = _Hashing(stream)
            with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
                _fill(archive, entries)
    return Layer(name, compressed.digest, plain.digest, compressed.size, MEDIA_TYPE)


def _fill(archive: tarfile.TarFile, entries: Iterable[LayerFile]) -> None:
    folders: set[PurePosixPath] = set()
    before = ""
    for entry in entries:
        if not before < entry.path:
            raise ValueError(f"{entry.path} after {before}: entries are not sorted")
        before = entry.path
        for folder in reversed(PurePosixPath(entry.path).parents):
            if str(folder).startswith(HOME) and folder not in folders:
                folders.add(folder)
                archive.addfile(_plain(tarfile.TarInfo(str(folder)), tarfile.DIRTYPE, 0o755))
        member = _plain(tarfile.TarInfo(entry.path), tarfile.REGTYPE, 0o755 if entry.executable else 0o644)
        member.size = entry.size
        with entry.open() as content:
            archive.addfile(member, content)


def _plain(member: tarfile.TarInfo, kind: bytes, mode: int) -> tarfile.TarInfo:
    member.type, member.mode = kind, mode
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


class _Hashing:
    """A stream that hashes and counts what goes through it."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._hash, self.size = stream, hashlib.sha256(), 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._stream.write(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._stream.flush()

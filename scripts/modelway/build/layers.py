"""Deterministic layers: the same content gives the same tar on any machine, and the same blob with the same compressor.

Nothing of a file system gets in: entries are sorted, times are 0, the owner is root, modes are two. The environment layer is
made from the wheels themselves and by no installer, which would add files that differ (INSTALLER, RECORD, scripts' first
lines, bytecode).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from modelway.build import compression
from modelway.build.names import ENVIRONMENT, HOME, MODEL, RELEASE_FILE, SERVER
from modelway.build.wheels import Wheel
from modelway.errors import InvalidInput
from modelway.records.release import Layer, LayerName

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
LIBRARY = Path(__file__).parents[1]
LEFT_OUT = ("scripts", "headers")
"""Schemes of a wheel that a model server has no use for; scripts name an interpreter in their first line."""


@dataclass(frozen=True)
class Entry:
    """One file of a layer. path: below the image's root, with `/` between its parts."""

    path: str
    size: int
    executable: bool
    open: Callable[[], contextlib.AbstractContextManager[IO[bytes]]]


def write_layer(name: LayerName, entries: Iterable[Entry], blob: Path) -> Layer:
    """Write the entries, which must be sorted by path, as a compressed tar to `blob`."""
    with blob.open("wb") as file:
        compressed = _Hashing(file)
        with compression.writing(compressed) as stream:
            plain = _Hashing(stream)
            with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
                _fill(archive, entries)
    return Layer(name, compressed.digest, plain.digest, compressed.size, MEDIA_TYPE)


def environment_entries(wheels: Sequence[Wheel], warn: Callable[[str], None]) -> Iterator[Entry]:
    """What installing the wheels into one folder would give, without scripts and bytecode. A file that two wheels have
    with the same content stands there once; with different content that of the first by name, and `warn` is told."""
    with contextlib.ExitStack() as stack:
        archives = [(wheel, stack.enter_context(zipfile.ZipFile(wheel.path))) for wheel in wheels]
        chosen: dict[str, tuple[Wheel, zipfile.ZipFile, zipfile.ZipInfo]] = {}
        for wheel, archive in archives:
            for member in archive.infolist():
                path = installed_path(member.filename, wheel.path.name)
                if member.is_dir() or path is None:
                    continue
                if path in chosen:
                    other, its_archive, its_member = chosen[path]
                    if its_archive.read(its_member) != archive.read(member):
                        warn(f"{path} is in {other.name} and in {wheel.name}, and differs: {other.name}'s is taken")
                    continue
                chosen[path] = (wheel, archive, member)
        for path, (_, archive, member) in sorted(chosen.items()):
            executable = bool(member.external_attr >> 16 & 0o100)
            yield Entry(f"{ENVIRONMENT}/{path}", member.file_size, executable, _opener(archive, member))


def installed_path(name: str, wheel: str) -> str | None:
    """Where a member of a wheel lies in a folder of packages; None where it is left out. InvalidInput where it would lie
    outside."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ".." in parts:
        raise InvalidInput(f"holds the path {name[:120]!r}", where=wheel, fix="use another version of this package")
    if parts[0].endswith(".data") and len(parts) > 2:
        if parts[1] in LEFT_OUT:
            return None
        parts = parts[2:]
    if parts[-1].endswith(".pyc") or "__pycache__" in parts:
        return None
    return "/".join(parts)


def server_entries(library: Path = LIBRARY) -> Iterator[Entry]:
    """The model server: the package modelway.serving alone."""
    files = [library / "__init__.py", *(library / "serving").rglob("*.py")]
    named = {f"{SERVER}/modelway/{file.relative_to(library).as_posix()}": file for file in files}
    yield from (_of_file(path, file) for path, file in sorted(named.items()))


def model_entries(folder: Path, files: Iterable[str], release: bytes) -> Iterator[Entry]:
    """The model's files as they are stored, and release.json, which says what they are."""
    named = {f"{MODEL}/{name}": folder / name for name in files}
    yield from (_of_file(path, file) for path, file in sorted(named.items()))
    yield Entry(RELEASE_FILE, len(release), False, lambda: io.BytesIO(release))


def _fill(archive: tarfile.TarFile, entries: Iterable[Entry]) -> None:
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


def _of_file(path: str, file: Path) -> Entry:
    return Entry(path, file.stat().st_size, False, lambda: file.open("rb"))


def _opener(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Callable[[], contextlib.AbstractContextManager[IO[bytes]]]:
    return lambda: archive.open(member)


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

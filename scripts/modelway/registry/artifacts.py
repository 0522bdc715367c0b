"""Artifacts: through the MLflow server's proxy, or straight from a folder that is on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import requests

from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import NO_ROOM
from modelway.registry.entities import Artifact
from modelway.registry.transport import Transport

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
DEEPEST = 32


Place = Path | str
"""A folder or file: on this machine, or by the path that the server's proxy knows."""


def list_artifacts(transport: Transport, uri: str) -> tuple[Artifact, ...]:
    """What lies directly in the folder, sorted by name; empty where there is none."""
    return _listed(transport, locate(transport, uri))


def read_artifact(transport: Transport, uri: str, path: str, limit: int) -> bytes:
    """The bytes of one file. InvalidInput where it is missing or larger than the limit in bytes."""
    place, size = _found(transport, uri, path)
    if size > limit:
        raise InvalidInput(f"artifact {path} has {size} bytes, more than {limit}", where=_shown(uri))
    data = place.read_bytes() if isinstance(place, Path) else transport.send("GET", _route(place)).content
    if len(data) != size:
        raise OutsideFailure(f"artifact {path} has {len(data)} bytes instead of {size}", where=_shown(uri))
    return data


def download_file(transport: Transport, uri: str, path: str, target: Path) -> None:
    """One file to `target`, which is there only once it is whole. InvalidInput where it is missing."""
    place, size = _found(transport, uri, path)
    with _disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            if isinstance(place, Path):
                shutil.copyfile(place, draft)
            else:
                _download_file(transport, place, size, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def _found(transport: Transport, uri: str, path: str) -> tuple[Place, int]:
    """Where the file is, and its bytes. Listed, since a 2.x server answers a missing file with status 500."""
    place = _below(locate(transport, uri), path)
    folder = place.parent if isinstance(place, Path) else place.rpartition("/")[0]
    name = path.rpartition("/")[2]
    found = next((entry for entry in _listed(transport, folder) if entry.name == name), None)
    if found is None or found.size is None:
        raise InvalidInput(
            f"there is no artifact {path}", where=_shown(uri), fix="check that the run still has its artifacts"
        )
    return place, found.size


def upload(transport: Transport, uri: str, path: str, data: bytes) -> None:
    """Stores one file below the folder; an existing one is replaced."""
    place = _below(locate(transport, uri, writing=True), path)
    if isinstance(place, Path):
        with _disk(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}.{os.getpid()}")
            draft.write_bytes(data)
            draft.replace(place)
    else:
        transport.send("PUT", _route(place), data=data)


def download(transport: Transport, uri: str, folder: Path) -> Path:
    """The whole tree below the URI into the folder, which is made. InvalidInput where there is nothing."""
    place = locate(transport, uri)
    entries = _listed(transport, place)
    if not entries:
        fix = "check that the run or model still exists"
        raise InvalidInput("there are no artifacts", where=_shown(uri), fix=fix)
    with _disk(folder):
        if isinstance(place, Path):
            shutil.copytree(place, folder, symlinks=True, dirs_exist_ok=True)
        else:
            _download_folder(transport, place, entries, folder, 0)
    return folder


def locate(transport: Transport, uri: str, *, writing: bool = False) -> Place:
    """A local path, or the path that the server's proxy knows. InvalidInput for a store that neither reaches."""
    address = urlsplit(uri)
    if address.scheme == "mlflow-artifacts" and address.netloc in ("", transport.host):
        return _without_steps_up(unquote(address.path).strip("/"), uri)
    if uri.startswith(transport.base + PROXY + "/"):
        return _without_steps_up(unquote(uri.removeprefix(transport.base + PROXY)).strip("/"), uri)
    if address.scheme == "file" or (not address.scheme and address.path.startswith("/")):
        path = Path(unquote(address.path) if address.scheme else uri)
        # A run's own folder may not be there before its first file; the experiment's or the store's is, on this machine.
        if path.exists() or (
            writing and any(parent.is_dir() for parent in list(path.parents)[:5] if parent != Path("/"))
        ):
            return path
        what = "the artifacts are in a folder of another machine, or gone"
    else:
        what = f"artifacts in {address.scheme or 'a relative folder'} cannot be reached from here"
    raise InvalidInput(
        what, where=_shown(uri), fix="start the MLflow server with --serve-artifacts, and log the run again"
    )


def _listed(transport: Transport, place: Place) -> tuple[Artifact, ...]:
    if isinstance(place, Path):
        entries = sorted(place.iterdir()) if place.is_dir() else []
        return tuple(Artifact(entry.name, None if entry.is_dir() else entry.stat().st_size) for entry in entries)
    answer = transport.send("GET", PROXY, params={"path": place}).json()
    files = answer.get("files") or () if isinstance(answer, dict) else ()
    rows = (Artifact(_checked_name(row), None if row.get("is_dir") else int(row.get("file_size", 0))) for row in files)
    return tuple(sorted(rows, key=lambda row: row.name))


def _below(place: Place, path: str) -> Place:
    return place / path if isinstance(place, Path) else f"{place}/{path}"


def _route(place: str) -> str:
    return f"{PROXY}/{quote(place)}"


def _download_folder(transport: Transport, place: str, entries: tuple[Artifact, ...], folder: Path, depth: int) -> None:
    if depth > DEEPEST:
        raise InvalidInput(f"artifact folders nested deeper than {DEEPEST}", where=place)
    folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        inner = f"{place}/{entry.name}"
        if entry.size is None:
            _download_folder(transport, inner, _listed(transport, inner), folder / entry.name, depth + 1)
        else:
            _download_file(transport, inner, entry.size, folder / entry.name)


def _download_file(transport: Transport, place: str, size: int, target: Path) -> None:
    with target.open("wb") as file:
        transport.send("GET", _route(place), into=file)
        received = file.tell()
    if received != size:
        raise OutsideFailure(f"{transport.host} sent {received} bytes of {place} instead of {size}", fix="try again")


def _checked_name(row: dict[str, object]) -> str:
    """The entry's own name; a server's answer must not lead out of the folder that is written."""
    name = str(row.get("path", ""))
    if name in ("", ".", "..") or any(character in name for character in "/\\\0") or not name.isprintable():
        raise InvalidInput(
            f"the artifact store names a file {name!r}, which is no file name", fix="rename that artifact"
        )
    return name


def _without_steps_up(path: str, uri: str) -> str:
    if any(part in (".", "..") for part in path.split("/")):
        raise InvalidInput("an artifact URI must not step out of its folder", where=_shown(uri))
    return path


def _shown(uri: str) -> str:
    address = urlsplit(uri)
    return address._replace(netloc=address.netloc.rpartition("@")[2], query="", fragment="").geturl()


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.RequestException:
        raise  # it is an OSError too
    except OSError as error:
        full = error.errno in NO_ROOM
        fix = "free some space" if full else "make the folder writable"
        raise OutsideFailure(f"cannot write: {os.strerror(error.errno or 0)}", where=str(path), fix=fix) from error

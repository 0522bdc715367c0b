"""A channel of conda's in a folder, made by hand: packages as archives, and what says what there is."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from build.kit import PYTHON

PLACEHOLDER = "/opt/where_it_was_built" + "_placehold" * 20
"""What stands in packages' files for their prefix."""
SUBDIR = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "arm64"): "osx-arm64",
}[os.uname().sysname, os.uname().machine]
PROGRAM = f"#!/bin/sh\ncat {PLACEHOLDER}/share/paper\n"
SCRIPT = '#!/bin/sh\necho "linked with ${SECRET_OF_THE_JOB:-nothing}" > "$PREFIX/share/linked"\n'


def offer(
    channel: Path,
    name: str,
    version: str,
    files: Mapping[str, str | bytes],
    needs: Sequence[str] = (),
    noarch: str = "",
    links: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Put a package into the channel. files: their content by path; one with PLACEHOLDER is a text or, where it is bytes, a
    binary file. noarch: generic or python; empty for one of this platform. links: what each path leads to."""
    subdir = "noarch" if noarch else SUBDIR
    index: dict[str, Any] = {"name": name, "version": version, "build": "0", "build_number": 0, "subdir": subdir}
    index |= {"depends": list(needs)} | ({"noarch": noarch} if noarch else {})
    contents = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
    paths = [_described(path, data, isinstance(files[path], bytes)) for path, data in contents.items()]
    paths += [{"_path": path, "path_type": "softlink"} for path in links]
    about = {"info/index.json": index, "info/paths.json": {"paths": paths, "paths_version": 1}}
    if noarch == "python":
        about["info/link.json"] = {"noarch": {"type": "python"}, "package_metadata_version": 1}
    archive = channel / subdir / f"{name}-{version}-0.tar.bz2"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:bz2") as stream:
        for path, data in {**{name: json.dumps(said).encode() for name, said in about.items()}, **contents}.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
            stream.addfile(member, io.BytesIO(data))
        for path, target in links.items():
            link = tarfile.TarInfo(path)
            link.type, link.linkname = tarfile.SYMTYPE, target
            stream.addfile(link)
    _publish(channel, subdir, archive, index)
    return archive


def paper_press(channel: Path, version: str = "2.1.3") -> Path:
    """A program, under the name of one that environment.yml may ask for, and what it needs."""
    binary = b"\x7f\x00" + PLACEHOLDER.encode() + b"/share\x00end"
    files: dict[str, str | bytes] = {"bin/pandoc": PROGRAM, "lib/press.bin": binary}
    files["bin/.pandoc-post-link.sh"] = SCRIPT
    offer(channel, "paper", version, {"share/paper": f"paper {version}\n"}, noarch="generic")
    links = {"bin/press": "pandoc", "again": "lib", "lib/loop": "../lib"}
    return offer(channel, "pandoc", version, files, [f"paper =={version}"], links=links)


def python(channel: Path) -> None:
    """What a package of Python needs to be installed: an interpreter that nobody starts."""
    offer(channel, "python", f"{PYTHON}.9", {f"lib/python{PYTHON}/site-packages/README.txt": "packages\n"})


def _described(path: str, data: bytes, binary: bool) -> dict[str, Any]:
    said = {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest()}
    placed = {"prefix_placeholder": PLACEHOLDER, "file_mode": "binary" if binary else "text"}
    return {**said, "size_in_bytes": len(data), **(placed if PLACEHOLDER.encode() in data else {})}


def _publish(channel: Path, subdir: str, archive: Path, index: Mapping[str, Any]) -> None:
    for folder in {"noarch", subdir}:
        place = channel / folder / "repodata.json"
        place.parent.mkdir(exist_ok=True)
        empty = {"info": {"subdir": folder}, "packages": {}, "packages.conda": {}, "repodata_version": 1}
        said = json.loads(place.read_text()) if place.is_file() else empty
        if folder == subdir:
            data = archive.read_bytes()
            said["packages"][archive.name] = {**index, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        place.write_text(json.dumps(said))

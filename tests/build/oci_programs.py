"""The programs that images are held against: docker-registry, skopeo, umoci from Debian; a base image from debootstrap."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

import servers
from modelway.environments import home
from modelway.loopback import free_port

PROGRAMS = ("docker-registry", "skopeo", "umoci", "openssl")
SUITES = {(3, 11): "bookworm", (3, 13): "trixie"}
"""The Debian whose python3 is this Python."""
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
USER, SECRET = "builder", "s3cret-word"
BCRYPT = "builder:$2y$04$RBSXJSQt6kCHwDftNPeAmu8NAThnW2txHo4FtWXiW9KXwedDuYBIe"
"""What `htpasswd -nbB builder s3cret-word` prints: who may read and write in a registry that asks."""
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def missing() -> list[str]:
    """What is not installed of the programs that these tests need."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def missing_for_a_base() -> list[str]:
    """What a base image of Debian needs besides: debootstrap, and root."""
    wanted = [*missing(), *(["debootstrap"] if shutil.which("debootstrap", path=path_of_root()) is None else [])]
    wanted += ["root"] if os.getuid() else []
    return wanted + (["a Debian with this Python"] if sys.version_info[:2] not in SUITES else [])


@contextlib.contextmanager
def registry(folder: Path, auth: str = "") -> Iterator[str]:
    """The host and port of a registry whose store is in the folder. auth: lines for its configuration."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'store'}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n{auth}"
    )
    command = ["docker-registry", "serve", str(config)]
    with servers.running(command, folder / "registry.log", dict(os.environ)) as process:
        servers.wait_until(lambda: _answers(port), process, folder / "registry.log")
        yield f"127.0.0.1:{port}"


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=2).status_code in (200, 401)
    except requests.RequestException:
        return False


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def layer(files: Mapping[str, bytes | str], mode: int = 0o644) -> bytes:
    """A compressed tar. A text is the target of a symbolic link, bytes are a file's content; mode: of each file."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                if isinstance(content, str):
                    member.type, member.linkname = tarfile.SYMTYPE, content
                    archive.addfile(member)
                else:
                    member.size, member.mode = len(content), mode
                    with tempfile.TemporaryFile() as data:
                        data.write(content)
                        data.seek(0)
                        archive.addfile(member, data)
        file.seek(0)
        return file.read()


def write_layout(place: Path, images: Iterable[tuple[str, list[bytes], dict[str, Any]]]) -> list[str]:
    """An OCI layout with images of (architecture, layers, config's run section), each named by its number and all by the
    index `all`; the manifests' digests, then the index's. Written without modelway, as another tool would."""
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def stored(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    manifests = []
    for architecture, layers, section in images:
        diff_ids = [f"sha256:{hashlib.sha256(gzip.decompress(data)).hexdigest()}" for data in layers]
        config = {"os": "linux", "architecture": architecture, "config": section}
        config["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": stored(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [stored(data, LAYER_TYPE) for data in layers],
        }
        platform = {"os": "linux", "architecture": architecture}
        manifests.append(stored(json.dumps(manifest).encode(), MANIFEST_TYPE, platform=platform))
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
    whole = stored(json.dumps(index).encode(), INDEX_TYPE)
    named = [
        {**item, "annotations": {"org.opencontainers.image.ref.name": name}}
        for name, item in [*((str(number), item) for number, item in enumerate(manifests)), ("all", whole)]
    ]
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": named}))
    (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return [item["digest"] for item in (*manifests, whole)]


def push_layout(place: Path, host: str, repository: str) -> None:
    """All of a layout, as skopeo pushes it."""
    target = f"docker://{host}/{repository}:all"
    run("skopeo", "copy", "--quiet", "--all", "--dest-tls-verify=false", f"oci:{place}:all", target)


def push_small_base(host: str, folder: Path) -> str:
    """A base image of a Python and a glibc in name only, which nothing starts, by digest."""
    libc = (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]
    said = f"\x7fELF...GNU C Library (here) stable release version {libc}.\n".encode("latin-1")
    python = f"usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    files: dict[str, bytes | str] = {python: b"elf", "usr/lib/libc.so.6": said}
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    digests = write_layout(folder / "small-base", [(architecture, [layer(files)], {})])
    push_layout(folder / "small-base", host, "bases/small")
    return f"{host}/bases/small@{digests[0]}"


def push_debian_base(host: str, folder: Path) -> str:
    """A base image with this Python, from debootstrap, by digest."""
    return push_image(host, "base/debian", [debian_layer()], folder)


def push_image(host: str, repository: str, layers: list[bytes], folder: Path) -> str:
    """An image of these layers for this machine, by digest."""
    section = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["bash"], "Labels": {"maintainer": "somebody"}}
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    digests = write_layout(folder / "image", [(architecture, layers, section)])
    push_layout(folder / "image", host, repository)
    return f"{host}/{repository}@{digests[0]}"


def debian_layer() -> bytes:
    """The one layer of a Debian with python3 and nothing else, from the cache where it was made before (it takes 40 s)."""
    suite = SUITES[sys.version_info[:2]]
    place = home.made(home.cache_folder() / "test-bases") / f"{suite}-{os.uname().machine}.tar.gz"
    if not place.is_file():
        with tempfile.TemporaryDirectory(prefix="modelway-base-", dir=place.parent) as name:
            root = Path(name, "root")
            command = ["debootstrap", "--variant=minbase", "--include=python3", suite, str(root)]
            environ = {**os.environ, "PATH": path_of_root()}
            subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
            for folder in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "dev"):
                shutil.rmtree(root / folder)
            made = Path(name, "layer.tar.gz")
            with tarfile.open(made, "w:gz", compresslevel=1) as archive:
                archive.add(root, ".")
            made.replace(place)
    return place.read_bytes()


def path_of_root() -> str:
    """PATH with the folders of the administrator's programs."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

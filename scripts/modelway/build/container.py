"""Docker or podman, where one is here: an image is started and must answer, and a team's own Dockerfile is built."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from modelway.build import layout
from modelway.build.layout import Descriptor
from modelway.build.names import PORT
from modelway.errors import OutsideFailure, Refused
from modelway.records import canonical_json

READY_SECONDS = 120
CALL_SECONDS = 60
LOAD_SECONDS = 600
BUILD_SECONDS = 3600
REASON = 200
"""Letters of it that are told."""


NO_PROGRAM = 127
"""What `run` ends with where the image has no such program; 125 and 126 are also what an engine ends with that may not run
anything."""
SEE = "see the server's own words; the image was not pushed"


class EngineFailure(OutsideFailure):
    """Docker or podman said no. code: its exit code, -1 where it did not end by itself."""

    def __init__(self, what: str, code: int = -1) -> None:
        super().__init__(what, fix=f"see what {what.split()[0]} lacks")
        self.code = code


@dataclass(frozen=True)
class Started:
    """answered: whether /ready answered 200; None where the image was not started. about: why, in words for a person."""

    answered: bool | None
    about: str


def engine() -> str | None:
    """docker or podman, whichever answers."""
    for name in ("docker", "podman"):
        if shutil.which(name):
            with contextlib.suppress(EngineFailure):
                run([name, "version", "--format", "{{.Server.Version}}" if name == "docker" else "{{.Version}}"])
                return name
    return None


def start(place: Path, image: Descriptor, reference: str, variables: Mapping[str, str]) -> Started:
    """Load the image out of the layout, try it, and remove it. Refused where it does not get ready. variables: of its
    environment."""
    program = engine()
    if program is None:
        return Started(None, "not started here: neither docker nor podman answers")
    name = f"localhost/modelway-check:{reference}"
    try:
        _load(program, place, image, name)
        return tried(program, name, f"sha256:{image.digest}", variables)
    except EngineFailure as error:
        return Started(None, f"not started here: {error.what}")
    finally:
        with contextlib.suppress(EngineFailure):
            run([program, "image", "rm", "--force", name])


def tried(program: str, name: str, where: str, variables: Mapping[str, str]) -> Started:
    """Run an image that the engine has, ask /ready, and remove the container. Refused where it does not get ready; where the
    engine itself cannot run a container, that is said and nothing is known of the image. where: the image, for the error."""
    container = ""
    try:
        given = [f"--env={key}={value}" for key, value in variables.items()]
        command = [program, "run", "--detach", "--pull=never", "--publish", f"127.0.0.1::{PORT}", *given, name]
        container = run(command).splitlines()[-1].strip()
        return Started(True, f"started with {program}: ready after {_ready(program, container, where):.1f} s")
    except EngineFailure as error:
        if error.code == NO_PROGRAM:
            raise Refused(f"the image does not start: {error.what}", where=where, fix=SEE) from None
        return Started(None, f"not started here: {error.what}")
    finally:
        with contextlib.suppress(EngineFailure):
            if container:
                run([program, "rm", "--force", "--volumes", container])


def _ready(program: str, container: str, where: str) -> float:
    """The seconds until /ready answered 200. Refused where the container ends, or its time is over."""
    began, address = time.monotonic(), ""
    while (taken := time.monotonic() - began) < READY_SECONDS:
        with contextlib.suppress(EngineFailure):  # one that has ended has no port
            address = address or "".join(run([program, "port", container, str(PORT)]).split()[:1])
        if address and _answers(f"http://{address}/ready"):
            return taken
        if run([program, "inspect", "--format", "{{.State.Running}}", container]).strip() != "true":
            break
        time.sleep(0.2)
    said = " ".join(run([program, "logs", "--tail", "5", container], both=True).split())[-400:]
    raise Refused(
        f"the image was started with {program} and did not get ready: {said or 'it said nothing'}",
        where=where,
        fix=SEE,
    )


def _load(program: str, place: Path, image: Descriptor, name: str) -> None:
    """The one image of the layout as a stream that both understand."""
    command = [program, "load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            write_archive(place, image, name, process.stdin)
        said = process.stdout.read().decode("utf-8", "replace")
        code = process.wait(LOAD_SECONDS)
    if code:
        raise EngineFailure(f"{program} load: {_reason(said)}", code)


def write_archive(place: Path, image: Descriptor, name: str, stream: IO[bytes]) -> None:
    """An OCI archive that holds one image under one name; manifest.json is for a Docker that knows no OCI (overlay2, vfs)."""
    manifest = layout.read_document(place, image.digest)
    row: dict[str, Any] = {
        **image.json(),
        "annotations": {"io.containerd.image.name": name, layout.REFERENCE: name.rpartition(":")[2]},
    }
    index = {"schemaVersion": 2, "mediaType": layout.INDEX_TYPE, "manifests": [row]}
    digests = [item["digest"][7:] for item in (manifest["config"], *manifest["layers"])]
    config, *layers = [f"blobs/sha256/{digest}" for digest in digests]
    older = [{"Config": config, "RepoTags": [name], "Layers": layers}]
    documents = {"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": index, "manifest.json": older}
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path, value in documents.items():
            _add(archive, path, canonical_json(value))
        for digest in dict.fromkeys((image.digest, *digests)):
            file = layout.verified(place, digest)
            member = tarfile.TarInfo(f"blobs/sha256/{digest}")
            member.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(member, content)


def _add(archive: tarfile.TarFile, path: str, data: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def run(command: Sequence[str], *, both: bool = False, seconds: float = CALL_SECONDS) -> str:
    what = f"{command[0]} {command[1]}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineFailure(f"{what}: {error}"[:300]) from None
    if done.returncode:
        raise EngineFailure(f"{what}: {_reason(done.stderr)}", done.returncode)
    return done.stdout + (done.stderr if both else "")


def _reason(said: str) -> str:
    """The end of the first paragraph: an engine tells why last, and how it is called after that."""
    words = " ".join(said.strip().partition("\n\n")[0].split())
    return words if len(words) <= REASON else f"…{words[-REASON:]}"

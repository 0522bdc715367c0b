"""A Dockerfile of the team's own, built by Docker. The release bundle is its build context `modelway`, a folder, since not
every builder takes an OCI layout (Docker's own does not). docs/images.md has one that runs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from modelway.build import bytecode, container
from modelway.build.container import BUILD_SECONDS, EngineFailure, engine, run
from modelway.build.layout import Descriptor
from modelway.build.names import ENVIRONMENT, SERVER
from modelway.build.unpack import unpack_into
from modelway.errors import InvalidInput, OutsideFailure


def check(file: Path, name: str) -> None:
    """InvalidInput where the Dockerfile is missing or no Docker answers: before anything else is done for it. name: as
    modelway.yml has it."""
    if not file.is_file():
        raise InvalidInput("there is no such file", where=f"build.dockerfile {name}", fix="name a Dockerfile")
    if engine() != "docker":
        raise InvalidInput(
            "a Dockerfile is built by Docker, and no Docker answers here",
            where=f"build.dockerfile {name}",
            fix="start Docker or use a runner that has it, or leave build.dockerfile out: modelway's image needs none",
        )


def build(
    file: Path,
    folder: Path,
    place: Path,
    bundle: Descriptor,
    platform: str,
    labels: Mapping[str, str],
    compiler: bytecode.Compiler | None,
    tag: str,
    say: Callable[[str], None],
    variables: Mapping[str, str],
) -> container.Started:
    """Build with `folder` as the context, and try what was built. InvalidInput where the Dockerfile does not build, Refused
    where its image does not get ready. variables: of the container's environment."""
    command = ["docker", "build", "--quiet", "--file", str(file), "--platform", platform, "--tag", tag]
    for label, value in labels.items():
        command += ["--label", f"{label}={value}"]
    say(f"docker builds {file.name}")
    with tempfile.TemporaryDirectory(prefix="modelway-bundle-") as name:
        unpack_into(Path(name), place, bundle.digest)
        if compiler:
            for inside in (ENVIRONMENT, SERVER):
                bytecode.compile_folder(Path(name, inside), inside, compiler)
        try:
            run([*command, "--build-context", f"modelway={name}", str(folder)], seconds=BUILD_SECONDS)
        except EngineFailure as error:
            fix = "mend it, or what Docker lacks; `docker build` in your own shell shows all of its words"
            raise InvalidInput(error.what, where=str(file), fix=fix) from None
    return container.tried("docker", tag, str(file), variables)


def push(tag: str) -> str:
    """REPOSITORY@sha256:... of what was built under this tag."""
    run(["docker", "push", "--quiet", tag], seconds=BUILD_SECONDS)
    known = json.loads(run(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag]))
    repository = tag.rpartition(":")[0]
    pushed = [name for name in known or () if name.startswith(f"{repository}@sha256:")]
    if not pushed:
        raise OutsideFailure(f"docker pushed {tag} and names no digest for it", fix="see `docker image inspect`")
    return str(pushed[0])

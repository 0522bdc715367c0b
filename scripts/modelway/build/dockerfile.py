"""A Dockerfile of the team's own, built by Docker. The release bundle is its build context `modelway`, an image:

FROM python:3.11-slim
COPY --from=modelway /opt/modelway /opt/modelway
ENTRYPOINT ["python3", "-I", "/opt/modelway/server/modelway/serving/start.py"]
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from modelway.build.container import BUILD_SECONDS, engine, run
from modelway.build.layout import Descriptor
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
    tag: str,
    push: bool,
    say: Callable[[str], None],
) -> str:
    """Build with `folder` as the context, and push where asked; REPOSITORY@sha256:... where it was pushed, else empty."""
    command = ["docker", "build", "--quiet", "--file", str(file), "--platform", platform, "--tag", tag]
    command += ["--build-context", f"modelway=oci-layout://{place}@sha256:{bundle.digest}"]
    for label, value in labels.items():
        command += ["--label", f"{label}={value}"]
    say(f"docker builds {file.name}")
    run([*command, str(folder)], seconds=BUILD_SECONDS)
    if not push:
        return ""
    run(["docker", "push", "--quiet", tag], seconds=BUILD_SECONDS)
    known = json.loads(run(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag]))
    repository = tag.rpartition(":")[0]
    pushed = [name for name in known or () if name.startswith(f"{repository}@sha256:")]
    if not pushed:
        raise OutsideFailure(f"docker pushed {tag} and names no digest for it", fix="see `docker image inspect`")
    return str(pushed[0])

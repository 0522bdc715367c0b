"""A small team's model with wheels of its own, so that an image is built in a moment and without a network."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelway.build import bundle, bytecode, image, layout, lock, sbom
from modelway.build.platforms import Platform, this_machine
from modelway.environments import uv
from modelway.records import Candidate, Environment, Verdict
from modelway.registry import content

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
MLMODEL = "flavors: {python_function: {loader_module: tiny}}\nutc_time_created: '2026-11-21 05:44:08.123456'\n"
MOMENT = "2026-11-21T05:44:08.123456Z"


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str],
    requires: tuple[str, ...] = (),
    tag: str = "py3-none-any",
    more: str = "",
) -> str:
    """Write a wheel; its pin with its hash, as a lock has it. more: lines of its metadata."""
    path = folder / f"{name}-{version}-{tag}.whl"
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += more
    metadata += "".join(f"Requires-Dist: {text}\n" for text in requires)
    members = {
        **files,
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{member},,\n" for member in [*members, f"{about}/RECORD"]))
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@dataclass(frozen=True)
class Kit:
    """All that an image is made of, in folders of one test. trained: the Candidate's lock."""

    folder: Path
    wheelhouse: Path
    model: Path
    trained: str
    target: Platform

    def candidate(self, version: int = 3) -> Candidate:
        files = content.model_files(self.model)
        return Candidate(
            model="flights",
            version=version,
            readable_version="20261121-abc",
            run_id="r" * 32,
            records_run_id="s" * 32,
            digest=content.digest(files),
            content=content.content(files),
            files=files,
            data_digest="d" * 64,
            commit="c" * 40,
            environment=Environment(
                python=f"{PYTHON}.7",
                platform="linux-x86_64",
                requirements=self.trained,
                requirements_digest="",
                locked_at="training",
            ),
        )

    def build(
        self,
        place: Path,
        version: int = 3,
        base: image.Foundation | None = None,
        compiler: bytecode.Compiler | None = None,
    ) -> bundle.Bundle:
        """What stages/build.py does between the registry and the push."""
        base, candidate = base or image.Foundation(), self.candidate(version)
        verdict = Verdict(
            model="flights",
            version=version,
            environment="production",
            outcome="pass",
            checks=(),
            model_digest=candidate.digest,
            data_digest="d" * 64,
            policy_digest="p" * 64,
            rows=100,
        )
        text = lock.release_lock(self.model, self.trained, self.target)
        environment, blob = bundle.environment_layer(text, self.target, print, compiler)
        by = compiler.version if compiler else ""
        labels = image.labels(candidate, verdict, "v" * 64, "h" * 64, base, self.target, MOMENT, by)
        layers = environment.layer, blob
        made = bundle.assemble(place, candidate, self.model, layers, base, self.target, labels, MOMENT, compiler)
        layout.name_manifest(place, made.manifest, (str(version), f"{version}-production"), {})
        return made

    def document(self, made: bundle.Bundle, version: int = 3) -> bytes:
        """The SBOM of what was built."""
        text = lock.release_lock(self.model, self.trained, self.target)
        environment, _ = bundle.environment_layer(text, self.target, print)
        described = sbom.Made(made.config_digest, made.layers[1].diff_id)
        return sbom.document(self.candidate(version), environment.packages, image.Foundation(), described, MOMENT)


def make_kit(folder: Path, setenv: Callable[[str, str], None], set_requirements: Callable[[Path], None]) -> Kit:
    wheelhouse, model, requirements = folder / "wheelhouse", folder / "model", folder / "requirements"
    for made in (wheelhouse, model, requirements):
        made.mkdir()
    trained = wheel(wheelhouse, "tiny", "1.0", {"tiny/__init__.py": "import small\n"}, ("small",))
    trained += wheel(wheelhouse, "small", "2.0", {"small.py": "TWO = 2\n"})
    wheel(wheelhouse, "small", "3.0", {"small.py": "TWO = 3\n"})
    web = wheel(wheelhouse, "web", "0.5", {"web/__init__.py": "", "web-0.5.data/scripts/web": "#!python\n"})
    (requirements / "serving.in").write_text("web\n")
    (requirements / "serving.txt").write_text(web)
    (model / "MLmodel").write_text(MLMODEL)
    (model / "requirements.txt").write_text("tiny")
    (model / "data").mkdir()
    (model / "data" / "model.pkl").write_bytes(b"weights")
    setenv("PATH", f"{Path(uv.executable()).parent}:{os.environ['PATH']}")  # the wheelhouse has none
    setenv("MODELWAY_WHEELHOUSE", str(wheelhouse))
    setenv("MODELWAY_HOME", str(folder / "home"))
    set_requirements(requirements)
    (folder / "trained.txt").write_text(trained)
    return Kit(folder, wheelhouse, model, trained, this_machine(PYTHON))

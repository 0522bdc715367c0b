"""Programs of conda's channels in a release: the same bytes anywhere, with the path in them at which they will lie."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from build.kit import PYTHON, Kit
from environments import conda_channel
from modelway.build import bundle, compression, image, lock, relocation, unpack
from modelway.build.names import CONDA, ENVIRONMENT
from modelway.environments import conda, locks, store
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput
from modelway.targets.local import servers

INK = "modelway_ink"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the solver in it, for all."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MODELWAY_HOME", str(folder))
        store.interpreter(requirements_file("conda"), locks.base_python())
    return folder


@pytest.fixture
def trained(kit: Kit, home: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    """The kit of a model that was trained beside a program and a module of conda's."""
    monkeypatch.setenv("MODELWAY_HOME", str(home))
    channel = kit.folder / "channel"
    conda_channel.paper_press(channel)
    conda_channel.python(channel)
    modules = {f"site-packages/{INK}.py": "COLOUR = 'blue'\n", "site-packages/small.py": "TWO = 'of conda'\n"}
    conda_channel.offer(channel, INK, "1.4", modules, ["python"], noarch="python")
    specs = [conda.CondaSpec(name, "", "", "environment.yml: dependencies[0]") for name in ("pandoc", INK)]
    marks = [package.mark for package in conda.solved(specs, [channel.as_uri()], PYTHON)]
    (kit.model / "requirements.txt").write_text(f"tiny\n{INK}==1.4\n")
    return replace(kit, trained=kit.trained + "".join(f"{mark}\n" for mark in marks))


def layer_of(kit: Kit, placed: bool) -> tuple[bundle.EnvironmentLayer, Path]:
    text = lock.release_lock(kit.model, kit.trained, kit.target)
    return bundle.environment_layer(text, kit.target, print, None, placed)


def test_the_lock_of_a_release_keeps_them_and_asks_no_index_for_what_conda_alone_has(trained: Kit) -> None:
    text = lock.release_lock(trained.model, trained.trained, trained.target)
    assert conda.marked(text) == conda.marked(trained.trained) and INK not in text.partition("#")[0]


def test_in_an_image_they_know_where_they_lie_and_the_same_lock_is_the_same_bytes(
    trained: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, blob = layer_of(trained, placed=True)
    found: dict[str, tuple[int, bytes]] = {}
    with blob.open("rb") as file, compression.reading(file) as stream, tarfile.open(fileobj=stream) as archive:
        for member in archive:
            assert member.isfile() or member.isdir()
            if content := archive.extractfile(member):
                found[member.name] = (member.mode, content.read())
    assert found[f"{CONDA}/bin/pandoc"] == (0o755, f"#!/bin/sh\ncat /{CONDA}/share/paper\n".encode())
    assert found[f"{CONDA}/bin/press"] == found[f"{CONDA}/bin/pandoc"]
    binary = found[f"{CONDA}/lib/press.bin"][1]
    assert f"\0/{CONDA}/share\0".encode() in binary and binary.endswith(b"\0end")
    assert found[f"{CONDA}/again/press.bin"][1] == binary and not any("loop" in path for path in found)
    assert found[f"{ENVIRONMENT}/modelway-conda.pth"][1] == f"../conda/lib/python{PYTHON}/site-packages\n".encode()
    assert not any("conda-meta" in path or str(tmp_path).encode() in data for path, (_, data) in found.items())
    assert {package.name for package in made.packages} >= {"tiny", "pandoc", "paper", INK}

    with monkeypatch.context() as patched:
        patched.setattr(bundle, "FORMAT", bundle.FORMAT + 1)  # so that it is made again
        again, _ = layer_of(trained, placed=True)
    assert again.layer == made.layer
    assert layer_of(trained, placed=False)[0].layer.diff_id != made.layer.diff_id


def test_the_local_target_unpacks_them_anywhere_and_its_servers_find_them(trained: Kit) -> None:
    place = trained.folder / "layout"
    found = unpack.unpack(place, trained.build(place).manifest.digest, trained.folder / "store")
    prefix = found.environment.with_name("conda")
    assert subprocess.check_output([prefix / "bin" / "pandoc"], text=True) == "paper 2.1.3\n"
    assert f"\0{prefix}/share\0".encode() in (prefix / "lib" / "press.bin").read_bytes()
    start = found.server / "modelway" / "serving"
    asked = f"import start; start._add_environment({str(found.environment)!r}); "
    asked += f"import {INK}, small; print({INK}.COLOUR, small.TWO)"
    said = subprocess.run([sys.executable, "-c", asked], cwd=start, capture_output=True, text=True, check=True)
    assert said.stdout == "blue 2\n", "PyPI's own module comes first"
    environ = servers.programs_of(str(found.environment), "/usr/bin")
    assert environ == {"PATH": f"{prefix}/bin:/usr/bin", "CONDA_PREFIX": str(prefix)}
    assert servers.programs_of(str(found.server), "/usr/bin") == {}


def test_the_images_config_finds_them_before_the_bases_own(kit: Kit) -> None:
    base = image.Foundation(config={"config": {"Env": ["PATH=/usr/local/bin:/bin", "LANG=C.UTF-8"]}})
    for with_conda, path in ((True, f"/{CONDA}/bin:/usr/local/bin:/bin"), (False, "/usr/local/bin:/bin")):
        config = image.config(base, kit.target, (), {}, bundle.EPOCH, with_conda)
        environ = dict(text.split("=", 1) for text in config["config"]["Env"])
        assert environ["PATH"] == path and environ["LANG"] == "C.UTF-8"
        assert environ.get("CONDA_PREFIX") == (f"/{CONDA}" if with_conda else None)
    bare = image.config(image.Foundation(), kit.target, (), {}, bundle.EPOCH, True)
    assert f"PATH=/{CONDA}/bin:{image.PATH}" in bare["config"]["Env"]


def test_the_document_of_what_is_inside_names_them(trained: Kit) -> None:
    document = trained.document(trained.build(trained.folder / "layout")).decode()
    assert "pkg:conda/pandoc@2.1.3?build=0&channel=" in document and "pkg:pypi/tiny@1.0" in document


@pytest.mark.parametrize(
    ("written", "fix"),
    [(relocation.PLACEHOLDER, "set MODELWAY_STATE to a folder"), (f"/{CONDA}", "build.base-image: none")],
    ids=["a bundle", "an image"],
)
def test_elsewhere_texts_are_mended_and_what_a_program_has_no_room_for_is_told(
    tmp_path: Path, written: str, fix: str
) -> None:
    text, program = tmp_path / "bin" / "text", tmp_path / "bin" / "program"
    text.parent.mkdir()
    text.write_text(f"#!{written}/bin/sh\n")
    far = tmp_path / ("far" * 70)
    relocation.relocate(tmp_path, far)
    assert text.read_text() == f"#!{far}/bin/sh\n"
    program.write_bytes(f"\0{written}/a:{written}/b\0".encode())
    near = Path("/o/mine")
    relocation.relocate(tmp_path, near)
    assert program.read_bytes() == b"\0/o/mine/a:/o/mine/b".ljust(2 * len(written) + 7, b"\0")
    program.write_bytes(f"\0{written}\0".encode())
    with pytest.raises(InvalidInput, match=r"too long to be written into bin/program, a program of conda's") as refused:
        relocation.relocate(tmp_path, far)
    assert fix in refused.value.fix


def test_in_a_container_an_image_s_files_are_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(f"\0/{CONDA}/a\0".encode())
    relocation.relocate(tmp_path, Path("/", CONDA))
    assert (tmp_path / "program").read_bytes() == f"\0/{CONDA}/a\0".encode()

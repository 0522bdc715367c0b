"""Layers: the same content gives the same bytes, wherever, whenever and by whomever they are made."""

from __future__ import annotations

import io
import os
import tarfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.kit import Kit, wheel
from modelway.build import compression, entries, layers, lock, wheels
from modelway.build.names import FEATURES_FILE, MODEL, RELEASE_FILE, SKETCH_FILE
from modelway.build.wheels import Wheel
from modelway.errors import InvalidInput
from modelway.records.release import Layer
from modelway.serving import cells, features


def members(blob: Path) -> dict[str, tarfile.TarInfo]:
    with blob.open("rb") as file, compression.reading(file) as stream, tarfile.open(fileobj=stream) as archive:
        return {member.name: member for member in archive}


def write_environment(found: Sequence[Wheel], warn: Callable[[str], None], blob: Path) -> Layer:
    with entries.environment_entries(found, warn) as inside:
        return layers.write_layer("environment", inside, blob)


def test_times_owners_and_rights_of_the_files_do_not_matter(tmp_path: Path) -> None:
    made = []
    for number, mode in ((1, 0o600), (2, 0o644)):
        folder = tmp_path / str(number)
        (folder / "deep").mkdir(parents=True)
        for name in ("b", "a", "deep/c"):
            (folder / name).write_text(name)
            (folder / name).chmod(mode)
            os.utime(folder / name, (number, number))
        inside = entries.model_entries(folder, ["deep/c", "b", "a"], {RELEASE_FILE: b"{}"})
        made.append(layers.write_layer("model", inside, tmp_path / f"{number}.blob"))
        time.sleep(0.01)
    assert made[0] == made[1]
    found = members(tmp_path / "1.blob")
    assert list(found)[:3] == ["opt/modelway", "opt/modelway/model", "opt/modelway/model/a"]
    assert {(item.mtime, item.uid, item.gid, item.uname, item.gname) for item in found.values()} == {(0, 0, 0, "", "")}
    assert {item.mode for item in found.values()} == {0o644, 0o755}


def test_what_is_beside_the_model_lies_where_the_server_looks(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    beside = {RELEASE_FILE: b"{}", SKETCH_FILE: b"sketch", FEATURES_FILE: b"lookups"}
    layers.write_layer("model", entries.model_entries(tmp_path, ["a"], beside), tmp_path / "blob")
    assert {*beside, f"{MODEL}/a"} <= members(tmp_path / "blob").keys()
    home = Path(MODEL).parent
    assert [f"{home}/{name}" for name in (cells.BESIDE, features.BESIDE)] == [SKETCH_FILE, FEATURES_FILE]


def test_the_blob_is_gzip_without_a_time_or_a_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    layers.write_layer("model", entries.model_entries(tmp_path, ["a"], {}), tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes()[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"


def test_the_environment_is_what_an_installation_has_without_scripts_and_bytecode(kit: Kit, tmp_path: Path) -> None:
    files = {
        "tool-1.data/purelib/tool.py": "x = 1",
        "tool-1.data/platlib/_tool.so": "elf",
        "tool-1.data/data/share/tool.txt": "t",
        "tool-1.data/scripts/tool": "#!python",
        "tool-1.data/headers/tool.h": "int x;",
        "tool/__pycache__/x.cpython-311.pyc": "b",
    }
    wheel(kit.wheelhouse, "tool", "1", files)
    found = [Wheel(kit.wheelhouse / "tool-1-py3-none-any.whl", "tool", "1", "")]
    write_environment(found, print, tmp_path / "blob")
    inside = {
        name.removeprefix("opt/modelway/environment/")
        for name, item in members(tmp_path / "blob").items()
        if item.isfile()
    }
    assert {name for name in inside if "dist-info" not in name} == {"tool.py", "_tool.so", "share/tool.txt"}
    assert {"tool-1.dist-info/METADATA", "tool-1.dist-info/RECORD"} <= inside


def test_the_order_of_a_wheels_members_does_not_matter(kit: Kit, tmp_path: Path) -> None:
    text = lock.release_lock(kit.model, kit.trained, kit.target)
    found = wheels.fetch(text, kit.target)
    first = write_environment(found, print, tmp_path / "a")
    with zipfile.ZipFile(found[1].path) as old:
        content = [(item.filename, old.read(item)) for item in old.infolist()]
    with zipfile.ZipFile(found[1].path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in reversed(content):
            new.writestr(zipfile.ZipInfo(name, (2001, 1, 1, 0, 0, 0)), data)
    assert write_environment(found, print, tmp_path / "b") == first


def test_two_wheels_with_one_path(kit: Kit, tmp_path: Path) -> None:
    said: list[str] = []
    wheel(kit.wheelhouse, "aaa", "1", {"shared/__init__.py": "", "both/x.py": "a"})
    wheel(kit.wheelhouse, "bbb", "1", {"shared/__init__.py": "", "both/x.py": "b"})
    found = [Wheel(kit.wheelhouse / f"{name}-1-py3-none-any.whl", name, "1", "") for name in ("aaa", "bbb")]
    write_environment(found, said.append, tmp_path / "blob")
    assert said == ["both/x.py is in aaa and in bbb, and differs: aaa's is taken"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.py", "a/../../up.py", "a\\b.py", "x-1.data/purelib/../../up"])
def test_a_wheel_never_writes_outside(name: str) -> None:
    with pytest.raises(InvalidInput, match="holds the path"):
        entries.installed_path(name, "evil-1.whl")


@given(st.text())
def test_every_path_of_a_wheel_stays_inside_or_is_refused(name: str) -> None:
    try:
        path = entries.installed_path(name, "some.whl")
    except InvalidInput:
        return
    assert path is None or not (path.startswith("/") or ".." in path.split("/"))


def test_entries_out_of_order_are_a_defect(tmp_path: Path) -> None:
    unsorted = [
        entries.LayerFile(name, 0, False, lambda: io.BytesIO(b"")) for name in ("opt/modelway/b", "opt/modelway/a")
    ]
    with pytest.raises(ValueError, match="not sorted"):
        layers.write_layer("model", unsorted, tmp_path / "blob")


def test_the_server_layer_holds_the_server_alone(tmp_path: Path) -> None:
    layers.write_layer("server", entries.server_entries(), tmp_path / "blob")
    names = {name for name, item in members(tmp_path / "blob").items() if item.isfile()}
    assert "opt/modelway/server/modelway/serving/start.py" in names
    assert all(name == "opt/modelway/server/modelway/__init__.py" or "/modelway/serving/" in name for name in names)


def test_tests_stay_out_but_for_those_that_a_module_imports(kit: Kit, tmp_path: Path) -> None:
    files = {
        "tool/__init__.py": "from .tests.runner import run\nfrom .deep import tests as checks\n",
        "tool/tests/__init__.py": "",
        "tool/tests/runner.py": "def run(): from ..other.tests import x",
        "tool/deep/tests/x.py": "",
        "tool/other/tests/x.py": "",
        "tool/other/tests/data/big.bin": "b",
        "tool/conftest.py": "import tool.other.tests",
        "tool/tests.py": "",
        "tool/testing/x.py": "'import tool.other.tests'",
    }
    wheel(kit.wheelhouse, "tool", "1", files)
    wheel(kit.wheelhouse, "uses", "1", {"uses.py": "def f():\n    import json, shared.tests.base as base\n"})
    wheel(kit.wheelhouse, "shared", "1", {"shared/tests/base.py": "", "shared/more/tests/base.py": ""})
    found = [Wheel(kit.wheelhouse / f"{name}-1-py3-none-any.whl", name, "1", "") for name in ("shared", "tool", "uses")]
    write_environment(found, print, tmp_path / "blob")
    inside = {
        name.removeprefix("opt/modelway/environment/")
        for name, item in members(tmp_path / "blob").items()
        if item.isfile()
    }
    assert {name for name in inside if "/tests/" in name} == {
        "tool/tests/__init__.py",
        "tool/tests/runner.py",
        "tool/deep/tests/x.py",
        "shared/tests/base.py",
    }
    assert {"tool/tests.py", "tool/testing/x.py", "tool/conftest.py"} <= inside


def test_a_models_example_stays_out(tmp_path: Path) -> None:
    names = ["MLmodel", "input_example.json", "serving_input_example.json", "code/input_example.json"]
    (tmp_path / "code").mkdir()
    for name in names:
        (tmp_path / name).write_text(name)
    layers.write_layer("model", entries.model_entries(tmp_path, names, {RELEASE_FILE: b"{}"}), tmp_path / "blob")
    inside = {name.removeprefix("opt/modelway/") for name, item in members(tmp_path / "blob").items() if item.isfile()}
    assert inside == {"model/MLmodel", "model/code/input_example.json", "release.json"}

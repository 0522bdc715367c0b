"""Bytecode in an image: there, used without a look at the source, and the same wherever and whenever it is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build.kit import PYTHON, Kit, wheel
from modelway.build import bytecode, layout, unpack
from modelway.build.bytecode import Compiler
from modelway.build.compile_program import compiled

READ = """
import importlib.util, sys, sysconfig, pathlib
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import tiny, small
print(small.TWO, small.__cached__, tiny.named.__code__.co_filename)
"""


@pytest.fixture
def compiler() -> Compiler:
    found = bytecode.compiler_for(PYTHON)
    assert found is not None
    return found


@pytest.fixture
def many(kit: Kit) -> Kit:
    """Enough modules for several processes, with what may come out in another order: sets, shared names, deep constants."""
    text = "def named(a, b):\n    return a in {'x', 'y', 'z', 1, 2.5, None} and (b, 'shared', ('deep', (1, 'x')))\n"
    text += "class Shared:\n    shared: str = 'shared name of no identifier'\n\nwrong = 'a' is 'b'\n"
    files = {f"many/m{number}.py": f"{text}number = {number}\n" for number in range(150)}
    trained = wheel(kit.wheelhouse, "tiny", "1.0", {"tiny/__init__.py": f"import small\n{text}", **files}, ("small",))
    return Kit(kit.folder, kit.wheelhouse, kit.model, trained + kit.trained.splitlines(keepends=True)[1], kit.target)


def test_it_is_there_and_is_taken_without_a_look_at_the_source(many: Kit, compiler: Compiler) -> None:
    place, folder = many.folder / "layout", many.folder / "container"
    made = many.build(place, compiler=compiler)
    unpack.unpack_into(folder, place, made.manifest.digest)
    modules = set(folder.rglob("*.py"))
    assert len(modules) > 150
    for path in modules:
        cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        assert cached.read_bytes()[4:8] == b"\1\0\0\0", "unchecked hash"
    small = folder / "opt/modelway/environment/small.py"
    small.write_text("TWO = 'read from the source'\n")
    os.utime(small, (1, 1))
    said = subprocess.run(
        [compiler.python, "-I", "-c", READ, small.parent], capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[0] == "2" and Path(said[1]).is_file()
    labels = layout.read_document(place, made.config_digest)["config"]["Labels"]
    assert labels["io.modelway.bytecode"] == compiler.version


@pytest.mark.long
def test_it_is_the_same_in_two_folders_by_any_number_of_processes(
    many: Kit, compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = many.build(many.folder / "layout", compiler=compiler)
    shutil.rmtree(many.folder / "home" / "cache" / "layers", ignore_errors=True)
    limited = tmp_path / "one-processor"
    text = f"import os\nos.cpu_count = lambda: 1\nexec(compile(open({str(bytecode.PROGRAM)!r}).read(), 'x', 'exec'))\n"
    limited.write_text(text)
    monkeypatch.setattr(bytecode, "PROGRAM", limited)
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "another"))
    monkeypatch.setenv("PYTHONHASHSEED", "17")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    second = many.build(tmp_path / "elsewhere", compiler=compiler)
    assert [layer.diff_id for layer in first.layers] == [layer.diff_id for layer in second.layers]
    assert first.config_digest == second.config_digest


def test_what_does_not_compile_is_left_as_it_is() -> None:
    assert compiled(b"def broken(:\n", "/x.py") == compiled(b"\xff\xfe\x00", "/x.py") == b""
    assert compiled(b"x = " + b"(" * 1000 + b")" * 1000, "/x.py") == b""
    assert compiled(b"x = 1\n", "/x.py") == compiled(b"x = 1\n", "/x.py") != compiled(b"x = 1\n", "/y.py")


def test_what_is_unpacked_has_the_bytecode_of_the_image_and_no_other(kit: Kit, compiler: Compiler) -> None:
    place = kit.folder / "layout"
    without = unpack.unpack(place, kit.build(place).manifest.digest, kit.folder / "store")
    assert not list(without.environment.rglob("*.pyc")) and not list(without.server.rglob("*.pyc"))
    found = unpack.unpack(place, kit.build(place, compiler=compiler).manifest.digest, kit.folder / "other")
    assert list(found.environment.rglob("*.pyc")) and list(found.server.rglob("*.pyc"))


def test_without_that_python_there_is_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bytecode.compiler_for("3.2") is None
    liar = tmp_path / "python3.2"
    liar.write_text("#!/bin/sh\necho 3.1.5 cpython-31\n")
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert bytecode.compiler_for("3.2") is None


def test_a_folder_is_compiled_for_where_it_will_lie(kit: Kit, compiler: Compiler) -> None:
    place, folder = kit.folder / "layout", kit.folder / "context"
    unpack.unpack_into(folder, place, kit.build(place).manifest.digest)
    bytecode.compile_folder(folder / "opt/modelway/environment", "opt/modelway/environment", compiler)
    assert len(list(folder.rglob("*.pyc"))) == 3
    [small] = folder.rglob("small.*.pyc")
    assert b"/opt/modelway/environment/small.py" in small.read_bytes()

"""The locks of environments with packages from two indexes and from the machine's disk, with a real index."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.kit import PYTHON, wheel
from checkout import commit_all
from modelway.build import wheels
from modelway.build.platforms import this_machine
from modelway.environments import carried, locks, uv
from modelway.errors import InvalidInput


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(uv.executable())
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "home"))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an index that is the extra one; the default is a second. Both are on this machine."""
    handler = functools.partial(Quiet, directory=tmp_path / "indexes")
    for name in ("main", "extra"):
        (tmp_path / "indexes" / name).mkdir(parents=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_STRATEGY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/main")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{address}/extra")
    yield tmp_path / "indexes"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def offer(folder: Path, name: str, version: str, text: str = "") -> None:
    place = folder / name
    place.mkdir(exist_ok=True)
    wheel(place, name, version, {f"{name}.py": text})


def run(python: locks.Interpreter, program: str) -> str:
    return subprocess.run([python.path, "-I", "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_an_extra_index_is_safe_by_default_and_the_way_out_is_told(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(index / "main", "both", "2.0")
    offer(index / "extra", "both", "1.0")
    requirements = tmp_path / "train.txt"
    requirements.write_text("both>=2\n")
    with pytest.raises(InvalidInput) as refused:
        locks.team_environment(requirements, sys.executable, tmp_path)
    assert "UV_INDEX_STRATEGY=unsafe-best-match" in refused.value.fix
    monkeypatch.setenv("UV_INDEX_STRATEGY", "unsafe-best-match")
    python = locks.team_environment(requirements, sys.executable, tmp_path)
    monkeypatch.delenv("UV_INDEX_STRATEGY")
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "elsewhere"))
    lock = locks.lock_environment(python)
    assert run(locks.model_environment(lock, PYTHON), "import both; print(both.__name__)") == "both"


def test_what_no_index_has_is_told_with_its_line_and_what_else_would_do(index: Path, tmp_path: Path) -> None:
    """A pin from before this Python; and a name of conda's that is another package's on PyPI."""
    offer(index / "main", "both", "2.0")
    offer(index / "main", "bo", "1.0")
    requirements, conda = tmp_path / "train.txt", tmp_path / "environment.yml"
    requirements.write_text("bo\n# both\nboth==1.0\n")
    conda.write_text("dependencies: [bo, {pip: [bo==1.0]}, both=1.3]\n")
    for file, begins, more in (
        (requirements, f"{requirements}:3: uv pip compile: Because ", ""),
        (conda, "environment.yml: dependencies[2]: uv pip compile: Because ", "a package of conda's"),
    ):
        with pytest.raises(InvalidInput) as refused:
            locks.team_environment(file, sys.executable, tmp_path)
        said = refused.value.line()
        assert said.startswith(begins) and more in said and ".." not in said
        assert said.endswith("name its interpreter by train.python")


def test_requirements_in_utf_16_are_read_as_pip_reads_them(index: Path, tmp_path: Path) -> None:
    offer(index / "main", "both", "2.0")
    requirements = tmp_path / "requirements.txt"
    requirements.write_bytes("# as PowerShell writes it\r\nboth==2.0\r\n".encode("utf-16"))
    assert "both==2.0" in locks.lock_environment(locks.team_environment(requirements, sys.executable, tmp_path))


def test_a_package_of_the_disk_is_taken_and_not_its_namesake_of_an_index(index: Path, tmp_path: Path) -> None:
    offer(index / "main", "mine", "1.0", "WHOSE = 'the index'\n")
    wheel(tmp_path, "mine", "1.0", {"mine.py": "WHOSE = 'ours'\n"})
    requirements = tmp_path / "train.txt"
    requirements.write_text("mine-1.0-py3-none-any.whl\n")
    python = locks.team_environment(requirements, sys.executable, tmp_path)
    lock = locks.lock_environment(python)
    assert run(python, "import mine; print(mine.WHOSE)") == "ours"
    assert lock.splitlines()[0] == "mine==1.0 \\" and lock.count("--hash") == 1 and "://" not in lock
    found = wheels.fetch(lock, this_machine(PYTHON))
    assert f"--hash=sha256:{found[0].sha256}" in lock


def test_a_wheel_with_another_hash_than_the_line_says_is_refused(index: Path, tmp_path: Path) -> None:
    wheel(tmp_path, "mine", "1.0", {"mine.py": ""})
    requirements = tmp_path / "train.txt"
    requirements.write_text(f"./mine-1.0-py3-none-any.whl --hash=sha256:{'0' * 64}\n")
    with pytest.raises(InvalidInput, match=r"train\.txt:1: \./mine-1\.0\S+ does not have the hash"):
        locks.team_environment(requirements, sys.executable, tmp_path)


def test_an_interpreter_with_an_editable_install_is_locked_with_its_wheel(tmp_path: Path) -> None:
    source = tmp_path / "a folder"
    source.mkdir()
    (source / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='mine', version='1', py_modules=['mine'])\n"
    )
    (source / "mine.py").write_text("WHOSE = 'ours'\n")
    uv.make_environment(tmp_path / "venv", sys.executable)
    python = str(tmp_path / "venv" / "bin" / "python")
    uv.run(["pip", "install", "--quiet", "--python", python, "-e", str(source)])
    lock = locks.lock_environment(locks.describe(python))
    (source / "mine.py").write_text("WHOSE = 'changed since'\n")
    assert [item.name for item in carried.marked(lock)] == ["mine"]
    assert str(tmp_path) not in lock
    assert run(locks.model_environment(lock, PYTHON), "import mine; print(mine.WHOSE)") == "ours"


def test_a_repository_is_refused_and_its_checkout_is_taken(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    (source / "setup.py").write_text("from setuptools import setup\nsetup(name='mine', version='1')\n")
    commit_all(source)
    requirements = tmp_path / "train.txt"
    requirements.write_text(f"mine @ git+file://{source}\n")
    with pytest.raises(InvalidInput, match="mine comes from a repository"):
        locks.team_environment(requirements, sys.executable, tmp_path)
    requirements.write_text("./mine\n")
    assert "mine==1" in locks.lock_environment(locks.team_environment(requirements, sys.executable, tmp_path))


def test_a_package_that_cannot_be_built_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "setup.py").write_text("raise SystemExit('no compiler')\n")
    requirements = tmp_path / "train.txt"
    requirements.write_text("\n-e ./broken\n")
    with pytest.raises(InvalidInput) as refused:
        locks.team_environment(requirements, sys.executable, tmp_path)
    assert refused.value.line().startswith(f"{requirements}:2: ./broken does not become a wheel: ")
    assert "no compiler" in refused.value.line()


def test_requirements_kept_with_a_model_keep_their_index_and_no_path(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(index / "extra", "one", "1.0")
    address = os.environ["PIP_EXTRA_INDEX_URL"]
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL")
    lock = locks.lock_text(f"--extra-index-url {address}\none", sys.executable)
    assert lock.startswith(f"--extra-index-url {address}\none==1.0 ")
    with pytest.raises(InvalidInput, match=r"name \./pkg, which is not kept with it"):
        locks.lock_text("one\n-e ./pkg", sys.executable)


INNER = """\
[project]
name = "inner"
version = "0.2"
dependencies = ["six"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""

OUTER = """\
[project]
name = "outer"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["inner"]
[dependency-groups]
dev = ["iniconfig"]
[tool.uv]
constraint-dependencies = ["six==1.16.0"]
[tool.uv.sources]
inner = { path = "packages/inner" }
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""
OLD = 'constraint-dependencies = ["six==1.16.0"]'


def test_a_project_of_uv_is_installed_as_its_lock_says_and_its_own_packages_with_it(tmp_path: Path) -> None:
    """src layout, a package of the same repository, a group for development."""
    project = tmp_path / "a project"
    for name, text, folder in (("outer", OUTER, project), ("inner", INNER, project / "packages" / "inner")):
        (folder / "src" / name).mkdir(parents=True)
        (folder / "pyproject.toml").write_text(text)
        (folder / "src" / name / "__init__.py").write_text(f"WHOSE = {name!r}\n")
    subprocess.run([uv.executable(), "lock", "--quiet", "--project", project], check=True)
    (project / "pyproject.toml").write_text(OUTER.replace(OLD, ""))  # a newer one is free to be taken; the lock is kept
    for name in ("pyproject.toml", "uv.lock"):
        python = locks.team_environment(project / name, sys.executable, tmp_path)
        lock = locks.lock_environment(python)
        assert "inner==0.2" in lock and "outer==0.1" in lock and "six==1.16.0" in lock and "iniconfig" not in lock
        assert str(tmp_path) not in lock
        assert run(locks.model_environment(lock, PYTHON), "import inner, outer; print(inner.WHOSE, outer.WHOSE)") == (
            "inner outer"
        )


def test_an_environment_of_conda_is_installed_with_the_python_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("iniconfig==2.0.0\n")
    file = tmp_path / "environment.yml"
    text = f"dependencies: [python={PYTHON}, six=1.16, pip, {{pip: [-r more.txt]}}]\n"
    file.write_text(text)
    lock = locks.lock_environment(locks.team_environment(file, sys.executable, tmp_path))
    assert "six==1.16.0" in lock and "iniconfig==2.0.0" in lock
    file.write_text("dependencies: [python=3.99]\n")
    with pytest.raises(InvalidInput, match=r"the project needs Python 3\.99"):
        locks.team_environment(file, sys.executable, tmp_path)

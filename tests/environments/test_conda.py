"""What PyPI has not, from real channels in folders and behind a password: solved, locked by hash, installed, run."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.kit import PYTHON
from environments import conda_channel
from modelway.environments import conda, locks, store, uv
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure
from modelway.scoring.score import surroundings

ABSENT = "modelway_ink_that_pypi_has_not"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the solver is installed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(uv.executable())
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("MODELWAY_HOME", str(home))


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    conda_channel.paper_press(tmp_path / "channel")
    return tmp_path / "channel"


@pytest.fixture
def guarded(channel: Path) -> Iterator[str]:
    """The channel behind a password: its address without one."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Guard, directory=channel))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}/mine"
    server.shutdown()
    server.server_close()


class Guard(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Basic {base64.b64encode(b'ann:secret==').decode()}":
            return self.send_error(401)
        self.path = self.path.removeprefix("/mine")
        return super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def made(folder: Path, channels: str, dependencies: str) -> locks.Interpreter:
    file = folder / "environment.yml"
    file.write_text(f"channels: [{channels}]\ndependencies: [{dependencies}]\n")
    return locks.team_environment(file, sys.executable, folder)


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def prefix_of(python: locks.Interpreter) -> Path:
    found = store.conda_prefix(python.path)
    assert found is not None
    return found


def test_a_program_of_a_channel_is_installed_with_what_it_needs_and_runs(
    channel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `conda env export` names it, with a build of another time. Its own script has run, and has seen no secret."""
    monkeypatch.setenv("SECRET_OF_THE_JOB", "secret")
    python = made(tmp_path, channel.as_uri(), f"python={PYTHON}, six=1.16, pandoc=2.1=hf484d3e_0")
    prefix = prefix_of(python)
    assert run(prefix / "bin" / "pandoc") == "paper 2.1.3"
    assert (prefix / "share" / "linked").read_text() == "linked with nothing\n"
    assert conda_channel.PLACEHOLDER not in (prefix / "bin" / "pandoc").read_text()
    assert f"\0{prefix}/share\0".encode() in (prefix / "lib" / "press.bin").read_bytes()
    environ = store.conda_variables(python.path, "/usr/bin")
    assert environ == {"PATH": f"{prefix}/bin:/usr/bin", "CONDA_PREFIX": str(prefix)}
    judged = surroundings(tmp_path, python.path)
    assert judged["PATH"].startswith(f"{prefix}/bin:") and judged["CONDA_PREFIX"] == str(prefix)
    assert "CONDA_PREFIX" not in surroundings(tmp_path, sys.executable)

    lock = locks.lock_environment(python)
    marks = [line for line in lock.splitlines() if line.startswith("#")]
    assert "six==1.16.0" in lock and lock.splitlines()[-2:] == marks == sorted(marks)
    assert [package.name for package in conda.marked(lock)] == ["pandoc", "paper"]
    assert marks[0].startswith(f"# conda: {channel.as_uri()}/{conda_channel.SUBDIR}/pandoc-2.1.3-0.tar.bz2 sha256:")
    packages = locks.conda_packages(tmp_path / "environment.yml", python.path)
    assert [f"{package.name} {package.version}" for package in packages] == ["pandoc 2.1.3", "paper 2.1.3"]
    assert {package.channel for package in packages} == {channel.as_uri()}


def test_where_the_model_is_judged_there_are_the_same_packages_without_asking_the_solver(
    channel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = locks.lock_environment(made(tmp_path, channel.as_uri(), "pandoc"))
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "elsewhere"))
    conda_channel.paper_press(channel, "2.2.0")
    assert run(prefix_of(locks.model_environment(lock, PYTHON)) / "bin" / "pandoc") == "paper 2.1.3"


def test_a_name_that_pypi_has_not_comes_from_conda_and_pypis_own_packages_win(channel: Path, tmp_path: Path) -> None:
    conda_channel.python(channel)
    modules = {f"site-packages/{ABSENT}.py": "WHOSE = 'conda'\n", "site-packages/six.py": "__version__ = 'of conda'\n"}
    conda_channel.offer(channel, ABSENT, "1.4", modules, [f"python >={PYTHON}"], noarch="python")
    python = made(tmp_path, channel.as_uri(), f"six=1.16, {ABSENT}=1.4")
    program = f"import six, {ABSENT} as ink; print(six.__version__, ink.WHOSE)"
    assert run(python.path, "-I", "-c", program) == "1.16.0 conda"
    assert {package.name for package in conda.marked(locks.lock_environment(python))} == {ABSENT, "python"}


def test_what_is_asked_of_one_channel_is_taken_from_there(channel: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    conda_channel.offer(newer, "pandoc", "3.0", {"bin/pandoc": conda_channel.PROGRAM})
    python = made(tmp_path, newer.as_uri(), f'"{channel.as_uri()}::pandoc"')
    (found, _) = conda.marked(locks.lock_environment(python))
    assert (found.version, found.channel) == ("2.1.3", channel.as_uri())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("six, pandoc=9", "dependencies[1]: conda's channels (CHANNEL): No candidates were found for pandoc 9"),
        (f"six, pandoc, {ABSENT}", f"dependencies[2]: PyPI has no {ABSENT}; conda's channels (CHANNEL): "),
        ("pandoc, quarto", "dependencies[1]: conda's channels (CHANNEL): No candidates were found for quarto"),
    ],
)
def test_what_no_channel_has_is_told_with_its_line(channel: Path, tmp_path: Path, asked: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(tmp_path, channel.as_uri(), asked)
    assert refused.value.line().startswith("environment.yml: " + said.replace("CHANNEL", channel.as_uri()))
    assert "\n" not in refused.value.line() and refused.value.fix


def test_a_file_that_is_not_the_one_of_its_hash_is_refused(channel: Path, tmp_path: Path, home: Path) -> None:
    archive = conda_channel.paper_press(channel, "2.1.4")
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(OutsideFailure, match=r"pandoc-2\.1\.4-0\.tar\.bz2 has the sha256 .* another file than"):
        made(tmp_path, channel.as_uri(), "pandoc")
    left = [folder for folder in home.glob("environments/models-*") if folder.is_dir()]
    assert all((folder / store.COMPLETE).is_file() for folder in left)


def test_a_channel_that_is_gone_is_told_apart_from_one_that_is_not_reached(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^environment\.yml: dependencies\[0\]: there is no such channel of conda"):
        made(tmp_path, (tmp_path / "gone").as_uri(), "pandoc")
    with pytest.raises(OutsideFailure, match=r"^environment\.yml: dependencies\[0\]: conda's channels are not reached"):
        made(tmp_path, "http://127.0.0.1:9/channel", "pandoc")


def test_a_package_that_its_channel_has_no_more_is_told(channel: Path, tmp_path: Path) -> None:
    conda_channel.paper_press(channel, "2.1.5").unlink()
    with pytest.raises(InvalidInput, match="a package of conda's channels is not there"):
        made(tmp_path, channel.as_uri(), "pandoc")


def test_packages_of_another_platform_are_refused(tmp_path: Path) -> None:
    packages = [conda.CondaPackage("file:///srv/channel/win-64/pandoc-2.1-0.conda", "0" * 64)]
    with pytest.raises(InvalidInput, match=r"pandoc-2\.1-0\.conda is for win-64, and this machine is "):
        conda.install(tmp_path / "prefix", packages)


def test_a_password_reaches_the_channel_and_neither_the_lock_nor_a_message(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in (f"http://ann:secret@{guarded}", f"http://{guarded}/t/secret/x"):
        with pytest.raises(InvalidInput, match="would be kept with every model") as refused:
            made(tmp_path, secret, "pandoc")
        assert "secret" not in refused.value.line()
    named = f"http://${{USER_OF_MINE}}:${{WORD_OF_MINE}}@{guarded}"
    with pytest.raises(InvalidInput, match=r"named with \$\{USER_OF_MINE\}, which is not set here"):
        made(tmp_path, f'"{named}"', "pandoc")
    monkeypatch.setenv("USER_OF_MINE", "ann")
    monkeypatch.setenv("WORD_OF_MINE", "wr$ng")
    with pytest.raises(InvalidInput, match="a channel of conda wants a login") as refused:
        made(tmp_path, f'"{named}"', "pandoc")
    assert "wr$ng" not in refused.value.line()
    monkeypatch.setenv("WORD_OF_MINE", "secret==")
    lock = locks.lock_environment(made(tmp_path, f'"{named}"', "pandoc"))
    assert f"# conda: {named}/noarch/paper-2.1.3-0.tar.bz2 sha256:" in lock and "secret" not in lock

    file = tmp_path / "logins.json"
    file.write_text(json.dumps({"127.0.0.1": {"BasicHTTP": {"username": "ann", "password": "secret=="}}}))
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(file))
    lock = locks.lock_environment(made(tmp_path, f"http://{guarded}", "pandoc"))
    assert f"# conda: http://{guarded}/noarch/paper-2.1.3-0.tar.bz2 sha256:" in lock


def test_no_network_is_used_where_a_folder_of_wheels_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = conda.CondaSpec("pandoc", "", "", "environment.yml: dependencies[0]")
    store.interpreter(requirements_file("conda"), locks.base_python())
    monkeypatch.setenv("MODELWAY_WHEELHOUSE", str(tmp_path))
    with pytest.raises(OutsideFailure, match="MODELWAY_WHEELHOUSE is set, so no network is used"):
        conda.solved([spec], ["https://conda.anaconda.org/conda-forge"], PYTHON)

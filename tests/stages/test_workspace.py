"""What stages begin with: the registry's address, the commit, the data, and the team's own commands."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from environments import conda_channel
from modelway import ci
from modelway.config import Resolved, load_project
from modelway.environments import uv
from modelway.errors import InvalidInput
from modelway.stages.steps import workspace


def job_in(folder: Path, **environ: str) -> ci.Job:
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return ci.Job("train-model", ci.where_it_runs({**kept, **environ}), folder, {})


def project_in(folder: Path, text: str = "") -> Resolved:
    (folder / "modelway.yml").write_text(f"model: m\n{text}")
    return load_project(folder / "modelway.yml")


def test_a_server_on_this_machine_is_refused_where_the_next_job_is_another_machine(tmp_path: Path) -> None:
    project = project_in(tmp_path, "registry: {tracking-uri: http://127.0.0.1:5000}\n")
    uri = "http://127.0.0.1:5000"
    assert workspace.tracking_uri(project, job_in(tmp_path)) == uri
    hosted = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}
    with pytest.raises(InvalidInput, match=r"the next job .* is another machine\. Fix: .*check\.yml"):
        workspace.tracking_uri(project, job_in(tmp_path, **hosted))
    assert workspace.tracking_uri(project, job_in(tmp_path, **hosted, MODELWAY_LOCAL_REGISTRY=uri)) == uri
    with pytest.raises(InvalidInput, match="registry.tracking-uri is not set"):
        workspace.tracking_uri(project_in(tmp_path), job_in(tmp_path))


def test_without_git_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInput, match=r"git is not on PATH\. Fix: install git"):
        workspace.commit_of(tmp_path)


def test_a_repository_without_a_commit_is_one_line(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(InvalidInput, match="the commit is not known"):
        workspace.commit_of(tmp_path)


GERMAN = """#!/bin/sh
case "$LC_ALL" in C) say="detected dubious ownership in repository" ;; *) say="zweifelhafte Eigentumsrechte" ;; esac
printf 'fatal: %s, caf\\351\\n' "$say" >&2; exit 128
"""


def test_git_is_understood_whatever_language_and_encoding_the_machine_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git's own translations are not on every machine: a git that speaks German, and Latin-1."""
    (tmp_path / "git").write_text(GERMAN)
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    with pytest.raises(InvalidInput, match="git refuses to look into a folder of another user"):
        workspace.commit_of(tmp_path)


def test_data_is_fetched_once_a_job_with_the_teams_secrets_which_are_hidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """data: {command: 'echo "$BUCKET_KEY" > fetched.txt; echo "key $BUCKET_KEY"; echo "::set-output name=x::y"'}\n"""
    project = project_in(tmp_path, text)
    exported = tmp_path / "exported"
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ENV": str(exported),
        "MODELWAY_ENV": "# mine\nexport BUCKET_KEY='abcdef123'\n",
    }
    workspace.fetch_data(project, job_in(tmp_path, **environ))
    assert (tmp_path / "fetched.txt").read_text() == "abcdef123\n"
    said = capsys.readouterr().out
    assert "key ***" in said
    assert "::add-mask::abcdef123" in said
    assert "\n:\u200b:set-output name=x::y\n" in said, "taken for no command of ours"
    name, marked = re.fullmatch(r"(\w+)<<.*?\n(.*)\n.*\n", exported.read_text()).groups()  # type: ignore[union-attr]
    (tmp_path / "fetched.txt").unlink()
    workspace.fetch_data(project, job_in(tmp_path, **environ, **{name: marked}))
    assert not (tmp_path / "fetched.txt").exists(), "the next step of the job has it already"


@pytest.mark.parametrize(
    ("command", "words"),
    [("exit 3", "`exit 3` failed with exit code 3"), ("no-such-tool", "failed with exit code 127")],
)
def test_a_fetch_that_fails_names_its_key(tmp_path: Path, command: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="data.command: ") as caught:
        workspace.fetch_data(project_in(tmp_path, f"data: {{command: {command}}}\n"), job_in(tmp_path))
    assert words in caught.value.line()


def test_a_dotenv_line_that_is_none_names_its_number_and_never_its_text(tmp_path: Path) -> None:
    project = project_in(tmp_path, "data: {command: 'true'}\n")
    with pytest.raises(InvalidInput, match="MODELWAY_ENV, line 2: is not NAME=value") as caught:
        workspace.fetch_data(project, job_in(tmp_path, MODELWAY_ENV="A=b\nthe-secret-itself\n"))
    assert "the-secret" not in caught.value.line()


def test_the_teams_commands_start_the_programs_that_its_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """environment.yml's come from a channel of conda's; the log says which, and from where."""
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(uv.executable()).parent}:/usr/bin:/bin")
    conda_channel.paper_press(tmp_path / "channel")
    (tmp_path / "environment.yml").write_text("channels: [./channel]\ndependencies: [python, pandoc=2.1]\n")
    text = (
        "train: {requirements: environment.yml}\ndata: {command: 'pandoc > said.txt; echo $CONDA_PREFIX >> said.txt'}\n"
    )
    job = job_in(tmp_path)
    workspace.fetch_data(project_in(tmp_path, text), job)
    paper, prefix = (tmp_path / "said.txt").read_text().splitlines()
    assert paper == "paper 2.1.3" and Path(prefix, "bin", "pandoc").is_file()
    said = capsys.readouterr().out
    assert (
        f"of conda ({(tmp_path / 'channel').as_uri()}): pandoc 2.1.3, paper 2.1.3" in said
        and "not installed" not in said
    )
    found = workspace.team_environ(project_in(tmp_path, text), job)["PATH"].split(":")
    assert [Path(place).parent.name for place in found[:2]] == [Path(prefix).parent.name, "conda"]

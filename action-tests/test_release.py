"""A release as a caller with a full pin runs it: the pipeline at its commit, the stages at theirs, the actions at theirs."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from act import ADDRESS, Act, ActRun
from team import IDENTITY, ROOT, MakeProject, template

WORKFLOWS = ".github/workflows"
WORKFLOW = f"{WORKFLOWS}/model.yml"
PRODUCTION = "  production: { deploy: { strategy: all-at-once, local: { port: 1, replicas: 1 } } }\n"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def commits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Commit -> its tree, of a release that was made of what is on disk; the tagged one first."""
    clone = tmp_path_factory.mktemp("release") / "clone"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and name.startswith(
            ("actions/", "scripts/", "requirements/", ".github/", "release/")
        ):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_bytes((ROOT / name).read_bytes())
            (clone / name).chmod((ROOT / name).stat().st_mode)
    git(clone, "init", "-q", "-b", "main")
    for key, value in (("user.name", "a"), ("user.email", "a@b")):
        git(clone, "config", key, value)
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "all of it")
    tagged = released(clone)
    made = git(clone, "rev-list", f"HEAD..{tagged}").split()
    trees = {commit: clone.parent / commit for commit in made}
    for commit, tree in trees.items():
        git(clone, "worktree", "add", "--detach", str(tree), commit)
    return trees


def released(clone: Path) -> str:
    command = [clone / "release" / "export", "--commits", "Release"]
    return subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def run(act: Act, make_project: MakeProject, server: str, commits: dict[str, Path]) -> ActRun:
    """deliver-model with the pipeline pinned by its hash; the gate refuses the model, so that nothing is deployed."""
    pin = next(iter(commits))
    text, count = re.subn(rf"(uses: {ADDRESS['repository']}/\S+)@v\d+", rf"\1@{pin}", template("deliver-model.yml"))
    assert count == 1
    project = make_project("parcels-pinned", {WORKFLOW: text})
    nowhere = act.cache / "no such folder"  # what a tag names is never asked for
    pinned = replace(act, export=nowhere, ref="nothing", also=commits)
    inputs = {"parameters": '{"model": "constant"}'}
    config = project / "modelway.yml"
    config.write_text(config.read_text().replace("  production: {}\n", PRODUCTION, 1))
    return pinned.run(project, project / WORKFLOW, inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})


def test_a_workflow_comes_a_commit_after_all_that_it_names(commits: dict[str, Path]) -> None:
    def workflows(tree: Path) -> set[str]:
        return {name for name in ("train.yml", "pipeline.yml", "retrain.yml") if (tree / WORKFLOWS / name).is_file()}

    assert [workflows(tree) for tree in reversed(commits.values())] == [
        set(),
        {"train.yml"},
        {"train.yml", "pipeline.yml"},
        {"train.yml", "pipeline.yml", "retrain.yml"},
    ]


@pytest.mark.long
def test_a_pinned_pipeline_runs_without_any_tag(run: ActRun) -> None:
    assert run.jobs == {"plan": "success", "train": "success", "gate": "failure"}, run.log[-3000:]
    assert run.step("train").outputs["version"] == "1"
    assert run.step("gate").outputs["outcome"] == "fail"

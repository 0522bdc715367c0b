"""What act ignores and GitHub does not: permissions, concurrency, time limits, pins, inputs of reusable workflows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REUSABLE = ("train", "gate", "check", "build", "canary", "rollback")
CALLERS = sorted([*ROOT.glob("workflows-templates/*.yml"), *ROOT.glob("examples/*/.github/workflows/*.yml")])
ALL = sorted([*ROOT.glob(".github/workflows/*.yml"), *CALLERS])


def load(path: Path) -> dict[str, Any]:
    document = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    document["on"] = document.pop(True, document.get("on"))  # YAML 1.1 reads `on` as true
    return document


def reusable(name: str) -> dict[str, Any]:
    return load(ROOT / ".github" / "workflows" / f"{name}.yml")


def permissions_of(workflow: dict[str, Any]) -> dict[str, str]:
    """The union over a reusable workflow's jobs."""
    union: dict[str, str] = {}
    for job in workflow["jobs"].values():
        union.update(job.get("permissions", {}))
    return union


@pytest.mark.parametrize("name", REUSABLE)
def test_a_reusable_workflow_is_typed_bounded_and_asks_for_nothing_more(name: str) -> None:
    workflow = reusable(name)
    call = workflow["on"]["workflow_call"]
    assert {"runs-on", "timeout-minutes", "config", "working-directory", "environment"} <= set(call["inputs"])
    assert all("type" in item and "description" in item for item in call["inputs"].values())
    assert all(("default" in item) != item.get("required", False) for item in call["inputs"].values())
    assert workflow["permissions"] == {}
    assert call["outputs"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] == "${{ inputs.timeout-minutes }}"
        assert job["runs-on"] == "${{ fromJSON(inputs.runs-on) }}"
        assert "permissions" in job


@pytest.mark.parametrize("name", REUSABLE)
def test_every_permission_has_its_reason_beside_it(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    for line in re.findall(r"^ +(?:contents|id-token|packages|pull-requests|actions|checks): .*$", text, re.MULTILINE):
        assert re.search(r"# \w+", line), line


@pytest.mark.parametrize("name", REUSABLE)
def test_no_concurrency_where_reviewers_may_wait_and_some_everywhere_else(name: str) -> None:
    """A pending approval holds its concurrency group, and later deployments are cancelled."""
    for job in reusable(name)["jobs"].values():
        reviewed = "environment" in job and not job["environment"].endswith("-rollback")
        assert reviewed != ("concurrency" in job)


def test_a_rollback_waits_for_nobody() -> None:
    """Neither for reviewers, nor in a group that a deployment is ever in."""
    (job,) = reusable("rollback")["jobs"].values()
    assert job["environment"] == "${{ inputs.environment }}-rollback"
    own = job["concurrency"]["group"]
    assert own.startswith("modelway-rollback-")
    assert job["concurrency"]["cancel-in-progress"] is False
    others = [
        other["concurrency"]["group"]
        for name in (*REUSABLE, "pipeline")
        for other in reusable(name)["jobs"].values()
        if "concurrency" in other and name != "rollback"
    ]
    assert others
    assert not [group for group in others if group.startswith("modelway-rollback")]
    assert "needs" not in job


def test_the_pipeline_chains_what_exists_and_grants_what_it_asks() -> None:
    workflow = reusable("pipeline")
    call = workflow["on"]["workflow_call"]
    assert {"runs-on", "timeout-minutes", "config", "working-directory", "environment"} <= set(call["inputs"])
    text = (ROOT / ".github" / "workflows" / "pipeline.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(call["inputs"])
    for job in workflow["jobs"].values():
        name = re.fullmatch(r"\$/\.github/workflows/([\w-]+)\.yml", job["uses"]).group(1)  # type: ignore[union-attr]
        called = reusable(name)["on"]["workflow_call"]
        assert job["permissions"] == permissions_of(reusable(name))
        assert set(job["with"]) <= set(called["inputs"])
        assert {key for key, item in called["inputs"].items() if item.get("required")} <= set(job["with"])
        assert set(job["secrets"]) == set(called["secrets"]) == set(call["secrets"])
    order = {name: job.get("needs", []) for name, job in workflow["jobs"].items()}
    assert order == {
        "train": [],
        "gate": "train",
        "build": ["train", "gate"],
        "staging": ["train", "build"],
        "production": ["train", "build", "staging"],
    }
    for output in call["outputs"].values():
        job, inner = re.fullmatch(r"\$\{\{ jobs\.([\w-]+)\.outputs\.([\w-]+) }}", output["value"]).groups()  # type: ignore[union-attr]
        name = workflow["jobs"][job]["uses"].removeprefix("$/.github/workflows/").removesuffix(".yml")
        assert inner in reusable(name)["on"]["workflow_call"]["outputs"]


@pytest.mark.parametrize("name", REUSABLE)
def test_every_job_checks_out_without_ref_and_runs_the_teams_setup(name: str) -> None:
    for job in reusable(name)["jobs"].values():
        checkout, setup, *rest = job["steps"]
        assert checkout["uses"].startswith("actions/checkout@")
        assert checkout["with"] == {"persist-credentials": False}
        assert setup["uses"] == "./.github/actions/modelway-setup"
        assert setup["if"] == "hashFiles('.github/actions/modelway-setup/action.yml') != ''"
        for step in rest:
            assert step["uses"].startswith("$/actions/"), "only our own actions"
            assert (ROOT / step["uses"].removeprefix("$/") / "action.yml").is_file()


@pytest.mark.parametrize("name", REUSABLE)
def test_steps_pass_only_inputs_that_exist(name: str) -> None:
    """A typo in `with:` is only a warning on GitHub, and nothing at all in act."""
    call = reusable(name)["on"]["workflow_call"]
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(call["inputs"]), "and every input is used"
    for job in reusable(name)["jobs"].values():
        for step in job["steps"]:
            if step["uses"].startswith("$/"):
                action = yaml.safe_load((ROOT / step["uses"].removeprefix("$/") / "action.yml").read_text())
                assert set(step.get("with", {})) <= set(action["inputs"])


@pytest.mark.parametrize("name", REUSABLE)
def test_outputs_come_from_steps_that_set_them(name: str) -> None:
    workflow = reusable(name)
    for output in workflow["on"]["workflow_call"]["outputs"].values():
        job, inner = re.fullmatch(r"\$\{\{ jobs\.([\w-]+)\.outputs\.([\w-]+) }}", output["value"]).groups()  # type: ignore[union-attr]
        step_id, value = re.fullmatch(
            r"\$\{\{ steps\.([\w-]+)\.outputs\.([\w-]+) }}", workflow["jobs"][job]["outputs"][inner]
        ).groups()  # type: ignore[union-attr]
        step = next(step for step in workflow["jobs"][job]["steps"] if step.get("id") == step_id)
        action = yaml.safe_load((ROOT / step["uses"].removeprefix("$/") / "action.yml").read_text())
        assert value in action["outputs"]


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.name)
def test_a_template_grants_exactly_what_is_asked_and_passes_what_exists(path: Path) -> None:
    """Too little fails at start-up with one line of GitHub's own; too much is a power that nobody needs."""
    caller = load(path)
    assert caller["permissions"] == {}
    assert len(path.read_text().splitlines()) <= 40
    for job in caller["jobs"].values():
        name = re.fullmatch(r".*/\.github/workflows/([\w-]+)\.yml@v\d+", job["uses"]).group(1)  # type: ignore[union-attr]
        called = reusable(name)
        call = called["on"]["workflow_call"]
        assert job["permissions"] == permissions_of(called)
        assert set(job.get("with", {})) <= set(call["inputs"])
        assert {key for key, item in call["inputs"].items() if item.get("required")} <= set(job.get("with", {}))
        assert set(job.get("secrets", {})) <= set(call.get("secrets", {}))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_nothing_is_interpolated_into_a_shell(path: Path) -> None:
    for job in load(path)["jobs"].values():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_other_peoples_actions_are_pinned_by_commit(path: Path) -> None:
    for uses in re.findall(r"uses: +([^$.\s]\S*)", path.read_text(encoding="utf-8")):
        if not uses.startswith(address()["repository"]):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", uses), uses


def test_the_examples_workflow_is_the_template() -> None:
    example = ROOT / "examples" / "flight-delay" / ".github" / "workflows" / "model.yml"
    assert example.read_text() == (ROOT / "workflows-templates" / "deliver-model.yml").read_text()
    back = ROOT / "examples" / "flight-delay" / ".github" / "workflows" / "rollback.yml"
    assert back.read_text() == (ROOT / "workflows-templates" / "rollback.yml").read_text()


def address() -> dict[str, str]:
    return dict(json.loads((ROOT / "release" / "repository.json").read_text()))


def test_the_repositorys_address_stands_in_one_file(tmp_path: Path) -> None:
    """Change it there, and `make generate` changes it everywhere: no other file keeps the old one."""
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    names = [
        name for name in tracked.stdout.splitlines() if (ROOT / name).is_file() and not name.startswith("docs/adr/")
    ]
    copy = tmp_path / "copy"
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    moved = {"repository": "somebody/else", "major": "v7"}
    (copy / "release" / "repository.json").write_text(json.dumps(moved))
    generate = [ROOT / "scripts" / "run", "--in", "test", "python", copy / "release" / "generate.py"]
    subprocess.run(generate, check=True, capture_output=True)
    old = address()
    named = re.compile(rf"{re.escape(old['repository'])}(?=[/@\"'\s])")
    left = [name for name in names if not name.startswith("tests/") and named.search(read(copy / name))]
    assert [name for name in left if not name.startswith("action-tests/")] == []
    assert "somebody/else/.github/workflows/train.yml@v7" in read(copy / "workflows-templates" / "train-and-gate.yml")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def test_the_export_changes_own_references_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([ROOT / "release" / "export", tmp_path / "export", "--ref", "abc"], check=True, capture_output=True)
    exported = sorted(
        path.relative_to(tmp_path / "export") for path in (tmp_path / "export").rglob("*") if path.is_file()
    )
    assert exported
    for name in exported:
        here, there = (ROOT / name).read_bytes(), (tmp_path / "export" / name).read_bytes()
        own = f"uses: {address()['repository']}/".encode()
        assert re.sub(re.escape(own) + rb"([\w./-]+)@abc", rb"uses: $/\1", there) == here, name
        assert b"uses: $/" not in there
    assert not any(str(name).startswith(("tests", "docs", "examples")) for name in exported)

"""What act ignores and GitHub does not: permissions, concurrency, time limits, pins, inputs of reusable workflows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelway.notices.dispatch import DECLARED

ROOT = Path(__file__).resolve().parents[2]
REUSABLE = ("data", "plan", "train", "gate", "check", "build", "canary", "advance", "continue", "rollback")
CHAINED = ("monitor", "retrain")
"""Those with jobs of their own between jobs that call other ones."""
GRANTED = {
    "monitor": {"contents": "read", "issues": "write", "actions": "write"},
    "check": {"contents": "read", "pull-requests": "write", "security-events": "write"},
    **{name: {"contents": "read", "security-events": "write"} for name in ("data", "train", "gate", "pipeline")},
}
"""Beside `contents: read`, which all need."""
PIPED = ("train", "gate", "build", "canary")
"""Those that the pipeline calls with the registry's secrets."""
ON_CLUSTER = ("plan", "canary", "advance", "continue", "rollback")
"""Those that touch a target."""
GRANT = re.compile(r"^# The caller's job grants (.+?)$", re.MULTILINE)
CALLERS = sorted([*ROOT.glob("workflows-templates/*.yml"), *ROOT.glob("examples/*/.github/workflows/*.yml")])
ALL = sorted([*ROOT.glob(".github/workflows/*.yml"), *CALLERS])


def load(path: Path) -> dict[str, Any]:
    document = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    document["on"] = document.pop(True, document.get("on"))  # YAML 1.1 reads `on` as true
    return document


def reusable(name: str) -> dict[str, Any]:
    return load(ROOT / ".github" / "workflows" / f"{name}.yml")


def own_jobs(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Those with steps: the others call another workflow."""
    return [job for job in workflow["jobs"].values() if "steps" in job]


def granted(name: str, given: dict[str, Any] | None = None) -> dict[str, str]:
    """What a reusable workflow says that the caller's job must grant. given: the inputs of a caller, who need not grant
    what is for another one."""
    (line,) = GRANT.findall((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    inputs = reusable(name)["on"]["workflow_call"]["inputs"]
    return {
        permission: level
        for permission, level, why in re.findall(r"`([\w-]+): (\w+)` \(([^)]+)\)", line)
        if given is None or why.removeprefix("for ") not in inputs or given.get(why.removeprefix("for "))
    }


@pytest.mark.parametrize("name", [*REUSABLE, *CHAINED, "pipeline"])
def test_nothing_that_the_caller_grants_is_taken_away(name: str) -> None:
    """A called workflow's job has what the calling job grants, less what a `permissions:` here leaves out: the caller's own
    setup may need id-token: write or packages: write."""
    workflow = reusable(name)
    assert "permissions" not in workflow
    assert not [job for job, settings in workflow["jobs"].items() if "permissions" in settings]
    assert granted(name) == GRANTED.get(name, {"contents": "read"}), "what our own steps need"


def test_our_own_workflows_have_no_more_than_they_need() -> None:
    reads, signs = {"contents": "read"}, {"id-token": "write"}
    for name, wanted in (
        ("ci", [reads, {}]),
        ("release", [{"contents": "write", **signs, "attestations": "write"}, {**reads, "pages": "write", **signs}]),
    ):
        workflow = reusable(name)
        assert workflow["permissions"] == {}
        assert [job["permissions"] for job in workflow["jobs"].values()] == wanted


@pytest.mark.parametrize("name", [*REUSABLE, *CHAINED])
def test_a_reusable_workflow_is_typed_and_bounded(name: str) -> None:
    workflow = reusable(name)
    call = workflow["on"]["workflow_call"]
    assert {"runs-on", "timeout-minutes", "config", "working-directory", "environment"} <= set(call["inputs"])
    assert all("type" in item and "description" in item for item in call["inputs"].values())
    assert all(("default" in item) != item.get("required", False) for item in call["inputs"].values())
    assert call["outputs"]
    for job in own_jobs(workflow):
        assert job["timeout-minutes"] == "${{ inputs.timeout-minutes }}"
        assert job["runs-on"] == "${{ fromJSON(inputs.runs-on) }}"


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_permission_has_its_reason_beside_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in re.findall(r"^ +(?:contents|id-token|packages|pull-requests|actions|checks): .*$", text, re.MULTILINE):
        assert re.search(r"# \w+", line), line


@pytest.mark.parametrize("name", [*REUSABLE, *CHAINED, "pipeline"])
def test_no_job_is_in_a_group_in_which_it_could_be_cancelled(name: str) -> None:
    """A group keeps one that waits and cancels the others: legs of a matrix, which differ in an input or a secret only, and
    deployments behind a pending approval, which holds its group."""
    workflow = reusable(name)
    assert "concurrency" not in workflow
    assert [job for job, settings in workflow["jobs"].items() if "concurrency" in settings] == (
        ["rollback"] if name == "rollback" else []
    )


def test_rollbacks_wait_for_another_of_the_same_target_only() -> None:
    (job,) = reusable("rollback")["jobs"].values()
    named = set(re.findall(r"inputs\.([\w-]+)", job["concurrency"]["group"]))
    assert named == {"working-directory", "config", "environment", "runs-on"}


def test_a_newer_push_ends_the_older_check_and_no_leg_of_its_own() -> None:
    """At the top of the caller's workflow a group holds whole runs."""
    check = load(ROOT / "workflows-templates" / "check-pull-request.yml")
    group = "${{ github.workflow }}-${{ github.ref }}"
    assert check["concurrency"] == {"group": group, "cancel-in-progress": True}


def test_a_schedule_waits_for_no_reviewer_and_cancels_no_job_at_work() -> None:
    """The reviewers have approved the rollout's beginning: a job every quarter hour that waits for them judges nothing."""
    (job,) = reusable("advance")["jobs"].values()
    assert job["environment"] == "${{ inputs.environment }}-advance"
    (step,) = [step for step in job["steps"] if step.get("id") == "advance"]
    assert (step["with"]["only-unfinished"], step["with"]["wait"]) == ("true", "false")
    template = load(ROOT / "workflows-templates" / "advance.yml")
    assert set(template["on"]) == {"schedule", "workflow_dispatch"}
    assert template["concurrency"] == {"group": "${{ github.workflow }}", "cancel-in-progress": False}


def test_a_deployment_on_github_links_to_where_the_model_answers() -> None:
    (job,) = reusable("canary")["jobs"].values()
    url = "${{ steps.deploy.outputs.address }}"
    assert job["environment"] == {"name": "${{ inputs.environment }}", "url": url}


def test_a_rollback_waits_for_nobody() -> None:
    """Neither for reviewers, nor in a group that a deployment is ever in, nor for a runner that a deployment holds."""
    (job,) = reusable("rollback")["jobs"].values()
    assert job["environment"] == "${{ inputs.environment }}-rollback"
    own = job["concurrency"]["group"]
    assert own.startswith("modelway-rollback-")
    assert job["concurrency"]["cancel-in-progress"] is False
    assert "needs" not in job
    template = load(ROOT / "workflows-templates" / "rollback.yml")["jobs"]["rollback"]["with"]["runs-on"]
    others = [
        json.loads(job.get("with", {}).get("runs-on", '"ubuntu-latest"'))
        for path in CALLERS
        if path.name != "rollback.yml"
        for job in load(path)["jobs"].values()
    ]
    assert others
    assert json.loads(template) == ["modelway-rollback"]
    assert not [labels for labels in others if "modelway-rollback" in labels]


def test_the_pipeline_chains_what_exists() -> None:
    workflow = reusable("pipeline")
    call = workflow["on"]["workflow_call"]
    assert {"runs-on", "timeout-minutes", "config", "working-directory", "environment"} <= set(call["inputs"])
    text = (ROOT / ".github" / "workflows" / "pipeline.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(call["inputs"])
    for job in workflow["jobs"].values():
        name = re.fullmatch(r"\$/\.github/workflows/([\w-]+)\.yml", job["uses"]).group(1)  # type: ignore[union-attr]
        called = reusable(name)["on"]["workflow_call"]
        assert set(job["with"]) <= set(called["inputs"])
        assert {key for key, item in called["inputs"].items() if item.get("required")} <= set(job["with"])
        assert set(job["secrets"]) == set(called["secrets"])
        registry = {secret for secret in call["secrets"] if secret.startswith("MLFLOW_")} if name in PIPED else set()
        cluster = {"KUBECONFIG"} if name in ON_CLUSTER else set()
        assert set(called["secrets"]) == registry | cluster | {"MODELWAY_ENV"}
    order = {name: job.get("needs", []) for name, job in workflow["jobs"].items()}
    assert order == {
        "plan": [],
        "train": "plan",
        "gate": "train",
        "build": ["train", "gate"],
        "staging": ["train", "build"],
        "production": ["train", "build", "staging"],
    }
    for name, job in workflow["jobs"].items():  # one that is skipped would skip all after it
        assert name == "plan" or job["if"].startswith("${{ !cancelled() && ")
    assert {"version", "image", "manifest-digest", "verdict", "outcome"} == set(call["outputs"])
    for output in call["outputs"].values():
        job, inner = re.fullmatch(r"\$\{\{ jobs\.([\w-]+)\.outputs\.([\w-]+) }}", output["value"]).groups()  # type: ignore[union-attr]
        name = workflow["jobs"][job]["uses"].removeprefix("$/.github/workflows/").removesuffix(".yml")
        assert inner in reusable(name)["on"]["workflow_call"]["outputs"]


@pytest.mark.parametrize("name", CHAINED)
def test_a_chain_hands_on_what_exists(name: str) -> None:
    """Each workflow that it calls gets every input that it has to, and every secret; each job's outputs are some job's."""
    workflow = reusable(name)
    jobs = workflow["jobs"]
    own = set(workflow["on"]["workflow_call"]["secrets"])
    for job in (job for job in jobs.values() if "uses" in job):
        called = reusable(job["uses"].removeprefix("$/.github/workflows/").removesuffix(".yml"))["on"]["workflow_call"]
        assert {"timeout-minutes", "runs-on"} <= set(job["with"]) <= set(called["inputs"])
        assert {key for key, item in called["inputs"].items() if item.get("required")} <= set(job["with"])
        assert set(job["secrets"]) == set(called["secrets"]) <= own
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    for job_id, output in re.findall(r"(?:jobs|needs)\.(\w+)\.outputs\.([\w-]+)", text):
        job = jobs[job_id]
        called = (
            reusable(job["uses"].removeprefix("$/.github/workflows/").removesuffix(".yml")) if "uses" in job else {}
        )
        assert output in (called["on"]["workflow_call"]["outputs"] if called else job["outputs"])
    for job in own_jobs(workflow):
        assert job.get("needs", []) == [] or job["if"].startswith("${{ always() && ")
        for value in job.get("outputs", {}).values():
            step_id, output = re.fullmatch(r"\$\{\{ steps\.([\w-]+)\.outputs\.([\w-]+) }}", value).groups()  # type: ignore[union-attr]
            step = next(step for step in job["steps"] if step.get("id") == step_id)
            action = yaml.safe_load((ROOT / step["uses"].removeprefix("$/") / "action.yml").read_text())
            assert output in action["outputs"]


def test_a_training_after_an_alarm_waits_for_the_other_and_is_started_by_what_follow_policy_sends() -> None:
    template = load(ROOT / "workflows-templates" / "retrain.yml")
    assert template["concurrency"] == {"group": "${{ github.workflow }}", "cancel-in-progress": False}
    assert set(template["on"]["workflow_dispatch"]["inputs"]) == {*DECLARED, "details"}
    assert template["on"]["repository_dispatch"]["types"] == ["model-drifted"]


@pytest.mark.parametrize("name", [*REUSABLE, *CHAINED])
def test_every_job_checks_out_without_ref_and_runs_the_teams_setup(name: str) -> None:
    for job in own_jobs(reusable(name)):
        checkout, setup, *rest, _ = job["steps"]
        assert checkout["uses"].startswith("actions/checkout@")
        assert checkout["with"] == {"persist-credentials": False}
        assert setup["uses"] == "./.github/actions/modelway-setup"
        assert setup["if"] == "hashFiles('.github/actions/modelway-setup/action.yml') != ''"
        for step in rest:
            if "/upload-sarif@" in step["uses"]:
                continue  # the test below
            assert step["uses"].startswith("$/actions/"), "only our own actions"
            assert (ROOT / step["uses"].removeprefix("$/") / "action.yml").is_file()


@pytest.mark.parametrize("name", ["check", "data", "train", "gate"])
def test_findings_are_shown_where_the_caller_wants_them_and_never_change_the_outcome(name: str) -> None:
    (step,) = [step for job in own_jobs(reusable(name)) for step in job["steps"] if "/upload-sarif@" in step["uses"]]
    assert step["if"] == "${{ !cancelled() && inputs.code-scanning && !env.ACT }}"
    assert step["continue-on-error"] is True
    asked = reusable(name)["on"]["workflow_call"]["inputs"]["code-scanning"]
    assert asked["default"] is False and "`security-events: write`" in asked["description"]


def test_every_job_keeps_its_reports_whatever_became_of_it() -> None:
    """As an artifact with a name of its own, which a caller's matrix can tell apart; act has no place for it."""
    names: list[str] = []
    for name in [*REUSABLE, *CHAINED]:
        for job in own_jobs(reusable(name)):
            last = job["steps"][-1]
            assert last["uses"].startswith("actions/upload-artifact@"), name
            assert last["if"] == "${{ always() && inputs.reports != '' && !env.ACT }}"
            named = last["with"].pop("name")
            assert named.endswith("-${{ inputs.reports }}")
            assert last["with"] == {
                "path": "${{ inputs.working-directory }}/out/modelway",
                "if-no-files-found": "ignore",
                "overwrite": True,
            }
            names.append(named)
    assert len(names) == len(set(names)) > 10
    for name in ("pipeline", *CHAINED):
        for job in (job for job in reusable(name)["jobs"].values() if "uses" in job):
            assert job["with"]["reports"] == "${{ inputs.reports }}"


@pytest.mark.parametrize("name", [*REUSABLE, *CHAINED])
def test_steps_pass_only_inputs_that_exist(name: str) -> None:
    """A typo in `with:` is only a warning on GitHub, and nothing at all in act."""
    call = reusable(name)["on"]["workflow_call"]
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(call["inputs"]), "and every input is used"
    for job in own_jobs(reusable(name)):
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
    own_steps = any("steps" in job for job in caller["jobs"].values())  # and so the stages one by one
    assert len(path.read_text().splitlines()) <= (60 if own_steps else 40)
    for job in caller["jobs"].values():
        if "steps" in job:  # a job of the team's own
            used = " ".join(step.get("uses", "") for step in job["steps"])
            tells = {"issues": "write"} if "/actions/notify@" in used else {}  # perhaps by an issue
            shows = {"security-events": "write"} if "/upload-sarif@" in used else {}
            assert job["permissions"] == {"contents": "read"} | tells | shows
            assert job["timeout-minutes"]
            for step in job["steps"]:
                passes_what_exists(step)
            continue
        name = re.fullmatch(r".*/\.github/workflows/([\w-]+)\.yml@v\d+", job["uses"]).group(1)  # type: ignore[union-attr]
        called = reusable(name)
        call = called["on"]["workflow_call"]
        assert job["permissions"] == granted(name, job.get("with", {}))
        assert set(job.get("with", {})) <= set(call["inputs"])
        assert {key for key, item in call["inputs"].items() if item.get("required")} <= set(job.get("with", {}))
        assert set(job.get("secrets", {})) == set(call.get("secrets", {})), "each: a login by name and password too"


def passes_what_exists(step: dict[str, Any]) -> None:
    if found := re.fullmatch(rf"{address()['repository']}/(actions/[\w-]+)@v\d+", step.get("uses", "")):
        action = yaml.safe_load((ROOT / found[1] / "action.yml").read_text(encoding="utf-8"))
        required = {name for name, item in action["inputs"].items() if item["description"].endswith("Required.")}
        assert required <= set(step.get("with", {})) <= set(action["inputs"])


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_nothing_is_interpolated_into_a_shell(path: Path) -> None:
    for job in load(path)["jobs"].values():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize(
    "path", [*ALL, *sorted(ROOT.glob("examples/**/action.yml"))], ids=lambda path: path.parent.name + "/" + path.name
)
def test_other_peoples_actions_are_pinned_by_commit(path: Path) -> None:
    for uses in re.findall(r"uses: +([^$.\s][^\s,]*)", path.read_text(encoding="utf-8")):
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

"""docs/other-schedulers.md: the commands that a Jenkinsfile, an Argo workflow and an Airflow DAG run, in a plain shell."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from documented import examples
from modelway.command import use_cases
from team import ROOT, MakeProject, address, config, serving

SCHEDULERS = ROOT / "examples" / "schedulers"
JOURNEY = ["validate_data", "train_model", "evaluate_gate", "build_image", "deploy_model"]


def of_jenkins() -> list[str]:
    return re.findall(r"\bsh '(.+?)' }", (SCHEDULERS / "Jenkinsfile").read_text(encoding="utf-8"))


def of_argo() -> list[str]:
    """In the order of the tasks, each of which waits for the one before."""
    workflow = yaml.safe_load((SCHEDULERS / "argo.yml").read_text(encoding="utf-8"))
    (tasks,) = [template["dag"]["tasks"] for template in workflow["spec"]["templates"] if "dag" in template]
    assert [task.get("depends") for task in tasks] == [None, *(task["name"] for task in tasks[:-1])]
    (stage,) = [template for template in workflow["spec"]["templates"] if template["name"] == "stage"]
    assert stage["container"]["command"] == ["bash", "-ec"]
    assert {task["template"] for task in tasks} <= {template["name"] for template in workflow["spec"]["templates"]}
    given = [
        {item["name"]: item["value"] for item in task.get("arguments", {}).get("parameters", [])} for task in tasks
    ]
    checkout, *others = [each["run"] for each in given if each]
    assert checkout.startswith("git clone ")
    return others


class Recorder:
    """An operator that only remembers its command, and which comes after which."""

    made: list[Recorder]

    def __init__(self, *, task_id: str, bash_command: str) -> None:
        self.task_id, self.bash_command = task_id, bash_command
        self.after: list[Recorder] = []
        Recorder.made.append(self)

    def __rshift__(self, other: Recorder) -> Recorder:
        other.after.append(self)
        return other


class DagRecorder:
    def __init__(self, *_: object, **settings: object) -> None:
        assert settings["max_active_runs"] == 1

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def of_airflow() -> list[str]:
    tree = ast.parse((SCHEDULERS / "airflow.py").read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not ast.unparse(node).startswith("from airflow.")]
    Recorder.made = []
    exec(compile(tree, "airflow.py", "exec"), {"BashOperator": Recorder, "DAG": DagRecorder})
    first, *others = Recorder.made
    assert [task.after for task in (first, *others)] == [[], *([task] for task in Recorder.made[:-1])]
    return [task.bash_command for task in Recorder.made]


COMMANDS = {"jenkins": of_jenkins, "argo": of_argo, "airflow": of_airflow}


@pytest.mark.parametrize("scheduler", COMMANDS)
def test_the_commands_are_the_actions_with_flags_that_they_have(scheduler: str) -> None:
    known = use_cases()
    found = []
    for command in COMMANDS[scheduler]():
        ((name, flags),) = re.findall(r'"\$MODELWAY/scripts/run" (\w+)(.*)', command)
        taken = {item.flag for item in known[name.replace("_", "-")].inputs}
        assert set(re.findall(r"(--[\w-]+)", flags)) <= taken
        found.append(name)
    assert found == JOURNEY


def shell(command: str, project: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=project,
        env={**os.environ, "MODELWAY": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_command_runs_in_a_plain_shell_and_its_exit_code_is_the_answer(make_project: MakeProject) -> None:
    project = make_project("parcels-elsewhere")
    (command,) = {commands()[0] for commands in COMMANDS.values()}
    done = shell(command, project)
    assert done.returncode == 0, done.stderr
    (project / "contract.yml").write_text("columns:\n  weight: { type: number, range: [0, 1] }\n")
    assert shell(command, project).returncode == 1


@pytest.mark.long
def test_each_scheduler_delivers_and_any_shell_brings_back(make_project: MakeProject, server: str, state: Path) -> None:
    project = make_project("parcels-delivered-elsewhere")
    (project / "modelway.yml").write_text(config("parcels-delivered-elsewhere", delivered=True))
    environ = {"MLFLOW_TRACKING_URI": server, "MODELWAY_STATE": str(state)}
    delivered = []
    for commands in COMMANDS.values():
        for command in commands():
            done = shell(command, project, **environ)
            assert done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-2000:]}"
        delivered.append(serving(address(project, "production")))
    assert len(set(delivered)) == len(COMMANDS)
    (back,) = examples("other-schedulers.md", "Jenkins, Argo Workflows, Airflow", "bash")
    done = shell(back, project, **environ)
    assert done.returncode == 0, done.stderr
    assert serving(address(project, "production")) == delivered[-2]

"""One contract: action.yml, the script's flags and variables, the README's table and the outputs say the same."""

from __future__ import annotations

import argparse
import re
import subprocess
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import inspect

from modelway.ci import build_parser
from modelway.command import AnyUseCase, use_case_of

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem != "launch")
ACTIONS = sorted(path.parent.name for path in ROOT.glob("actions/*/action.yml"))


def action_of(script: str) -> dict[str, Any]:
    path = ROOT / "actions" / script.replace("_", "-") / "action.yml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def use_case(script: str) -> AnyUseCase:
    return use_case_of(script)


def test_every_script_has_its_action_and_every_action_its_script() -> None:
    assert [name.replace("_", "-") for name in SCRIPTS] == ACTIONS


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_input_reaches_the_script_by_its_variable(script: str) -> None:
    action, inputs = action_of(script), use_case(script).inputs
    step = action["runs"]["steps"][0]
    assert len(action["runs"]["steps"]) == 1
    assert list(action["inputs"]) == [item.name for item in inputs]
    expected = {f"MODELWAY_{name.upper().replace('-', '_')}": f"inputs.{name}" for name in action["inputs"]}
    for item in inputs:
        if item.secret:  # it may come from the job's own environment, which the step's would hide
            expected[item.variable] += f" || env.{item.variable}"
    assert step["env"] == {name: f"${{{{ {value} }}}}" for name, value in expected.items()}
    assert [item.variable for item in inputs] == list(expected)
    assert "${{" not in step["run"]
    assert all("default" not in item and "required" not in item for item in action["inputs"].values())


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_input_is_a_flag_unless_it_is_secret(script: str) -> None:
    inputs = use_case(script).inputs
    parser = build_parser(script, "", inputs)
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]  # a secret's flag only refuses
    flags = {option for action in shown for option in action.option_strings if option.startswith("--")}
    assert flags == {f"--{item.name}" for item in inputs if not item.secret} | {"--help"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_output_is_the_steps_output(script: str) -> None:
    action = action_of(script)
    assert {name: item["value"] for name, item in action["outputs"].items()} == {
        name: f"${{{{ steps.run.outputs.{name} }}}}" for name in use_case(script).outputs
    }


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_overriding_input_has_the_type_of_its_key(script: str) -> None:
    """The signature says it to Python's own checkers; what is checked is the key's."""
    annotated = typing.get_type_hints(use_case(script).work)
    for item in use_case(script).inputs:
        if item.key:
            annotation = inspect.type_info(annotated[item.parameter])
            assert item.default is None and plain(item.kind) == plain(annotation), item.name


def plain(kind: inspect.Type) -> set[str]:
    """The names of a type's alternatives, without bounds."""
    types = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return {
        str(item.values) if isinstance(item, inspect.LiteralType) else type(item).__name__
        for item in types
        if not isinstance(item, inspect.NoneType)
    }


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_readme_lists_every_input_and_output(script: str) -> None:
    action = action_of(script)
    text = (ROOT / "actions" / script.replace("_", "-") / "README.md").read_text(encoding="utf-8")
    for name in [*action["inputs"], *action["outputs"]]:
        assert f"| `{name}` |" in text
    rows = re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted([*action["inputs"], *action["outputs"]])


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_input_says_what_happens_when_it_is_left_out(script: str) -> None:
    for item in use_case(script).inputs:
        assert item.required or item.file_of or "Left out: " in item.description, item.name


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_runs_in_the_scripts_own_environment(script: str) -> None:
    done = subprocess.run([ROOT / "scripts" / "run", script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Exit codes:" in done.stdout


@pytest.mark.parametrize("name", ACTIONS)
def test_no_description_holds_an_expression(name: str) -> None:
    """A runner refuses the whole action then."""
    action = action_of(name)
    described = [action, *action["inputs"].values(), *action["outputs"].values()]
    assert not [item["description"] for item in described if "${{" in item["description"]]


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_is_a_door_and_nothing_else(name: str) -> None:
    text = (ROOT / "actions" / name / "action.yml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert sorted(path.name for path in (ROOT / "actions" / name).iterdir()) == ["README.md", "action.yml"]

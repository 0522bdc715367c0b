"""One contract: action.yml, the script's flags and variables, the README's table and the outputs say the same."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from modelway.ci import build_parser

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem != "launch")
ACTIONS = sorted(path.parent.name for path in ROOT.glob("actions/*/action.yml"))


def action_of(script: str) -> dict[str, Any]:
    path = ROOT / "actions" / script.replace("_", "-") / "action.yml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def module_of(script: str) -> ModuleType:
    return importlib.import_module(script)


def test_every_script_has_its_action_and_every_action_its_script() -> None:
    assert [name.replace("_", "-") for name in SCRIPTS] == ACTIONS


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_input_reaches_the_script_by_its_variable(script: str) -> None:
    action, module = action_of(script), module_of(script)
    step = action["runs"]["steps"][0]
    assert len(action["runs"]["steps"]) == 1
    assert list(action["inputs"]) == [item.name for item in module.INPUTS]
    expected = {f"MODELWAY_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}
    assert step["env"] == expected
    assert [item.variable for item in module.INPUTS] == list(expected)
    assert "${{" not in step["run"]
    assert all("default" not in item and "required" not in item for item in action["inputs"].values())


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_input_is_a_flag(script: str) -> None:
    module = module_of(script)
    parser = build_parser(script, "", module.INPUTS)
    flags = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    assert flags == {f"--{item.name}" for item in module.INPUTS} | {"--help"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_output_is_the_steps_output(script: str) -> None:
    action, module = action_of(script), module_of(script)
    assert {name: item["value"] for name, item in action["outputs"].items()} == {
        name: f"${{{{ steps.run.outputs.{name} }}}}" for name in module.OUTPUTS
    }
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert set(re.findall(r"set_output\(\s*\"([\w-]+)\"", text)) <= set(module.OUTPUTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_overriding_input_names_a_key_of_the_configuration(script: str) -> None:
    from msgspec import inspect

    from modelway.config.sections import Sections

    for item in module_of(script).INPUTS:
        kind: Any = inspect.type_info(Sections)
        for part in filter(None, item.key.split(".")):
            if isinstance(kind, inspect.UnionType):  # a section that is there or not
                kind = next(item for item in kind.types if isinstance(item, inspect.StructType))
            kind = {field.encode_name: field.type for field in kind.fields}[part]


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
    for item in module_of(script).INPUTS:
        assert item.required or item.kind == "boolean" or item.file_of or "Left out" in item.help, item.name


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_runs_in_the_scripts_own_environment(script: str) -> None:
    done = subprocess.run([ROOT / "scripts" / "run", script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Exit codes:" in done.stdout


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_is_a_door_and_nothing_else(name: str) -> None:
    text = (ROOT / "actions" / name / "action.yml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert sorted(path.name for path in (ROOT / "actions" / name).iterdir()) == ["README.md", "action.yml"]

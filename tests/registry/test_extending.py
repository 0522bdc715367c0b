"""The registry of docs/extending.md, as it stands there, held to the contract on a real server."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from documented import examples
from modelway.errors import InvalidInput
from modelway.registry import connection
from registry import contract

MODULE, LINE, CONTRACT = examples("extending.md", "Add a registry")
TESTS = sorted(name for name in vars(contract.RegistryContract) if name.startswith("test_"))


@pytest.fixture
def platform(server_3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The example as a module that can be imported, the table with its line, and the platform's file."""
    (tmp_path / "team_registry.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(connection, "MODULES", dict(connection.MODULES))
    exec(LINE, {"MODULES": connection.MODULES})
    file = tmp_path / "registries.json"
    file.write_text(json.dumps({"fraud": {"address": server_3, "token": "of-today"}}))
    yield {"PLATFORM_REGISTRIES": str(file)}
    sys.modules.pop("team_registry", None)


@pytest.mark.parametrize("name", TESTS)
def test_the_example_passes_the_contract(name: str, platform: dict[str, str], tmp_path: Path) -> None:
    names: dict[str, object] = {"contract": contract, "pytest": pytest, "connect": connection.connect}
    exec(CONTRACT, names)
    made = names["TestTeam"]
    opened = inspect.unwrap(made.registry)  # type: ignore[attr-defined]
    registry = getattr(opened, "__wrapped__", opened)
    test = getattr(made(), name)  # type: ignore[operator]
    wanted = {"registry": lambda: registry(None, platform), "tmp_path": lambda: tmp_path / "files"}
    test(**{word: wanted[word]() for word in inspect.signature(test).parameters})


def test_the_examples_mistakes_are_said_in_one_line(platform: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"registries\.json: there is no team 'nobody'\. Fix: name a team"):
        connection.connect("team:nobody", platform)
    assert textwrap.dedent(LINE).startswith("MODULES[")

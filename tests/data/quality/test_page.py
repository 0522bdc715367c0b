"""docs/quality.md and docs/profile.md: what they show runs as it stands there, and the table is what the kinds are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from data.quality.conftest import csv
from documented import DOCS, examples
from modelway.config.keys import Section
from modelway.config.quality import Quality, kinds_of_quality


@pytest.mark.parametrize(
    ("page", "heading", "said"),
    [
        ("quality.md", "Data quality", ["warn {}", "x outliers 201 0.49"]),
        ("profile.md", "Data profile", ["out/modelway/profile-data.html 0 2", "x number 201 0 148.7"]),
    ],
)
def test_the_example_of_python_runs(page: str, heading: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(csv(x=[*range(200), 9999], y=[at * 7 % 11 % 2 for at in range(201)]))
    scripts = DOCS.parent / "scripts"
    [code] = examples(page, heading)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(scripts)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert all(part in done.stdout for part in said), done.stdout


def test_the_example_of_the_section_is_one() -> None:
    [text] = examples("quality.md", "Kinds of checks", "yaml")
    msgspec.convert(yaml.load(text, yaml.BaseLoader)["quality"], Quality, strict=False)


def test_the_table_has_every_kind_with_its_severity_and_its_keys() -> None:
    text = (DOCS / "quality.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| .* \| (.*) \|$", text, re.MULTILINE)
    told = {key: (severity, set(re.findall(r"`([^`]+)`", keys))) for key, severity, keys in rows}
    assert told == {
        kind.field.replace("_", "-"): (kind.keys().severity, set(keys_of(kind.keys()))) for kind in kinds_of_quality()
    }


def keys_of(keys: Section) -> list[str]:
    """Each with its default, as YAML."""
    named = zip(keys.__struct_encode_fields__, msgspec.to_builtins(keys).values(), strict=True)
    return [
        f"{name}: {list(value) if isinstance(value, tuple) else value}" for name, value in named if name != "severity"
    ]

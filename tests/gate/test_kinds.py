"""A kind of check is one module: everything else of the gate, of modelway.yml and of its schema follows from it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from documented import examples
from modelway.config.sections import Gate, kinds_of_check
from modelway.gate.kind import Kind

ROOT = Path(__file__).resolve().parents[2]
KINDS = sorted(path.stem for path in (ROOT / "scripts/modelway/gate/kinds").glob("*.py") if path.stem != "__init__")

PLUGGED = """
import json, sys
sys.path[:0] = [{scripts!r}, {folder!r}]
from pathlib import Path
import alarm_share  # first of all, as a test of one's own would
import numpy as np
from modelway.config import load_project
from modelway.config.json_schema import schema_of_project
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, judge

policy = load_project(Path({folder!r}) / "modelway.yml").gate
truth = np.arange(400) % 2
said = np.where(np.arange(400) % 4 == 0, 1, 0)
checks = judge(policy, HeldOut(truth, {{}}), Scored(said, None, (), 1), None).checks
lost = judge(policy, HeldOut(truth, {{}}), Scored(said[:5], None, (), 1), None).checks
(Path({folder!r}) / "wrong.yml").write_text("model: m\\ngate:\\n  alarm-share: {{at-mots: 1}}\\n")
try:
    load_project(Path({folder!r}) / "wrong.yml")
except InvalidInput as error:
    wrong = error.line()
print(json.dumps([
    [(check.name, check.rule, check.outcome, check.value) for check in checks],
    [(check.name, check.outcome, check.detail) for check in lost],
    schema_of_project()["$defs"]["Gate"]["properties"]["alarm-share"],
    wrong,
]))
"""


def run(code: str, environment: str = "test") -> str:
    done = subprocess.run(
        [ROOT / "scripts" / "run", "--in", environment, "python", "-I", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_documented_kind_of_an_installed_package_is_judged_and_in_the_schema(tmp_path: Path) -> None:
    (tmp_path / "alarm_share.py").write_text(examples("extending.md", "Add a check kind")[0])
    information = tmp_path / "myteam-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: myteam\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[modelway.checks]\nalarm-share = alarm_share:KIND\n")
    (tmp_path / "modelway.yml").write_text("model: m\ngate:\n  label: y\n  alarm-share: {at-most: 0.5}\n")
    checks, lost, described, wrong = json.loads(
        run(PLUGGED.format(scripts=str(ROOT / "scripts"), folder=str(tmp_path)))
    )
    assert checks == [["alarm share", "at most 0.5", "pass", 0.25]]
    assert [item[:2] for item in lost] == [["predictions", "fail"], ["alarm share", "skipped"]]
    assert "cannot be used" in lost[1][2]
    assert described["description"].startswith("How many of all rows")
    assert "wrong.yml:3: gate.alarm-share.at-mots: unknown key" in wrong and "at-most" in wrong


def test_the_documented_kind_is_as_long_as_the_page_says() -> None:
    lines = examples("extending.md", "Add a check kind")[0].splitlines()
    assert f"1 file, {len(lines)} lines now" in (ROOT / "docs" / "extending.md").read_text()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_loaded_first_and_without_numpy(name: str) -> None:
    """modelway.yml is read by every script, most of which have no numpy; and no order of imports may matter."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import modelway.gate.kinds.{name} as it"
    code += "; from modelway.config.sections import Gate; assert hasattr(Gate(), it.KIND.field)"
    run(f"{code}; assert 'numpy' not in sys.modules", "tool")


def test_every_module_is_a_kind_with_a_key_of_its_own() -> None:
    fields = [kind.field for kind in kinds_of_check()]
    assert len(set(fields)) == len(fields) == len(KINDS)
    assert all(isinstance(kind, Kind) and kind.field in Gate.__struct_fields__ for kind in kinds_of_check())


def test_a_policy_without_the_new_keys_has_the_digest_that_it_always_had(tmp_path: Path) -> None:
    """Verdicts hold for a policy by its digest: a new key that nobody uses must not make them stale."""
    from modelway.config import load_project

    path = tmp_path / "modelway.yml"
    path.write_text("model: m\ngate: {limits: {accuracy_score: {at-least: 0.5}}}\n")
    digest = "4fbf40a5120b19fafb65f6c6d735e52ea87efa1f9536d4c1f2dea5d78d7c7196"
    assert load_project(path).policy_digest == digest

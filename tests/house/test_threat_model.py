"""docs/threat-model.md: what it names is there, and what no other test holds of it is held here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelway.config.sections import Create, Kubernetes
from modelway.notices.outbox import open_boxes
from modelway.targets.kubernetes import objects
from modelway.targets.local import proxy, servers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "threat-model.md"


def test_every_test_that_it_names_is_there(root: Path) -> None:
    named = set(re.findall(r"`((?:action-)?tests/[\w/.-]+)`", PAGE.read_text(encoding="utf-8")))
    assert len(named) > 30 and {name for name in named if not (root / name).is_file()} == set()


def test_every_enemy_has_what_does_not_stop_it() -> None:
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(sections) >= 9
    assert [text.splitlines()[0] for text in sections if "**What does not.**" not in text] == []


def test_a_deployed_model_has_none_of_the_job_s_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server of the local target is started: what it sees is written down by itself."""
    for name in ("MLFLOW_TRACKING_TOKEN", "MODELWAY_ENV", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "KUBECONFIG"):
        monkeypatch.setenv(name, "of the job")
    code = "import json, os; json.dump(dict(os.environ), open('seen.json', 'w'))"
    started = servers.start_process([sys.executable, "-I", "-c", code], tmp_path, tmp_path / "log")
    assert started.wait(timeout=60) == 0, (tmp_path / "log").read_text()
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert "of the job" not in seen.values()
    assert set(servers.KEPT) == {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME"}


def test_nothing_listens_but_on_this_machine(tmp_path: Path) -> None:
    """Envoy and its admin; a server is told the same address."""
    text = json.dumps(proxy.boot(tmp_path, 8080, 8081))
    assert set(re.findall(r'"address": "([^"]+)"', text)) == {"127.0.0.1"} == {servers.HOST}


def test_another_user_reads_no_notice_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path / "state"))
    open_boxes(("project",), ("slack releases",))
    (folder,) = (tmp_path / "state" / "notices").iterdir()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_pod_that_is_made_may_do_nothing(root: Path) -> None:
    wanted = Kubernetes(deployment="flight-delay", create=Create())
    pod = objects.deployment(wanted, Create(), "python@sha256:" + "0" * 64)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"] is True
    allowed = container["securityContext"]
    assert (allowed["allowPrivilegeEscalation"], allowed["readOnlyRootFilesystem"]) == (False, True)
    assert allowed["capabilities"] == {"drop": ["ALL"]}


def test_no_workflow_is_started_by_what_gives_a_fork_the_secrets(root: Path) -> None:
    shown = subprocess.run(
        ["git", "grep", "-lE", "pull_request_target", "--", "*.yml", "*.yaml"], cwd=root, capture_output=True, text=True
    )
    assert shown.stdout == ""

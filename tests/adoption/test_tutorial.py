"""docs/tutorial.md, as a reader follows it: its blocks one after the other in one shell, and pictures of what they made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import pictures
from checkout import commit_all
from documented import DOCS, blocks
from modelway.loopback import free_port

pytestmark = pytest.mark.long
PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")
KEPT = "out/kept"
PICTURES = os.environ.get("MODELWAY_PICTURES", "")
"""The folder in which its pictures are kept: docs, where they are to be drawn anew."""
SHOWN = {"verdict": ("evaluate-gate.md", 500), "deployed": ("deploy-model.md", 460), "server": ("server.html", 620)}
"""What each of its pictures shows: what the steps wrote, and the height of what is seen, in pixels."""


@pytest.fixture(scope="module")
def followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder after the last step. Instead of a clone of what is on GitHub there is a copy of this checkout."""
    folder = tmp_path_factory.mktemp("tutorial")
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    for name in subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines():
        (folder / "modelway" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / "modelway" / name, follow_symlinks=False)
    example = folder / "modelway" / "examples" / "flight-delay"
    config = example / "modelway.yml"
    config.write_text(re.sub(r"port: \d+", lambda _: f"port: {free_port()}", config.read_text()))
    commit_all(folder / "modelway")
    steps = [code for language, code in blocks(PAGE) if language == "bash"]
    clone, *others = steps[0].splitlines()
    assert clone.startswith("git clone ") and len(steps) == 7
    keep = f"mkdir -p {KEPT}; cp out/modelway/*.md {KEPT}; "
    after = ["", keep, f'{keep}curl -sf "$address/" >{KEPT}/server.html', keep, "", ""]
    script = "\n".join([*others, *(part for step in zip(steps[1:], after, strict=True) for part in step)])
    environ = {**os.environ, "MODELWAY_STATE": str(folder / "state")}
    cleaned = """
        left() { [[ -z ${traffic:-} ]] || kill "$traffic"; modelway stop-deployment --environment production || true
        modelway stop-registry --folder out/registry || true; }
        trap left EXIT
    """
    script = f"{script}\ntrap - EXIT"
    script = script.replace("\noutput() {", f"\n{cleaned}\noutput() {{", 1)  # whatever fails, nothing runs on
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return example


def test_each_step_does_what_the_page_says(followed: Path) -> None:
    assert "**PASS**" in (followed / KEPT / "evaluate-gate.md").read_text()
    assert "is in production" in (followed / KEPT / "deploy-model.md").read_text()
    history = (followed / "out" / "modelway" / "show-history.md").read_text()
    assert "rollback" in history or "rolled back" in history


def test_its_pictures_are_of_what_the_steps_made(followed: Path, tmp_path: Path) -> None:
    assert set(re.findall(r"\(tutorial-(\w+)\.png\)", PAGE)) == set(SHOWN)
    if shutil.which("chromium") is None:
        pytest.skip("no chromium is here")
    for name, (made, height) in SHOWN.items():
        page = followed / KEPT / made
        if page.suffix == ".md":
            page = pictures.drawn(page.read_text(encoding="utf-8").replace("<details>", "<details open>"), page)
        taken = pictures.photograph(page, Path(PICTURES or tmp_path) / f"tutorial-{name}.png", height)
        assert taken.stat().st_size > 10_000, "an empty page has less"

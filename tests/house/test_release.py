"""make release: a tag whose tree is the export, a major tag that moves, notes that list what changed; nothing is pushed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["release/release", version], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The tree as it is on disk, in a repository of its own."""
    folder = tmp_path / "clone"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
    git(folder, "init", "-q", "-b", "main")
    for key, value in (("user.name", "a"), ("user.email", "a@b")):
        git(folder, "config", key, value)
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## Unreleased", "## 1.0.0"))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all of it")
    return folder


def test_a_release_is_the_export_and_only_the_major_tag_moves(clone: Path) -> None:
    done = release(clone, "1.0.0")
    assert done.returncode == 0, done.stderr
    names = git(clone, "ls-tree", "-r", "--name-only", "v1.0.0").splitlines()
    assert "actions/train-model/action.yml" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "examples/"))]
    workflow = git(clone, "show", "v1.0.0:.github/workflows/train.yml")
    assert "uses: modelway/modelway/actions/train-model@v1.0.0" in workflow
    assert "$/" not in workflow
    assert git(clone, "rev-parse", "v1^{commit}") == git(clone, "rev-parse", "v1.0.0^{commit}")
    assert git(clone, "status", "--porcelain") == "", "the checkout is untouched"
    first = git(clone, "rev-parse", "v1.0.0^{commit}")

    action = clone / "actions" / "show-history" / "action.yml"
    action.write_text(action.read_text().replace("  at: {", "  moment: {"))
    gate = clone / ".github" / "workflows" / "gate.yml"
    gate.write_text(
        gate.read_text().replace("      contents: read #", "      packages: read # a reason\n      contents: read #", 1)
    )
    changelog = clone / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## 1.0.0", "## 1.1.0\n\n- A change.\n\n## 1.0.0"))
    git(clone, "commit", "-qam", "a change")
    done = release(clone, "1.1.0")
    assert done.returncode == 0, done.stderr
    notes = git(clone, "tag", "-l", "--format=%(contents)", "v1.1.0")
    assert "- A change." in notes
    assert "- show-history: input `moment`" in notes[notes.index("Added since v1.0.0") : notes.index("Removed since")]
    assert "- gate.yml: job gate: permission `packages: read`" in notes
    assert "- show-history: input `at`" in notes[notes.index("Removed since v1.0.0") :]
    assert git(clone, "rev-parse", "v1.0.0^{commit}") == first
    assert git(clone, "rev-parse", "v1^{commit}") == git(clone, "rev-parse", "v1.1.0^{commit}")
    again = release(clone, "1.1.0")
    assert again.returncode == 2
    assert "v1.1.0 exists and is never moved" in again.stderr


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("", "is '', not MAJOR.MINOR.PATCH"),
        ("v1", "not MAJOR.MINOR.PATCH"),
        ("2.0.0", "CHANGELOG.md has no section 2.0.0"),
    ],
)
def test_a_release_that_cannot_be_made_is_one_line(clone: Path, version: str, words: str) -> None:
    done = release(clone, version)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert git(clone, "tag", "-l") == ""


def test_uncommitted_changes_are_not_released(clone: Path) -> None:
    (clone / "README.md").write_text("changed")
    assert "there are uncommitted changes" in release(clone, "1.0.0").stderr

"""make release: a tag whose tree is the export, a major tag that moves, notes that list what changed; nothing is pushed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CIRCLE = ".github/workflows/pipeline.yml"


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
    assert "$/" not in git(clone, "show", "v1.0.0:.github/workflows/train.yml")
    assert git(clone, "rev-parse", "v1^{commit}") == git(clone, "rev-parse", "v1.0.0^{commit}")
    assert git(clone, "rev-parse", "releases/v1.0.0") == git(clone, "rev-parse", "v1.0.0^{commit}"), (
        "a branch has all of it"
    )
    assert "git push origin v1.0.0 releases/v1.0.0 && git push --force origin v1" in done.stdout
    assert git(clone, "status", "--porcelain") == "", "the checkout is untouched"
    first = git(clone, "rev-parse", "v1.0.0^{commit}")

    action = clone / "actions" / "show-history" / "action.yml"
    action.write_text(action.read_text().replace("  at: {", "  moment: {"))
    gate = clone / ".github" / "workflows" / "gate.yml"
    gate.write_text(gate.read_text().replace("grants `contents: read`", "grants `contents: read`, `packages: read`", 1))
    changelog = clone / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## 1.0.0", "## 1.1.0\n\n- A change.\n\n## 1.0.0"))
    git(clone, "commit", "-qam", "a change")
    done = release(clone, "1.1.0")
    assert done.returncode == 0, done.stderr
    notes = git(clone, "tag", "-l", "--format=%(contents)", "v1.1.0")
    assert "- A change." in notes
    assert "- show-history: input `moment`" in notes[notes.index("Added since v1.0.0") : notes.index("Removed since")]
    assert "- gate.yml: the caller's job grants `packages: read`" in notes
    assert "- show-history: input `at`" in notes[notes.index("Removed since v1.0.0") :]
    assert git(clone, "rev-parse", "v1.0.0^{commit}") == first
    assert git(clone, "rev-parse", "v1^{commit}") == git(clone, "rev-parse", "v1.1.0^{commit}")
    again = release(clone, "1.1.0")
    assert again.returncode == 2
    assert "v1.1.0 exists and is never moved" in again.stderr


def test_a_release_is_held_against_the_commit_that_it_was_made_of(clone: Path) -> None:
    """As .github/workflows/release.yml does before it publishes."""
    assert release(clone, "1.0.0").returncode == 0
    source = git(clone, "rev-parse", "main")
    assert (
        git(clone, "rev-parse", git(clone, "log", "-1", "--format=%H", "v1.0.0", "--", "release/export") + "^")
        == source
    )

    def verified(tag: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["release/export", "--verify", tag], cwd=clone, capture_output=True, text=True, check=False
        )

    assert verified("v1.0.0").returncode == 0, verified("v1.0.0").stderr
    tip = git(clone, "rev-parse", "v1.0.0^{commit}")
    git(clone, "checkout", "-q", tip)
    (clone / "scripts" / "run").write_text("curl somewhere\n")
    git(clone, "commit", "-qam", "Release v1.0.0", "--amend")
    git(clone, "tag", "v1.0.1")
    git(clone, "checkout", "-q", source)
    (clone / "README.md").write_text("Later.\n")
    git(clone, "commit", "-qam", "later")
    for at, tag, words in (
        ("HEAD", "v1.0.0", "commits after the checked-out one. Fix: check out v1.0.0~"),
        (source, "v1.0.1", "holds something else than the checked-out commit makes"),
    ):
        git(clone, "checkout", "-q", at)
        done = verified(tag)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def followed(clone: Path, commit: str, path: str) -> dict[str, str]:
    """All that a caller runs who names `path` at `commit`: where each file is -> its text. Each reference to another of ours
    must be a full hash of a commit of this repository, and that commit must have the file."""
    text = git(clone, "show", f"{commit}:{path}")
    found = {f"{commit}:{path}": text}
    for name, ref in re.findall(r"uses: modelway/modelway/(\S+)@(\S+)", text):
        assert re.fullmatch(r"[0-9a-f]{40}", ref), f"{path} names {name} at {ref}"
        assert git(clone, "cat-file", "-t", ref) == "commit"
        git(clone, "merge-base", "--is-ancestor", ref, commit)  # pushed with the tag, and with nothing else
        found |= followed(clone, ref, name if name.endswith(".yml") else f"{name}/action.yml")
    return found


def test_a_full_pin_holds_all_the_way_down_whoever_moves_a_tag(clone: Path) -> None:
    assert release(clone, "1.0.0").returncode == 0
    pin = git(clone, "rev-parse", "v1.0.0^{commit}")
    workflows = [
        name
        for name in git(clone, "ls-tree", "-r", "--name-only", pin).splitlines()
        if name.startswith(".github/workflows/") and not name.endswith(("/ci.yml", "/release.yml"))
    ]
    assert len(workflows) >= 8
    before = {name: followed(clone, pin, name) for name in workflows}
    pipeline = before[".github/workflows/pipeline.yml"]
    assert {name.partition(":")[2] for name in pipeline} >= {
        *(f".github/workflows/{stage}.yml" for stage in ("pipeline", "train", "gate", "build", "canary")),
        *(f"actions/{name}/action.yml" for name in ("train-model", "evaluate-gate", "build-image", "deploy-model")),
    }
    for reached in before.values():
        for name, text in reached.items():
            assert "uses: $/" not in text, "needs a new runner, and no GHES knows it"
            others = re.findall(r"^ *(?:- )?uses: (?!modelway/|\./)\S+@(\S+)", text, re.MULTILINE)
            assert all(re.fullmatch(r"[0-9a-f]{40}", ref) for ref in others), name
            path = name.partition(":")[2]
            assert git(clone, "show", f"{pin}:{path}") == text, "the tagged tree has the same file"
    scripts = {ref: git(clone, "rev-parse", f"{ref}:scripts") for ref in {name.partition(":")[0] for name in pipeline}}
    assert len(scripts) == 3 and len(set(scripts.values())) == 1, "three commits, one tool"

    git(clone, "commit", "-q", "--allow-empty", "-m", "somebody else's")
    for tag in ("v1", "v1.0.0"):
        git(clone, "tag", "-f", tag, "HEAD")
    assert {name: followed(clone, pin, name) for name in workflows} == before
    assert git(clone, "rev-parse", "v1.0.0") != pin


def test_references_that_lead_nowhere_or_in_a_circle_are_not_released(clone: Path) -> None:
    path = clone / ".github" / "workflows" / "plan.yml"
    text = path.read_text()
    for named, words in (("actions/plan-rolout", "actions/plan-rolout/action.yml is named"), (CIRCLE, "cycle")):
        path.write_text(text.replace("actions/plan-rollout", named))
        git(clone, "commit", "-qam", "a slip")
        done = release(clone, "1.0.0")
        assert done.returncode != 0 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
        assert git(clone, "tag", "-l") == ""


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

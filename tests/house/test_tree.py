"""The tree explains itself: sizes, names, locks without addresses, arrows that point one way."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements/*.txt"))


def test_arrows_point_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    """As [tool.importlinter] of pyproject.toml and docs/architecture.md say."""
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0, capsys.readouterr().out


def test_a_public_class_has_a_name_of_its_own() -> None:
    """One word for one thing: who searches for a class finds one."""
    where: dict[str, list[str]] = {}
    for path in (ROOT / "scripts" / "modelway").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}


def tracked(pattern: str) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", pattern], cwd=ROOT, capture_output=True, text=True
    )
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_a_file_is_read_in_one_sitting() -> None:
    long = {path.name: lines for path in tracked("*.py") if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_a_script_is_small() -> None:
    for path in ROOT.glob("scripts/*.py"):
        assert len(path.read_text().splitlines()) <= 125, path


def test_no_room_whose_name_says_nothing() -> None:
    assert not [path for path in tracked("*.py") if re.fullmatch(r"(utils?|helpers?|common|misc|base)\.py", path.name)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(pins) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)
    assert (ROOT / "requirements" / f"{lock.stem}.in").is_file()


def test_every_test_is_collected() -> None:
    """pytest's own list of folders that it does not enter has `build` in it, which is also what two of ours are called."""
    left_out = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["norecursedirs"]
    for folder in ("tests", "action-tests"):
        for path in (ROOT / folder).rglob("test_*.py"):
            parts = path.relative_to(ROOT).parts
            assert not any(fnmatch(part, pattern) for part in parts for pattern in left_out), path

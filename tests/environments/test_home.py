"""Where things are kept when HOME says nothing, and what is said where they cannot be."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

import pytest

from modelway.environments import home
from modelway.errors import InvalidInput, OutsideFailure


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_home_it_is_the_accounts(environ: dict[str, str]) -> None:
    account = pwd.getpwuid(os.getuid()).pw_dir
    assert home.cache_folder(environ) == Path(account, ".cache", "modelway")
    assert home.state_folder(environ) == Path(account, ".local/state", "modelway")


def test_an_account_that_does_not_exist_is_told_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    with pytest.raises(InvalidInput, match=r"user 4000000 has no account. Fix: set MODELWAY_STATE"):
        home.state_folder({})


@pytest.mark.parametrize(
    ("variable", "folder"), [("MODELWAY_HOME", home.cache_folder), ("MODELWAY_STATE", home.state_folder)]
)
def test_the_variable_that_names_the_folder_is_the_fix(
    variable: str, folder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "there"))
    place = folder() / "targets"  # type: ignore[operator]
    denied = home.cannot_write(place, PermissionError(errno.EACCES, "Permission denied"))
    assert isinstance(denied, InvalidInput) and f"set {variable} to a folder" in denied.line()
    assert f"{tmp_path}: cannot be written: Permission denied (it is user" in denied.line()
    full = home.cannot_write(place, OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(full, OutsideFailure) and "the disk is full" in full.line()


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be written: Not a directory|cannot be written: File exists"):
        home.made(tmp_path / "file" / "below")

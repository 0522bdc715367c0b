"""Columns that the code gives other names, as people do it, and what leaves the names as they are."""

from __future__ import annotations

import pytest

from modelway.adoption.renames import renames

COLUMNS = ["fixed acidity", "pH", "quality"]


@pytest.mark.parametrize(
    ("code", "anew"),
    [
        ('df.columns = df.columns.str.replace(" ", "_")', True),
        ('df.columns = df.columns.str.strip().str.lower().str.replace(" ", "_")', True),
        ("df.columns = df.columns.str.strip()", False),
        ("df.columns = [c.strip() for c in df.columns]", False),
        ('df.columns = [name.replace(" ", "_") for name in df.columns]', True),
        ('df.columns = ["a", "b", "c"]', True),
        ('df.columns = ["fixed acidity", "pH", "quality"]', False),
        ("df.columns = NAMES", False),
        ("df.columns = [f(c) for c in df.columns]", False),
        ("df.columns = df.columns.str.replace(OLD, NEW)", False),
        ('df = df.rename(columns={"pH": "ph"})', True),
        ('df = df.rename(columns={"pH": "pH", "nothing": "else"})', False),
        ('df.columns = df.columns.str.replace("\\"", "", regex=True).str.strip()', False),
        ("columns = 3", False),
    ],
)
def test_names_that_the_files_do_not_have(code: str, anew: bool) -> None:
    assert renames(code, COLUMNS) is anew

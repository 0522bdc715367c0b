"""Tables of Delta Lake and Iceberg: the rows that are theirs now, and not those of files that their log has left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from modelway.data.contract import Contract
from modelway.data.rows import open_rows
from modelway.data.sources import digest_of_data, find_source

TABLES = Path(__file__).parent / "lake"
KINDS = ("delta", "iceberg")


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """A copy of one of the tables that lake_tables.py wrote, moved to another place."""

    def copied(kind: str) -> Path:
        return Path(shutil.copytree(TABLES / kind, tmp_path / "moved" / kind))

    return copied


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    with open_rows(path, "table", Contract()) as rows:
        found = rows.lists({name: rows.as_stored(name) for name in ("a", "city")})
    return sorted(zip(found["a"], found["city"], strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_are_those_of_now(table: Any, kind: str) -> None:
    path = table(kind)
    assert len(list(path.rglob("*.parquet"))) > 2  # one of them holds the row that was deleted
    assert rows_of(path) == [(2, "New York"), (3, None), (4, "Oslo")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_checked_as_any_data(judge: Any, table: Any, kind: str) -> None:
    report = judge("columns: {a: {type: integer, range: [0, 3]}, city: {type: string, nullable: false}}", table(kind))
    assert report.failing == ["a in range", "city has no nulls"]
    assert report["a in range"].examples[0].value == "4"
    assert report["a in range"].examples[0].file.endswith(".parquet")


@pytest.mark.parametrize("kind", KINDS)
def test_the_digest_is_of_the_rows_of_now(table: Any, kind: str) -> None:
    path = table(kind)
    before = digest_of_data(path)
    assert before == digest_of_data(TABLES / kind)
    for file in path.rglob("*.parquet"):
        if str(file) not in {str(one) for one in _now(path)}:
            file.unlink()  # as VACUUM does
    assert digest_of_data(path) == before


def _now(path: Path) -> tuple[Path, ...]:
    return find_source(path).files


def test_a_file_that_is_not_there(judge: Any, refusal: Any, table: Any) -> None:
    path = table("delta")
    _now(path)[0].unlink()
    assert "is a Delta table whose file part-" in refusal(lambda: judge("columns: {a: {}}", path))


def test_a_renamed_column(judge: Any, refusal: Any) -> None:
    line = refusal(lambda: judge("columns: {a: {}}", TABLES / "renamed"))
    assert "has files from before a column was renamed" in line


def change_log(path: Path, change: Any) -> None:
    log = path / "_delta_log" / f"{0:020d}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps(change(line)) + "\n" for line in lines))


def with_features(line: dict[str, Any]) -> dict[str, Any]:
    if "protocol" in line:
        features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
        line["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    return line


def test_rows_that_are_deleted_beside_the_files(judge: Any, refusal: Any, table: Any) -> None:
    path = table("delta")
    change_log(path, with_features)
    assert "deletionVectors. Fix: write a copy" in refusal(lambda: judge("columns: {a: {}}", path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_log(judge: Any, refusal: Any, table: Any, kind: str) -> None:
    path = table(kind)
    pattern = "_delta_log/*.json" if kind == "delta" else "metadata/*.metadata.json"
    for file in path.glob(pattern):
        file.write_text("{")
    line = refusal(lambda: judge("columns: {a: {}}", path))
    assert line.startswith(f"2: {path}: cannot be read: ")
    assert "Fix: look at the table with the tool that wrote it" in line


def test_an_empty_log(judge: Any, refusal: Any, tmp_path: Path) -> None:
    (tmp_path / "table" / "_delta_log").mkdir(parents=True)
    assert refusal(lambda: judge("columns: {a: {}}", tmp_path / "table")).startswith("2: ")


def test_a_part_of_a_table_is_not_the_table(judge: Any, refusal: Any, table: Any) -> None:
    """Its folder has the rows that were deleted, too."""
    path = table("delta")
    part = next(file for file in path.iterdir() if "=" in file.name)
    for named in (part, path / "*" / "*.parquet"):
        assert "is a part of a Delta table" in refusal(lambda named=named: judge("columns: {a: {}}", named))
    assert "is a Delta table among other files" in refusal(lambda: judge("columns: {a: {}}", path.parent))

"""A long run says now and then how far it is, and a short one says nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest

from modelway import progress
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.connecting import connected, percent_done
from modelway.data.engines.duckdb.opening import open_table
from modelway.data.sources import find_source

PATIENCE_SECONDS = 60


def test_a_line_says_what_how_long_and_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.01)
    lines, said = list[str](), threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    with progress.heard_by(say), progress.told("rows.csv", lambda: 42.4):
        assert said.wait(PATIENCE_SECONDS)
    assert lines == ["rows.csv: 0 s so far, 42 % of this pass over the data"]


def test_nothing_is_said_where_nothing_is_under_way_or_nobody_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    lines, asked = list[str](), threading.Semaphore(0)

    def idle() -> None:
        asked.release()

    with progress.heard_by(lines.append), progress.told("rows.csv", idle):
        assert all(asked.acquire(timeout=PATIENCE_SECONDS) for _ in range(3))
    with progress.told("rows.csv", lambda: 1.0):
        assert threading.active_count() == 1 or lines == []
    assert lines == []


def test_a_statement_is_watched_and_can_be_followed(tmp_path: Path) -> None:
    (tmp_path / "spill").mkdir()
    with connected(tmp_path / "spill", 256, 2) as connection:
        assert percent_done(connection) is None
        seen, found = list[float](), threading.Event()
        running = threading.Event()

        def watch() -> None:
            while not running.wait(0.01):
                if (percent := percent_done(connection)) is not None:
                    seen.append(percent)
                    found.set()
                    connection.interrupt()
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        with pytest.raises((duckdb.InterruptException, RuntimeError)):
            connection.execute("SELECT sum(hash(a.range, b.range)) FROM range(1000000) a, range(1000000) b").fetchall()
        running.set()
        watcher.join()
    assert found.is_set()
    assert 0 <= seen[0] <= 100


def test_an_opened_table_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's table reports by its name, and no longer once it is closed."""
    told = list[str]()
    monkeypatch.setattr(
        "modelway.data.engines.duckdb.opening.percent_done", lambda connection: told.append("asked") or 7.0
    )
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.01)
    said, lines = threading.Event(), list[str]()
    data = tmp_path / "rows.csv"
    data.write_text("a\n1\n")

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with progress.heard_by(say), open_table(find_source(data, "the rows"), CsvDialect(), scratch, 256):
        assert said.wait(PATIENCE_SECONDS)
    assert lines[0].startswith("the rows: ")
    assert lines[0].endswith("7 % of this pass over the data")

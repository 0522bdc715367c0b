"""Every engine answers alike: DuckDB, and the one that docs/extending.md shows, as it stands there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data import engine_contract
from documented import examples
from modelway.data import engines, schemes
from modelway.errors import InvalidInput

ENGINES = ("duckdb", "plain")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    [code] = examples("extending.md", "Add an engine")
    (tmp_path / "plain.py").write_text(code)
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "modelway.data.engines.plain", raising=False)
    return str(request.param)


@pytest.mark.parametrize("promise", engine_contract.SUITE, ids=lambda promise: promise.__name__)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the page's example leaves closing its file to Python
def test_an_engine_keeps(promise: Callable[[str, Path], None], engine: str, tmp_path: Path) -> None:
    promise(engine, tmp_path)


def test_an_engine_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"data.engine: 'duck' is no engine. Fix: did you mean 'duckdb'\?"):
        engine_contract.report_of("duck", tmp_path)


def test_an_address_is_brought_by_its_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert schemes.path_of("data/train.csv", tmp_path, "data.train") == tmp_path / "data" / "train.csv"
    assert schemes.path_of(f"file://{tmp_path}/a%20b.csv", Path(), "data.train") == tmp_path / "a b.csv"
    with pytest.raises(InvalidInput, match="names the machine 'elsewhere'"):
        schemes.path_of("file://elsewhere/a.csv", Path(), "data.train")
    with pytest.raises(InvalidInput, match=r"data.train: nothing here fetches the address 'gs://b/k'.*s3://"):
        schemes.path_of("gs://b/k", Path(), "data.train")
    (tmp_path / "shelf.py").write_text(
        "from pathlib import Path\ndef brought(address, say):\n    return Path('/shelf') / address.netloc\n"
    )
    monkeypatch.setattr(schemes, "__path__", [*schemes.__path__, str(tmp_path)])
    assert schemes.path_of("shelf://top", Path(), "data.train") == Path("/shelf/top")

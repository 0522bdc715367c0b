"""What a server leaves of MLflow until it is used, and that all is as before when the imports are done."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import ModuleType

import pytest

from modelway.serving.importing import import_package, undisturbed
from served import Serve


def test_what_a_model_asks_mlflow_for_is_there_when_it_asks(serve: Serve) -> None:
    with serve("judging") as server:
        said = [server.post("/predict", {"name": name}).json()["predictions"] for name in ("a", "judge", "a")]
    assert said == [[0.0], [1.0], [1.0]]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two subpackages, of which one needs the other and the whole package."""
    for path, text in {
        "__init__": "from late_package import early, heavy\nDONE = True",
        "early/__init__": "",
        "heavy/__init__": "from late_package import DONE\nfrom late_package.heavy import part\nWEIGHT = 3",
        "heavy/part": "from late_package import early\nNAME = 'part'",
    }.items():
        file = tmp_path / "late_package" / f"{path}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("", ".early", ".heavy", ".heavy.part"):
        monkeypatch.setitem(sys.modules, f"late_package{name}", ModuleType("to be put back"))
        del sys.modules[f"late_package{name}"]
    return "late_package"


@pytest.mark.parametrize("used", ["late_package.heavy.WEIGHT", "__import__('late_package.heavy.part').heavy.WEIGHT"])
def test_a_late_subpackage_is_imported_by_whoever_uses_it(package: str, used: str) -> None:
    with undisturbed():
        assert not gc.isenabled()
        import_package(package, ["heavy", "of_a_later_version"])
    late_package = sys.modules[package]
    assert not hasattr(late_package, "of_a_later_version")
    assert late_package.DONE and "late_package.early" in sys.modules and "late_package.heavy" not in sys.modules
    assert eval(used, {"late_package": late_package}) == 3
    assert late_package.heavy is sys.modules["late_package.heavy"]


def test_a_package_that_fails_is_tried_again(package: str, tmp_path: Path) -> None:
    import_package("there_is_no_such_package", [])
    good = (tmp_path / package / "__init__.py").read_text()
    (tmp_path / package / "__init__.py").write_text("1 / 0")
    with pytest.raises(ZeroDivisionError), undisturbed():
        import_package(package, ["heavy"])
    assert gc.isenabled() and package not in sys.modules
    (tmp_path / package / "__init__.py").write_text(good + "\n")
    import_package(package, ["heavy"])
    assert sys.modules[package].DONE

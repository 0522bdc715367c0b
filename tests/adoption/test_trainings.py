"""What trains in a repository, where its code is, and what of its own it imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelway.adoption.repository import look
from modelway.adoption.trainings import code_of, named, trainings

FITS = "def learn(rows):\n    return Ridge().fit(rows.x, rows.y)\n"
RUNS = "from shop.model import learn\n\nlearn(1)\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name if "/" in name else name.replace("__", "/").replace("_py", ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "command", "file"),
    [
        ({"train_model_py": FITS, "main_py": "from train_model import learn\nlearn(1)\n"}, "python main.py", "main.py"),
        (
            {
                "src__shop__train_py": FITS,
                "src__shop__init_py": "",
                "flow_py": "import shop.train\nshop.train.learn(1)\n",
            },
            "python flow.py",
            "flow.py",
        ),
        ({"step3_model_py": f"{FITS}learn(1)\n", "test_all_py": FITS}, "python step3_model.py", "step3_model.py"),
        ({"train_py": FITS}, "python train.py", "train.py"),  # and what it lacks is to do
        ({"train_py": f"{FITS}learn(1)\n", "main_py": "import train\n"}, "python train.py", "train.py"),
        (
            {"train_py": FITS, "a_py": "import train\ntrain.x()\n", "b_py": "import train\ntrain.x()\n"},
            "python train.py",
            "train.py",
        ),
        (  # over two files, one of a package, that are found beside what is run
            {
                "app/steps/trainer.py": FITS,
                "app/steps/__init__.py": "from .trainer import learn\n",
                "app/flow/control.py": 'sys.path.insert(0, "..")\nfrom steps import learn\ndef go():\n    learn(1)\n',
                "app/run_pipeline.py": "from flow.control import go\n\ngo()\n",
                "app/show.py": "from flow.control import go\n\nprint(go)\n",
            },
            "python app/run_pipeline.py",
            "app/run_pipeline.py",
        ),
    ],
)
def test_what_calls_the_code_that_trains_is_run(files: dict[str, str], command: str, file: str, tmp_path: Path) -> None:
    found = trainings(look(written(tmp_path, **files)))[0]
    assert (found.command, found.file) == (command, file)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("X_train.csv", "y_train.csv", "X_test.csv", "y_test.csv", "cancer.csv"), ("cancer.csv", None)),
        (("X_train.csv", "y_train.csv"), (None, None)),
        (("train.csv", "test.csv", "y_test.csv"), ("train.csv", "test.csv")),
    ],
)
def test_files_that_have_the_label_apart(names: tuple[str, ...], found: tuple[str | None, ...], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("a,b\n")
    assert look(tmp_path).train_and_test() == found


@pytest.mark.parametrize(
    ("files", "packages"),
    [
        ({"requirements.txt": "a\n", "app/requirements.txt": "b\n"}, "requirements.txt"),
        ({"app/requirements.txt": "b\n", "app/pyproject.toml": "[tool.ruff]\n"}, "app/requirements.txt"),
        ({"app/requirements.txt": "b\n", "train/requirements.txt": "b\n"}, None),
    ],
)
def test_what_declares_the_packages(files: dict[str, str], packages: str | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert look(tmp_path).packages == packages


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("python -m shop.train --depth 3", "src/shop/train.py"),
        ("python -m shop", "src/shop/__main__.py"),
        ("PYTHONPATH=src python ./src/shop/train.py", "src/shop/train.py"),
        ("python -m papermill a.ipynb b.ipynb", "a.ipynb"),
        ("python -m elsewhere", ""),
        ("make train", ""),
    ],
)
def test_the_file_that_a_named_command_runs(command: str, file: str, tmp_path: Path) -> None:
    for name in ("train.py", "__main__.py", "__init__.py"):
        path = tmp_path / "src" / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    assert named(look(tmp_path), command).file == file


def test_what_a_training_imports_is_read_too_and_each_file_once(tmp_path: Path) -> None:
    files = {
        "train.py": "from pkg import data\nimport pandas\nimport pkg.old\n",
        "pkg/__init__.py": "",
        "pkg/data.py": "from .columns import TARGET\nfrom .. import train\nfrom ..outside import x\n",
        "pkg/columns.py": 'from pkg.data import read\nTARGET = "late"\n',
        "pkg/other.py": "",
        "pkg/old.py": "print 'of Python 2'\n" * 30,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    repository = look(tmp_path)
    code = code_of(repository, named(repository, "python train.py"))
    assert list(code.files) == ["train.py", "pkg/__init__.py", "pkg/data.py", "pkg/old.py", "pkg/columns.py"]
    assert code.file_with("TARGET = ") == "pkg/columns.py" and code.file_with("nowhere") == ""
    assert "Python 2" not in code.text and "TARGET" in code.text

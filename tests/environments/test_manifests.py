"""What projects declare elsewhere than in a requirements file: pyproject.toml, the locks of uv and Poetry, environment.yml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from modelway.environments.conda import CondaSpec
from modelway.environments.manifests import Declared, declared
from modelway.errors import InvalidInput


def nothing(folder: Path) -> str:
    raise AssertionError("there is no uv.lock")


def of(folder: Path, name: str, text: str, lock: str = "") -> Declared:
    (folder / name).write_text(text)
    if lock:
        (folder / "poetry.lock").write_text(lock)
    return declared(folder / name, nothing)


def texts(found: Declared) -> list[str]:
    return [text for text, _ in found.lines]


CONDA = """\
name: late
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - numpy=1.26
  - conda-forge::pandas>=2,<3
  - scikit-learn==1.5.2
  - scipy 1.13.1
  - pytorch=2.3=py311_cpu
  - cudatoolkit=11.8
  - libgcc-ng
  - librosa
  - PyYAML
  - pip:
      - mlflow-skinny>=3
      - -r more.txt
"""


def test_an_environment_of_conda(tmp_path: Path) -> None:
    found = of(tmp_path, "environment.yml", CONDA)
    assert found.python == "3.11"
    assert texts(found) == [
        "numpy==1.26.*",
        "pandas>=2,<3",
        "scikit-learn==1.5.2",
        "scipy==1.13.1",
        "torch==2.3.*",
        "librosa",
        "pyyaml",
        "mlflow-skinny>=3",
        "-r more.txt",
    ]
    assert found.lines[0][1] == "environment.yml: dependencies[2]"


EXPORTED = """\
dependencies:
  - _libgcc_mutex=0.1=main
  - blas=1.0=mkl
  - bzip2=1.0.8=h7b6447c_0
  - ca-certificates=2021.10.26=h06a4308_2
  - certifi=2021.10.8=py311h06a4308_0
  - cudatoolkit=11.3.1=h2bc3f7f_2
  - ffmpeg=4.3=hf484d3e_0
  - freetype=2.11.0=h70c0345_0
  - importlib-metadata=4.8.2=py311haa95532_0
  - importlib_metadata=4.8.2=hd3eb1b0_0
  - intel-openmp=2021.4.0=h06a4308_3561
  - ld_impl_linux-64=2.35.1=h7274673_9
  - lz4-c=1.9.3=h295c915_1
  - m2w64-libwinpthread-git=5.0.0.4634.697f757=2
  - mkl-service=2.4.0=py311h7f8727e_0
  - mkl_fft=1.3.1=py311hd3c417c_0
  - ncurses=6.3=h7f8727e_2
  - numpy=1.26.4=py311h20f2e39_0
  - numpy-base=1.26.4=py311h79a1101_0
  - openssl=1.1.1l=h7f8727e_0
  - pandoc=2.1=0
  - pip=21.2.4=py311h06a4308_0
  - python=3.11.9=h12debd9_0
  - python_abi=3.11=2_cp311
  - pytorch=2.3.0=py3.11_cuda11.3_cudnn8.2.0_0
  - pytorch-mutex=1.0=cuda
  - pywin32=302=py311h827c3e9_1
  - qt=5.9.7=vc14h73c81de_0
  - qtpy=1.11.2=pyhd3eb1b0_0
  - readline=8.1=h27cfd23_0
  - setuptools=58.0.4=py311h06a4308_0
  - sqlite=3.36.0=hc218d9a_0
  - tk=8.6.11=h1ccaba5_0
  - vs2015_runtime=14.27.29016=h5e58377_2
  - xorg-libxau=1.0.9=h7f98852_0
  - xz=5.2.5=h7b6447c_0
  - yaml=0.2.5=he774522_0
  - zlib=1.2.11=h7b6447c_3
"""


def test_of_an_exported_environment_the_packages_of_python_are_taken(tmp_path: Path) -> None:
    """`conda env export` names every library of the system; programs come from channels, in any build."""
    found = of(tmp_path, "environment.yml", EXPORTED)
    names = ["certifi==2021.10.8", "importlib-metadata==4.8.2", "importlib_metadata==4.8.2", "numpy==1.26.4"]
    assert texts(found) == [f"{name}.*" for name in (*names, "torch==2.3.0", "qtpy==1.11.2")]
    assert (found.python, specs(found.programs)) == ("3.11", ["ffmpeg=4.3", "pandoc=2.1"])
    assert found.channels == ("https://conda.anaconda.org/conda-forge",)


def specs(found: Sequence[CondaSpec]) -> list[str]:
    return [f"{spec.name}{spec.version}" for spec in found]


def test_programs_are_asked_of_the_channels_in_condas_words(tmp_path: Path) -> None:
    """What conda means by a version, with or without a build; and what stands in the system of every runner."""
    asked = [
        "ffmpeg 4.3",
        "pandoc=2.1.*=0",
        "nodejs>=18, <21",
        "quarto==1.4=h1_0",
        "r-base=4.1|=4.2",
        "perl",
        "git",
        "make",
    ]
    text = f"channels: [nodefaults]\ndependencies: {[*asked, 'bioconda/linux-64::graphviz', 'numpy=1.26']}\n"
    found = of(tmp_path, "environment.yml", text)
    assert specs(found.programs) == [
        "ffmpeg==4.3",
        "pandoc=2.1",
        "nodejs>=18,<21",
        "quarto==1.4",
        "r-base=4.1|=4.2",
        "graphviz",
    ]
    assert [spec.channel for spec in found.programs][-2:] == ["", "https://conda.anaconda.org/bioconda"]
    assert found.programs[0].where == "environment.yml: dependencies[0]"
    assert (specs(found.plain), texts(found)) == (["numpy=1.26"], ["numpy==1.26.*"])


@pytest.mark.parametrize(
    ("channels", "found"),
    [
        ("", ["https://conda.anaconda.org/conda-forge"]),
        ("channels: [bioconda, nodefaults, conda-forge/label/dev]", ["https://conda.anaconda.org/bioconda", "https://conda.anaconda.org/conda-forge/label/dev"]),
        ("channels: [defaults]", ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]),
        ("channels: ['https://example.org/mine/', 'file:///srv/mine']", ["https://example.org/mine", "file:///srv/mine"]),
        ("channels: ['https://${NAME}@example.org/mine']", ["https://${NAME}@example.org/mine"]),
    ],
)  # fmt: skip
def test_channels_are_addresses_in_their_order(tmp_path: Path, channels: str, found: list[str]) -> None:
    assert list(of(tmp_path, "environment.yml", f"{channels}\ndependencies: [numpy]\n").channels) == found


def test_a_channel_in_a_folder_is_found_from_the_file(tmp_path: Path) -> None:
    found = of(tmp_path, "environment.yml", "channels: [./mine]\ndependencies: [numpy]\n")
    assert found.channels == ((tmp_path / "mine").as_uri(),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies: [numpy, {pip: x}]", "is neither a package nor pip's list"),
        ("dependencies: ['numpy[version=\"1\"]']", "is a form that no line of requirements has"),
        ("channels: [x]", "has no list of dependencies"),
        ("- x", "has no list of dependencies"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_conda_says_otherwise_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match="environment") as refused:
        of(tmp_path, "environment.yml", text)
    assert said in refused.value.what and refused.value.fix


def test_a_project_and_its_own_package(tmp_path: Path) -> None:
    text = '[project]\nname = "late"\nversion = "1"\ndependencies = ["numpy>=1", "pandas ; python_version < \'4\'"]\n'
    assert texts(of(tmp_path, "pyproject.toml", text)) == ["numpy>=1", "pandas ; python_version < '4'"]
    packaged = f'{text}[build-system]\nrequires = ["hatchling"]\n'
    assert texts(of(tmp_path, "pyproject.toml", packaged))[-1] == "."
    assert "." not in texts(of(tmp_path, "pyproject.toml", f"{packaged}[tool.uv]\npackage = false\n"))
    index = f'{text}[[tool.uv.index]]\nurl = "https://example.org/simple"\n'
    assert texts(of(tmp_path, "pyproject.toml", index))[0] == "--extra-index-url https://example.org/simple"


POETRY = """\
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = "^3.11"
numpy = "^1.26.4"
zero = "^0.2.3"
tiny = "^0.0.3"
about = "~1.4"
any = "*"
exact = "2.1"
range = ">=1, <2"
rich = { version = "^13", extras = ["jupyter"], markers = "python_version >= '3.11'" }
later = { version = "1", optional = true }
near = { path = "./near" }
"""


def test_a_project_of_poetry(tmp_path: Path) -> None:
    assert texts(of(tmp_path, "pyproject.toml", POETRY)) == [
        "numpy>=1.26.4,<2",
        "zero>=0.2.3,<0.3",
        "tiny>=0.0.3,<0.0.4",
        "about>=1.4,<1.5",
        "any",
        "exact==2.1",
        "range>=1,<2",
        "rich[jupyter]>=13,<14 ; python_version >= '3.11'",
        "near @ file:./near",
    ]


LOCK = """\
[[package]]
name = "numpy"
version = "1.26.4"
[[package]]
name = "pytest"
version = "8.0.0"
[[package]]
name = "two"
version = "1.0"
[[package]]
name = "two"
version = "2.0"
[[package]]
name = "near"
version = "0.1"
[package.source]
type = "directory"
"""


def test_poetrys_lock_holds_what_is_asked_for_and_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "home"))
    found = of(tmp_path, "pyproject.toml", POETRY, LOCK)
    (constraint,) = (text for text in texts(found) if text.startswith("--constraint"))
    assert Path(constraint.split()[1]).read_text() == "numpy==1.26.4\npytest==8.0.0\n"
    assert not any(text.startswith("pytest") for text in texts(found))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.black]\n", "declares no dependencies"),
        ("[project", "is not TOML"),
        ('[tool.poetry.dependencies]\na = [{version = "1"}, {version = "2"}]\n', "says several versions"),
    ],
)
def test_a_project_that_declares_nothing_readable_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        of(tmp_path, "pyproject.toml", text)
    assert said in refused.value.what and refused.value.fix


def test_a_lock_without_its_project_is_named(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n")
    with pytest.raises(InvalidInput, match="pyproject.toml"):
        declared(tmp_path / "uv.lock", nothing)

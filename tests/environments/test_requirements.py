"""A requirements file read as pip reads it, and what of it a record may keep."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.environments import bootstrap, carried, requirements, uv
from modelway.errors import InvalidInput


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_lines_are_joined_and_what_is_included_stands_in_its_place(tmp_path: Path) -> None:
    written(tmp_path / "sub" / "more.txt", "-r ../train.txt\ntwo #b\n")
    written(tmp_path / "limits.txt", "--extra-index-url=https://a/simple\nthree<4\n")
    text = "# c\none \\\n  ==1\n-rsub/more.txt\n-c 'limits.txt'\n\nfour#five\n"
    lines = requirements.lines_of(written(tmp_path / "train.txt", text))
    assert [line.text for line in lines] == [
        "one   ==1",
        "two",
        "--extra-index-url=https://a/simple",
        f"--constraint {tmp_path / 'limits.txt'}",
        "four#five",
    ]
    assert lines[0].where == f"{tmp_path / 'train.txt'}:2" and lines[1].where == f"{tmp_path / 'sub/more.txt'}:2"


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    line = requirements.RequirementLine(text, "file:1", Path("/"))
    requirements.said_of(line)
    try:
        requirements.index_lines(text)
    except (InvalidInput, ValueError) as error:
        assert isinstance(error, InvalidInput)


@pytest.mark.parametrize(
    ("text", "said", "extras", "marker"),
    [
        ("./pkg", "./pkg", "", ""),
        ("-e .", ".", "", ""),
        ("-e pkg", "pkg", "", ""),
        ("--editable=./pkg[fast, big]", "./pkg", "[fast, big]", ""),
        ("pkg/ ; python_version > '3'", "pkg/", "", "python_version > '3'"),
        ("team-pkg[x] @ file:./pkg", "file:./pkg", "[x]", ""),
        ("file:./outer#egg=p&subdirectory=pkg", "file:./outer#egg=p&subdirectory=pkg", "", ""),
        ("team-pkg@file://{here}/pkg", "file://{here}/pkg", "", ""),
        ("{here}/pkg", "{here}/pkg", "", ""),
        ("${{HERE}}/pkg", "${{HERE}}/pkg", "", ""),
        ('"./pkg" --config-settings=x=y', "./pkg", "", ""),
    ],
)
def test_a_package_of_the_disk_is_found_from_the_projects_folder(
    tmp_path: Path, text: str, said: str, extras: str, marker: str
) -> None:
    for folder in (tmp_path, tmp_path / "pkg", tmp_path / "outer" / "pkg"):
        written(folder / "pyproject.toml", "")
    line = requirements.RequirementLine(text.format(here=tmp_path), "file:1", tmp_path / "requirements")
    local = requirements.local_of(line, tmp_path, {"HERE": str(tmp_path)})
    assert local is not None
    assert (local.said, local.extras, local.marker) == (said.format(here=tmp_path), extras, marker)
    assert local.path in (tmp_path, tmp_path / "pkg", tmp_path / "outer" / "pkg")
    assert (local.path == tmp_path) == (said == ".")


@pytest.mark.parametrize(
    "text",
    [
        "pandas",
        "pandas[x]>=2 ; python_version > '3'",
        "pkg @ https://host/pkg-1-py3-none-any.whl",
        "https://host/pkg-1-py3-none-any.whl",
        "-e git+https://host/pkg#egg=pkg",
        "git+ssh://git@host/pkg",
        "--extra-index-url https://host/simple",
        "-r other/file.txt",
    ],
)
def test_other_lines_name_no_package_of_the_disk(tmp_path: Path, text: str) -> None:
    assert requirements.local_of(requirements.RequirementLine(text, "file:1", tmp_path), tmp_path) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("./none", "there is no ./none"),
        ("./empty", "./empty has neither pyproject.toml nor setup.py"),
        ("./empty/note.txt", "./empty/note.txt is no package"),
    ],
)
def test_a_package_that_is_not_there_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    written(tmp_path / "empty" / "note.txt", "")
    with pytest.raises(InvalidInput) as refused:
        requirements.local_of(requirements.RequirementLine(text, "train.txt:7", tmp_path), tmp_path)
    assert words in refused.value.line() and refused.value.line().startswith("train.txt:7: ")


@pytest.mark.parametrize(
    "address",
    [
        "https://reader:s3cr3t@host/simple",
        "https://${USER}:s3cr3t@host/simple",
        "https://ghp_s3cr3t@host/simple",
        "https://host/simple?token=s3cr3t",
        "https://${A}s3cr3t@host/simple",
    ],
)
@pytest.mark.parametrize("option", ["-i ", "--index-url=", "--extra-index-url ", "-f "])
def test_a_secret_in_an_address_is_refused_and_not_repeated(address: str, option: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        requirements.index_line(requirements.RequirementLine(option + address, "train.txt:3", Path()))
    assert "s3cr3t" not in refused.value.line() and refused.value.where == "train.txt:3"
    assert "https://${INDEX_USER}:${INDEX_PASSWORD}@host/simple" in refused.value.fix
    mended = "--extra-index-url https://${INDEX_USER}:${INDEX_PASSWORD}@host/simple"
    assert requirements.index_line(requirements.RequirementLine(mended, "train.txt:3", Path())) == mended


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("-i 'https://host/simple'", "--index-url https://host/simple"),
        (
            "--extra-index-url=https://oauth2accesstoken@host/simple",
            "--extra-index-url https://oauth2accesstoken@host/simple",
        ),
        ("-f https://host/wheels.html", "--find-links https://host/wheels.html"),
        ("--no-index", "--no-index"),
        ("-f ./wheels", ""),
        ("pandas", ""),
    ],
)
def test_what_a_lock_keeps_of_the_indexes(text: str, kept: str) -> None:
    assert requirements.index_line(requirements.RequirementLine(text, "train.txt:3", Path())) == kept


def test_a_variable_that_is_not_set_is_told_before_the_index_is_asked() -> None:
    lines = ["--extra-index-url https://${A_USER}:${A_WORD}@host/simple", "--find-links https://host/x"]
    with pytest.raises(InvalidInput, match=r"\$\{A_WORD\}, which is not set here"):
        requirements.index_variables(lines, {"A_USER": "u"}, "train.txt")
    assert requirements.index_variables(lines, {"A_USER": "u", "A_WORD": "w"}, "train.txt") == {
        "UV_EXTRA_INDEX_URL": "https://u:w@host/simple",
        "UV_FIND_LINKS": "https://host/x",
    }


def test_pips_settings_are_uvs_unless_it_has_its_own(tmp_path: Path) -> None:
    links = tmp_path / "wheels"
    links.mkdir()
    text = (
        f"[global]\nextra-index-url =\n  https://a/simple\n  https://b/simple\nfind-links = {links} {tmp_path}/none\n"
    )
    environ = {"PIP_CONFIG_FILE": str(written(tmp_path / "pip.conf", text)), "PIP_NO_INDEX": "1"}
    seen = uv.environment(environ)
    assert seen["UV_EXTRA_INDEX_URL"] == "https://a/simple https://b/simple"
    assert (seen["UV_FIND_LINKS"], seen["UV_NO_INDEX"]) == (str(links), "true")
    assert uv.environment({**environ, "PIP_EXTRA_INDEX_URL": "https://c"})["UV_EXTRA_INDEX_URL"] == "https://c"
    for own in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        assert uv.environment({**environ, own: "https://d"}).get("UV_EXTRA_INDEX_URL", "https://d") == "https://d"


def test_uvs_named_indexes_are_addresses_with_their_passwords() -> None:
    environ = {
        "UV_DEFAULT_INDEX": "main=https://a/simple",
        "UV_INDEX": "my-team=https://b/simple https://c/simple?x=1",
        "UV_INDEX_MY_TEAM_USERNAME": "me",
        "UV_INDEX_MY_TEAM_PASSWORD": "p@ss",
        "UV_EXTRA_INDEX_URL": "https://d/simple",
    }
    assert bootstrap.uv_indexes(environ) == (
        "https://a/simple",
        "https://me:p%40ss@b/simple",
        "https://c/simple?x=1",
        "https://d/simple",
    )
    assert bootstrap.uv_indexes({}) == ("",)


@pytest.mark.parametrize("checkout", [True, False])
def test_a_wheel_is_made_of_the_sources_and_not_of_what_a_build_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: bool
) -> None:
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path / "home"))
    source = tmp_path / "repository" / "pkg"
    written(
        source / "setup.py",
        "from setuptools import setup\nsetup(name='modelway-test-pkg', version='1', packages=['pkg'])\n",
    )
    written(source / "pkg" / "__init__.py", "")
    written(source / "build" / "lib" / "pkg" / "deleted.py", "")
    written(source.parent / ".gitignore", "build/\n")
    if checkout:
        subprocess.run(["git", "init", "-q", source.parent], check=True)
    local = requirements.local_of(requirements.RequirementLine("./pkg", "train.txt:1", source.parent), source.parent)
    assert local is not None
    made = carried.wheel_of(local, sys.executable, {})
    names = zipfile.ZipFile(made.path).namelist()
    assert "pkg/__init__.py" in names and "pkg/deleted.py" not in names
    (source / "pkg" / "__init__.py").touch()
    assert carried.wheel_of(local, sys.executable, {}) == made
    assert not list(source.glob("*.egg-info")), "building leaves nothing behind"
    assert carried.marked(f"x==1\n{made.mark}\n") == (made,)

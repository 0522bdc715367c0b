"""A base image: by digest only, for the right platform, with the model's Python and glibc, or a line that says what it has."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import oci_programs
from build.kit import PYTHON, Kit
from build.oci_programs import layer
from modelway.build import base_image, layout
from modelway.build.platforms import must_fit, platform_of, this_machine
from modelway.errors import InvalidInput

GLIBC = b"\x7fELF...GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n..."
HERE = this_machine(PYTHON).platform
ARCHITECTURE = HERE.partition("/")[2]
Files = dict[str, bytes | str]
FULL: Files = {
    "lib": "usr/lib",
    "bin": "usr/bin",
    "usr/bin/python3": f"python{PYTHON}",
    f"usr/bin/python{PYTHON}": b"elf",
    "usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC,
}


@pytest.fixture
def pull(registry: str, kit: Kit, request: pytest.FixtureRequest) -> Callable[..., base_image.BaseImage]:
    """Push images of (architecture, layers, config's run section), and pull one back as a base."""

    def pushed(
        *images: tuple[str, list[bytes], dict[str, Any]], which: int = 0, platform: str = HERE
    ) -> base_image.BaseImage:
        name = f"bases/t{abs(hash(request.node.nodeid))}"
        digests = oci_programs.write_layout(kit.folder / "other", images)
        oci_programs.push_layout(kit.folder / "other", registry, name)
        return base_image.pull(f"{registry}/{name}@{digests[which]}", platform, PYTHON, kit.folder / "layout", print)

    return pushed


def test_the_right_image_of_an_index_is_taken_and_read(pull: Callable[..., base_image.BaseImage], kit: Kit) -> None:
    other = "arm64" if ARCHITECTURE == "amd64" else "amd64"
    images = [(other, [layer({"x": b"x"})], {}), (ARCHITECTURE, [layer(FULL), layer({"etc/y": b"y"})], {})]
    found = pull(*images, which=2)
    assert (found.target.python, found.target.libc, found.target.platform) == (PYTHON, "2.36", HERE)
    assert found.foundation.interpreter == f"/usr/bin/python{PYTHON}"
    made = kit.build(kit.folder / "layout", base=found.foundation)
    manifest = layout.read_document(kit.folder / "layout", made.manifest.digest)
    assert [item["digest"][7:] for item in manifest["layers"]][:2] == [item.digest for item in found.foundation.layers]
    config = layout.read_document(kit.folder / "layout", made.config_digest)
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 5
    seen = oci_programs.run("skopeo", "inspect", f"oci:{kit.folder / 'layout'}:3")
    assert made.manifest.digest in seen


def test_a_platform_that_an_index_has_not_is_said(pull: Callable[..., base_image.BaseImage]) -> None:
    with pytest.raises(InvalidInput, match=r"has no image for linux/s390x, only for linux/"):
        pull((ARCHITECTURE, [layer(FULL)], {}), which=1, platform="linux/s390x")


def test_an_image_for_another_platform_is_said(pull: Callable[..., base_image.BaseImage]) -> None:
    with pytest.raises(InvalidInput, match=f"is for linux/s390x, and not for {HERE}"):
        pull(("s390x", [layer(FULL)], {}))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"lib/libc.so.6": GLIBC}, "has no Python"),
        ({**FULL, "usr/lib/ld-musl-x86_64.so.1": b""}, "has musl"),
        ({"usr/bin/python3.11": b""}, "has no glibc"),
    ],
)
def test_a_base_that_no_wheel_runs_on_is_said(
    pull: Callable[..., base_image.BaseImage], files: Files, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        pull((ARCHITECTURE, [layer(files)], {}))


def test_a_python_that_a_later_layer_removed_is_gone(pull: Callable[..., base_image.BaseImage]) -> None:
    gone: Files = {"usr/bin/.wh.python3": b"", f"usr/bin/.wh.python{PYTHON}": b""}
    with pytest.raises(InvalidInput, match="has no Python"):
        pull((ARCHITECTURE, [layer(FULL), layer(gone)], {}))


def test_what_is_no_image_is_said(pull: Callable[..., base_image.BaseImage]) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        pull((ARCHITECTURE, [gzip.compress(b"no tar" * 999)], {}))


@pytest.mark.parametrize("name", ["python:3.11-slim", "python", "host/x@sha256:abc", "x:1@md5:abc"])
def test_a_tag_is_refused_with_the_fix(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="names no digest") as refused:
        base_image.pull(name, HERE, PYTHON, tmp_path, print)
    assert "@sha256:" in refused.value.fix


def test_a_digest_that_the_registry_has_not_is_said(registry: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no .*bases/none"):
        base_image.pull(f"{registry}/bases/none@sha256:{'0' * 64}", HERE, PYTHON, tmp_path, print)


def test_another_python_or_platform_than_the_models_is_said_with_both() -> None:
    target = this_machine("3.12")
    with pytest.raises(
        InvalidInput, match=rf"is Python 3\.12 on {HERE}, and the model was trained with Python 3\.11 on"
    ):
        must_fit("3.11.7", "linux-x86_64", target, "the base")
    with pytest.raises(InvalidInput, match="trained with Python 3.12 on darwin/arm64"):
        must_fit("3.12.1", "macosx-14.0-arm64", target, "the base")
    must_fit("3.12.1", f"linux-{'x86_64' if ARCHITECTURE == 'amd64' else 'aarch64'}", target, "the base")


def test_platforms_have_one_name() -> None:
    assert platform_of("linux-x86_64") == "linux/amd64"
    assert platform_of("linux-aarch64") == "linux/arm64"
    assert platform_of("macosx-14.0-arm64") == "darwin/arm64"


@pytest.mark.parametrize(
    ("files", "path", "interpreter"),
    [
        ({"usr/bin/python3": "python3.11", "usr/bin/python3.11": ""}, "/usr/bin", "/usr/bin/python3.11"),
        ({"usr/bin/python3": "python3.12", "usr/bin/python3.12": ""}, "/usr/bin", "/usr/bin/python3"),
        ({"opt/p/bin/python3": "", "opt/p/lib/python3.11/os.py": ""}, "/usr/bin:/opt/p/bin", "/opt/p/bin/python3"),
        ({"usr/bin/python3": "/etc/alternatives/p", "etc/alternatives/p": "/usr/bin/python3.11", "usr/bin/python3.11": ""},
         "/usr/bin", "/usr/bin/python3.11"),
        ({"bin": "usr/bin", "usr/bin/python3.11": ""}, "/bin", "/bin/python3.11"),
        ({"usr/bin/python3": "python3"}, "/usr/bin", ""),
        ({"usr/bin/python3": "../../../nowhere"}, "/usr/bin", ""),
        ({"usr/bin/python3": ""}, "/usr/bin", ""),
    ],
)  # fmt: skip
def test_the_interpreter_is_the_one_that_the_image_runs(files: dict[str, str], path: str, interpreter: str) -> None:
    assert base_image.interpreter_of(files, path, "3.11")[0] == interpreter


@given(
    st.dictionaries(st.text("ab/.", max_size=6), st.text("ab/.", max_size=6), max_size=8), st.text("ab/.", max_size=9)
)
def test_links_that_go_round_end(files: dict[str, str], path: str) -> None:
    base_image.interpreter_of({**files, "a/python3": path}, "/a:/b", "3.11")

"""The lock of a release: what the model was trained and judged with, at the same versions and hashes, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.kit import Kit, wheel
from modelway.build import lock, wheels
from modelway.build.platforms import Platform
from modelway.errors import InvalidInput, OutsideFailure

LOCK = """\
# a comment
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{c}
Foo.Bar[x]==1.0+local --hash=sha256:{a}
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def test_a_lock_is_read_with_its_markers_and_extras() -> None:
    first, second, third = lock.pins_of(LOCK)
    assert (first.name, first.version, first.hashes) == ("numpy", "2.4.6", (f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"))
    assert first.line == "numpy==2.4.6 ; python_full_version < '3.12'"
    assert second.version == "2.5.5"
    assert (third.name, third.version) == ("foo-bar", "1.0+local")


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    lock.pins_of(text)


def test_versions_and_hashes_are_those_of_the_training_and_not_the_newest(kit: Kit) -> None:
    text = lock.release_lock(kit.model, kit.trained, kit.target)
    assert [(pin.name, pin.version) for pin in lock.pins_of(text)] == [
        ("small", "2.0"),
        ("tiny", "1.0"),
        ("web", "0.5"),
    ]
    trained = {pin.name: pin.hashes for pin in lock.pins_of(kit.trained)}
    assert all(pin.hashes == trained[pin.name] for pin in lock.pins_of(text) if pin.name in trained)
    assert lock.release_lock(kit.model, kit.trained, kit.target) == text


def test_what_training_did_not_have_is_refused_by_name(kit: Kit) -> None:
    wheel(kit.wheelhouse, "extra", "1.0", {"extra.py": ""})
    (kit.model / "requirements.txt").write_text("tiny\nextra\n")
    with pytest.raises(InvalidInput, match=r"extra==1\.0, and it is not what the model was trained") as refused:
        lock.release_lock(kit.model, kit.trained, kit.target)
    assert "train the model again" in refused.value.fix


def test_a_requirement_against_the_training_is_refused(kit: Kit) -> None:
    (kit.model / "requirements.txt").write_text("tiny\nsmall>=3\n")
    with pytest.raises(InvalidInput, match="do not fit what it was trained with"):
        lock.release_lock(kit.model, kit.trained, kit.target)


def test_another_version_than_the_locks_never_gets_the_locks_hashes(kit: Kit) -> None:
    with pytest.raises(InvalidInput, match=r"needs small==3\.0, and small==2\.0 is what the model was trained"):
        lock.locked("small==3.0\n", lock.pins_of(kit.trained))


def test_a_model_without_requirements_is_refused(kit: Kit) -> None:
    (kit.model / "requirements.txt").unlink()
    with pytest.raises(InvalidInput, match=r"has no requirements\.txt"):
        lock.release_lock(kit.model, kit.trained, kit.target)


def test_a_package_without_a_wheel_for_the_target_is_named(kit: Kit) -> None:
    pin = wheel(kit.wheelhouse, "native", "1.0", {"native.py": ""}, tag="cp39-cp39-win_amd64")
    (kit.model / "requirements.txt").write_text("native\n")
    with pytest.raises(InvalidInput, match=r"native==1\.0 has no wheel for Python") as refused:
        lock.release_lock(kit.model, kit.trained + pin, kit.target)
    assert "train again" in refused.value.fix


def test_a_requirement_from_an_address_is_refused() -> None:
    with pytest.raises(InvalidInput, match="comes from no package index"):
        lock.locked("thing @ https://example.org/thing.whl\n", ())


def test_wheels_are_fetched_once_and_checked_every_time(kit: Kit) -> None:
    text = lock.release_lock(kit.model, kit.trained, kit.target)
    found = wheels.fetch(text, kit.target)
    assert [item.name for item in found] == ["small", "tiny", "web"]
    for path in kit.wheelhouse.iterdir():
        path.unlink()
    assert wheels.fetch(text, kit.target) == found
    found[0].path.write_bytes(b"something else")
    with pytest.raises(OutsideFailure, match=r"small==2\.0 was changed on disk"):
        wheels.fetch(text, kit.target)


def test_an_index_that_serves_another_file_is_refused(kit: Kit) -> None:
    text = lock.release_lock(kit.model, kit.trained, kit.target)
    wheel(kit.wheelhouse, "small", "2.0", {"small.py": "TWO = 'evil'\n"})
    with pytest.raises(OutsideFailure, match=r"small==2\.0: the index has another file"):
        wheels.fetch(text, kit.target)


def test_pip_sees_where_packages_come_from_and_nothing_else() -> None:
    environ = {"PIP_INDEX_URL": "i", "PIP_TARGET": "/", "PYTHONPATH": "/", "PIP_NO_BINARY": ":all:", "PATH": "/bin"}
    assert wheels.environment(environ) == {"PIP_INDEX_URL": "i", "PATH": "/bin"}
    assert wheels.environment({"UV_INDEX_URL": "u"})["PIP_INDEX_URL"] == "u"


def test_the_tags_of_a_target_are_what_runs_there() -> None:
    tags = Platform("linux", "arm64", "3.12", "2.31").wheel_platforms
    assert tags[0] == "manylinux_2_31_aarch64"
    assert "manylinux2014_aarch64" in tags and "manylinux_2_32_aarch64" not in tags
    assert Platform("linux", "amd64", "3.12", "2.31").uv_platform == "x86_64-manylinux_2_31"
    assert Platform("linux", "amd64", "3.12", "2.26").uv_platform == "x86_64-manylinux_2_17"


def test_a_cache_that_was_cut_off_is_not_taken_for_whole(kit: Kit, tmp_path: Path) -> None:
    text = lock.release_lock(kit.model, kit.trained, kit.target)
    begun = tmp_path / "home" / "wheels" / f"{wheels.key_of(text, kit.target)}-cut"
    begun.mkdir(parents=True)
    assert len(wheels.fetch(text, kit.target)) == 3

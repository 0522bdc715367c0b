"""docs/troubleshooting.md has what the code says when something goes wrong, whatever way it is written there."""

from __future__ import annotations

from pathlib import Path

import troubleshooting

ROOT = Path(__file__).resolve().parents[2]
MODULE = """
from modelway.build import layouts
from modelway.build.layouts import AGAIN as ONCE_MORE
HERE = "look " + f"at {1}"

def fail(name, error):
    if name:
        raise InvalidInput(f"{name} is no version", fix=HERE)
    if error:
        raise OutsideFailure("cannot be fetched: " + name if error else f"is not there: {error}", fix=layouts.AGAIN)
    raise Refused("the answer is no", where=name, fix=ONCE_MORE)
    raise Refused("is", fix="too short to be looked for")
    raise ValueError("none of ours")

def named(name):
    what, fix = f"{name} is no model", "name a model"
    if name:
        raise InvalidInput(what, fix=fix)
    what, fix = f"{name} is no folder", "name a folder"
    if name == 1:
        what, fix = f"{name} is no file", "name a file"
    raise InvalidInput(what, fix=fix)
"""


def test_each_error_is_found_with_its_fix_and_what_the_run_alone_knows_is_left_open(tmp_path: Path) -> None:
    package = tmp_path / "modelway" / "build"
    package.mkdir(parents=True)
    (package / "layouts.py").write_text('AGAIN = "build it again"\n')
    (package / "images.py").write_text(MODULE)
    assert sorted((one.what, one.fix, one.exit_code) for one in troubleshooting.errors(tmp_path)) == [
        ("cannot be fetched: …", "build it again", 4),
        ("is not there: …", "build it again", 4),
        ("the answer is no", "build it again", 1),
        ("… is no file", "name a file", 2),
        ("… is no folder", "name a folder", 2),
        ("… is no model", "name a model", 2),
        ("… is no version", "look at …", 2),
    ]
    assert "## Images\n\n| the error |" in troubleshooting.page(tmp_path)


def test_every_area_has_errors_and_what_tests_know_is_among_them() -> None:
    told = list(troubleshooting.errors(ROOT / "scripts"))
    assert {one.area for one in told} == {*troubleshooting.AREAS.values(), troubleshooting.OTHER}
    assert len(told) > 830
    assert [one.fix for one in told if one.what == "is a Git-LFS pointer, not the file"] == [
        "check it out with `lfs: true`, or run `git lfs pull`"
    ]

"""The layout on disk: whole files only, damaged ones made anew, two builds at once, and nothing that is deployed is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from build.kit import Kit
from build.oci_programs import run
from modelway.build import layout
from modelway.errors import InvalidInput, Refused

ROOT = Path(__file__).resolve().parents[2]


def names(place: Path) -> list[tuple[str, str]]:
    manifests = json.loads((place / "index.json").read_text())["manifests"]
    return [(item["digest"][7:], (item.get("annotations") or {}).get(layout.REFERENCE, "")) for item in manifests]


def described(place: Path, text: str) -> layout.Descriptor:
    return layout.Descriptor(layout.MANIFEST_TYPE, layout.add_bytes(place, text.encode()), len(text))


def test_a_name_moves_and_what_had_it_stays_in_the_index(tmp_path: Path) -> None:
    layout.prepare(tmp_path)
    first, second = described(tmp_path, "1"), described(tmp_path, "2")
    layout.name_manifest(tmp_path, first, ("5", "5-staging"), {})
    layout.name_manifest(tmp_path, second, ("5", "5-production"), {})
    wanted = [(first.digest, "5-staging"), (second.digest, "5"), (second.digest, "5-production")]
    assert names(tmp_path) == wanted
    layout.name_manifest(tmp_path, second, ("5", "5-production"), {})
    assert names(tmp_path) == wanted
    layout.name_manifest(tmp_path, second, ("5-staging",), {})
    assert names(tmp_path)[0] == (first.digest, "")


def test_two_builds_at_once_both_get_into_the_index(tmp_path: Path) -> None:
    layout.prepare(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from modelway.build import layout\n"
        "place = Path(sys.argv[2])\n"
        "for number in range(25):\n"
        "    text = f'{sys.argv[3]}-{number}'\n"
        "    digest = layout.add_bytes(place, text.encode())\n"
        "    layout.name_manifest(place, layout.Descriptor(layout.MANIFEST_TYPE, digest, len(text)), (text,), {})\n"
    )
    command = [sys.executable, "-c", program, str(ROOT / "scripts"), str(tmp_path)]
    for process in [subprocess.Popen([*command, name]) for name in "ab"]:
        assert process.wait() == 0
    assert {name for _, name in names(tmp_path)} == {f"{one}-{number}" for one in "ab" for number in range(25)}


def test_a_damaged_blob_is_made_anew_and_a_whole_one_is_left_alone(kit: Kit) -> None:
    place = kit.folder / "layout"
    made = kit.build(place)
    blobs = {path: path.read_bytes() for path in (place / "blobs" / "sha256").iterdir()}
    written = {path: path.stat().st_ino for path in blobs}
    assert kit.build(place) == made
    assert {path: path.stat().st_ino for path in blobs} == written
    for path in blobs:
        path.write_bytes(b"damaged")
    assert kit.build(place) == made
    assert {path: path.read_bytes() for path in blobs} == blobs


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="is no OCI layout"):
        layout.prepare(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifests": [1]}', "\x00"])
def test_an_index_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    layout.prepare(tmp_path)
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(InvalidInput, match="is no index of an OCI layout"):
        layout.name_manifest(tmp_path, described(tmp_path, "1"), ("1",), {})


def test_a_document_that_is_gone_changed_or_none_is_refused(tmp_path: Path) -> None:
    layout.prepare(tmp_path)
    digest = layout.add_bytes(tmp_path, b"[1]")
    with pytest.raises(Refused, match=digest):
        layout.read_document(tmp_path, digest)
    layout.blob(tmp_path, digest).write_bytes(b"{}")
    with pytest.raises(Refused, match="was changed since it was built"):
        layout.read_document(tmp_path, digest)
    layout.blob(tmp_path, digest).unlink()
    with pytest.raises(Refused, match="is missing"):
        layout.read_document(tmp_path, digest)


def test_skopeo_and_umoci_take_the_layout(kit: Kit, programs: None) -> None:
    place = kit.folder / "layout"
    made = kit.build(place)
    assert json.loads(run("skopeo", "inspect", f"oci:{place}:3"))["Digest"] == f"sha256:{made.manifest.digest}"
    run("skopeo", "copy", "--quiet", f"oci:{place}:3-production", f"oci:{kit.folder / 'copy'}:3")
    run("umoci", "unpack", "--rootless", "--image", f"{kit.folder / 'copy'}:3", kit.folder / "bundle")
    home = kit.folder / "bundle" / "rootfs" / "opt" / "modelway"
    assert (home / "environment" / "small.py").read_text() == "TWO = 2\n"
    assert (home / "model" / "data" / "model.pkl").read_bytes() == b"weights"
    assert json.loads((home / "release.json").read_text()) == {
        "model": "flights",
        "version": 3,
        "run_id": "r" * 32,
        "digest": kit.candidate().digest,
        "content": kit.candidate().content,
        "trained_at": "2026-11-21T05:44:08.123456Z",
        "environment": "production",
    }

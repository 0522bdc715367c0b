"""Out of the layout into folders that run: one byte of difference anywhere is refused, and nothing is written outside."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from build.kit import Kit
from modelway.build import bundle, compression, layout, unpack
from modelway.build.platforms import this_machine
from modelway.errors import InvalidInput, Refused

ROOT = Path(__file__).resolve().parents[2]


def blobs_of(place: Path, made: bundle.Bundle) -> dict[str, str]:
    digests = {layer.name: layer.digest for layer in made.layers}
    return {"manifest": made.manifest.digest, "config": made.config_digest, **digests}


def test_what_was_built_is_what_is_unpacked(kit: Kit) -> None:
    place, store = kit.folder / "layout", kit.folder / "store"
    made = kit.build(place)
    found = unpack.unpack(place, f"sha256:{made.manifest.digest}", store)
    assert (found.model / "data" / "model.pkl").read_bytes() == b"weights"
    assert json.loads(found.release.read_text())["digest"] == kit.candidate().digest
    assert (found.server / "modelway" / "serving" / "start.py").is_file()
    assert found.config["config"]["User"] == "65532:65532"
    asked = "import sys; sys.path.insert(0, sys.argv[1]); import tiny, small; print(small.TWO, small.__cached__)"
    said = subprocess.run(
        [found.python, "-I", "-c", asked, found.environment], capture_output=True, text=True, check=True
    )
    two, cached = said.stdout.split()
    assert two == "2" and Path(cached).is_file(), "whoever imports it may write there"
    assert unpack.unpack(place, made.manifest.digest, store) == found
    assert not list(store.glob(".unpacking-*"))


def test_a_new_version_shares_what_it_has_in_common(kit: Kit) -> None:
    place, store = kit.folder / "layout", kit.folder / "store"
    first = unpack.unpack(place, kit.build(place).manifest.digest, store)
    (kit.model / "data" / "model.pkl").write_bytes(b"better weights")
    second = unpack.unpack(place, kit.build(place, 4).manifest.digest, store)
    assert (first.environment, first.server) == (second.environment, second.server)
    assert first.model != second.model and (first.model / "data" / "model.pkl").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["manifest", "config", "environment", "server", "model"])
@pytest.mark.parametrize("known", [False, True], ids=["first time", "unpacked before"])
def test_one_byte_changed_is_refused_by_name(kit: Kit, name: str, known: bool) -> None:
    place, store = kit.folder / "layout", kit.folder / "store"
    made = kit.build(place)
    if known:
        unpack.unpack(place, made.manifest.digest, store)
    digest = blobs_of(place, made)[name]
    path = layout.blob(place, digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(Refused, match=digest) as refused:
        unpack.unpack(place, made.manifest.digest, store)
    assert "run build-image again" in refused.value.line() and "\n" not in refused.value.line()


def test_a_blob_that_is_gone_is_refused(kit: Kit) -> None:
    place = kit.folder / "layout"
    made = kit.build(place)
    layout.blob(place, made.layers[2].digest).unlink()
    with pytest.raises(Refused, match="is missing"):
        unpack.unpack(place, made.manifest.digest, kit.folder / "store")


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "sha256:abc", "A" * 64])
def test_what_is_no_digest_becomes_no_path(kit: Kit, digest: str) -> None:
    with pytest.raises(Refused, match="is no sha256 digest"):
        unpack.unpack(kit.folder, digest, kit.folder / "store")


def crafted(place: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], diff_id: str = "") -> str:
    """A layout whose model layer holds the members, with digests that are right."""
    layout.prepare(place)
    descriptors, diff_ids = [], []
    for name in ("environment", "server", "model"):
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            for member, data in members if name == "model" else ():
                archive.addfile(member, io.BytesIO(data))
        packed = io.BytesIO()
        with compression.writing(packed) as stream:
            stream.write(plain.getvalue())
        digest = layout.add_bytes(place, packed.getvalue())
        item = layout.Descriptor("x", digest, len(packed.getvalue()), {"io.modelway.layer": name})
        descriptors.append(item.json())
        diff_ids.append(
            f"sha256:{(diff_id if name == 'model' else '') or hashlib.sha256(plain.getvalue()).hexdigest()}"
        )
    system, _, architecture = this_machine("3.11").platform.partition("/")
    config = {
        "os": system,
        "architecture": architecture,
        "config": {"Labels": {"io.modelway.python": f"{sys.version_info[0]}.{sys.version_info[1]}"}},
        "rootfs": {"diff_ids": diff_ids},
    }
    stored = layout.add_bytes(place, json.dumps(config).encode())
    manifest = {"config": {"digest": f"sha256:{stored}"}, "layers": descriptors}
    return layout.add_bytes(place, json.dumps(manifest).encode())


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size = kind, link, size
    return found


@pytest.mark.parametrize(
    "evil",
    [
        member("/modelway-outside"),
        member("../outside"),
        member("opt/../../outside"),
        member("opt/link", tarfile.SYMTYPE, "/etc"),
        member("opt/link", tarfile.LNKTYPE, "opt/other"),
        member("opt/null", tarfile.CHRTYPE),
        member("opt/pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda evil: f"{evil.name} {evil.type.decode()}",
)
def test_nothing_but_files_below_the_folder(tmp_path: Path, evil: tarfile.TarInfo) -> None:
    digest = crafted(tmp_path / "layout", [(evil, b"")])
    with pytest.raises(Refused, match=r"leads outside|a link or a device"):
        unpack.unpack(tmp_path / "layout", digest, tmp_path / "store")
    assert not (tmp_path / "outside").exists() and not Path("/modelway-outside").exists()


def test_a_path_that_comes_twice_and_a_wrong_diff_id_are_refused(tmp_path: Path) -> None:
    twice = crafted(tmp_path / "a", [(member("opt/x", size=1), b"1"), (member("opt/x", size=1), b"2")])
    with pytest.raises(Refused, match="cannot be unpacked"):
        unpack.unpack(tmp_path / "a", twice, tmp_path / "store")
    wrong = crafted(tmp_path / "b", [(member("opt/x", size=1), b"1")], diff_id="0" * 64)
    with pytest.raises(Refused, match="another diff_id"):
        unpack.unpack(tmp_path / "b", wrong, tmp_path / "store")
    assert not (tmp_path / "store" / ("0" * 64)).exists()


def test_another_platform_or_python_is_said(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    place = kit.folder / "layout"
    made = kit.build(place)
    config = layout.read_document(place, made.config_digest)
    for change, said in (
        ({"architecture": "riscv64"}, "is for linux/riscv64, and this machine is"),
        ({"config": {"Labels": {"io.modelway.python": "3.2"}}}, "needs Python 3.2"),
    ):
        digest = layout.add_bytes(place, json.dumps({**config, **change}).encode())
        manifest = layout.read_document(place, made.manifest.digest)
        other = {**manifest, "config": {**manifest["config"], "digest": f"sha256:{digest}"}}
        named = layout.add_bytes(place, json.dumps(other).encode())
        with pytest.raises(InvalidInput, match=said):
            unpack.unpack(place, named, kit.folder / "store")


def test_an_image_of_somebody_else_is_refused(tmp_path: Path) -> None:
    layout.prepare(tmp_path)
    config = layout.add_bytes(tmp_path, b'{"os":"linux"}')
    manifest = layout.add_bytes(tmp_path, json.dumps({"config": {"digest": f"sha256:{config}"}}).encode())
    with pytest.raises(Refused, match="no image that build-image made"):
        unpack.unpack(tmp_path, manifest, tmp_path / "store")


PROGRAM = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from modelway.build import unpack
if len(sys.argv) > 5:  # killed while it unpacks
    real = unpack._write
    def slow(*arguments):
        real(*arguments)
        os.kill(os.getpid(), 9)
    unpack._write = slow
print(unpack.unpack(Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])).model)
"""


def test_killed_half_way_and_two_at_once_end_as_one(kit: Kit) -> None:
    place, store = kit.folder / "layout", kit.folder / "store"
    made = kit.build(place)
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "scripts"), str(place), made.manifest.digest, str(store)]
    assert subprocess.run([*command, "killed"], check=False).returncode == -9
    assert not [path for path in store.iterdir() if (path / "modelway-complete").exists()]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0] for process in both)
    assert first == second != ""
    assert (Path(first.strip()) / "data" / "model.pkl").read_bytes() == b"weights"
    assert not list(store.glob(".unpacking-*")), "what was cut off leaves nothing behind"

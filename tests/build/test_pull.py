"""An image that another machine pushed: what the local target needs of it, by digest, and nothing that is not what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from build import oci_programs
from build.kit import Kit
from modelway.build import distribution, image, layout, publish, pull, unpack
from modelway.errors import ModelwayError, Refused


def pushed(kit: Kit, name: str, base: image.Foundation | None = None) -> str:
    place = kit.folder / "built"
    made = kit.build(place, base=base)
    attached = publish.attach(
        place, made.manifest, kit.document(made), "application/vnd.cyclonedx+json", "sbom.cdx.json"
    )
    return publish.publish(place, made.manifest, attached, name, ("3",), print).image


def blobs(place: Path) -> set[str]:
    return {path.name for path in (place / "blobs" / "sha256").iterdir()}


def test_what_was_pulled_unpacks_to_what_was_built(kit: Kit, registry: str) -> None:
    name = pushed(kit, f"{registry}/team/pulled")
    place, digest = kit.folder / "elsewhere", name.rpartition(":")[2]
    pull.pull(name, place, print)
    found = unpack.unpack(place, digest, kit.folder / "store")
    assert (found.model / "data" / "model.pkl").read_bytes() == b"weights"
    there = unpack.unpack(kit.folder / "built", digest, kit.folder / "other-store")
    assert found.release.read_bytes() == there.release.read_bytes()


def test_the_base_image_stays_in_the_registry(kit: Kit, registry: str) -> None:
    other = oci_programs.layer({"opt/other": b"x" * 100})
    place = kit.folder / "base"
    (digest, *_) = oci_programs.write_layout(place, [(kit.target.architecture, [other], {})])
    said = layout.read_document(place, digest.removeprefix("sha256:"))
    config = layout.read_document(place, said["config"]["digest"].removeprefix("sha256:"))
    (item,) = said["layers"]
    layer = layout.Descriptor(item["mediaType"], item["digest"].removeprefix("sha256:"), item["size"])
    layout.prepare(kit.folder / "built")
    layout.add_file(kit.folder / "built", layout.blob(place, layer.digest), layer.digest)
    name = pushed(
        kit, f"{registry}/team/based", image.Foundation(f"base@{digest}", config, (layer,), "/usr/bin/python3")
    )
    pull.pull(name, kit.folder / "elsewhere", print)
    assert len(blobs(kit.folder / "elsewhere")) == 5, "manifest, config, environment, server, model"
    assert layer.digest not in blobs(kit.folder / "elsewhere")
    unpack.unpack(kit.folder / "elsewhere", name.rpartition(":")[2], kit.folder / "store")


def test_only_what_is_missing_or_was_changed_is_fetched(
    kit: Kit, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = pushed(kit, f"{registry}/team/again")
    place = kit.folder / "elsewhere"
    pull.pull(name, place, print)
    fetched: list[str] = []
    fetch = distribution.Repository.fetch_blob

    def counted(self: distribution.Repository, blob: layout.Descriptor, file: Path) -> None:
        fetched.append(blob.digest)
        fetch(self, blob, file)

    monkeypatch.setattr(distribution.Repository, "fetch_blob", counted)
    pull.pull(name, place, print)
    assert fetched == []
    manifest = json.loads(layout.blob(place, name.rpartition(":")[2]).read_bytes())
    model = manifest["layers"][-1]["digest"].removeprefix("sha256:")
    layout.blob(place, model).write_bytes(b"half of it")
    pull.pull(name, place, print)
    assert fetched == [model]
    assert layout.is_whole(place, model)


def test_what_is_not_there_or_not_ours_is_one_line(kit: Kit, registry: str) -> None:
    name = pushed(kit, f"{registry}/team/there")
    place = kit.folder / "elsewhere"
    with pytest.raises(ModelwayError, match="has no"):
        pull.pull(f"{registry}/team/there@sha256:{'0' * 64}", place, print)
    foreign = kit.folder / "foreign"
    digests = oci_programs.write_layout(foreign, [(kit.target.architecture, [oci_programs.layer({"a": b"b"})], {})])
    oci_programs.push_layout(foreign, registry, "team/foreign")
    for reference in digests:  # an image of somebody else's, and an index
        with pytest.raises(Refused, match="no image that build-image made"):
            pull.pull(f"{registry}/team/foreign@{reference}", place, print)
    assert blobs(place) == set(), "nothing was fetched"
    pull.pull(name, place, print)
    assert len(blobs(place)) == 5

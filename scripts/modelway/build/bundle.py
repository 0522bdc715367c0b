"""The release bundle put together: three layers, a config and a manifest in an OCI layout."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from modelway.build import bytecode, compression, conda_prefix, entries, image, layers, layout, wheels
from modelway.build.bytecode import Compiler
from modelway.build.names import ENVIRONMENT, RELEASE_FILE, SERVER
from modelway.build.packages import Package, package_of, package_of_conda
from modelway.build.platforms import Platform
from modelway.environments import conda, home
from modelway.files import locked
from modelway.records import Candidate, canonical_json, digest_of_json, sha256_of_file
from modelway.records.release import Layer

FORMAT = 2
"""To be raised when layers are written in another way: it is part of the cache's key."""
EPOCH = "1970-01-01T00:00:00Z"


class EnvironmentLayer(msgspec.Struct, frozen=True):
    """The layer of a lock, as the cache keeps it."""

    layer: Layer
    packages: tuple[Package, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Bundle:
    """An image in a layout."""

    config_digest: str
    manifest: layout.Descriptor
    layers: tuple[Layer, ...]


def environment_layer(
    lock: str, target: Platform, say: Callable[[str], None], compiler: Compiler | None = None, placed: bool = False
) -> tuple[EnvironmentLayer, Path]:
    """The layer and its blob, from the cache where the same lock was built for the same target before. compiler: of its
    bytecode; None: it has none. placed: whether it will lie where its names say, as in an image on a base."""
    by = compiler.version if compiler else ""
    others = conda.marked(lock)
    written = [placed] if others else []
    key = digest_of_json([FORMAT, compression.VERSION, wheels.key_of(lock, target), by, *written])[:32]
    folder = home.made(home.cache_folder() / "layers") / key
    blob, record = folder / "layer.tar.gz", folder / "layer.json"
    with locked(folder.with_suffix(".lock")):
        if record.is_file():
            known = msgspec.json.decode(record.read_bytes(), type=EnvironmentLayer)
            if blob.is_file() and sha256_of_file(blob) == known.layer.digest:
                return known, blob
        shutil.rmtree(folder, ignore_errors=True)
        found = wheels.fetch(lock, target)
        compiled = f", compiled by Python {by}" if by else ""
        more = f" and {len(others)} packages of conda" if others else ""
        say(f"making the environment layer of {len(found)} wheels{more}{compiled} (first use of this lock)")
        warnings: list[str] = []
        with tempfile.TemporaryDirectory(prefix=f"{key}-", dir=folder.parent) as name:
            made = Path(name, key)
            made.mkdir()
            with (
                entries.environment_entries(found, warnings.append) as inside,
                bytecode.added(inside, ENVIRONMENT, compiler) as whole,
                conda_prefix.prefix_entries(lock, target.python, placed) as beside,
            ):
                both = sorted([*whole, *beside], key=lambda entry: entry.path)
                layer = layers.write_layer("environment", both, made / blob.name)
            packages = (*map(package_of, found), *map(package_of_conda, others))
            known = EnvironmentLayer(layer, packages, tuple(warnings))
            (made / record.name).write_bytes(msgspec.json.encode(known))
            made.rename(folder)
        return known, blob


def assemble(
    place: Path,
    candidate: Candidate,
    model: Path,
    environment: tuple[Layer, Path],
    base: image.Foundation,
    target: Platform,
    labels: Mapping[str, str],
    trained_at: str,
    compiler: Compiler | None = None,
    beside: Mapping[str, bytes] | None = None,
    with_conda: bool = False,
) -> Bundle:
    """Write the image into the layout at `place`; the caller names it in the index. model: the folder with the Candidate's
    files. environment: the layer and its blob. compiler: of the server's bytecode; None: it has none. beside: what else goes
    with the model, by its path in the image. with_conda: whether the environment has programs of conda's channels."""
    layout.prepare(place)
    release = canonical_json(
        {
            "model": candidate.model,
            "version": candidate.version,
            "run_id": candidate.run_id,
            "digest": candidate.digest,
            "content": candidate.content,
            "trained_at": trained_at,
            "environment": labels["io.modelway.environment"],
        }
    )
    paths = [file.path for file in candidate.files]
    with tempfile.TemporaryDirectory(prefix=".build-", dir=place) as name:
        files = Path(name, "server"), Path(name, "model")
        with bytecode.added(entries.server_entries(), SERVER, compiler) as server:
            served = layers.write_layer("server", server, files[0])
        content = entries.model_entries(model, paths, {**(beside or {}), RELEASE_FILE: release})
        made = (environment[0], served, layers.write_layer("model", content, files[1]))
        for layer, file in zip(made, (environment[1], *files), strict=True):
            layout.add_file(place, file, layer.digest)
    config = canonical_json(image.config(base, target, made, labels, trained_at or EPOCH, with_conda))
    config_digest = layout.add_bytes(place, config)
    described = image.config_descriptor(config_digest, len(config))
    manifest = canonical_json(image.manifest(described, base, made, image.annotations_of(labels)))
    digest = layout.add_bytes(place, manifest)
    return Bundle(config_digest, layout.Descriptor(layout.MANIFEST_TYPE, digest, len(manifest)), made)


def moment_of(mlmodel: Mapping[str, Any]) -> str:
    """When the model was logged, in RFC 3339, from MLmodel's own words (UTC); empty where it does not say."""
    said = mlmodel.get("utc_time_created")
    try:
        moment = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
    except ValueError:
        return ""
    utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return utc.isoformat().replace("+00:00", "Z")

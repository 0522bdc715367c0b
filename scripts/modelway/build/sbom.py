"""What is in a release, as a CycloneDX document: the packages with the hashes of their wheels, the model, the base image.

Deterministic: its serial number follows from what it describes, its time is the model's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from modelway.build.image import Foundation
from modelway.records import Candidate, canonical_json, digest_of_json

MEDIA_TYPE = "application/vnd.cyclonedx+json"
NAMESPACE = uuid.UUID("6f0a4c1e-6f5f-5f0e-9b7e-2f1d3a5c7e90")


def document(
    candidate: Candidate, packages: Iterable[tuple[str, str, str]], base: Foundation, config_digest: str, created: str
) -> bytes:
    """CycloneDX 1.6 as JSON. packages: name, version and sha256 of each wheel. created: RFC 3339."""
    rows = sorted(packages)
    model = _model(candidate)
    image = Component(
        name=candidate.model,
        version=str(candidate.version),
        type=ComponentType.CONTAINER,
        bom_ref="image",
        properties=[Property(name="io.modelway.config-digest", value=f"sha256:{config_digest}")],
    )
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, digest_of_json([config_digest, rows, base.name])),
        metadata=BomMetaData(component=image, timestamp=datetime.fromisoformat(created).astimezone(UTC)),
        components=[model, *_base(base), *(_package(*row) for row in rows)],
    )
    bom.register_dependency(image, [model, *bom.components])
    return canonical_json(json.loads(JsonV1Dot6(bom).output_as_string()))


def _model(candidate: Candidate) -> Component:
    return Component(
        name=candidate.model,
        version=str(candidate.version),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[],
        properties=[
            Property(name="io.modelway.model-digest", value=candidate.digest),
            Property(name="io.modelway.data-digest", value=candidate.data_digest or "not known"),
            Property(name="io.modelway.commit", value=candidate.commit or "not known"),
        ],
    )


def _base(base: Foundation) -> list[Component]:
    if base.name == "none":
        return []
    name, _, digest = base.name.partition("@")
    return [Component(name=name, version=digest, type=ComponentType.CONTAINER, bom_ref="base")]


def _package(name: str, version: str, sha256: str) -> Component:
    address = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=address.to_string(),
        purl=address,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
    )

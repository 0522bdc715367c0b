"""What is in a release, as a CycloneDX document: the packages with the hashes and licences of their wheels, the model, the
server, the base image, and the tool that made it.

Deterministic: its serial number follows from what it describes, its time is the model's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
from cyclonedx.model import (
    HashAlgorithm,
    HashType,
    Property,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_expression, is_supported_id
from packageurl import PackageURL

from modelway.build.image import Foundation
from modelway.build.packages import Package
from modelway.environments.conda import CondaPackage
from modelway.records import Candidate, canonical_json, digest_of_json, sha256_of_file

LIBRARY = Path(__file__).parents[1]
OUR_LICENCE = "Apache-2.0"
MEDIA_TYPE = "application/vnd.cyclonedx+json"
NAMESPACE = uuid.UUID("6f0a4c1e-6f5f-5f0e-9b7e-2f1d3a5c7e90")


@dataclass(frozen=True)
class Made:
    """Of the image: its config, and the content of the server's layer (diff_id)."""

    config_digest: str
    server_sha256: str

    @property
    def tool_version(self) -> str:
        return tool_version()


@cache
def tool_version() -> str:
    """Of modelway: by its content, which a tag or a folder's name would only claim."""
    files = sorted(LIBRARY.rglob("*.py"))
    return digest_of_json([[file.relative_to(LIBRARY).as_posix(), sha256_of_file(file)] for file in files])[:12]


def document(candidate: Candidate, packages: Iterable[Package], base: Foundation, made: Made, created: str) -> bytes:
    """CycloneDX 1.6 as JSON. created: RFC 3339."""
    rows = sorted(packages)
    config_digest = made.config_digest
    model = _model(candidate)
    image = Component(
        name=candidate.model,
        version=str(candidate.version),
        type=ComponentType.CONTAINER,
        bom_ref="image",
        properties=[Property(name="io.modelway.config-digest", value=f"sha256:{config_digest}")],
    )
    bom = Bom(
        serial_number=uuid.uuid5(
            NAMESPACE, digest_of_json([config_digest, msgspec.to_builtins(rows), base.name, made.tool_version])
        ),
        metadata=BomMetaData(
            component=image,
            timestamp=datetime.fromisoformat(created).astimezone(UTC),
            tools=ToolRepository(components=[_tool("modelway", made.tool_version, "tool")]),
        ),
        components=[model, _server(made), *_base(base), *(_package(row) for row in rows)],
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


def _tool(name: str, version: str, reference: str) -> Component:
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=reference,
        licenses=[DisjunctiveLicense(id=OUR_LICENCE)],
    )


def _server(made: Made) -> Component:
    """The model server, which is in no wheel."""
    component = _tool("modelway.serving", made.tool_version, "server")
    component.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=made.server_sha256)]
    component.properties = [Property(name="io.modelway.hash-of", value="the layer's uncompressed tar")]
    return component


def _package(package: Package) -> Component:
    address = PackageURL("pypi", name=package.name, version=package.version)
    if package.address:
        found = CondaPackage(package.address, package.sha256)
        about = {"build": found.build, "channel": found.channel, "subdir": found.subdir}
        address = PackageURL("conda", name=package.name, version=package.version, qualifiers=about)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=address.to_string(),
        purl=address,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)],
        licenses=_licences(package),
    )


def _licences(package: Package) -> list[License]:
    """In SPDX's terms where the wheel uses them; else by the name that it gives, which is a statement and no finding."""
    if is_supported_id(package.expression):
        return [DisjunctiveLicense(id=package.expression)]
    if package.expression and is_expression(package.expression):
        return [LicenseExpression(value=package.expression)]
    named = package.expression or package.licence
    return [DisjunctiveLicense(name=named)] if named else []

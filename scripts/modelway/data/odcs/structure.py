"""What a contract in ODCS 3.1 may hold, as far as it is looked at here; the rest is kept as it stands.

Keys that are not of the standard are mistakes, as its own JSON Schema has it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

API_VERSION = "v3.1.0"
KIND = "DataContract"
ENGINE = "modelway"
"""The engine of custom quality checks that are ours, and the name of our custom property."""

LogicalType = Literal["string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"]
OPERATORS = {
    "mustBe": ("at-least", "at-most"),
    "mustNotBe": ("other-than",),
    "mustBeGreaterThan": ("above",),
    "mustBeGreaterOrEqualTo": ("at-least",),
    "mustBeLessThan": ("below",),
    "mustBeLessOrEqualTo": ("at-most",),
    "mustBeBetween": ("above", "below"),
}
"""ODCS' operators that are limits of ours. `mustBeBetween` is `mustBeGreaterThan` with `mustBeLessThan`, says the standard."""
BEYOND = "mustNotBeBetween"


class Odcs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A mapping of ODCS."""


class OdcsQuality(Odcs, frozen=True):
    id: Any = None
    name: str | None = None
    type: Literal["text", "library", "sql", "custom"] | None = None
    metric: str | None = None
    rule: str | None = None
    arguments: dict[str, Any] | None = None
    valid_values: Any = None
    must_be: Any = None
    must_not_be: Any = None
    must_be_greater_than: float | None = None
    must_be_greater_or_equal_to: float | None = None
    must_be_less_than: float | None = None
    must_be_less_or_equal_to: float | None = None
    must_be_between: tuple[float, ...] | None = None
    must_not_be_between: tuple[float, ...] | None = None
    unit: str | None = None
    query: str | None = None
    engine: str | None = None
    implementation: Any = None
    description: Any = None
    dimension: Any = None
    method: Any = None
    severity: Any = None
    business_impact: Any = None
    custom_properties: Any = None
    tags: Any = None
    authoritative_definitions: Any = None
    scheduler: Any = None
    schedule: Any = None


class OdcsRelationship(Odcs, frozen=True):
    to: str | tuple[str, ...]
    type: Literal["foreignKey"] = "foreignKey"
    from_: str | tuple[str, ...] | None = msgspec.field(default=None, name="from")
    custom_properties: Any = None


class OdcsProperty(Odcs, frozen=True):
    name: str
    id: str | None = None
    physical_name: str | None = None
    logical_type: LogicalType | None = None
    logical_type_options: dict[str, Any] | None = None
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    primary_key_position: int = -1
    classification: str | None = None
    quality: tuple[OdcsQuality, ...] = ()
    relationships: tuple[OdcsRelationship, ...] = ()
    description: str | None = None
    physical_type: Any = None
    business_name: Any = None
    partitioned: Any = None
    partition_key_position: Any = None
    encrypted_name: Any = None
    transform_source_objects: Any = None
    transform_logic: Any = None
    transform_description: Any = None
    examples: Any = None
    critical_data_element: Any = None
    authoritative_definitions: Any = None
    tags: Any = None
    custom_properties: Any = None
    items: Any = None
    properties: Any = None

    @property
    def column(self) -> str:
        """Its name in the data."""
        return self.physical_name or self.name


class OdcsObject(Odcs, frozen=True):
    name: str
    id: str | None = None
    physical_name: str | None = None
    physical_type: Any = None
    logical_type: Literal["object"] = "object"
    properties: tuple[OdcsProperty, ...] = ()
    quality: tuple[OdcsQuality, ...] = ()
    relationships: tuple[OdcsRelationship, ...] = ()
    description: Any = None
    business_name: Any = None
    data_granularity_description: Any = None
    authoritative_definitions: Any = None
    tags: Any = None
    custom_properties: Any = None


class OdcsSla(Odcs, frozen=True):
    property: str
    value: Any
    id: Any = None
    value_ext: Any = None
    unit: str | None = None
    element: str | None = None
    driver: Any = None
    description: Any = None
    scheduler: Any = None
    schedule: Any = None


class OdcsCustomProperty(Odcs, frozen=True):
    property: str
    value: Any
    id: Any = None
    description: Any = None


class OdcsContract(Odcs, frozen=True):
    api_version: str
    kind: Literal["DataContract"]
    id: str
    version: Any
    status: Any = None
    name: Any = None
    schema: tuple[OdcsObject, ...] = ()
    sla_properties: tuple[OdcsSla, ...] = ()
    sla_default_element: str | None = None
    custom_properties: tuple[OdcsCustomProperty, ...] = ()
    description: Any = None
    tenant: Any = None
    tags: Any = None
    servers: Any = None
    data_product: Any = None
    domain: Any = None
    support: Any = None
    price: Any = None
    team: Any = None
    roles: Any = None
    authoritative_definitions: Any = None
    contract_created_ts: Any = None

"""A contract of ours in ODCS 3.1. What ODCS has no word for stands in custom checks of the engine modelway and in our custom
property, from which it is read again: nothing is lost."""

from __future__ import annotations

import re
from typing import Any

from modelway.data.compact import compact
from modelway.data.forms import Written
from modelway.data.odcs.structure import API_VERSION, ENGINE, KIND

SIDES = {"at_least": "mustBeGreaterOrEqualTo", "at_most": "mustBeLessOrEqualTo", "above": "mustBeGreaterThan"}
SIDES |= {"below": "mustBeLessThan", "other_than": "mustNotBe"}
OWN = ("rules", "increasing", "references", "groups")
WHOLE = ("unlisted_columns", "null_values", "delimiter", "quote", "encoding")


def written_odcs(contract: Any, name: str) -> Written:
    """name: of the table, and of the contract."""
    identifier = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "contract"
    table: dict[str, Any] = {"name": name, "logicalType": "object"}
    table["properties"] = [_property(column, asked) for column, asked in contract.columns.items()]
    if quality := _quality(contract):
        table["quality"] = quality
    value: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "id": identifier,
        "version": "1.0.0",
        "status": "draft",
        "name": name,
        "schema": [table],
    }
    if contract.freshness:
        latency = {"property": "latency", "value": contract.freshness.at_most_hours, "unit": "h"}
        value["slaProperties"] = [{**latency, "element": f"{name}.{contract.freshness.column}"}]
    plain = type(contract)()
    whole = {
        key.replace("_", "-"): compact(getattr(contract, key))
        for key in WHOLE
        if getattr(contract, key) != getattr(plain, key)
    }
    if whole:
        value["customProperties"] = [{"property": ENGINE, "value": whole}]
    return Written(value)


def _property(name: str, asked: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    if asked.type:
        made["logicalType"] = asked.type
    options: dict[str, Any] = {}
    of_sides = (asked.range, ("minimum", "maximum")), (asked.length, ("minLength", "maxLength"))
    for bounds, sides in of_sides:
        options |= {side: bound for side, bound in zip(sides, bounds or (), strict=False) if bound is not None}
    if asked.pattern:
        options["pattern"] = asked.pattern
    if options:
        made["logicalTypeOptions"] = options
    if not asked.nullable:
        made["required"] = True
    if asked.unique:
        made["unique"] = True
    if asked.sensitive:
        made["classification"] = "confidential"
    if asked.description:
        made["description"] = asked.description
    quality: list[dict[str, Any]] = []
    if asked.max_null_percent is not None:
        limit = asked.max_null_percent
        quality.append({"metric": "nullValues", "mustBeLessOrEqualTo": limit, "unit": "percent"})
    if asked.allowed:
        quality.append({"metric": "invalidValues", "arguments": {"validValues": list(asked.allowed)}, "mustBe": 0})
    if quality:
        made["quality"] = quality
    return made


def _quality(contract: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if contract.rows.at_least > 1:
        found.append({"metric": "rowCount", "mustBeGreaterOrEqualTo": contract.rows.at_least})
    if contract.rows.at_most is not None:
        found.append({"metric": "rowCount", "mustBeLessOrEqualTo": contract.rows.at_most})
    found += [
        {"metric": "duplicateValues", "arguments": {"properties": list(key)}, "mustBe": 0} for key in contract.unique
    ]
    own = {key: compact(getattr(contract, key)) for key in OWN if getattr(contract, key)}
    violations = [compact(asked) for asked in contract.sql or () if asked.violations is not None]
    if violations:
        own["sql"] = violations
    if contract.counts:
        own["counts"] = compact(contract.counts)
    if own:
        found.append({"name": "checks of modelway", "type": "custom", "engine": ENGINE, "implementation": own})
    for asked in contract.sql or ():
        if asked.number is not None:
            for key, operator in SIDES.items():
                limit = getattr(asked, key)
                if limit is not None:
                    found.append({"name": asked.name, "type": "sql", "query": asked.number, operator: limit})
    return found

"""A contract in ODCS as one of our own form: what its keys mean in checks, and what no check here holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelway.config.document import Document, Where, convert, suggestion
from modelway.data.forms import Draft, ReadContract
from modelway.data.limits import hold_limits
from modelway.data.odcs.quality import hold_quality
from modelway.data.odcs.structure import (
    ENGINE,
    OdcsContract,
    OdcsObject,
    OdcsProperty,
    OdcsRelationship,
    OdcsSla,
)
from modelway.data.sources import SUFFIXES
from modelway.errors import InvalidInput

TYPES = ("string", "date", "timestamp", "number", "integer", "boolean")
"""Logical types that are types of ours."""
SENSITIVE = ("confidential", "restricted", "sensitive", "secret", "pii")
"""Classifications whose values are shown nowhere."""
HOURS = {
    **dict.fromkeys(("m", "min", "minute", "minutes"), 1 / 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 1),
    **dict.fromkeys(("d", "day", "days"), 24),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 24),
    **dict.fromkeys(("y", "yr", "year", "years"), 365 * 24),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1 / 3600),
}
LATENCY = ("latency", "ly", "freshness")
OWN_KEYS = ("unlisted-columns", "null-values", "delimiter", "quote", "encoding")
"""What our custom property may say of the whole."""


def read_odcs(document: Document, part: str) -> ReadContract:
    """InvalidInput where it is no ODCS of version 3, or the table is none of its schema objects."""
    version = document.value.get("apiVersion")
    if not re.fullmatch(r"v3\.\d+\.\d+", str(version)):
        what = f"is ODCS {version}, and 3.0 to 3.1 are read"
        raise InvalidInput(what, where=document.at(("apiVersion",)), fix="write it as `apiVersion: v3.1.0`")
    contract = convert(document, OdcsContract)
    at, table = _object(document, contract, part)
    draft = Draft(document)
    where: Where = ("schema", at)
    _Table(draft, contract, table, where).hold()
    for index, item in enumerate(contract.custom_properties):
        if item.property == ENGINE:
            _own(draft, item.value, ("customProperties", index, "value"))
    return draft.done()


def _object(document: Document, contract: OdcsContract, part: str) -> tuple[int, OdcsObject]:
    objects = contract.schema
    if not objects:
        raise InvalidInput("has no schema", where=document.name, fix="list the table under `schema:`")
    if not part and len(objects) == 1:
        return 0, objects[0]
    names = [item.name for item in objects]
    if not part:
        fix = f"say which: {document.name}#{names[0]}"
        raise InvalidInput(
            f"has {len(names)} tables: {', '.join(names)[:200]}", where=document.at(("schema",)), fix=fix
        )
    if part not in names:
        what = f"has no table {part[:100]!r}"
        raise InvalidInput(what, where=document.at(("schema",)), fix=suggestion(part, names))
    return names.index(part), objects[names.index(part)]


def _own(draft: Draft, value: Any, where: Where) -> None:
    """What our own form says of the whole, and ODCS has no word for."""
    if not isinstance(value, Mapping) or not set(value) <= set(OWN_KEYS):
        raise InvalidInput(
            "is no mapping of modelway's", where=draft.source.at(where), fix=f"use {', '.join(OWN_KEYS)}"
        )
    for key, item in value.items():
        draft.set(key, item, (*where, key))


class _Table:
    """One schema object on its way into a draft."""

    def __init__(self, draft: Draft, contract: OdcsContract, table: OdcsObject, where: Where) -> None:
        self._draft, self._contract, self._table, self._where = draft, contract, table, where

    def hold(self) -> None:
        for index, item in enumerate(self._table.properties):
            self._property(item, (*self._where, "properties", index))
        self._primary_key()
        for index, check in enumerate(self._table.quality):
            place: Where = (*self._where, "quality", index)
            hold_quality(self._draft, check, place, names=self._names(), tables=self._called())
        for index, relationship in enumerate(self._table.relationships):
            place = (*self._where, "relationships", index)
            self._relationship(relationship, relationship.from_ or (), place)
        for index, sla in enumerate(self._contract.sla_properties):
            self._sla(sla, ("slaProperties", index))

    def _names(self) -> dict[str, str]:
        """Logical name -> the column's."""
        return {item.name: item.column for item in self._table.properties}

    def _called(self) -> tuple[str, ...]:
        """What SQL may call the table."""
        return tuple(name for name in (self._table.physical_name, self._table.name) if name)

    def _property(self, item: OdcsProperty, where: Where) -> None:
        column = self._draft.column(item.column, where)
        if item.logical_type in TYPES:
            column["type"] = item.logical_type
        elif item.logical_type:
            self._draft.is_not_held(f"{item.column}: logicalType {item.logical_type}", (*where, "logicalType"))
        if item.required or item.primary_key:
            column["nullable"] = False
        if item.unique:
            column["unique"] = True
        if item.classification and item.classification.lower() in SENSITIVE:
            column["sensitive"] = True
        if item.description:
            column["description"] = item.description
        options = item.logical_type_options or {}
        hold_limits(self._draft, item.column, column, options, (*where, "logicalTypeOptions"))
        for index, check in enumerate(item.quality):
            place: Where = (*where, "quality", index)
            hold_quality(self._draft, check, place, names=self._names(), tables=self._called(), column=item.column)
        for index, relationship in enumerate(item.relationships):
            self._relationship(relationship, item.name, (*where, "relationships", index))

    def _primary_key(self) -> None:
        keys = [item for item in self._table.properties if item.primary_key]
        if len(keys) == 1:
            self._draft.value["columns"][keys[0].column]["unique"] = True
        elif keys:
            ordered = sorted(keys, key=lambda item: item.primary_key_position)
            self._draft.append("unique", [item.column for item in ordered], self._where)

    def _relationship(self, found: OdcsRelationship, source: str | tuple[str, ...], where: Where) -> None:
        mine = (source,) if isinstance(source, str) else source
        theirs = (found.to,) if isinstance(found.to, str) else found.to
        if len(mine) != len(theirs) or not mine:
            what = f"relates {len(mine)} properties to {len(theirs)}"
            raise InvalidInput(what, where=self._draft.source.at(where), fix="name as many in `from` as in `to`")
        own = [self._referred(name) for name in mine]
        other = [self._referred(name) for name in theirs]
        told = f"relationship to {', '.join(theirs)}"
        if not all(own) or not all(item and item[0] is self._table for item in own):
            self._draft.is_not_held(f"{told}: it is from {', '.join(mine)}, which is no property of this table", where)
        elif not all(other):
            self._draft.is_not_held(f"{told}: that is no property of this contract", where)
        elif any(item[0] is not other[0][0] for item in other if other[0] and item):
            self._draft.is_not_held(f"{told}: these are of several tables", where)
        else:
            table = other[0][0]  # type: ignore[index]
            if not str(table.physical_name or "").lower().endswith(tuple(SUFFIXES)):
                self._draft.is_not_held(f"{told}: physicalName of {table.name} names no CSV or Parquet file", where)
                return
            reference = {"columns": [item[1] for item in own if item], "data": table.physical_name}
            self._draft.append("references", reference | {"their": [item[1] for item in other if item]}, where)

    def _referred(self, name: str) -> tuple[OdcsObject, str] | None:
        """The table and the column that `table.column`, a name of this table, or `schema/ID/properties/ID` stands for."""
        parts = name.removeprefix("/").split("/")
        by_id = len(parts) == 4 and parts[0] == "schema" and parts[2] == "properties"
        table_name, _, column = name.rpartition(".")
        for table in self._contract.schema:
            named = table.id == parts[1] if by_id else table.name == (table_name or self._table.name)
            for item in (table.properties) if named else ():
                if (item.id == parts[3]) if by_id else (item.name == column):
                    return table, item.column
        return None

    def _sla(self, sla: OdcsSla, where: Where) -> None:
        element = sla.element or self._contract.sla_default_element or ""
        told = f"slaProperties: {sla.property} of {element}" if element else f"slaProperties: {sla.property}"
        table, _, name = element.rpartition(".")
        if sla.property.lower() not in LATENCY:
            self._draft.is_not_held(told, where)
            return
        if table not in ("", self._table.name, self._table.physical_name):
            if not any(table in (other.name, other.physical_name) for other in self._contract.schema):
                self._draft.is_not_held(f"{told}: there is no such table", where)
            return  # it is of another table
        column = self._names().get(name, name)
        hours = HOURS.get((sla.unit or "").lower())
        kind = self._draft.value["columns"].get(column, {}).get("type")
        value = sla.value
        if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
            value = float(value)
        if (
            hours is None
            or kind not in ("date", "timestamp")
            or isinstance(value, bool)
            or not isinstance(value, int | float)
        ):
            self._draft.is_not_held(
                f"{told}: needs a number, a unit of time, and an element of type date or timestamp", where
            )
        elif "freshness" in self._draft.value:
            self._draft.is_not_held(f"{told}: freshness is that of {self._draft.value['freshness']['column']}", where)
        else:
            self._draft.set("freshness", {"column": column, "at-most-hours": value * hours}, where)

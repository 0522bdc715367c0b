"""ODCS' quality checks as keys of ours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from modelway.config.document import Where, suggestion
from modelway.data.forms import Draft
from modelway.data.odcs.structure import BEYOND, ENGINE, OPERATORS, OdcsQuality
from modelway.errors import InvalidInput

METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
OF_3_0 = {"duplicateCount": "duplicateValues", "validValues": "invalidValues", "nullCheck": "nullValues"}
"""The `rule` of a check, which ODCS 3.0 left open: those of its text and examples, as 3.1 has them."""
OWN_LISTS = ("rules", "increasing", "references", "groups", "sql", "counts")
"""Keys of our own form that a custom check of ours may hold, each with a list."""
PLACEHOLDER = re.compile(r"\$?\{\s*(object|table|model|schema|property|column|field)\s*\}", re.IGNORECASE)


def hold_quality(
    draft: Draft,
    check: OdcsQuality,
    where: Where,
    *,
    names: Mapping[str, str],
    tables: tuple[str, ...],
    column: str | None = None,
) -> None:
    """names: logical name -> column. tables: what SQL may call the table. column: whose check it is; None: the table's."""
    kind = check.type or ("library" if check.metric or check.rule else "")
    told = f"quality {check.name or check.id or check.metric or check.rule or kind or 'without a type'}"[:100]
    if kind == "library":
        _library(draft, check, where, told, names, column)
    elif kind == "sql":
        _sql(draft, check, where, told, tables, column)
    elif kind == "custom" and check.engine == ENGINE:
        _custom(draft, check.implementation, (*where, "implementation"))
    else:
        what = f"type {kind}" if kind else "no metric"
        draft.is_not_held(f"{told}: {what}{f' of {check.engine}' if check.engine else ''}", where)


def _library(
    draft: Draft, check: OdcsQuality, where: Where, told: str, names: Mapping[str, str], column: str | None
) -> None:
    metric = check.metric or OF_3_0.get(str(check.rule), str(check.rule))
    if metric not in METRICS:
        if check.metric:
            at = draft.source.at((*where, "metric"))
            raise InvalidInput(f"unknown metric {metric!r}", where=at, fix=suggestion(metric, METRICS))
        draft.is_not_held(f"{told}: {f'rule {metric!r}'[:100] if check.rule else 'no metric'}", where)
        return
    usual = {"at-most": 0.0} if not check.metric and check.rule in ("validValues", "nullCheck") else None
    limits = _limits(draft, check, where, told, usual)
    if limits is None:
        return
    if check.unit not in (None, "rows", "percent", "%"):
        draft.is_not_held(f"{told}: unit {check.unit!r}", where)
        return
    percent = check.unit in ("percent", "%")
    given = check.arguments or ({"validValues": check.valid_values} if check.valid_values else {})
    none = limits == {"at-least": 0, "at-most": 0} or limits == {"at-most": 0}
    if metric == "rowCount" and column is None and not percent:
        _row_count(draft, limits, where, told)
        return
    if (metric == "rowCount") or (column is None and metric != "duplicateValues"):
        draft.is_not_held(f"{told}: {metric} {'of a property' if column else 'of a table'}", where)
        return
    asked = draft.value["columns"].get(column, {})
    counted: dict[str, Any] = {"columns": [column]}
    if metric == "nullValues":
        counted["of"] = "missing"
        if none:
            asked["nullable"] = False
            return
        if percent and set(limits) == {"at-most"} and asked.get("nullable", True) and "max-null-percent" not in asked:
            asked["max-null-percent"] = limits["at-most"]
            return
    elif metric == "missingValues":
        texts = given.get("missingValues")
        if not isinstance(texts, list):
            draft.is_not_held(f"{told}: it has no list missingValues", where)
            return
        counted |= {"of": "missing", "also-missing": [_text(text) for text in texts if text is not None]}
    elif metric == "invalidValues":
        more = {"allowed": given.get("validValues"), "pattern": given.get("pattern")}
        if isinstance(more["allowed"], list):  # a missing value is counted by nullValues
            more["allowed"] = [value for value in more["allowed"] if value is not None]
        more = {key: value for key, value in more.items() if value is not None}
        if unknown := set(given) - {"validValues", "pattern"}:
            draft.is_not_held(f"{told}: arguments {', '.join(sorted(unknown))}", where)
            return
        if none and more and not set(more) & set(asked):
            asked |= more
            return
        if len(more) > 1:
            draft.is_not_held(f"{told}: validValues and pattern within one limit", where)
            return
        counted |= {"of": "invalid", **more}
        if "type" not in asked:
            draft.is_not_held(f"{told}: the property has no logicalType", where)
            return
    else:
        columns = given.get("properties") if column is None else [column]
        if not isinstance(columns, list) or not columns:
            draft.is_not_held(f"{told}: it has no list properties", where)
            return
        columns = [names.get(str(name), str(name)) for name in columns]
        if none and column is not None:
            asked["unique"] = True
            return
        if none:
            draft.append("unique", columns, where)
            return
        counted |= {"of": "repeated", "columns": columns}
    if percent:
        counted["unit"] = "percent"
    if check.name:
        counted["name"] = check.name
    draft.append("counts", {**counted, **limits}, where)


def _row_count(draft: Draft, limits: dict[str, float], where: Where, told: str) -> None:
    rows: dict[str, Any] = dict(draft.value.get("rows", {}))
    if "other-than" in limits:
        draft.is_not_held(f"{told}: mustNotBe of rowCount", where)
        return
    for key, limit in limits.items():
        if key in ("at-least", "above"):
            fewest = math.ceil(limit) if key == "at-least" else math.floor(limit) + 1
            rows["at-least"] = max(fewest, rows.get("at-least", 1))
        else:
            most = math.floor(limit) if key == "at-most" else math.ceil(limit) - 1
            rows["at-most"] = min(most, rows.get("at-most", most))
    draft.set("rows", rows, where)


def _limits(
    draft: Draft, check: OdcsQuality, where: Where, told: str, usual: dict[str, float] | None = None
) -> dict[str, float] | None:
    """The check's limit in our words, `usual` where it has none; None, which is said, where that is nothing or a limit is no
    number."""
    given = draft.source.value
    for step in where:
        given = given[step]
    used = [key for key in (*OPERATORS, BEYOND) if given.get(key) is not None]
    if not used:
        if usual is None:
            draft.is_not_held(f"{told}: it has no operator such as mustBe", where)
        return usual
    limits: dict[str, float] = {}
    for key in used:
        value = given[key]
        values = value if isinstance(value, list) else [value]
        wanted = 2 if key.endswith("Between") else 1
        if key == BEYOND or len(values) != wanted or not all(isinstance(one, int | float | bool) for one in values):
            draft.is_not_held(f"{told}: {key} {value!r}"[:200], where)
            return None
        names = OPERATORS[key]
        spread = values * 2 if key == "mustBe" else values
        for name, one in zip(names, spread, strict=True):
            limits[name] = int(one) if isinstance(one, bool) else one
    return limits


def _sql(
    draft: Draft, check: OdcsQuality, where: Where, told: str, tables: tuple[str, ...], column: str | None
) -> None:
    """Place holders stand for our table `data` and the column; so do the table's own names behind FROM and JOIN."""
    limits = _limits(draft, check, where, told)
    if limits is None:
        return
    if not check.query:
        raise InvalidInput("has no query", where=draft.source.at(where), fix="add `query:` with one SELECT")

    def filled(match: re.Match[str]) -> str:
        if match[1].lower() in ("object", "table", "model", "schema"):
            return "data"
        return '"{}"'.format((column or "").replace('"', '""'))

    query = PLACEHOLDER.sub(filled, check.query)
    for table in tables:
        if re.fullmatch(r"\w+", table):
            query = re.sub(rf"(\b(?:from|join)\s+){table}\b", r"\1data", query, flags=re.IGNORECASE)
    name = check.name or str(check.id or "") or f"SQL of {column or 'the table'}"
    draft.append("sql", {"name": name, "number": query, **limits}, where)


def _custom(draft: Draft, given: Any, where: Where) -> None:
    """A check of ours that ODCS has no word for: a mapping of keys of our own form, each with a list."""
    if not isinstance(given, Mapping) or not set(given) <= set(OWN_LISTS):
        fix = f"give lists of {', '.join(OWN_LISTS)}"
        raise InvalidInput("is no mapping of modelway's keys", where=draft.source.at(where), fix=fix)
    for key, items in given.items():
        if not isinstance(items, list):
            raise InvalidInput("is not a list", where=draft.source.at((*where, key)), fix="list the checks")
        for index, item in enumerate(items):
            draft.append(key, item, (*where, key, index))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

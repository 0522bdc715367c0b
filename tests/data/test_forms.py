"""A contract in one form and in another asks for the same; what a form cannot say, and what no check holds, is told."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from jsonschema import Draft201909Validator, Draft202012Validator

from data.contracts import contracts
from modelway.config.document import Document
from modelway.data import forms, load_contract
from modelway.data.compact import compact
from modelway.data.contract import Contract, ContractFile, contract_of, read_contract
from modelway.data.contract_text import text_of
from modelway.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[2]


@cache
def official() -> Draft201909Validator:
    """The standard's own JSON Schema, from the package of its makers, in an environment of its own."""
    code = "from importlib.resources import files; print(files('open_data_contract_standard') / 'schema.json')"
    command = [ROOT / "scripts" / "run", "--in", "test-odcs", "python", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Draft201909Validator(json.loads(Path(done.stdout.splitlines()[-1]).read_text()))


def contract_from(value: dict[str, Any]) -> Contract:
    return contract_of(Document("c.yml", value))


def back(text: str, form: str, folder: Path) -> ContractFile:
    path = folder / ("c.json" if form in ("json-schema", "schema-json") else "c.yml")
    path.write_text(text, encoding="utf-8")
    return read_contract(path, path.name)


@settings(max_examples=50, deadline=None)
@given(value=contracts())
@pytest.mark.parametrize("form", [forms.OWN, "odcs"])
def test_nothing_is_lost_in_our_own_form_and_in_odcs(form: str, value: dict[str, Any], tmp_path_factory: Any) -> None:
    contract = contract_from(value)
    text, lost = text_of(contract, form, "trips")
    again = back(text, form, tmp_path_factory.mktemp("forms"))
    assert (lost, again.not_held, again.form) == ((), (), form)
    assert compact(again.contract)["columns"] == compact(contract)["columns"] or form == "odcs"
    assert again.contract.digest == contract.digest


@settings(max_examples=30, deadline=None)
@given(value=contracts())
def test_what_is_written_as_odcs_is_odcs(value: dict[str, Any]) -> None:
    written = forms.form("odcs").write(contract_from(value), "a table of ours")
    plain = json.loads(json.dumps(written.value))
    assert [error.message for error in official().iter_errors(plain)] == []


@settings(max_examples=30, deadline=None)
@given(value=contracts())
@example(value={"columns": {"a": {"nullable": False}, "b": {"type": "date", "nullable": False}}})
def test_json_schema_keeps_what_is_about_one_record(value: dict[str, Any], tmp_path_factory: Any) -> None:
    contract = contract_from(value)
    text, lost = text_of(contract, "json-schema", "trips")
    Draft202012Validator.check_schema(json.loads(text))
    again = back(text, "json-schema", tmp_path_factory.mktemp("forms")).contract
    assert again.unlisted_columns == contract.unlisted_columns
    told = "\n".join(lost)
    for name, column in contract.columns.items():
        for key in ("type", "nullable", "allowed", "length", "pattern", "description", "range", "unique", "sensitive"):
            ours = getattr(column, key)
            same = getattr(again.columns[name], key) == ours or (key == "allowed" and not ours)
            assert same or f"column {name!r}: {key}" in told, (name, key)
    assert ("rows" in lost) == (contract.rows != Contract().rows)


@settings(max_examples=30, deadline=None)
@given(value=contracts())
def test_schema_json_keeps_names_types_and_missing_values(value: dict[str, Any], tmp_path_factory: Any) -> None:
    contract = contract_from(value)
    text, lost = text_of(contract, "schema-json", "trips")
    again = back(text, "schema-json", tmp_path_factory.mktemp("forms")).contract
    assert list(again.columns) == list(contract.columns)
    for name, column in contract.columns.items():
        found = again.columns[name]
        assert found.type == ("timestamp" if column.type == "date" else column.type)
        allowed = 100 if column.nullable and column.max_null_percent is None else column.max_null_percent or 0
        holds = 0 if not found.nullable else 100 if found.max_null_percent is None else found.max_null_percent
        assert holds == allowed
        assert all(f"column {name!r}: {key}" in lost for key in ("range", "allowed", "pattern") if getattr(column, key))


ODCS = """\
apiVersion: v3.1.0
kind: DataContract
id: orders-contract
version: 1.2.0
status: active
team: {name: shop}
schema:
  - name: orders
    id: orders_tbl
    physicalName: orders_v2
    properties:
      - name: order_id
        physicalName: ORDER_ID
        primaryKey: true
        logicalType: integer
        logicalTypeOptions: {exclusiveMinimum: 0, format: i32}
      - name: customer
        logicalType: string
        required: true
        classification: confidential
        logicalTypeOptions: {minLength: 2, maxLength: 9, pattern: "^C"}
        relationships: [{to: customers.id}]
        quality:
          - {metric: missingValues, arguments: {missingValues: [null, n/a]}, mustBeLessThan: 5, unit: percent}
      - name: unit
        logicalType: string
        quality:
          - {metric: invalidValues, arguments: {validValues: [kg, pounds]}, mustBe: 0}
          - {metric: nullValues, mustBeLessOrEqualTo: 10, unit: percent}
          - {type: text, description: it is the unit of the price}
      - name: price
        logicalType: number
        logicalTypeOptions: {exclusiveMaximum: 1000, multipleOf: 0.01}
        quality:
          - {name: no free goods, type: sql, query: 'SELECT count(*) FROM ${object} WHERE {property} = 0', mustBe: 0}
      - {name: at, logicalType: timestamp, logicalTypeOptions: {minimum: "2026-01-01T00:00:00Z"}}
      - {name: pause, logicalType: time}
    quality:
      - {metric: rowCount, mustBeBetween: [1, 100]}
      - {metric: duplicateValues, arguments: {properties: [customer, at]}, mustBeLessOrEqualTo: 1}
      - {type: sql, name: few, query: select count(*) from orders_v2, mustBeLessThan: 9}
      - {type: custom, engine: soda, implementation: "checks: []"}
  - name: customers
    physicalName: customers.csv
    properties: [{name: id, physicalName: customer_id, logicalType: string}]
slaProperties:
  - {property: latency, value: 2, unit: d, element: orders.at}
  - {property: retention, value: 3, unit: y, element: orders.at}
  - {property: latency, value: 1, unit: h, element: customers.since}
  - {property: latency, value: 1, unit: h, element: order.at}
"""


@pytest.fixture
def odcs(tmp_path: Path) -> Path:
    path = tmp_path / "orders.odcs.yaml"
    path.write_text(ODCS)
    return path


def test_what_odcs_means_in_checks(odcs: Path) -> None:
    assert [error.message for error in official().iter_errors(yaml.safe_load(ODCS))] == []
    found = read_contract(odcs.with_name("orders.odcs.yaml#orders"), "orders.odcs.yaml#orders")
    assert found.form == "odcs"
    assert compact(found.contract) == {
        "columns": {
            "ORDER_ID": {"type": "integer", "nullable": False, "unique": True, "range": [1, 2**31 - 1]},
            "customer": {
                "type": "string", "nullable": False, "sensitive": True, "length": [2, 9], "pattern": "^C",
            },
            "unit": {"type": "string", "allowed": ["kg", "pounds"], "max-null-percent": 10},
            "price": {"type": "number"},
            "at": {"type": "timestamp", "range": ["2026-01-01T00:00:00Z", None]},
            "pause": {},
        },
        "rows": {"at-least": 2, "at-most": 99},
        "freshness": {"column": "at", "at-most-hours": 48},
        "references": [{"columns": ["customer"], "data": "customers.csv", "their": ["customer_id"]}],
        "rules": ["price < 1000"],
        "counts": [
            {"of": "missing", "columns": ["customer"], "also-missing": ["n/a"], "unit": "percent", "below": 5},
            {"of": "repeated", "columns": ["customer", "at"], "at-most": 1},
        ],
        "sql": [
            {"name": "no free goods", "number": 'SELECT count(*) FROM data WHERE "price" = 0', "at-least": 0, "at-most": 0},
            {"name": "few", "number": "select count(*) from data", "below": 9},
        ],
    }  # fmt: skip
    assert found.not_held == (
        "line 30: quality text: type text",
        "line 33: price: multipleOf 0.01",
        "line 37: pause: logicalType time",
        "line 42: quality custom: type custom of soda",
        "line 48: slaProperties: retention of orders.at",
        "line 50: slaProperties: latency of order.at: there is no such table",
    )


def test_odcs_judges_data(odcs: Path, judge: Any, tmp_path: Path) -> None:
    rows = "ORDER_ID,customer,unit,price,at,pause\n1,C1,kg,0,2026-11-21T09:00:00Z,x\n1,D,lb,2000,2026-11-20,y\n"
    (tmp_path / "customers.csv").write_text("customer_id,b\nC1,1\n")
    contract = ODCS[: ODCS.index("  - name: customers")] + ODCS[ODCS.index("slaProperties") :]
    judged = judge(contract.replace("        relationships: [{to: customers.id}]\n", ""), rows)
    assert judged.failing == [
        "ORDER_ID values unique",
        "customer length",
        "customer matches",
        "unit among allowed",
        "price < 1000",
        "no free goods",
    ]
    assert judged["customer matches"].examples[0].value == "(masked)"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("#orders", ""), "schema: has 2 tables: orders, customers. Fix: say which: orders.odcs.yaml#orders"),
        (("#orders", "#order"), "orders.odcs.yaml:7: schema: has no table 'order'. Fix: did you mean 'orders'?"),
        (("v3.1.0", "v2.2.2"), "orders.odcs.yaml:1: apiVersion: is ODCS v2.2.2"),
        (("primaryKey", "primarykey"), "orders.odcs.yaml:14: schema[0].properties[0].primarykey: unknown key"),
        (("nullValues", "nulValues"), "unknown metric 'nulValues'. Fix: did you mean 'nullValues'?"),
        (("name: unit", "name: customer"), "orders.odcs.yaml:25: schema[0].properties[2]: the column 'customer' is listed"),
        (('"^C"', '"(?=C)"'), "orders.odcs.yaml:17: columns.customer.pattern: has look-around"),
        (("logicalType: number", "logicalType: decimal"), "orders.odcs.yaml:32: schema[0].properties[3].logicalType: is text"),
        (('"2026-01-01T00:00:00Z"', "soon"), "logicalTypeOptions.minimum: is no timestamp. Fix: give a time"),
        (("minLength: 2", "minLength: 20"), "orders.odcs.yaml:17: columns.customer.length: has its fewest above its most"),
        (("[1, 100]", "[100, 50]"), "rows.at-most: is below at-least"),
    ],
)  # fmt: skip
def test_a_mistake_in_odcs_is_told(change: tuple[str, str], told: str, odcs: Path, refusal: Any) -> None:
    name = "orders.odcs.yaml#orders".replace(*change)
    odcs.write_text(ODCS.replace(*change))
    line = refusal(lambda: load_contract(odcs.with_name(name), name))
    assert told in line


@pytest.mark.parametrize(
    ("check", "rows"),
    [
        ("mustBe: 7", {"at-least": 7, "at-most": 7}),
        ("mustBeGreaterThan: 7", {"at-least": 8}),
        ("mustBeGreaterOrEqualTo: 7", {"at-least": 7}),
        ("mustBeLessThan: 7", {"at-most": 6}),
        ("mustBeLessThan: 7.5", {"at-most": 7}),
        ("mustBeLessOrEqualTo: 7", {"at-most": 7}),
        ("mustBeBetween: [5, 7]", {"at-least": 6, "at-most": 6}),
        ("mustNotBeBetween: [5, 7]", None),
        ("mustNotBe: 7", None),
        ("mustBe: many", None),
    ],
)
def test_each_operator_is_held_or_told(check: str, rows: dict[str, int] | None, tmp_path: Path) -> None:
    """`mustBeBetween` leaves out both ends, as the standard's text has it."""
    head = "apiVersion: v3.0.2\nkind: DataContract\nid: i\nversion: '1'\nstatus: s\nschema:\n- name: t\n"
    (tmp_path / "c.yml").write_text(f"{head}  properties: [{{name: a}}]\n  quality: [{{metric: rowCount, {check}}}]\n")
    found = read_contract(tmp_path / "c.yml", "c.yml")
    assert compact(found.contract).get("rows") == rows
    assert len(found.not_held) == (rows is None)


RECORD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "array",
    "minItems": 2,
    "items": {"$ref": "#/$defs/Trip"},
    "$defs": {
        "Trip": {
            "type": "object",
            "properties": {
                "id": {"type": "integer", "exclusiveMinimum": 0},
                "kind": {"enum": ["a", "b", None]},
                "fare": {"anyOf": [{"type": "number", "maximum": 9.5}, {"type": "null"}], "default": None},
                "day": {"type": "string", "format": "date"},
                "zone": {"$ref": "#/$defs/Zone"},
                "mail": {"type": "string", "format": "email", "maxLength": 90},
                "tags": {"type": "array", "items": {"type": "string"}},
                "flag": {"type": ["boolean", "null"]},
                "free": {},
            },
            "required": ["id", "kind", "fare", "zone", "flag", "there"],
            "additionalProperties": False,
            "minProperties": 3,
        },
        "Zone": {"type": "string", "pattern": "^Z"},
    },
}


def test_what_json_schema_means_in_checks(tmp_path: Path) -> None:
    """A schema as pydantic writes it among them."""
    path = tmp_path / "trip.json"
    path.write_text(json.dumps(RECORD, indent=1))
    found = read_contract(path, "trip.json")
    assert compact(found.contract) == {
        "columns": {
            "id": {"type": "integer", "nullable": False, "range": [1, None]},
            "kind": {"type": "string", "allowed": ["a", "b"]},
            "fare": {"type": "number", "range": [None, 9.5]},
            "day": {"type": "date"},
            "zone": {"type": "string", "nullable": False, "pattern": "^Z"},
            "mail": {"type": "string", "length": [None, 90]},
            "tags": {},
            "flag": {"type": "boolean"},
            "free": {},
            "there": {"nullable": False},
        },
        "rows": {"at-least": 2},
        "unlisted-columns": "refuse",
    }
    assert [told.partition(": ")[2] for told in found.not_held] == [
        "mail: format 'email'",
        "tags: type array",
        "tags: items",
        "the record: minProperties",
    ]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "object"}, "has no properties"),
        ({"type": "array", "items": {"type": "string"}}, "items: has no properties"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "properties.a.$ref: leads out of the file"),
        ({"properties": {"a": {"$ref": "#/x"}}}, "properties.a.$ref: '#/x' is not there"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "refers round in a circle"),
        ({"properties": {"a": 7}}, "properties.a: is no schema"),
        ({"properties": {"a": {"type": "integer", "minimum": "x"}}}, "properties.a.minimum: is no integer"),
        ({"properties": {"a": {"type": "integer", "minimum": 2, "maximum": 1}}}, "columns.a.range: has its lowest"),
        ({"properties": {"a": {"type": "string", "enum": []}}, "required": "a"}, "required: is not a list"),
    ],
)
def test_a_mistake_in_json_schema_is_told(schema: object, told: str, tmp_path: Path, refusal: Any) -> None:
    (tmp_path / "s.json").write_text(json.dumps(schema))
    line = refusal(lambda: load_contract(tmp_path / "s.json", "s.json"))
    assert line.startswith("2: s.json")
    assert told in line


@pytest.mark.parametrize(
    ("rule", "asked", "told"),
    [
        ("{rule: duplicateCount, mustBe: 0, unit: rows}", {"unique": True}, ()),
        ("{rule: validValues, validValues: [EUR, USD]}", {"allowed": ("EUR", "USD")}, ()),
        ("{rule: nullCheck, type: library, scheduler: cron}", {"nullable": False}, ()),
        ("{rule: betweenCheck, mustBeBetween: [1, 2]}", {}, ("quality betweenCheck: rule 'betweenCheck'",)),
        ("{type: library}", {}, ("quality library: no metric",)),
    ],
)
def test_rules_as_odcs_3_0_has_them(rule: str, asked: dict[str, Any], told: tuple[str, ...], tmp_path: Path) -> None:
    head = "apiVersion: v3.0.2\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: active\n"
    table = f"schema: [{{name: t, properties: [{{name: money, logicalType: string, quality: [{rule}]}}]}}]\n"
    (tmp_path / "contract.yml").write_text(head + table)
    found = read_contract(tmp_path / "contract.yml")
    column = found.contract.columns["money"]
    assert {key: getattr(column, key) for key in asked} == asked
    assert tuple(line.partition(": ")[2] for line in found.not_held) == told


def test_a_form_that_is_not_there_is_told() -> None:
    with pytest.raises(InvalidInput, match="'odsc' is no form of a contract. Fix: did you mean 'odcs'"):
        text_of(contract_from({"columns": {"a": {}}}), "odsc", "t")

"""The gate reads a value as the model server takes it: the same values, the same refusals, for every type of a signature."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from modelway.data.contract import Column, Contract
from modelway.data.sources import digest_of_data
from modelway.errors import InvalidInput, Refused
from modelway.scoring.rows import plain
from modelway.serving import columns as server
from modelway.serving.messages import Refusal
from modelway.serving.payload import JsonTable
from modelway.stages.steps.rows import TYPES, contradictions, read_held_out, refuse_broken_inputs

NO_NULLS = Contract(null_values=())
CELLS = {
    "boolean": ("true false True TRUE", "yes t 1 0 no f y on 1.0"),
    "integer": ("0 -5 +7 007 2.0 1e3 2147483647 -2147483648", "2.5 2147483648 -2147483649 1,5 x NaN inf 1_0 0x1 true 1e400"),
    "long": ("9223372036854775807 -9223372036854775808 2.0", "9223372036854775808 2.5 1e19 NaN x"),
    "float": ("1.5 1e3 2 -0.25 3.4028234663852886e38", "1e39 -1e39 inf NaN x 1,5 1e400"),
    "double": ("1.5 1e308 9223372036854775808 007 .5 5.", "1e400 inf -inf NaN nan x 1,5 1_000 0x10 true 1-"),
    "string": ("x 007 NA NaN 1,5 true 2026-01-01", ""),
    "datetime": (
        "2026-01-01 2026-01-01T10:00 2026-03-29T02:30:00 2026-10-25T02:30:00 2026-01-01T10:00:00.5 1678-01-01 2261-12-31",
        ("2026-01-01T10:00Z 2026-01-01T10:00:00+02:00 2026-01-01T10:00:00+0200 2026-13-01 2026-02-29 1677-12-31 2262-01-01"
         " 0001-01-01 9999-12-31 now 2026-01-01T23:59:60 2026/01/01"),
    ),
}  # fmt: skip
"""Type -> cells that are of it, and that are not."""


def gate(path: Path, kind: str, contract: Contract = NO_NULLS) -> list[Any]:
    """The values of the column x, as JSON has them."""
    found = read_held_out(path, path.name, contract, (), {"x": kind}, None).candidate.columns["x"]
    return [plain(value) for value in found]


def served(value: Any, kind: str) -> Any:
    """What the model server makes of it, as JSON has it."""
    asked = (server.SignatureColumn("x", kind, True),)
    taken = server.check(JsonTable({"x": [value]}, 1), asked, strict=True).values[0][0]
    return taken.isoformat() if kind == "datetime" and taken else taken


def as_json(cell: str) -> Any:
    """A cell as a plain client would send it."""
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    try:
        return json.loads(cell, parse_constant=str) if re.match(r"[-\d]", cell) else cell
    except ValueError:
        return cell


@pytest.mark.parametrize(("kind", "cell"), [(kind, cell) for kind, (good, _) in CELLS.items() for cell in good.split()])
def test_what_the_gate_reads_the_server_takes(kind: str, cell: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f'x,y\n"{cell}",1\n')
    (value,) = gate(path, kind)
    taken = served(value, kind)
    if kind == "datetime":
        assert value.startswith(taken)
    else:
        assert taken == value
        assert type(value) in {"boolean": (bool,), "string": (str,)}.get(kind, (int, float))


@pytest.mark.parametrize(("kind", "cell"), [(kind, cell) for kind, (_, bad) in CELLS.items() for cell in bad.split()])
def test_what_the_server_refuses_the_gate_refuses_too(kind: str, cell: str, tmp_path: Path) -> None:
    """By file, line and value; never a cast, and never a missing value."""
    path = tmp_path / "rows.csv"
    first = CELLS[kind][0].split()[0]
    path.write_text(f'x,y\n"{first}","two\nlines"\n"{cell}",1\n')
    with pytest.raises(Refusal):
        served(as_json(cell), kind)
    with pytest.raises(InvalidInput) as caught:
        gate(path, kind)
    start = f"rows.csv:4: '{cell}' in column 'x' is no {kind}, which the model's signature asks for. Fix: "
    assert caught.value.line().startswith(start)


@pytest.mark.parametrize("kind", TYPES)
def test_a_missing_value_is_one_where_the_server_takes_null(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,y\nNA,1\n")
    if kind in server.NULLABLE:
        assert gate(path, kind, Contract()) == [None]
        return
    with pytest.raises(Refusal):
        served(None, kind)
    with pytest.raises(InvalidInput, match=rf"rows.csv:2: the value in column 'x' is missing, and must be a {kind}"):
        gate(path, kind, Contract())


STORED = {
    "text is text": ("'NA'", "string", "NA"),
    "also where it is empty": ("''", "string", ""),
    "null is missing": ("NULL::VARCHAR", "string", None),
    "NaN is missing": ("'nan'::DOUBLE", "double", None),
    "a whole number as a number": ("7::BIGINT", "double", 7.0),
    "a small one": ("7::TINYINT", "integer", 7),
    "a float without a fraction": ("7.0::DOUBLE", "long", 7),
    "a decimal": ("1.25::DECIMAL(9, 2)", "double", 1.25),
    "a truth value": ("true", "boolean", True),
    "nanoseconds": ("TIMESTAMP_NS '2026-01-01 00:00:00.123456789'", "datetime", "2026-01-01T00:00:00.123456789"),
    "text that is a number": ("'1.5'", "double", 1.5),
}
"""SQL -> type, and what the gate reads from Parquet."""

REFUSED = {
    "a fraction": ("2.5::DOUBLE", "long", "rows.parquet, row 1: '2.5' in column 'x' is no long"),
    "a decimal fraction": ("2.5::DECIMAL(9, 2)", "long", "'2.50' in column 'x' is no long"),
    "2^31": ("2147483648::BIGINT", "integer", "'2147483648' in column 'x' is no integer"),
    "2^63": ("9223372036854775808::UBIGINT", "long", "'9223372036854775808' in column 'x' is no long"),
    "2^63 as floating point": ("9223372036854775808::DOUBLE", "long", "in column 'x' is no long"),
    "NaN where nothing may be missing": ("'nan'::DOUBLE", "long", "is missing, and must be a long"),
    "infinity": ("'inf'::DOUBLE", "double", "'inf' in column 'x' is no double"),
    "too large for a float": ("1e39::DOUBLE", "float", "'1e+39' in column 'x' is no float"),
    "text NA where a number must be": ("'NA'", "double", "'NA' in column 'x' is no double"),
    "a number for text": ("7", "string", "column 'x' is stored as INTEGER, not as string"),
    "a number for a truth value": ("1", "boolean", "column 'x' is stored as INTEGER, not as boolean"),
    "a truth value for a number": ("true", "long", "column 'x' is stored as BOOLEAN, not as long"),
    "a time with a zone": ("TIMESTAMPTZ '2026-01-01 10:00:00+02'", "datetime", "stored as TIMESTAMP WITH TIME ZONE"),
    "a time too far away": ("TIMESTAMP '1600-01-01'", "datetime", "in column 'x' is no datetime"),
    "a list": ("[1]", "double", "column 'x' is stored as INTEGER[], not as double"),
}  # fmt: skip
"""SQL -> type, and what the gate says of it."""


def parquet_of(folder: Path, sql: str) -> Path:
    path = folder / "rows.parquet"
    duckdb.execute(f"COPY (SELECT {sql} AS x, 1 AS y) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize("name", STORED)
def test_parquet_is_read_as_it_is_stored(name: str, tmp_path: Path) -> None:
    sql, kind, expected = STORED[name]
    (value,) = gate(parquet_of(tmp_path, sql), kind, Contract())
    assert value == expected
    assert type(value) is type(expected)
    if value is not None:
        assert served(value, kind) is not None


@pytest.mark.parametrize("name", REFUSED)
def test_parquet_is_never_cast(name: str, tmp_path: Path) -> None:
    sql, kind, says = REFUSED[name]
    with pytest.raises(InvalidInput) as caught:
        gate(parquet_of(tmp_path, sql), kind, Contract())
    assert says in caught.value.line()


def test_na_is_a_country_where_the_contract_says_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,group,label\nNA,NA,NA\n,,\n")
    for contract, values in ((Contract(null_values=("",)), ["NA", None]), (Contract(), [None, None])):
        read = read_held_out(path, "rows.csv", contract, ("label", "group"), {"x": "string"}, {"x": "string"})
        assert read.production is read.candidate
        for column in (read.candidate.columns["x"], read.columns["group"], read.columns["label"]):
            assert column.tolist() == values


def test_the_label_and_the_groups_are_of_the_contract_s_types(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,zip,y\n1,007,1\n2,010,yes\n")
    typed = Contract(columns={"y": Column(type="integer"), "zip": Column(type="string")})
    with pytest.raises(
        InvalidInput, match=r"rows.csv:3: 'yes' in column 'y' is no integer, which the contract asks for"
    ):
        read_held_out(path, "rows.csv", typed, ("y", "zip"), {"x": "double"}, None)
    read = read_held_out(path, "rows.csv", Contract(), ("y", "zip"), {"x": "double"}, None)
    assert read.columns["zip"].tolist() == ["007", "010"]


def test_what_production_cannot_take_does_not_stop_the_candidate(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n1,1\n2.5,0\n")
    read = read_held_out(path, "rows.csv", Contract(), ("y",), {"x": "double"}, {"x": "long"})
    assert read.candidate.columns["x"].tolist() == [1.0, 2.5]
    assert read.production is None
    assert read.fault == "rows.csv:3: '2.5' in column 'x' is no long, which the model's signature asks for"
    missing = read_held_out(path, "rows.csv", Contract(), ("y",), {"x": "double"}, {"z": "long"})
    assert missing.fault == "rows.csv: has no column 'z'"


def test_contract_and_signature_that_contradict_each_other_are_said() -> None:
    columns = {name: Column(type="number") for name in "ab"} | {"c": Column(type="string"), "d": Column()}
    said = contradictions(
        Contract(columns=columns), {"a": "long", "b": "double", "c": "double", "d": "long", "e": "long"}
    )
    assert said == [
        "column 'a' is number in the contract, and long in the model's signature",
        "column 'c' is string in the contract, and double in the model's signature",
    ]


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        (Column(type="number", nullable=False), "long", "column 'a' is number in the contract, and long in"),
        (Column(type="integer"), "long", "column 'a' may be missing in the contract, and is long in"),
        (Column(type="boolean"), "boolean", "column 'a' may be missing in the contract, and is boolean in"),
        (None, "double", "column 'a' is not in the contract"),
        (Column(type="integer", nullable=False), "long", ""),
        (Column(type="integer"), "double", ""),
        (Column(), "string", ""),
    ],
)
def test_a_contract_that_allows_what_the_model_does_not_take_is_refused(
    column: Column | None, kind: str, said: str
) -> None:
    contract = Contract(columns={"b": Column()} | ({"a": column} if column else {}))
    if not said:
        refuse_broken_inputs(contract, {"a": kind}, "contract.yml", 7)
        return
    with pytest.raises(Refused, match=f"contract.yml: the contract allows what version 7 does not take: {said}"):
        refuse_broken_inputs(contract, {"a": kind}, "contract.yml", 7)


def test_the_default_null_values_are_pandas_own() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(Contract().null_values) == STR_NA_VALUES


def test_a_thousand_columns_are_read_right(tmp_path: Path) -> None:
    """In several statements; the first wrong value is still the one that is named."""
    names = [f"c{at}" for at in range(1000)]
    path = tmp_path / "rows.csv"
    path.write_text(",".join(names) + "\n" + "".join(f"{row}" + ",1.5" * 999 + "\n" for row in range(3)))
    read = read_held_out(path, "rows.csv", Contract(), (), dict.fromkeys(names, "double"), None).candidate.columns
    assert list(read) == names
    assert read["c0"].tolist() == [0, 1, 2]
    assert all(math.fsum(read[name]) == 4.5 for name in names[1:])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[3][: -len("1.5")] + "x"]) + "\n")
    with pytest.raises(InvalidInput, match=r"rows.csv:4: 'x' in column 'c999' is no double"):
        read_held_out(path, "rows.csv", Contract(), (), dict.fromkeys(names, "double"), None)


def test_a_digest_names_what_is_not_there(tmp_path: Path) -> None:
    for name in ("none.csv", "none-*.csv", "folder"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(InvalidInput, match=r"no such (file|data)"):
            digest_of_data(tmp_path / name, name)
    (tmp_path / "folder" / "picture.png").write_bytes(b"x")
    assert len(digest_of_data(tmp_path / "folder")) == 64

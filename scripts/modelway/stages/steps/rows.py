"""The held-out rows: read by the project's contract, and for a model by its signature."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelway.data.compact import compact
from modelway.data.contract import Contract
from modelway.data.queries import DType, Wanted
from modelway.data.rows import open_rows
from modelway.data.values import ValueType, few
from modelway.errors import InvalidInput, Refused
from modelway.scoring import Columns
from modelway.serving.columns import NULLABLE

TYPES: dict[str, tuple[ValueType, DType]] = {
    "boolean": ("boolean", "bool"),
    "integer": ("integer", "int32"),
    "long": ("integer", "int64"),
    "float": ("number", "float32"),
    "double": ("number", "float64"),
    "string": ("string", "object"),
    "datetime": ("timestamp", "datetime64[ns]"),
}
"""A signature's type (modelway.scoring.rows.TYPES) -> what a value must be, and becomes: what the model server takes."""

AGREEING: dict[ValueType, tuple[ValueType, ...]] = {
    "boolean": ("boolean",),
    "integer": ("integer",),
    "number": ("number", "integer"),
    "string": ("string", "date", "timestamp"),
    "timestamp": ("timestamp", "date"),
}
"""What a contract may say of a column that a signature has as such."""


@dataclass(frozen=True)
class HeldOutRows:
    """columns: the label and what the policy needs beside it, as the file has them, each (n,). candidate, production: what the
    models take of the same rows. production: None where there is none, or where the rows are not what it takes; `fault`
    says so then."""

    columns: Mapping[str, np.ndarray]
    candidate: Columns
    production: Columns | None
    fault: str


def wanted_of(types: Mapping[str, str]) -> dict[str, Wanted]:
    """How the columns of a signature are read."""
    return {
        name: Wanted(*TYPES[kind], nullable=kind in NULLABLE, asked=f"{kind}, which the model's signature asks for")
        for name, kind in types.items()
    }


def contradictions(contract: Contract, types: Mapping[str, str]) -> list[str]:
    """A sentence for each column that contract and signature have as different things."""
    said = []
    for name, kind in types.items():
        column = contract.columns.get(name)
        if column and column.type and column.type not in AGREEING[TYPES[kind][0]]:
            said.append(f"column {name!r} is {column.type} in the contract, and {kind} in the model's signature")
    return said


def refuse_broken_inputs(contract: Contract, types: Mapping[str, str], name: str, version: int) -> None:
    """Refused where data that keeps the contract may be no input of the model. types: the signature's. name: its own."""
    broken = [*contradictions(contract, types), *_unkept(contract, types)]
    if broken:
        raise Refused(
            f"the contract allows what version {version} does not take: {few(broken)}",
            where=name,
            fix="promise it in the contract (`type`, `nullable: false`), or train a model that takes it",
        )


def _unkept(contract: Contract, types: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each input that the contract does not promise, or lets be missing where the model needs a value."""
    columns = compact(contract)["columns"]
    for name, kind in types.items():
        if name not in columns:
            yield f"column {name!r} is not in the contract"
            continue
        may_be_missing = columns[name].get("nullable", True) and columns[name].get("max-null-percent") != 0
        if may_be_missing and kind not in NULLABLE:
            yield f"column {name!r} may be missing in the contract, and is {kind} in the model's signature"


def read_held_out(
    path: Path,
    name: str,
    contract: Contract,
    columns: Collection[str],
    candidate: Mapping[str, str],
    production: Mapping[str, str] | None,
) -> HeldOutRows:
    """One reading of the held-out data for all that the gate needs of it. candidate, production: the signature's types.
    InvalidInput where a column or the candidate's input is not there, or not what it must be; what production
    cannot take must not stop the candidate."""
    with open_rows(path, name, contract, {*columns, *candidate, *(production or {})}) as rows:

        def inputs_of(types: Mapping[str, str]) -> Columns:
            return Columns(rows.arrays(wanted_of(types)), rows.count)

        held_out = rows.arrays({column: rows.as_stored(column) for column in columns})
        inputs = inputs_of(candidate)
        if production is None or production == candidate:
            return HeldOutRows(held_out, inputs, inputs if production else None, "")
        try:
            return HeldOutRows(held_out, inputs, inputs_of(production), "")
        except InvalidInput as error:
            return HeldOutRows(held_out, inputs, None, f"{error.where}: {error.what}")

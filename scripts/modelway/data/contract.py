"""The data contract: what a file of rows must look like, read from modelway's own YAML or one of the other forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from modelway.config import strict_yaml
from modelway.config.document import Document, convert
from modelway.config.keys import Name, Section
from modelway.data import forms, kinds
from modelway.data.dialect import NULL_VALUES, CsvDialect, Encoding
from modelway.data.json_document import read_json
from modelway.data.values import ValueType
from modelway.errors import InvalidInput
from modelway.records import digest_of_json


class _Column(Section, frozen=True):
    """What every kind of check knows of a column that must be there."""

    type: ValueType | None = None
    sensitive: bool | UnsetType = UNSET
    """No value of it is shown: not as an example, not among failing rows."""
    description: str | UnsetType = UNSET
    """For people; no part of the digest."""


class _Contract(Section, frozen=True):
    """What a contract says beside the keys of its kinds of checks: how the data is written, and its columns."""

    null_values: tuple[str, ...] = NULL_VALUES
    """The cells of a CSV file, quoted or not, that mean a missing value."""
    delimiter: Name = ","
    """Of a CSV file."""
    quote: str = '"'
    """Of a CSV file; empty where no cell is quoted."""
    encoding: Encoding = "utf-8"
    """Of a CSV file."""
    columns: dict[str, Column] = {}  # noqa: RUF012 - msgspec copies it

    @property
    def dialect(self) -> CsvDialect:
        return CsvDialect(self.delimiter, self.quote, self.null_values, self.encoding)

    @property
    def digest(self) -> str:
        """Over what it asks for, so that comments, descriptions and the order of keys do not matter."""
        asked = msgspec.to_builtins(self)
        for column in asked["columns"].values():
            column.pop("description", None)
        return digest_of_json(asked)


def _with_keys(name: str, base: type[Section], level: Literal["table", "column"]) -> Any:
    """The section with the keys of every kind of check of its level."""
    found = {field.name: field for kind in kinds.of_level(level) for field in msgspec.structs.fields(kind.KEYS)}
    more = [
        (field.name, field.type, field.default if field.default is not msgspec.NODEFAULT else msgspec.field())
        for field in found.values()
        if field.name not in base.__struct_fields__
    ]
    return msgspec.defstruct(name, more, bases=(base,), module=__name__, frozen=True)


if TYPE_CHECKING:  # a checker of types sees what all of modelway may ask of them; the kinds know their own keys
    Column = _Column
    Contract = _Contract
else:
    Column = _with_keys("Column", _Column, "column")
    Contract = _with_keys("Contract", _Contract, "table")


@dataclass(frozen=True)
class ContractFile:
    """A contract as it is read from a file. form: the one that it is written in. not_held: what it asks of the data beside,
    which no check here holds. folder: what files that it names are relative to. document: what it says in our own form, with
    the lines of the file."""

    contract: Contract
    form: str
    not_held: tuple[str, ...]
    folder: Path
    document: Document


def load_contract(path: Path, name: str = "", *, may_ask_nothing: bool = False) -> Contract:
    """The contract in a file; see read_contract."""
    return read_contract(path, name, may_ask_nothing=may_ask_nothing).contract


def read_contract(path: Path, name: str = "", *, may_ask_nothing: bool = False) -> ContractFile:
    """The contract in a file of any form; `FILE#TABLE` is one of a file's tables. may_ask_nothing: it is wanted for how
    data is written alone. InvalidInput with file, line, key and fix for anything that is not a sound one: an unknown key, a
    limit that does not fit its column's type, else a contract that asks for nothing."""
    name = name or str(path)
    part = ""
    if not path.exists() and "#" in path.name:
        file, _, part = path.name.partition("#")
        path, name = path.with_name(file), name.rpartition("#")[0]
    document = read_json(path, name) if path.suffix.lower() == ".json" else strict_yaml.read(path, name)
    form = forms.form_of(document.value)
    read = forms.read(document, part)
    contract = contract_of(read.document, may_ask_nothing=may_ask_nothing)
    return ContractFile(contract, form, read.not_held, path.parent, read.document)


def contract_of(document: Document, *, may_ask_nothing: bool = False) -> Contract:
    """The contract in a document of our own form."""
    contract = convert(document, Contract)
    _must_ask_something(document, may_ask_nothing)
    for column, asked in contract.columns.items():
        for kind in kinds.of_level("column"):
            kind.sound(document, ("columns", column), asked)
    for kind in kinds.of_level("table"):
        kind.sound(document, (), contract)
    _dialect_is_sound(document, contract)
    return contract


def _must_ask_something(document: Document, may_ask_nothing: bool) -> None:
    """`delimiter: ";"` alone is no contract; nor is a list that is there and empty, which would check nothing."""
    asking = ("columns", *(name for kind in kinds.of_level("table") for name in _names(kind.KEYS)))
    given = document.value if isinstance(document.value, Mapping) else {}
    if not may_ask_nothing and not any(given.get(key) for key in asking):
        raise InvalidInput(
            "the contract asks for nothing", where=document.name, fix="list what must hold under `columns:`"
        )
    for key in asking:
        if given.get(key, True) or isinstance(given.get(key), str):
            continue
        raise InvalidInput(
            "is empty, and would check nothing", where=document.at((key,)), fix="fill it, or leave the key out"
        )


def _names(keys: type[Section]) -> tuple[str, ...]:
    return keys.__struct_encode_fields__


def _dialect_is_sound(document: Document, contract: Contract) -> None:
    if not _is_one_sign(contract.delimiter) or contract.delimiter == '"':
        raise InvalidInput(
            "cannot part the cells of a CSV file",
            where=document.at(("delimiter",)),
            fix='use one character such as "," or ";"',
        )
    if contract.quote and (not _is_one_sign(contract.quote) or contract.quote == contract.delimiter):
        raise InvalidInput(
            "cannot quote the cells of a CSV file",
            where=document.at(("quote",)),
            fix="use one character other than the delimiter, or nothing where no cell is quoted",
        )


def _is_one_sign(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text not in "\r\n\0"

"""The Open Data Contract Standard, version 3: YAML with `kind: DataContract`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelway.config.document import Document
from modelway.data.forms import ReadContract, Written
from modelway.data.odcs.reading import read_odcs
from modelway.data.odcs.structure import KIND
from modelway.data.odcs.writing import written_odcs


def is_it(value: Mapping[str, Any]) -> bool:
    return value.get("kind") == KIND or "apiVersion" in value


def read(document: Document, part: str) -> ReadContract:
    return read_odcs(document, part)


def write(contract: Any, name: str) -> Written:
    return written_odcs(contract, name)

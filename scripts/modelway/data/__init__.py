"""Data contracts: each kind of check is written once (kinds) and run by an engine (engines) over a format (sources).

Names are loaded on first use: every script that reads modelway.yml loads the kinds of `quality`, and few of them read data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelway.lazy import names_of

if TYPE_CHECKING:
    from modelway.data.contract import Contract, load_contract
    from modelway.data.report import CheckResult, ContractReport, Example, ValidationReport, combined
    from modelway.data.validation import validate

__all__ = [
    "CheckResult",
    "Contract",
    "ContractReport",
    "Example",
    "ValidationReport",
    "combined",
    "load_contract",
    "validate",
]
_HOMES = {"Contract": "contract", "load_contract": "contract", "validate": "validation"}
__getattr__ = names_of(__name__, dict.fromkeys(__all__, "report") | _HOMES)

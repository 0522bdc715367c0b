"""Data contracts: each kind of check is written once (kinds) and run by an engine (engines) over a format (sources)."""

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

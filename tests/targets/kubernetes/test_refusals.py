"""What an API server refuses for a moment is asked again; what it refuses for good is told."""

from __future__ import annotations

import json

import pytest

from modelway.targets.kubernetes import refusals


@pytest.mark.parametrize(("what", "passes"), [("failed to allocate a serviceIP: range is full", True), ("x", False)])
def test_an_api_server_that_starts_has_no_address_for_a_service_yet(what: str, passes: bool) -> None:
    """As one of 1.34 said it a moment after its start; that a range is full is told once that time is over."""
    said = {
        "status": "Failure",
        "message": f"Internal error occurred: {what}",
        "reason": "InternalError",
        "details": {"causes": [{"message": what}]},
        "code": 500,
    }
    assert refusals.may_pass(refusals.read(500, json.dumps(said).encode(), {})) is passes

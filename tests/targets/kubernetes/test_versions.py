"""What an older Kubernetes is told instead of what it does not take."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from modelway.targets.kubernetes.versions import fitted, minor_of


def deployment(hook: dict[str, Any]) -> dict[str, Any]:
    server = {"name": "server", "lifecycle": {"preStop": hook, "postStart": {"exec": {"command": ["true"]}}}}
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [server, {"name": "logs"}]}}}}


def hook(body: dict[str, Any]) -> Any:
    return body["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]


def test_before_1_30_a_pod_sleeps_by_a_program() -> None:
    asked = deployment({"sleep": {"seconds": 3}})
    before = copy.deepcopy(asked)
    told = fitted(asked, lambda: 29)
    assert hook(told) == {"exec": {"command": ["sleep", "3"]}} and asked == before
    assert told["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["postStart"]


@pytest.mark.parametrize("minor", [30, 34, None])
def test_else_it_is_as_it_was(minor: int | None) -> None:
    asked = deployment({"sleep": {"seconds": 3}})
    assert fitted(asked, lambda: minor) is asked


def test_nobody_is_asked_where_nothing_depends_on_it() -> None:
    def asked() -> int:
        raise AssertionError

    for body in (
        deployment({"exec": {"command": ["x"]}}),
        {"kind": "Service", "spec": {}},
        {"kind": "Deployment", "spec": {}},
    ):
        assert fitted(body, asked) is body


def test_the_version_as_clouds_write_it() -> None:
    said = {"29": 29, "29+": 29, "": None, "x": None}
    assert {minor: minor_of({"major": "1", "minor": minor}) for minor in said} == said
    assert minor_of({}) is None

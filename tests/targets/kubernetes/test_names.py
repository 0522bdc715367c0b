"""Names of what we make: valid in a cluster, and never another target's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import InvalidInput
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.replicas import check_reach, pods_for

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_a_key_is_a_label_with_room_behind_it(model: str, environment: str) -> None:
    key = names.key(model, environment)
    assert all(LABEL.fullmatch(part) for part in key.split(".")) and len(key) <= names.LONGEST


def test_targets_that_look_alike_have_keys_of_their_own() -> None:
    pairs = [("a-b", "c"), ("a", "b-c"), ("a_b", "c"), ("A-b", "c"), ("a.b", "c"), ("m" * 60, "x"), ("m" * 60, "y")]
    pairs += [("\u65e5", "c"), ("\u672c", "c"), ("a", "b.c")]
    assert len({names.key(*pair) for pair in pairs}) == len(pairs)
    assert names.key("a-b", "c") == "modelway-a-b.c"


@given(
    st.from_regex(r"[a-z]([a-z0-9.-]{0,250}[a-z0-9])?", fullmatch=True), st.integers(1, 10**6), st.integers(1, 10**6)
)
def test_a_workload_leaves_room_for_a_pods_own_part(deployment: str, version: int, rollout: int) -> None:
    name = names.workload(deployment.replace(".", "-"), f"v{version}-r{rollout}")
    assert LABEL.fullmatch(name) and len(name) <= 52
    assert name.endswith(f"-v{version}-r{rollout}")


def test_deployments_with_long_names_that_begin_alike_have_their_own() -> None:
    assert names.workload("m" * 60 + "a", "v1-r1") != names.workload("m" * 60 + "b", "v1-r1")


@pytest.mark.parametrize(("share", "stable", "count"), [(0.5, 2, 2), (1 / 3, 2, 1), (0.25, 3, 1), (0.1, 9, 1)])
def test_pods_beside_make_the_share(share: float, stable: int, count: int) -> None:
    assert pods_for(share, stable) == count
    check_reach([share, 1.0], stable)


def test_a_share_that_pods_cannot_make_is_refused_with_what_they_can() -> None:
    with pytest.raises(InvalidInput, match="10% of the connections cannot be reached beside 2 pods") as refused:
        check_reach([0.1, 0.5, 1.0], 2)
    assert "use some of 33, 50, 60" in refused.value.line()

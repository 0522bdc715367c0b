"""Whose a field was is noted before it is changed, and is so again afterwards."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelway.targets.kubernetes import claims, names

RULES = ("spec", "rules")
FIELDS = st.dictionaries(st.sampled_from(["f:hostnames", "f:parentRefs", "f:rules"]), st.just({}), min_size=1)
ENTRY = st.builds(
    lambda manager, operation, spec, label: {
        "manager": manager,
        "operation": operation,
        "apiVersion": "gateway.networking.k8s.io/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": spec, **({"f:metadata": {"f:labels": {"f:a": {}}}} if label else {})},
    },
    st.sampled_from(["helm", "argocd-controller", "kubectl"]),
    st.sampled_from(["Apply", "Update"]),
    FIELDS,
    st.booleans(),
)
ENTRIES = st.lists(ENTRY, max_size=4, unique_by=lambda entry: (entry["manager"], entry["operation"]))
OTHER = {"op": "replace", "path": "/spec/rules/0/backendRefs", "value": []}


def patched(item: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Annotations and managedFields alone."""
    made = copy.deepcopy(item)
    for one in operations:
        *above, last = one["path"].strip("/").split("/")
        last, place = last.replace("~1", "/"), made
        for part in above:
            place = place.setdefault(part, {})
        if one["op"] == "remove":
            del place[last]
        else:
            place[last] = one["value"]
    return made


def route(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"metadata": {"name": "r", "managedFields": entries}}


def written_by_us(item: dict[str, Any]) -> dict[str, Any]:
    """As the API server notes a write of ours: nobody else owns the rules any more."""
    made = copy.deepcopy(item)
    ours = {"f:spec": {"f:rules": {}}, "f:metadata": {"f:annotations": {"f:modelway.dev/fence": {}}}}
    for entry in made["metadata"]["managedFields"]:
        entry["fieldsV1"]["f:spec"].pop("f:rules", None)
        if not entry["fieldsV1"]["f:spec"]:
            del entry["fieldsV1"]["f:spec"]
    left = [entry for entry in made["metadata"]["managedFields"] if entry["fieldsV1"]]
    mine = {"manager": "modelway", "operation": "Update", "apiVersion": "gateway.networking.k8s.io/v1"}
    made["metadata"]["managedFields"] = [*left, {**mine, "fieldsType": "FieldsV1", "fieldsV1": ours}]
    return made


def owned(item: dict[str, Any]) -> dict[tuple[str, str], Any]:
    entries = item["metadata"]["managedFields"]
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in entries}


@given(entries=ENTRIES)
def test_afterwards_it_is_theirs_as_before(entries: list[dict[str, Any]]) -> None:
    before = route(entries)
    theirs = any("f:rules" in entry["fieldsV1"]["f:spec"] for entry in entries)
    noted = claims.noted(before, RULES, [OTHER])
    assert bool(noted) == theirs
    after = written_by_us(patched(before, noted))
    assert claims.noted(after, RULES, [OTHER]) == [] or not theirs, "once: a second change finds the rules ours"
    back = claims.given_back(after, RULES)
    if not theirs:
        assert back == [], "whoever owned nothing is given nothing"
        return
    ended = patched(after, back)
    ours = owned(ended).pop(("modelway", "Update"))
    assert ours == {"f:metadata": {"f:annotations": {"f:modelway.dev/fence": {}}}}
    assert {who: fields for who, fields in owned(ended).items() if who[0] != "modelway"} == owned(before)
    assert names.OWNERS not in ended["metadata"]["annotations"]
    assert claims.given_back(ended, RULES) == []


def test_where_nothing_is_changed_nothing_is_noted() -> None:
    entry = {"manager": "helm", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:spec": {"f:rules": {}}}}
    assert claims.noted(route([entry]), RULES, []) == []


def test_what_tells_no_owners_is_left_alone() -> None:
    bare: dict[str, Any] = {"metadata": {"name": "r"}}
    assert claims.noted(bare, RULES, [OTHER]) == [] and claims.given_back(bare, RULES) == []

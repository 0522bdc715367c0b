"""Whose field it is: `metadata.managedFields` as the API server writes them, conflicts as it answers them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.targets.kubernetes import owners
from modelway.targets.kubernetes.owners import Manager

IMAGE = ("spec", "template", "spec", "containers", {"name": "server"}, "image")
REPLICAS = ("spec", "replicas")


def entry(name: str, fields: object, operation: str = "Apply", subresource: str = "") -> dict[str, Any]:
    said = {
        "manager": name,
        "operation": operation,
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**said, "time": "2026-11-26T08:00:00Z", **({"subresource": subresource} if subresource else {})}


def container(*fields: str) -> dict[str, Any]:
    server = {".": {}, "f:name": {}, **{f"f:{field}": {} for field in fields}}
    keyed = {'k:{"name":"server"}': server, 'k:{"name":"sidecar"}': {".": {}, "f:image": {}, "f:name": {}}}
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": keyed}}}}


def deployment(*entries: dict[str, Any]) -> dict[str, Any]:
    pods = [{"name": "server", "image": "a"}, {"name": "sidecar", "image": "b"}]
    spec = {"replicas": 2, "template": {"spec": {"containers": pods}}}
    return {"metadata": {"name": "d", "managedFields": list(entries)}, "spec": spec}


def test_the_first_owner_that_would_write_the_field_again_is_found() -> None:
    item = deployment(
        entry("kubectl-client-side-apply", container("image"), "Update"),
        entry("modelway", container("image")),
        entry("argocd-controller", container("image", "resources")),
    )
    assert [manager.name for manager in owners.managers(item, IMAGE)] == [
        "kubectl-client-side-apply",
        "modelway",
        "argocd-controller",
    ]
    assert owners.foreign(item, IMAGE) == Manager("argocd-controller", "Apply", "", "2026-11-26T08:00:00Z")
    assert owners.foreign(item, IMAGE, allowed=("argocd-controller",)) is None
    assert owners.foreign(item, REPLICAS) is None


def test_another_container_of_the_same_owner_is_another_field() -> None:
    fields = container("image")
    del fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"server"}']
    assert owners.foreign(deployment(entry("helm", fields)), IMAGE) is None


@pytest.mark.parametrize("hand", ["kubectl", "kubectl-edit", "kubectl-set", "kubectl-rollout", "before-first-apply"])
def test_who_works_by_hand_does_not_write_again(hand: str) -> None:
    assert owners.foreign(deployment(entry(hand, container("image"), "Update")), IMAGE) is None


def test_what_a_controller_says_of_the_status_is_no_claim() -> None:
    replicas = {"f:spec": {"f:replicas": {}}}
    assert owners.foreign(deployment(entry("other", replicas, "Update", "status")), REPLICAS) is None
    scaled = deployment(entry("kube-controller-manager", replicas, "Update", "scale"))
    found = owners.foreign(scaled, REPLICAS)
    assert found is not None and found.subresource == "scale"
    refusal = owners.refusal(found, "Deployment", "d", REPLICAS)
    assert "HorizontalPodAutoscaler" in refusal.line() and "(kube-controller-manager)" in refusal.line()


def route(rules: object, fields: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "r", "annotations": {"a": "b"}, "managedFields": [entry("flux", fields)]},
        "spec": rules,
    }


def test_an_atomic_list_is_owned_whole() -> None:
    item = route({"rules": [{"backendRefs": [{"name": "s", "weight": 1}]}]}, {"f:spec": {"f:rules": {}}})
    assert owners.foreign(item, ("spec", "rules")) is not None
    assert owners.foreign(item, ("spec", "rules", 0, "backendRefs")) is not None
    assert owners.foreign(item, ("spec",)) is not None, "whoever owns a part is in the way of the whole"
    assert owners.foreign(item, ("spec", "hostnames")) is None


def test_an_empty_mapping_that_somebody_wrote_is_not_what_others_put_into_it() -> None:
    item = route({}, {"f:metadata": {"f:annotations": {}}})
    assert owners.foreign(item, ("metadata", "annotations", "modelway.dev/fence")) is not None, "atomic, as it seems"
    ours = {"f:metadata": {"f:annotations": {"f:modelway.dev/fence": {}}}}
    item["metadata"]["managedFields"].append(entry("modelway", ours))
    assert owners.foreign(item, ("metadata", "annotations", "modelway.dev/fence")) is None
    bare = {"metadata": {"managedFields": [entry("flux", {"f:metadata": {"f:annotations": {}}})]}}
    assert owners.foreign(bare, ("metadata", "annotations", "modelway.dev/fence")) is None


def test_elements_of_sets_and_of_lists_by_index() -> None:
    fields = {"f:metadata": {"f:finalizers": {'v:"x/y"': {}}}, "f:list": {"i:1": {}}}
    item = {"metadata": {"finalizers": ["x/y", "z"], "managedFields": [entry("other", fields)]}, "list": [1, 2]}
    assert owners.foreign(item, ("metadata", "finalizers", "x/y")) is not None
    assert owners.foreign(item, ("metadata", "finalizers", "z")) is None
    assert owners.foreign(item, ("list", 1)) is not None
    assert owners.foreign(item, ("list", 0)) is None


def test_a_key_of_several_fields_is_found_by_some_of_them() -> None:
    fields = {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}
    item = {
        "metadata": {"managedFields": [entry("other", fields)]},
        "spec": {"ports": [{"port": 80, "protocol": "TCP"}]},
    }
    assert owners.foreign(item, ("spec", "ports", {"port": 80})) is not None
    assert owners.foreign(item, ("spec", "ports", {"port": 80, "protocol": "UDP"})) is None


names = st.from_regex(r"[a-zA-Z][\w]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8)
keys = st.dictionaries(names, st.one_of(texts, st.integers(0, 9), st.booleans()), min_size=1, max_size=2)
paths = st.lists(st.one_of(names, keys), min_size=1, max_size=6).map(tuple)


def written(paths: list[tuple[Any, ...]]) -> dict[str, Any]:
    """fieldsV1 of a set of fields."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for element in path:
            key = f"f:{element}" if isinstance(element, str) else "k:" + json.dumps(element, sort_keys=True)
            node = node.setdefault(key, {})
        node["."] = {}
    return tree


@given(mine=st.lists(paths, max_size=4), other=st.lists(paths, max_size=4), asked=paths)
def test_an_owner_is_whoever_has_the_field_or_something_in_it(
    mine: list[tuple[Any, ...]], other: list[tuple[Any, ...]], asked: tuple[Any, ...]
) -> None:
    """A set of paths as the truth: where every field is granular, a manager owns a field that is a start of one of its own."""

    def starts(path: tuple[Any, ...]) -> bool:
        return len(path) >= len(asked) and all(
            step == want if isinstance(want, str) else isinstance(step, dict) and want.items() <= step.items()
            for step, want in zip(path, asked, strict=False)
        )

    item = {"metadata": {"managedFields": [entry("a", written(mine)), entry("b", written(other))]}}
    expected = [name for name, fields in (("a", mine), ("b", other)) if any(starts(path) for path in fields)]
    assert [manager.name for manager in owners.managers(item, asked)] == expected
    for path in mine:
        assert "a" in [manager.name for manager in owners.managers(item, path)]


@given(path=paths)
def test_a_path_is_read_as_it_was_written(path: tuple[Any, ...]) -> None:
    if not any(element in ("annotations", "labels", "matchLabels", "nodeSelector") for element in path):
        assert owners.parsed(owners.shown(path)) == path


def test_keys_of_annotations_hold_dots() -> None:
    text = ".spec.template.metadata.annotations.prometheus.io/scrape"
    assert owners.parsed(text) == ("spec", "template", "metadata", "annotations", "prometheus.io/scrape")
    assert owners.parsed(".spec.rules") == ("spec", "rules")
    assert owners.parsed('.metadata.finalizers[="x"]') == ("metadata", "finalizers", "x")


def conflict(message: str, field: str = ".spec.rules") -> dict[str, Any]:
    causes = [{"reason": "FieldManagerConflict", "message": message, "field": field}]
    return {"kind": "Status", "code": 409, "reason": "Conflict", "details": {"causes": causes}}


def test_conflicts_of_an_apply_name_their_managers() -> None:
    field = '.spec.template.spec.containers[name="server"].image'
    (found,) = owners.conflicts(conflict('conflict with "argocd-controller"', field))
    assert found == owners.Conflict(Manager("argocd-controller", "Apply"), IMAGE)
    (found,) = owners.conflicts(conflict('conflict with "k" with subresource "scale" using apps/v1'))
    assert found.manager == Manager("k", "Update", "scale")
    (found,) = owners.conflicts(conflict('conflict with "k \\"q" using apps/v1 at 2026-11-26T08:00:00Z'))
    assert found.manager == Manager('k "q', "Update", "", "2026-11-26T08:00:00Z")
    assert owners.conflicts(conflict('conflict with "helm"'), allowed=("helm",)) == []


def test_a_lost_race_is_no_conflict_of_owners() -> None:
    lost = {"kind": "Status", "code": 409, "reason": "Conflict", "details": {"name": "d", "kind": "deployments"}}
    assert owners.conflicts(lost) == []
    other = conflict('conflict with "x"')
    other["details"]["causes"][0]["reason"] = "FieldValueInvalid"
    assert owners.conflicts(other) == []
    assert owners.conflicts({"code": 409, "message": "Operation cannot be fulfilled"}) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "argocd-controller",
            "spec.ignoreDifferences (jqPathExpressions: ['.spec.template.spec.containers[] | select(.name",
        ),
        ("argocd-application-controller", "RespectIgnoreDifferences=true"),
        ("helm", "Helm's lookup"),
        ("helm-controller", "spec.driftDetection.ignore"),
        ("kustomize-controller", "kustomize.toolkit.fluxcd.io/ssa: Merge"),
        ("Terraform", "lifecycle.ignore_changes"),
        ("pulumi-kubernetes-1a2b", "ignoreChanges"),
        ("their-own-operator", "have it leave the field alone"),
    ],
)
def test_a_refusal_is_one_line_with_two_ways_out(name: str, says: str) -> None:
    refusal = owners.refusal(Manager(name, "Apply"), "Deployment", "flight-delay", IMAGE)
    line = refusal.line()
    assert refusal.exit_code == 2 and "\n" not in line
    assert line.startswith("Deployment flight-delay: ") and name in line
    assert '.spec.template.spec.containers[name="server"].image' in line
    assert says in line and "; or let it deploy: take `deploy` out of this environment" in line
    assert f"add {name} to deploy.kubernetes.take-over" in line


def test_a_field_without_keys_is_a_pointer() -> None:
    line = owners.refusal(Manager("argocd-controller", "Apply"), "HTTPRoute", "r", ("spec", "rules")).line()
    assert "(jsonPointers: [/spec/rules])" in line
    line = owners.refusal(Manager("kustomize-controller", "Apply"), "HTTPRoute", "r", ("spec", "rules")).line()
    assert "(paths: [/spec/rules])" in line

"""Whose a field is while we change it for a time, and that it is theirs again afterwards.

A write makes us the owner of what it changes, also of a list that is one field, such as the rules of an HTTPRoute. Put back as
it was, it would still be ours: the team's own server-side apply of the same manifest (Helm 4, Argo CD, `kubectl apply
--server-side`) is answered with a conflict, since the API server has filled in defaults that the manifest does not have. So
who owned the field is noted on the object before the first change, and `metadata.managedFields` says so again after the last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Object, Operations
from modelway.targets.kubernetes.owners import OURS
from modelway.targets.kubernetes.routes import annotated, notes_of

WHO = ("manager", "operation", "apiVersion", "subresource")
"""What tells one entry of managedFields from another."""


def noted(item: Object, field: Sequence[str], operations: Operations) -> Operations:
    """What notes the field's owners, to be sent with the operations that change it for the first time."""
    if not operations or names.OWNERS in notes_of(item):
        return Operations()
    theirs = [
        {**_who(entry), "fields": fields}
        for entry in _entries(item)
        if entry.get("manager") != OURS and (fields := _at(entry.get("fieldsV1") or {}, field)) is not None
    ]
    if not theirs:
        return Operations()
    made = annotated(item, {names.OWNERS: json.dumps(theirs, sort_keys=True)})
    return [one for one in made if one not in operations]


def given_back(item: Object, field: Sequence[str]) -> Operations:
    """What makes the field theirs again, once it is as it was; nothing where nothing was noted."""
    noted_ = notes_of(item).get(names.OWNERS)
    if noted_ is None:
        return Operations()
    entries = [{**entry, "fieldsV1": entry.get("fieldsV1") or {}} for entry in _entries(item)]
    for entry in entries:
        if entry.get("manager") == OURS:
            entry["fieldsV1"] = _without(entry["fieldsV1"], field)
    for claim in json.loads(noted_):
        fields, who = claim.pop("fields"), claim
        if not any(_who(entry) == who for entry in entries):
            entries.append({**who, "fieldsType": "FieldsV1", "fieldsV1": {}})
        theirs = next(entry for entry in entries if _who(entry) == who)
        theirs["fieldsV1"] = _with(theirs["fieldsV1"], field, fields)
    left = [entry for entry in entries if entry["fieldsV1"]]
    owned = {"op": "replace", "path": "/metadata/managedFields", "value": left}
    return [owned, *annotated(item, {names.OWNERS: None})]


def _entries(item: Object) -> list[dict[str, Any]]:
    return list(item["metadata"].get("managedFields") or ())


def _who(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in WHO if key in entry}


def _at(tree: Mapping[str, Any], field: Sequence[str]) -> Mapping[str, Any] | None:
    """What is owned below the field; None where the field is not."""
    found: Mapping[str, Any] | None = tree
    for part in field:
        found = found.get(f"f:{part}") if found is not None else None
    return found


def _without(tree: Mapping[str, Any], field: Sequence[str]) -> dict[str, Any]:
    key, *rest = (f"f:{field[0]}", *field[1:])
    if key not in tree:
        return dict(tree)
    left = _without(tree[key], rest) if rest else {}
    others = {name: below for name, below in tree.items() if name != key}
    return {**others, key: left} if left else others


def _with(tree: Mapping[str, Any], field: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    key, *rest = (f"f:{field[0]}", *field[1:])
    return {**tree, key: _with(tree.get(key) or {}, rest, fields) if rest else dict(fields)}

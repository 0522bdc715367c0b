"""Who owns a field of an object: read from `metadata.managedFields`, or from the conflicts of a server-side apply.

A path is a tuple: a string is a field, a mapping is the element of a keyed list (`{"name": "server"}`), a number is the index
of an element, and a string may also be a value of a set. Where nobody owns a field alone, all who do are owners.
An autoscaler is noted only where somebody had set the replicas before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from modelway.errors import InvalidInput

Object = Mapping[str, Any]
Element = str | int | Mapping[str, object]
Path = Sequence[Element]
Operation = Literal["Apply", "Update"]
OURS = "modelway"
TAKE_OVER = "deploy.kubernetes.take-over"


@dataclass(frozen=True)
class Manager:
    """operation: Apply is a claim that stands; Update is who wrote last. subresource: such as scale; empty for the object
    itself. time: as the API writes it; empty where it does not say."""

    name: str
    operation: Operation
    subresource: str = ""
    time: str = ""


@dataclass(frozen=True)
class Conflict:
    manager: Manager
    path: tuple[Element, ...]


def managers(item: Object, path: Path) -> tuple[Manager, ...]:
    """Who owns the field or something within it, in the order of the object."""
    entries = [entry for entry in item["metadata"].get("managedFields") or () if entry.get("fieldsV1")]
    trees = [entry["fieldsV1"] for entry in entries]
    return tuple(_manager(entry) for entry in entries if _owns(item, entry["fieldsV1"], trees, path))


def foreign(item: Object, path: Path, allowed: Collection[str] = ()) -> Manager | None:
    """The first owner that will write the field again: neither we, nor kubectl in somebody's hand, nor one of `allowed`."""
    for manager in managers(item, path):
        if manager.subresource != "status" and not _yields(manager.name) and manager.name not in allowed:
            return manager
    return None


def conflicts(status: Object, allowed: Collection[str] = ()) -> list[Conflict]:
    """Of the Status that a server-side apply answered with 409. A 409 without causes is a lost race, and has none."""
    found = []
    for cause in (status.get("details") or {}).get("causes") or ():
        told = re.match(
            r'conflict with ("(?:[^"\\]|\\.)*")(?: with subresource "([^"]*)")?(?: using \S+?(?: at (\S+))?)?$',
            cause.get("message", ""),
        )
        if cause.get("reason") == "FieldManagerConflict" and told:
            name, subresource, time = json.loads(told[1]), told[2] or "", told[3] or ""
            operation: Operation = "Update" if " using " in cause["message"] else "Apply"
            if name not in allowed:
                found.append(Conflict(Manager(name, operation, subresource, time), parsed(cause.get("field", ""))))
    return found


def refusal(manager: Manager, kind: str, name: str, path: Path) -> InvalidInput:
    """Why the field is not written: whose it is, and the two ways out."""
    tool = next((tool for known, tool in TOOLS.items() if re.fullmatch(known, manager.name)), None)
    if manager.subresource == "scale":
        tool = AUTOSCALER
    tool = tool or Tool(manager.name, "have it leave the field alone")
    whose = manager.name if tool.title == manager.name else f"{tool.title} ({manager.name})"
    leave = tool.leave.format(argo=_for_argo(path), flux=_for_flux(path))
    return InvalidInput(
        f"{whose} owns {shown(path)}, and two that write one field undo each other",
        where=f"{kind} {name}",
        fix=f"either {leave}, then add {manager.name} to {TAKE_OVER}; or {tool.deploys}",
    )


@dataclass(frozen=True)
class Tool:
    """leave: how it is told to leave a field alone. deploys: how it does all the work instead."""

    title: str
    leave: str
    deploys: str = (
        "let it deploy: take `deploy` out of this environment in modelway.yml, and give it the image's digest"
    )


_IN_GIT = "let it deploy: take `deploy` out of this environment in modelway.yml, and write the image's digest into Git"
_IN_VALUES = (
    "let it deploy: take `deploy` out of this environment in modelway.yml, and set the chart's image to the digest"
)
AUTOSCALER = Tool(
    "a HorizontalPodAutoscaler",
    "take the number of replicas out of modelway.yml, so that the autoscaler alone sets it (or let its minReplicas say it)",
    "delete the HorizontalPodAutoscaler",
)
TOOLS: dict[str, Tool] = {
    r"argocd-controller|argocd-application-controller|argocd-server": Tool(
        "Argo CD",
        "list the field in the Application's spec.ignoreDifferences ({argo}), with RespectIgnoreDifferences=true among its "
        "syncOptions",
        _IN_GIT,
    ),
    r"helm": Tool(
        "Helm", "let the chart leave it as it is (without the key, or by Helm's lookup of the live value)", _IN_VALUES
    ),
    r"helm-controller": Tool(
        "Flux",
        "list the field in the HelmRelease's spec.driftDetection.ignore{flux} and let the chart leave it as it is",
        _IN_VALUES,
    ),
    r"kustomize-controller|flux-client-side-apply": Tool(
        "Flux",
        "list the field among the Kustomization's drift ignore rules{flux}, or leave it out of Git and annotate the object "
        "kustomize.toolkit.fluxcd.io/ssa: Merge",
        _IN_GIT,
    ),
    r"Terraform|HashiCorp": Tool("Terraform", "list the field in lifecycle.ignore_changes of its resource"),
    r"pulumi-.*": Tool("Pulumi", "list the field in ignoreChanges of its resource"),
}
"""By the names that they give themselves as field managers."""


def _yields(name: str) -> bool:
    return name in (OURS, "kubectl", "before-first-apply") or name.startswith("kubectl-")


def _manager(entry: Object) -> Manager:
    operation = cast(Operation, entry.get("operation") or "Update")
    return Manager(entry.get("manager") or "", operation, entry.get("subresource") or "", entry.get("time") or "")


def _owns(item: object, tree: Object, trees: Sequence[Object], path: Path) -> bool:
    """A leaf before the path's end owns all below where it is atomic: nobody's tree goes on there, and something is there.
    An empty mapping that somebody wrote (`annotations: {}`) is a leaf too, and owns nothing of what others put into it."""
    if not path:
        return True
    if not tree:
        return bool(item) and not any(key != "." for other in trees for key in other)
    below = [found for other in trees for found in _children(other, path[0])]
    return any(_owns(_value(item, path[0]), found, below, path[1:]) for found in _children(tree, path[0]))


def _children(tree: Object, element: Element) -> Iterator[Object]:
    for key, child in tree.items():
        kind, _, text = key.partition(":")
        if (
            (kind == "f" and text == element)
            or (kind == "k" and isinstance(element, Mapping) and element.items() <= json.loads(text).items())
            or (kind == "v" and not isinstance(element, Mapping) and json.loads(text) == element)
            or (kind == "i" and isinstance(element, int) and text == str(element))
        ):
            yield child


def _value(item: object, element: Element) -> object:
    if isinstance(item, Mapping):
        return item.get(element) if isinstance(element, str) else None
    if not isinstance(item, Sequence) or isinstance(item, str):
        return None
    if isinstance(element, Mapping):
        rows = (row for row in item if isinstance(row, Mapping))
        return next((row for row in rows if element.items() <= row.items()), None)
    if isinstance(element, int) and 0 <= element < len(item):
        return item[element]
    return element if element in item else None


def shown(path: Path) -> str:
    """As the API server writes a path: `.spec.template.spec.containers[name="server"].image`."""
    text = ""
    for element in path:
        if isinstance(element, Mapping):
            pairs = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in element.items())
            text += f"[{pairs}]"
        else:
            text += f"[{element}]" if isinstance(element, int) else f".{element}"
    return text


_NAMED = re.compile(r"\.(?:metadata\.)?(?:annotations|labels|matchLabels|nodeSelector)(?=\.)")
_PART = re.compile(
    r"\.([^.\[\]]+)|\[(\d+)\]|\[=(\"(?:[^\"\\]|\\.)*\"|[^\]]*)\]|\[((?:[^\"\]]|\"(?:[^\"\\]|\\.)*\")*)\]"
)
_PAIR = re.compile(r"(\w+)=(\"(?:[^\"\\]|\\.)*\"|[^,]*)")


def parsed(text: str) -> tuple[Element, ...]:
    """The path that the API server wrote so. Keys of annotations and labels hold dots, so all behind these is one key."""
    if named := _NAMED.search(text):
        return (*parsed(text[: named.end()]), text[named.end() + 1 :])
    found: list[Element] = []
    for part in _PART.finditer(text):
        field, index, value, keys = part.groups()
        if keys is not None:
            found.append({name: _scalar(written) for name, written in _PAIR.findall(keys)})
        elif index is not None:
            found.append(int(index))
        else:
            found.append(field if field is not None else str(_scalar(value)))
    return tuple(found)


def _scalar(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _for_argo(path: Path) -> str:
    """A JSON pointer, or a jq expression where a list has keys."""
    if not any(isinstance(element, Mapping) for element in path):
        return f"jsonPointers: [{_pointer(path)}]"
    text = ""
    for element in path:
        if isinstance(element, Mapping):
            tests = " and ".join(f".{key} == {json.dumps(value)}" for key, value in element.items())
            text += f"[] | select({tests}) | "
        elif isinstance(element, int):
            text += f"[{element}]"
        else:
            text += f".{element}" if element.isidentifier() else f"[{json.dumps(element)}]"
    return f"jqPathExpressions: ['{text.removesuffix(' | ')}']"


def _for_flux(path: Path) -> str:
    """A JSON pointer; nothing where a list has keys, which pointers do not know."""
    return "" if any(isinstance(element, Mapping) for element in path) else f" (paths: [{_pointer(path)}])"


def _pointer(path: Path) -> str:
    return "".join(f"/{str(element).replace('~', '~0').replace('/', '~1')}" for element in path)

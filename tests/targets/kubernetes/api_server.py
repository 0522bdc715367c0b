"""An API server in memory: resourceVersions, conflicts, JSON patches and ownership as the real one has them, and controllers
that need no time. For simulations: what the real one does is proven on the real one (tests/e2e)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from modelway.targets.kubernetes.cluster import KINDS, Cluster
from modelway.targets.kubernetes.refusals import ApiError
from targets.kubernetes import istio_crds

Object = dict[str, Any]
NAMESPACE = "models"
KIND_OF = {resource: kind for kind, (_, resource) in KINDS.items()}


class ApiServer:
    """objects: by kind and name. phases: of the pod of a Job with this uid, where it does not run."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.phases: dict[str, str] = {}
        self.labels: dict[str, dict[str, str | None]] = {}
        """Of pods, over those of their templates."""
        self.groups: set[str] = set()
        """Served beside what every cluster has."""
        self.version = 0

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, content: str) -> Object:
        """ApiError where it refuses. content: of the body, which says what kind of patch it is."""
        parts = unquote(path).strip("/").split("/")
        if parts == ["version"]:
            return {"major": "1", "minor": "34"}
        if "namespaces" not in parts:
            if path.strip("/") not in self.groups:
                raise ApiError(404, "404 page not found")
            return {"kind": "APIResourceList"}
        at = parts.index("namespaces") + 2
        kind, rest = KIND_OF[parts[at]], parts[at + 1 :]
        if kind == "Pod" and rest[1:2] == ["proxy"]:
            return self._said_by(rest[0].partition(":")[0], rest[2:])
        if kind == "Pod" and method == "PATCH":
            self.labels.setdefault(rest[0], {}).update(body["metadata"]["labels"])
            return {}
        if not rest:
            return (
                {"items": list(self._listed(kind, query.get("labelSelector", "")))}
                if method == "GET"
                else self.create(kind, body)
            )
        known = self.objects.get((kind, rest[0]))
        if known is None and not (method == "PATCH" and "apply" in content):
            raise _refused(404, "NotFound", f'{parts[at]} "{rest[0]}" not found')
        if method == "GET":
            assert known is not None
            return copy.deepcopy(known)
        if method == "DELETE":
            assert known is not None
            wanted = (body.get("preconditions") or {}).get("uid")
            if wanted not in (None, known["metadata"]["uid"]):
                raise _refused(409, "Conflict", "the UID in the precondition does not match")
            del self.objects[kind, rest[0]]
            self._collect()
            return {}
        if method == "PATCH" and "json-patch" in content:
            assert known is not None
            return self._stored(kind, patched(known, body))
        if method == "PUT":
            return self._replaced(kind, known, body)
        if method == "PATCH":
            if known is None:
                return self.create(kind, body)
            return self._replaced(kind, known, _merged(known, body), body)
        raise AssertionError(method)

    def create(self, kind: str, body: Object) -> Object:
        if (kind, name := body["metadata"]["name"]) in self.objects:
            raise _refused(409, "AlreadyExists", f"{name} already exists")
        self.version += 1
        body = copy.deepcopy(body)
        body["metadata"]["uid"] = f"uid-{self.version}"
        stored = self._stored(kind, body)
        self._collect()
        return stored

    def _replaced(self, kind: str, known: Object | None, body: Object, asked: Object | None = None) -> Object:
        assert known is not None
        version = (asked or body)["metadata"].get("resourceVersion")
        if version not in (None, known["metadata"]["resourceVersion"]):
            raise _refused(409, "Conflict", "the object has been modified")
        body = copy.deepcopy(body)
        body["metadata"] = {**body["metadata"], "uid": known["metadata"]["uid"]}
        return self._stored(kind, body)

    def _stored(self, kind: str, body: Object) -> Object:
        """An equal one moves no version. What Istio's definitions do not know would be dropped: here it is refused."""
        if kind in istio_crds.known() and (wrong := istio_crds.problems(body)):
            raise _refused(422, "Invalid", "; ".join(wrong))
        name = body["metadata"]["name"]
        known = self.objects.get((kind, name))
        body = copy.deepcopy(body)
        settled = {"generation": 1, **body["metadata"]}
        for field in ("resourceVersion", "generation"):
            settled[field] = (known or body)["metadata"].get(field, 1)
        body["metadata"] = settled
        if known is not None:
            body.setdefault("status", known.get("status"))
        if body != known:
            self.version += 1
            settled["generation"] += known is not None and body.get("spec") != known.get("spec")
            settled["resourceVersion"] = str(self.version)
            self._controlled(kind, body)
            self.objects[kind, name] = body
        return copy.deepcopy(self.objects[kind, name])

    def _controlled(self, kind: str, body: Object) -> None:
        """What controllers write into its status."""
        generation = body["metadata"]["generation"]
        if kind == "Deployment":
            count = body["spec"].get("replicas", 1)
            names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            body["status"] = {"observedGeneration": generation, **dict.fromkeys(names, count)}
        if kind == "Job":
            body["status"] = (body.get("status") or {}) | {"ready": 1}
        if kind == "HTTPRoute":
            said = [
                {"type": name, "status": "True", "observedGeneration": generation}
                for name in ("Accepted", "ResolvedRefs")
            ]
            body["status"] = {"parents": [{"conditions": said}]}

    def _collect(self) -> None:
        """What belongs to something that is gone goes too."""
        there = {item["metadata"]["uid"] for item in self.objects.values()}
        for key, item in list(self.objects.items()):
            owners = item["metadata"].get("ownerReferences") or ()
            if owners and not any(owner["uid"] in there for owner in owners):
                del self.objects[key]

    def _listed(self, kind: str, selector: str) -> Iterator[Object]:
        if kind == "EndpointSlice":
            yield self.endpoints(selector.partition("=")[2])
            return
        found = self._pods() if kind == "Pod" else [item for (of, _), item in self.objects.items() if of == kind]
        for item in found:
            labels = item["metadata"].get("labels") or {}
            if all(_selects(word, labels) for word in selector.split(",") if word):
                yield copy.deepcopy(item)

    def _pods(self) -> Iterator[Object]:
        for (kind, name), item in self.objects.items():
            if kind == "Job":
                owner = {"kind": "Job", "name": name, "uid": item["metadata"]["uid"], "controller": True}
                labels = item["spec"]["template"]["metadata"]["labels"]
                yield {
                    "metadata": {"name": f"{name}-0", "labels": labels, "ownerReferences": [owner]},
                    "status": {"phase": self.phases.get(item["metadata"]["uid"], "Running")},
                }
            for number in range(item["spec"].get("replicas", 1)) if kind == "Deployment" else ():
                template = item["spec"]["template"]
                status = [
                    {"name": one["name"], "ready": True, "restartCount": 0, "imageID": one["image"]}
                    for one in template["spec"]["containers"]
                ]
                labels = template["metadata"]["labels"] | self.labels.get(f"{name}-{number}", {})
                labels = {label: said for label, said in labels.items() if said is not None}
                yield {
                    "metadata": {"name": f"{name}-{number}", "labels": labels},
                    "status": {
                        "phase": "Running",
                        "conditions": [{"type": "Ready", "status": "True"}],
                        "containerStatuses": status,
                    },
                }

    def endpoints(self, service: str) -> Object:
        if ("Service", service) not in self.objects:
            return {"endpoints": []}
        selector = self.objects["Service", service]["spec"]["selector"]
        pods = [pod for pod in self._pods() if selector.items() <= pod["metadata"]["labels"].items()]
        return {"endpoints": [{"targetRef": {"name": pod["metadata"]["name"]}} for pod in pods]}

    def _said_by(self, pod: str, path: list[str]) -> Object:
        found = [item for item in self._pods() if item["metadata"]["name"] == pod]
        if not found:
            raise _refused(404, "NotFound", f'pods "{pod}" not found')
        image = found[0]["status"]["containerStatuses"][0]["imageID"]
        version = int(image.partition(":v")[2].partition("@")[0])
        return {"version": version, "digest": f"model_digest{version}", "environment": "production"}


class ClusterInMemory(Cluster):
    """What a command sees of it. call: to be replaced where something happens between the two."""

    def __init__(self, api: ApiServer) -> None:
        super().__init__(None, NAMESPACE)
        self.api = api

    @property
    def server(self) -> str:
        return "the API server in memory"

    def call(  # type: ignore[override]
        self, method: str, path: str, query: Mapping[str, str], body: Any, content: str, headers: Mapping[str, str]
    ) -> bytes:
        return json.dumps(self.api.answer(method, path, query, body, content)).encode()

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any,
        content: str,
        accept: str,
        seconds: float | None,
        more: Mapping[str, str] | None = None,
    ) -> bytes:
        return self.call(method, path, query, body, content, more or {})


def _refused(status: int, reason: str, message: str) -> ApiError:
    return ApiError(status, message, reason)


def _selects(word: str, labels: Mapping[str, str]) -> bool:
    if word.startswith("!"):
        return word[1:] not in labels
    name, equal, value = word.partition("=")
    return labels.get(name) == value if equal else name in labels


def _merged(known: Any, change: Any) -> Any:
    """A merge patch, and for what the team's Deployment gets an apply too: its containers by their names."""
    if not isinstance(change, dict):
        return change
    merged = dict(known) if isinstance(known, dict) else {}
    for name, said in change.items():
        if said is None:
            merged.pop(name, None)
        elif name in ("containers", "env") and isinstance(merged.get(name), list):
            new = {item["name"]: item for item in said}
            known_names = {item["name"] for item in merged[name]}
            merged[name] = [_merged(item, new.get(item["name"], {})) for item in merged[name]]
            merged[name] += [item for item in said if item["name"] not in known_names]
        else:
            merged[name] = _merged(merged.get(name), said)
    return merged


def patched(known: Object, operations: list[Object]) -> Object:
    body: Any = copy.deepcopy(known)
    for one in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        place = body
        for part in way:
            place = place[int(part) if isinstance(place, list) else part]
        if last == "-":  # behind the last one
            place.append(json.loads(json.dumps(one["value"])))
            continue
        key: Any = int(last) if isinstance(place, list) else last
        if one["op"] == "add" and isinstance(place, list):
            place.insert(key, json.loads(json.dumps(one["value"])))
            continue
        if one["op"] in ("test", "replace", "remove") and isinstance(place, dict) and key not in place:
            raise _refused(422, "Invalid", "the server rejected our request due to an error in our request")
        if one["op"] == "test" and place[key] != one["value"]:
            raise _refused(422, "Invalid", "the server rejected our request due to an error in our request")
        if one["op"] in ("add", "replace"):
            place[key] = json.loads(json.dumps(one["value"]))
        if one["op"] == "remove":
            del place[key]
    return body  # type: ignore[no-any-return]

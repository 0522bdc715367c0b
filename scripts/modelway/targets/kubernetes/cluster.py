"""Calls to the API server: objects as it writes them (JSON), bounded in time, and what it refuses as one line.

The official client gives the connection and the credentials; paths and bodies are ours, since its models refuse what they do
not know and drop what is newer than they are.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.serving.head import TESTER_HEADER
from modelway.targets.kubernetes import connection, refusals, versions
from modelway.targets.kubernetes.outages import Outages
from modelway.targets.kubernetes.refusals import ApiError, Unserved

Object = dict[str, Any]
Operations = list[dict[str, Any]]
"""A JSON patch (RFC 6902)."""
MANAGER = "modelway"
"""Our name among the managers of fields."""
CALL_SECONDS = (3.0, 10.0)
"""To connect, and to wait for an answer."""
RETRY_SECONDS = 25.0
"""An API server that was killed is back after 4 s, and knows custom resources again after 14."""
LOST_SECONDS = 60.0
"""For one that this command has reached before: its address is right."""
PAUSE_SECONDS = 0.25

KINDS = {
    "ConfigMap": ("api/v1", "configmaps"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "DestinationRule": ("apis/networking.istio.io/v1", "destinationrules"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "Event": ("api/v1", "events"),
    "Gateway": ("apis/gateway.networking.k8s.io/v1", "gateways"),
    "HTTPRoute": ("apis/gateway.networking.k8s.io/v1", "httproutes"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Job": ("apis/batch/v1", "jobs"),
    "Lease": ("apis/coordination.k8s.io/v1", "leases"),
    "Pod": ("api/v1", "pods"),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": ("api/v1", "secrets"),
    "Service": ("api/v1", "services"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "VirtualService": ("apis/networking.istio.io/v1", "virtualservices"),
}
"""Kind -> the group's path and the resource's name."""
OLDER = {"apis/networking.istio.io/v1": "apis/networking.istio.io/v1beta1"}
"""The group's path where the cluster does not serve the one above: Istio before 1.22."""


@dataclass
class Cluster:
    """One namespace of one cluster, reached when the first call is made. context, namespace: as modelway.yml says; None: those
    of the kubeconfig."""

    context: str | None = None
    named_namespace: str | None = None
    _connected: list[Any] = field(default_factory=list, repr=False)
    _served: dict[str, bool] = field(default_factory=dict, repr=False)
    _minor: list[int | None] = field(default_factory=list, repr=False)
    outages: Outages = field(default_factory=Outages, repr=False)
    _reached: bool = field(default=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def namespace(self) -> str:
        return self.named_namespace or str(self._connection()[1])

    @property
    def where(self) -> str:
        """For messages."""
        return f"namespace {self.namespace}"

    @property
    def server(self) -> str:
        return str(self._connection()[0].configuration.host)

    # objects of the namespace

    def get(self, kind: str, name: str) -> Object | None:
        """None where there is none of this name."""
        try:
            return self._json("GET", self.path(kind, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise self.told(error) from None

    def list(self, kind: str, labels: str = "", *, metadata: bool = False, namespace: str = "") -> list[Object]:
        """Those that the label selector selects; none where the cluster knows no such kind. metadata: without what they
        hold. namespace: another one."""
        query = {"labelSelector": labels}
        accept = "application/json"
        if metadata:
            accept = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{accept}"
        asked = {key: said for key, said in query.items() if said}
        try:
            found = self._json("GET", self.path(kind, namespace=namespace), asked, accept=accept)
        except ApiError as error:
            if error.status == 404:  # the cluster knows no such kind
                return []
            raise self.told(error) from None
        return found.get("items") or []

    def create(self, body: Object) -> Object:
        """ApiError with status 409 where it is there already."""
        return self._json("POST", self.path(body["kind"]), {"fieldManager": MANAGER}, body)

    def replace(self, body: Object) -> Object:
        """The whole object, where it is still the one that was read (metadata.resourceVersion); ApiError else."""
        return self._json("PUT", self.path(body["kind"], _name(body)), {"fieldManager": MANAGER}, body)

    def apply(self, body: Object, *, force: bool = False, try_only: bool = False) -> Object:
        """These fields are ours and have these values (server-side apply); ApiError with causes where others own some.
        try_only: all is checked, and nothing is written."""
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict"} | ({"force": "true"} if force else {})
        query |= {"dryRun": "All"} if try_only else {}
        body = versions.fitted(body, self.minor)
        return self._json(
            "PATCH", self.path(body["kind"], _name(body)), query, body, content="application/apply-patch+yaml"
        )

    def minor(self) -> int | None:
        """34 of Kubernetes 1.34, asked once; None where the cluster does not say."""
        if not self._minor:
            try:
                self._minor.append(versions.minor_of(self._json("GET", "/version")))
            except ApiError:  # every account may ask, unless somebody took that away
                self._minor.append(None)
        return self._minor[0]

    def patch(self, kind: str, name: str, operations: Sequence[Mapping[str, Any]], subresource: str = "") -> Object:
        """A JSON patch; ApiError where one of its tests does not hold."""
        path = self.path(kind, name) + (f"/{subresource}" if subresource else "")
        return self._json(
            "PATCH", path, {"fieldManager": MANAGER}, list(operations), content="application/json-patch+json"
        )

    def merge(self, kind: str, name: str, body: Object) -> Object:
        """A JSON merge patch; with a resourceVersion only where it is still that one."""
        return self._json(
            "PATCH", self.path(kind, name), {"fieldManager": MANAGER}, body, content="application/merge-patch+json"
        )

    def delete(self, kind: str, name: str, *, grace: int | None = None, uid: str = "") -> bool:
        """With all that belongs to it, in the background; False where there was none. uid: of the one that is meant: another
        one of that name is left alone."""
        body: Object = {"propagationPolicy": "Background"} | ({} if grace is None else {"gracePeriodSeconds": grace})
        body |= {"preconditions": {"uid": uid}} if uid else {}
        try:
            self._json("DELETE", self.path(kind, name), {}, body)
        except ApiError as error:
            if error.status == 404 or (uid and error.status == 409):
                return False
            raise self.told(error) from None
        return True

    def lines(self, pod: str, container: str, *, previous: bool, count: int = 3) -> str:
        """The container's last words, without blank lines; empty where there are none to be had."""
        query = {"container": container, "tailLines": str(4 * count), "limitBytes": "20000"}
        query |= {"previous": "true"} if previous else {}
        try:
            text = self.text(f"{self.path('Pod', pod)}/log", query)
        except ModelwayError:
            return ""
        return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-count:])

    # anything

    def serves(self, kind: str) -> bool:
        """Whether the cluster knows the kind, in a version that we know."""
        group, _ = KINDS[kind]
        return self._serves(group) or (group in OLDER and self._serves(OLDER[group]))

    def _serves(self, group: str) -> bool:
        """Asked once: credentials need no Role for it, unless a cluster hides what it serves. Then it is as if it were not."""
        if group not in self._served:
            try:
                self._json("GET", f"/{group}")
                self._served[group] = True
            except ApiError as error:
                if not (error.status == 404 or (error.status == 403 and "cannot get path" in error.message)):
                    raise self.told(error) from None
                self._served[group] = False
        return self._served[group]

    def path(self, kind: str, name: str = "", namespace: str = "") -> str:
        group, resource = KINDS[kind]
        if group in OLDER and not self._serves(group):
            group = OLDER[group]
        tail = f"/{quote(name, safe='')}" if name else ""
        return f"/{group}/namespaces/{quote(namespace or self.namespace, safe='')}/{resource}{tail}"

    def text(self, path: str, query: Mapping[str, str] | None = None, seconds: float | None = None) -> str:
        """What is at a path, such as through the proxy to a pod, asked for once."""
        try:
            return self._once("GET", path, query or {}, None, "", "*/*", seconds).decode(errors="replace")
        except ApiError as error:
            raise self.told(error) from None

    def proxied(
        self,
        kind: str,
        name: str,
        below: str,
        query: Mapping[str, str] | None = None,
        *,
        seconds: float,
        namespace: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """What a pod or a Service answers at a path below its own, through the API server, which reaches what this machine
        does not. name: with the port's number; a pod's port by its name breaks the API server. body: JSON to POST, as a
        tester would, with these headers; left out: GET. Unserved where it refuses."""
        path = f"{self.path(kind, name, namespace)}/proxy{below}"
        method, more = ("GET", {}) if body is None else ("POST", {TESTER_HEADER: "1", **(headers or {})})
        try:
            content = "application/json" if body is not None else ""
            return self._once(method, path, query or {}, body, content, "*/*", seconds, more).decode(errors="replace")
        except ApiError as error:
            if error.reason in ("Forbidden", "Unauthorized"):
                raise self.told(error) from None
            raise Unserved(name, below, error) from None

    def call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None, **more: str
    ) -> Object:
        """A call whose refusal is told to the user."""
        try:
            return self._json(method, path, query, body, **more)
        except ApiError as error:
            raise self.told(error) from None

    def told(self, error: ApiError) -> ModelwayError:
        """As a user reads it."""
        return refusals.told(error, self.server, self.where)

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        began = time.monotonic()
        deadline, down = began + (LOST_SECONDS if self._reached else RETRY_SECONDS), False
        while True:
            try:
                answer = json.loads(self._once(method, path, query or {}, body, content, accept, None))
                if not isinstance(answer, dict):
                    raise self._no_api_server()
                self._reached = True
                if down:
                    self.outages.seen(time.monotonic() - began)
                return answer
            except ApiError as error:
                if error.is_foreign or (error.is_unexplained and path.startswith("/api/v1/")):
                    raise self._no_api_server() from None
                forgotten = error.is_unexplained and self._served.get("/".join(path.split("/")[1:4]), False)
                if not (refusals.may_pass(error) or forgotten) or time.monotonic() > deadline:  # it starts anew
                    raise
                pause = error.retry_after
            except OutsideFailure:
                if time.monotonic() > deadline:
                    raise
                pause, down = 0.0, True
            except json.JSONDecodeError:
                if time.monotonic() > deadline:
                    raise self._no_api_server() from None
                pause = 0.0
            time.sleep(min(max(pause, PAUSE_SECONDS), max(0.0, deadline - time.monotonic())))

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
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        api = self._connection()[0]
        headers = {"Accept": accept, **(more or {})} | ({"Content-Type": content} if body is not None else {})
        request = api.param_serialize(method, path, header_params=headers, auth_settings=["BearerToken"])
        url = request[1] + (f"?{urlencode(query)}" if query else "")
        timeout = CALL_SECONDS if seconds is None else (min(seconds, CALL_SECONDS[0]), seconds)
        try:
            answer = api.rest_client.request(method, url, headers=request[2], body=body, _request_timeout=timeout)
            data: bytes = answer.read()
        except ApiException as error:  # the client makes one of whatever TLS says
            raise self._no_tls(" ".join(str(error.reason).split())) from None
        except HTTPError as error:
            raise self._unreachable(error) from None
        if 200 <= answer.status < 300:
            return data
        raise refusals.read(answer.status, data, answer.headers)

    def _no_api_server(self) -> InvalidInput:
        return InvalidInput(
            f"what answers at {self.server} is no Kubernetes API server",
            where=connection.WHERE,
            fix="give the server's whole address, with https:// and the path that your provider names",
        )

    def _no_tls(self, said: str) -> ModelwayError:
        if any(mark in said for mark in ("CERTIFICATE_VERIFY_FAILED", "NO_CERTIFICATE_OR_CRL_FOUND", "PEM lib")):
            return InvalidInput(
                f"the certificate of {self.server} or the one in the kubeconfig is not to be used: {said}",
                where=connection.WHERE,
                fix="log in to the cluster again: the file has the certificates of another one, or of before it was made anew",
            )
        return OutsideFailure(f"TLS failed: {said}", where=self.server, fix="run the same command again")

    def _unreachable(self, error: Exception) -> ModelwayError:
        why = " ".join(str(error).split()).rpartition(": ")[2].rstrip("\"')")[:200]
        proxy = self._connection()[0].configuration.proxy
        through = (
            f" through the proxy {_without_password(proxy)}" if "roxy" in type(error).__name__ + str(error) else ""
        )
        fix = "is this its address, and is it reached from here?"
        return OutsideFailure(
            f"the cluster cannot be reached{through}: {why or type(error).__name__}",
            where=self.server,
            fix="let no_proxy name the cluster's host, or mend the proxy" if through else fix,
        )

    def _connection(self) -> tuple[Any, str]:
        with self._lock:
            if not self._connected:
                self._connected.append(connection.connect(self.context))
            found: tuple[Any, str] = self._connected[0]
            return found


def _without_password(address: str | None) -> str:
    return re.sub(r"//[^@/]*@", "//", address or "")


def _name(body: Object) -> str:
    return str(body["metadata"]["name"])


def changed(
    cluster: Cluster,
    kind: str,
    name: str,
    change: Callable[[Object], Operations],
    check: Callable[[], None],
) -> Object | None:
    """Change an object as it is now: read it, make sure (`check`) that it may still be changed, patch it if nobody else did
    meanwhile, else begin again. change: what to do with the object that was read; nothing: it is left alone. None where there
    is no such object."""
    for _ in range(20):
        read = cluster.get(kind, name)
        if read is None:
            return None
        operations = change(read)
        check()
        if not operations:
            return read
        version = read["metadata"]["resourceVersion"]
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        try:
            return cluster.patch(kind, name, [test, *operations])
        except ApiError as error:
            now = cluster.get(kind, name)
            if now is not None and now["metadata"]["resourceVersion"] != version:
                continue
            raise cluster.told(error) from None
    raise OutsideFailure(
        f"{kind} {name} is changed by somebody else all the time",
        where=cluster.where,
        fix="find out by whom, with kubectl get --show-managed-fields",
    )

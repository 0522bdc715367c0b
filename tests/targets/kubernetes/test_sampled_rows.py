"""A shadow on a cluster remembers rows for the command that started it: no object has the token."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from modelway.config import Deploy, Gate
from modelway.config import sections as config
from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput
from modelway.rollout.comparison import RowsPlan
from modelway.rollout.plan import side_of
from modelway.stages.rollouts import deploy
from modelway.stages.rollouts.compare_rows import RowComparison
from modelway.targets.acts import SAMPLED_VARIABLE, TargetActs
from modelway.targets.kubernetes.place import KubernetesPlace
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.state import KubernetesSlot, KubernetesState
from targets.case import plan_of
from targets.kubernetes.api_server import NAMESPACE, ApiServer, ClusterInMemory
from targets.kubernetes.test_two_at_once import KEY, World, image, release

WANTED = Kubernetes(namespace=NAMESPACE, deployment="home", guardian=False)
ROWS = RowsPlan(most=100, task="binary", threshold=0.5, tolerance=0.01)


class PodsCluster(ClusterInMemory):
    """On an API server in memory, whose pods answer as our server does: those of version 2 have rows. posted: (path, headers,
    body) of every POST to a pod."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(server)
        self.posted = list[tuple[str, Mapping[str, str], Any]]()

    def call(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content: str, headers: Mapping[str, str]
    ) -> bytes:
        if method == "POST" and "/proxy/" in path:
            self.posted.append((path, headers, body))
            return json.dumps(self._said(path.partition("/pods/")[2], headers, body)).encode()
        return super().call(method, path, query, body, content, headers)

    def _said(self, path: str, headers: Mapping[str, str], body: Any) -> Any:
        pod, _, below = path.partition("/proxy/")
        if below == "predict":
            return {"predictions": [0.9 if "v2" in pod else 0.1 for _ in body["rows"]]}
        token = headers.get("x-modelway-token", "")
        env = self.api.objects["Deployment", "home-v2-r1"]["spec"]["template"]["spec"]["containers"][0]["env"]
        if hashlib.sha256(token.encode()).hexdigest() not in [item["value"] for item in env]:
            raise ApiError(403, "the token is missing")
        rows = [{"path": "/predict", "row": {"x": number}} for number in range(5)]
        return {"rows": rows, "unreadable": 0, "classes": []}


class Shadow:
    """One command that has a shadow of version 2 beside the team's version 1."""

    def __init__(self, server: ApiServer) -> None:
        self.cluster = PodsCluster(server)
        self.place = KubernetesPlace(self.cluster, KEY, WANTED)
        home = KubernetesSlot(
            msgspec.structs.replace(side_of(release(1)), slot="before"), image(1), home=True, replicas=2
        )
        new = KubernetesSlot(side_of(release(2), 1), image(2), replicas=2)
        state = KubernetesState(model="m", environment="e", slots={"before": home, "v2-r1": new}, stable="before")
        self.claim: Any = SimpleNamespace(state=state, place=self.place, next_number=lambda: 1)
        plan = msgspec.structs.replace(plan_of(self.claim, new), mirror=True, rows=ROWS)
        self.acts: Any = TargetActs(self.claim, plan, new, print, comparison=RowComparison(ROWS))
        self.there, self.slot = self.place._where.home(), new

    def start(self, variables: Mapping[str, str]) -> None:
        self.place._running.start_beside(self.there, self.slot, 2, [], lambda: None, variables)

    def environment(self, name: str = "home-v2-r1") -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.cluster.api.objects["Deployment", name]["spec"]["template"]["spec"][
            "containers"
        ][0].get("env", [])
        return found


@pytest.fixture
def server() -> ApiServer:
    server = ApiServer()
    World(SimpleNamespace(server=server))  # type: ignore[arg-type]
    team = server.objects["Deployment", "home"]["spec"]["template"]["spec"]["containers"][0]
    team["env"] = [{"name": "OMP_NUM_THREADS", "value": "2"}]
    return server


def test_rows_come_by_the_pods_proxy_for_a_token_that_no_object_has(server: ApiServer) -> None:
    shadow = Shadow(server)
    shadow.start(shadow.acts._variables(shadow.slot))
    counts = shadow.acts.compare(10)
    assert (counts.compared, counts.differ, counts.why) == (10, 10, "")
    token = shadow.place.rows_token(shadow.slot)
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert shadow.environment() == [
        {"name": "OMP_NUM_THREADS", "value": "2"},
        {"name": SAMPLED_VARIABLE, "value": digest},
    ]
    assert [item["name"] for item in shadow.environment("home")] == ["OMP_NUM_THREADS"], "the team's is left alone"
    everything = json.dumps(list(server.objects.values()))
    assert digest in everything and token not in everything
    assert all(headers["x-modelway-tester"] == "1" for _, headers, _ in shadow.cluster.posted), "no judge counts it"
    told = {path.partition("/proxy")[2] for path, headers, _ in shadow.cluster.posted if "x-modelway-token" in headers}
    assert told == {"/sampled-rows"}, "nobody else is told the token"
    assert {path.partition("/pods/")[2].partition("-")[0] for path, _, _ in shadow.cluster.posted} == {"home"}


def test_another_command_has_another_token_and_starts_the_pods_anew(server: ApiServer) -> None:
    one, other = Shadow(server), Shadow(server)
    one.start(one.acts._variables(one.slot))
    before = one.environment()
    generation = server.objects["Deployment", "home-v2-r1"]["metadata"]["generation"]
    other.start(other.acts._variables(other.slot))
    assert [item["name"] for item in other.environment()] == ["OMP_NUM_THREADS", SAMPLED_VARIABLE]
    assert other.environment() != before
    assert server.objects["Deployment", "home-v2-r1"]["metadata"]["generation"] == generation + 1
    assert other.acts.compare(10).compared == 10
    refused = one.acts.compare(10)
    assert (refused.compared, refused.why) == (0, "the shadow answers 403 at /sampled-rows")
    assert not one.place.keeps_rows_token


def test_a_variable_of_the_teams_own_template_gives_way(server: ApiServer) -> None:
    """No container may have a variable twice."""
    team = server.objects["Deployment", "home"]["spec"]["template"]["spec"]["containers"][0]
    team["env"].append({"name": SAMPLED_VARIABLE, "value": "0" * 64})
    shadow = Shadow(server)
    shadow.start(shadow.acts._variables(shadow.slot))
    assert [item["name"] for item in shadow.environment()] == ["OMP_NUM_THREADS", SAMPLED_VARIABLE]
    assert shadow.acts.compare(10).compared == 10


def test_what_is_no_shadow_remembers_nothing(server: ApiServer) -> None:
    shadow = Shadow(server)
    shadow.acts.comparison = None
    shadow.start(shadow.acts._variables(shadow.slot))
    assert [item["name"] for item in shadow.environment()] == ["OMP_NUM_THREADS"]


def test_short_jobs_cannot_share_a_token_and_say_so(server: ApiServer) -> None:
    """What asks for a comparison is refused; what does not goes on without."""
    said = list[str]()
    work: Any = SimpleNamespace(
        project=SimpleNamespace(gate=Gate()),
        deploy=Deploy(strategy="shadow", target="kubernetes"),
        claim=Shadow(server).claim,
        wait=False,
        job=SimpleNamespace(say=said.append),
    )
    assert deploy._rows(work) is None
    assert "no predictions are compared" in said[0]
    work.deploy = msgspec.structs.replace(work.deploy, shadow=config.Shadow(differ_at_most=0.02))
    with pytest.raises(InvalidInput, match="only the command that starts a shadow there can ask it for the rows"):
        deploy._rows(work)
    work.wait = True
    planned = deploy._rows(work)
    assert planned is not None and planned.differ_at_most == 0.02
    work.deploy = msgspec.structs.replace(work.deploy, shadow=config.Shadow(rows=0))
    assert deploy._rows(work) is None

"""On a cluster: pods count for a token that one Secret holds, and days are kept in ConfigMaps that two may write at once."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from modelway.config.sections import Create, Kubernetes
from modelway.errors import InvalidInput
from modelway.monitoring.kept_days import DaysPart
from modelway.rollout.plan import side_of
from modelway.stages.rollouts import deployment
from modelway.stages.steps import counted_days
from modelway.targets.counting_servers import VARIABLE
from modelway.targets.kubernetes import beside, home, names, objects
from modelway.targets.kubernetes.place import KubernetesPlace
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.role import role
from modelway.targets.kubernetes.sketches import ConfigMapParts, PodSketches
from modelway.targets.kubernetes.state import KubernetesSlot, KubernetesState
from monitoring.test_collecting import DAY
from monitoring.test_collecting import World as Servers
from targets.kubernetes.api_server import NAMESPACE, ApiServer, ClusterInMemory
from targets.kubernetes.test_two_at_once import KEY, World, image, release

WANTED = Kubernetes(namespace=NAMESPACE, deployment="home", guardian=False)
RELEASE = msgspec.structs.replace(release(2), training_sketch="a" * 64)


class Forbidding(ClusterInMemory):
    """An account whose Role has no word of Secrets."""

    def call(self, method: str, path: str, *more: Any) -> bytes:  # type: ignore[override]
        if "/secrets" in path:
            raise ApiError(403, "cannot get resource secrets", "Forbidden")
        return super().call(method, path, *more)


@pytest.fixture
def server() -> ApiServer:
    server = ApiServer()
    World(SimpleNamespace(server=server))  # type: ignore[arg-type]
    return server


def place(server: ApiServer, key: str = KEY, **more: Any) -> KubernetesPlace:
    return KubernetesPlace(ClusterInMemory(server), key, WANTED, **more)


def environment(server: ApiServer, name: str) -> dict[str, str]:
    [container] = server.objects["Deployment", name]["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item["value"] for item in container.get("env", [])}


def started(server: ApiServer, of: KubernetesPlace, slot: KubernetesSlot) -> dict[str, str]:
    variables = of._sketches.variables(slot)
    of._running.start_beside(of._where.home(), slot, 2, [], lambda: None, variables)
    return environment(server, names.workload("home", slot.side.slot))


def slot_of(of: KubernetesPlace, wanted: Any = RELEASE, number: int = 1) -> KubernetesSlot:
    prepared = of.prepare(wanted, lambda said: None)
    return msgspec.structs.replace(prepared, side=msgspec.structs.replace(prepared.side, slot=f"v2-r{number}"))


def test_pods_know_the_digest_and_a_later_command_has_the_token(server: ApiServer) -> None:
    first = place(server)
    slot = slot_of(first)
    assert slot.sketch
    env = started(server, first, slot)
    token = place(server).counting().token
    assert env == {VARIABLE: hashlib.sha256(token.encode()).hexdigest()} and len(token) == 64
    secret = server.objects.pop(("Secret", names.SKETCHES))
    assert base64.b64decode(secret["data"][KEY]).decode() == token
    assert token not in json.dumps(list(server.objects.values())), "nowhere else"


def test_the_teams_own_deployment_counts_too_and_keeps_its_variables(server: ApiServer) -> None:
    team = server.objects["Deployment", "home"]["spec"]["template"]["spec"]["containers"][0]
    team["env"] = [{"name": "OMP_NUM_THREADS", "value": "2"}]
    of = place(server)
    slot = slot_of(of)
    of._running.set_image(slot.image, lambda: None, of._sketches.variables(slot))
    assert set(environment(server, "home")) == {"OMP_NUM_THREADS", VARIABLE}
    without = KubernetesSlot(slot.side, image(3))
    assert set(started(server, of, without)) == {"OMP_NUM_THREADS"}, "a server without a sketch would not know it"


def test_a_team_that_counts_by_itself_is_left_alone(server: ApiServer) -> None:
    own = {beside.OWN_SKETCH: "/sketch.json", VARIABLE: "0" * 64}
    team = server.objects["Deployment", "home"]["spec"]["template"]["spec"]["containers"][0]
    team["env"] = [{"name": name, "value": value} for name, value in own.items()]
    of = place(server)
    slot = slot_of(of)
    assert started(server, of, slot) == own
    of._running.set_image(slot.image, lambda: None, of._sketches.variables(slot))
    assert environment(server, "home") == own


@pytest.mark.parametrize(
    ("wanted", "on"), [(release(2), True), (RELEASE, False)], ids=["no sketch", "monitor.sketches false"]
)
def test_nothing_is_made_where_nothing_is_counted(server: ApiServer, wanted: Any, on: bool) -> None:
    of = place(server) if on else place(server).without_sketches()
    slot = slot_of(of, wanted)
    assert not slot.sketch and started(server, of, slot) == {}
    assert ("Secret", names.SKETCHES) not in server.objects


def test_a_role_of_before_stops_no_deployment(server: ApiServer) -> None:
    said = list[str]()
    slot = KubernetesPlace(Forbidding(server), KEY, WANTED).prepare(RELEASE, said.append)
    assert not slot.sketch and "count nothing of what they are asked" in said[-1] and "secrets" in said[-1]


def test_targets_of_one_namespace_have_tokens_of_their_own(server: ApiServer) -> None:
    slot_of(place(server)), slot_of(place(server, "modelway-m.staging"))
    one, other = (place(server, key).counting().token for key in (KEY, "modelway-m.staging"))
    assert one and other and one != other
    slot_of(place(server))
    assert place(server).counting().token == one, "the next deployment takes the same"


def test_another_target_that_writes_its_token_at_the_same_time_loses_none(server: ApiServer) -> None:
    class Between(ClusterInMemory):
        def call(self, method: str, path: str, query: Any, body: Any, content: str, headers: Any) -> bytes:
            if method == "PATCH" and "merge" in content and path.endswith(names.SKETCHES) and not self.done:
                self.done = True
                PodSketches(ClusterInMemory(server), "other", True)._made()
            return super().call(method, path, query, body, content, headers)

        done = False

    PodSketches(Between(server), KEY, True)._made()
    assert set(server.objects["Secret", names.SKETCHES]["data"]) == {KEY, "other"}


def test_the_role_names_this_secret_alone() -> None:
    [rule] = [rule for rule in role(creates=True)["rules"] if "secrets" in rule["resources"]]
    assert (rule["resourceNames"], rule["verbs"]) == (["modelway-sketches"], ["get", "create", "patch"])


def test_objects_that_are_made_for_a_team_count_from_the_start(server: ApiServer) -> None:
    wanted = msgspec.structs.replace(WANTED, create=Create())
    made = objects.deployment(wanted, Create(), image(1), {VARIABLE: "d"})
    [container] = home.containers(made["spec"]["template"])
    assert {"name": VARIABLE, "value": "d"} in container["env"]
    assert VARIABLE not in objects.render(wanted, image(1)), "what a team keeps as text has no token of one target"


def test_a_secret_leads_to_what_is_looked_up(server: ApiServer) -> None:
    create = Create(features_secret="store")
    [container] = home.containers(objects.deployment(WANTED, create, image(1))["spec"]["template"])
    said = {"secretKeyRef": {"name": "store", "key": "url"}}
    assert {"name": "MODELWAY_FEATURES_URL", "valueFrom": said} in container["env"]


def test_parts_are_written_by_one_at_a_time(server: ApiServer) -> None:
    one, other = (ConfigMapParts(ClusterInMemory(server), KEY) for _ in range(2))
    data = json.dumps({"days": "é" * 5000}).encode()
    first = one.write("abc-2026-11-27", data, None)
    assert first is not None and other.write("abc-2026-11-27", b"x", None) is None, "it is there already"
    assert other.read() == {"abc-2026-11-27": first} and first.data == data and first.size < 200
    second = other.write("abc-2026-11-27", b"{}", first.version)
    assert second is not None and one.write("abc-2026-11-27", b"x", first.version) is None
    assert ConfigMapParts(ClusterInMemory(server), "modelway-m.other").read() == {}
    one.remove("abc-2026-11-27")
    assert other.read() == {} and other.write("abc-2026-11-27", b"{}", second.version) is None, "it was removed"
    with pytest.raises(InvalidInput, match="does not go into a ConfigMap"):
        one.write("abc", random.Random(1).randbytes(1_100_000), None)
    server.create(
        "ConfigMap",
        {"metadata": {"name": "odd", "labels": {names.TARGET: KEY, names.DAYS: "odd"}}, "binaryData": {"days": "?"}},
    )
    with pytest.raises(InvalidInput, match="ConfigMap odd"):
        one.read()


class CountingPods(ClusterInMemory):
    """Pods that answer at /sketches as our server does."""

    def __init__(self, server: ApiServer, world: Servers, digest: str) -> None:
        super().__init__(server)
        self.world, self.digest = world, digest

    def call(self, method: str, path: str, query: Any, body: Any, content: str, headers: Mapping[str, str]) -> bytes:
        if method == "POST" and path.endswith("/proxy/sketches"):
            assert headers["x-modelway-tester"] == "1", "no judge counts it"
            if hashlib.sha256(headers["x-modelway-token"].encode()).hexdigest() != self.digest:
                raise ApiError(403, "the token is missing")
            pod = path.partition("/pods/")[2].partition("%3A")[0]
            return self.world.told(pod, body)
        return super().call(method, path, query, body, content, headers)


def test_monitor_model_fetches_from_all_pods_and_keeps_days_in_the_namespace(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stable in the team's Deployment, and a canary beside it."""
    of = place(server)
    new = slot_of(of)
    started(server, of, new)
    digest = of._sketches.variables(new)[VARIABLE]
    stable = KubernetesSlot(
        msgspec.structs.replace(side_of(release(1)), slot="v1-r0"), image(1), home=True, replicas=2, sketch=True
    )
    state = KubernetesState(model="m", environment="production", slots={"v1-r0": stable, "v2-r1": new}, stable="v1-r0")
    world = Servers(tmp_path)
    for pod in ("home-0", "home-1", "home-v2-r1-0", "home-v2-r1-1"):
        world.start(pod)
        world.asked(pod, 25)
    world.now += DAY

    def target(project: Any) -> Any:
        again = KubernetesPlace(CountingPods(server, world, digest), KEY, WANTED)
        return SimpleNamespace(place=again, unfinished=lambda: None)

    monkeypatch.setattr(deployment, "existing", lambda project: (target(project), state))
    (tmp_path / "modelway.yml").write_text("model: m\nenvironments: {production: {}}\n")
    asked = {"config": str(tmp_path / "modelway.yml"), "name": "modelway.yml", "environment": "production"}
    for number in range(2):  # as two runners
        folder = tmp_path / f"folder{number}"
        folder.mkdir()
        settings = {"leave-out": ["c"], "history-days": 56, "hourly": True, "faster-than": 0.25}
        said, [service] = counted_days.answer({**asked, **settings, "folder": str(folder)}, print)
        assert service == {
            "day": "2026-11-20", "requests": 100, "failed": 0, "slow": 0, "timed": 100, "minutes": 1260
        }  # fmt: skip
        assert (said["version"], said["servers"], said["gaps"]) == (1, 4, ())
        [day] = (folder / "days").iterdir()
        told = json.loads(day.read_text())
        assert (day.name, told["rows"]) == ("2026-11-20.json", 100)
        assert [column["cells"]["name"] for column in told["columns"]] == ["x"]
        assert json.loads((folder / "reference.json").read_text())["rows"] == 3
        hours = msgspec.json.decode((folder / counted_days.HOURS).read_bytes(), type=DaysPart).hours
        assert sum(hour.rows for name, hour in hours.items() if name.startswith("2026-11-20")) == 100
    kept = [item for (kind, _), item in server.objects.items() if names.DAYS in item["metadata"].get("labels", {})]
    assert [item["kind"] for item in kept] == ["ConfigMap"]


def test_a_damaged_token_is_said(server: ApiServer) -> None:
    slot_of(place(server))
    server.objects["Secret", names.SKETCHES]["data"][KEY] = "***"
    with pytest.raises(InvalidInput, match="is no token"):
        place(server).counting()

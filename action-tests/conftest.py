"""What every action test shares: the export that act maps, one MLflow server, and an ordinary team's small project."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from demo_act import run_script

from act import Act, ActRun, left_running
from modelway.config.sections import Local
from modelway.registry.mlflow import connect
from modelway.targets.local.place import LocalPlace
from team import (
    DELIVER,
    HERE,
    ROLLBACK,
    ROOT,
    Deployed,
    MakeProject,
    RunAction,
    address,
    config,
    serving,
    template,
    write_project,
)
from traffic import traffic

REF = "tested"
PER_SECOND = 100


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    export = [ROOT / "release" / "export", folder / "modelway", "--ref", REF, "--links", folder / "used"]
    subprocess.run(export, check=True, capture_output=True)
    return folder / "used"


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where deployments and images are kept, instead of the user's own folder. What still runs there in the end is stopped."""
    folder = tmp_path_factory.mktemp("state")
    yield folder
    for target in (folder / "targets").glob("*"):
        LocalPlace(target, Local()).stop()
    end(left_running(folder), "a deployment that was stopped left processes behind")


@pytest.fixture(scope="session")
def act(export: Path, state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    """act, whose runs leave no process behind but those of deployments."""
    runner = Act(export, REF, tmp_path_factory.mktemp("act"), state)
    yield runner
    end(runner.left_running(), "a run left processes behind")


def end(left: list[int], says: str) -> None:
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, says


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server."""
    folder = str(tmp_path_factory.mktemp("mlflow"))
    try:
        yield run_script("start_registry", "--folder", folder)["tracking-uri"]
    finally:
        run_script("stop_registry", "--folder", folder)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> MakeProject:
    def make(model: str, files: Mapping[str, str] | None = None, inside: str = ".") -> Path:
        return write_project(tmp_path_factory.mktemp(model) / "repository", model, files, inside)

    return make


@pytest.fixture(scope="session")
def parcels(make_project: MakeProject) -> Path:
    """The project whose versions the actions' tests share; each test has an environment of its own in it."""
    return make_project("parcels")


@pytest.fixture(scope="session")
def run_action(act: Act, server: str, parcels: Path) -> RunAction:
    def run(name: str, **inputs: str) -> ActRun:
        return act.run(parcels, HERE / name / "workflow.yml", inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})

    return run


@pytest.fixture(scope="session")
def trained(run_action: RunAction) -> ActRun:
    """train-model's own run, whose versions the later actions use: steps good, retrained, constant, adopted and others."""
    return run_action("train-model")


@pytest.fixture(scope="session")
def versions(trained: ActRun) -> dict[str, str]:
    """What the later actions are given: good and retrained pass the gate, constant does not."""
    return {name: trained.step(name).outputs["version"] for name in ("good", "retrained", "constant")}


@pytest.fixture(scope="session")
def judged(run_action: RunAction, versions: dict[str, str]) -> ActRun:
    """evaluate-gate's own run."""
    return run_action("evaluate-gate", **versions)


@pytest.fixture(scope="session")
def promoted(run_action: RunAction, judged: ActRun, versions: dict[str, str]) -> ActRun:
    """promote-model's own run."""
    return run_action("promote-model", good=versions["good"], constant=versions["constant"])


@pytest.fixture(scope="session")
def built(run_action: RunAction, judged: ActRun, versions: dict[str, str]) -> ActRun:
    """build-image's own run."""
    return run_action("build-image", **versions)


def parcel(number: int) -> dict[str, float]:
    return {"distance": float(number * 37 % 101), "weight": float(number * 17 % 51)}


def on_live(run_action: RunAction, parcels: Path, name: str, **inputs: str) -> Deployed:
    """The action's own run, while a client sends requests to the environment live."""
    where = address(parcels, "live")
    with traffic(where, parcel, PER_SECOND) as seen:
        run = run_action(name, **inputs)
    return Deployed(run, where, dict(seen), serving(where))


@pytest.fixture(scope="session")
def deployed(run_action: RunAction, built: ActRun, versions: dict[str, str], parcels: Path, server: str) -> Deployed:
    """deploy-model's own run, while a client sends requests; afterwards `retrained` answers in the environment live."""
    done = on_live(run_action, parcels, "deploy-model", **versions)
    registered = connect(server, {}).get_model("parcels")
    return replace(done, alias=registered.aliases["live"] if registered else 0)


@pytest.fixture(scope="session")
def tested(run_action: RunAction, deployed: Deployed, versions: dict[str, str]) -> ActRun:
    """test-endpoint's own run, of what deploy-model's has deployed."""
    return run_action("test-endpoint", good=versions["good"], retrained=versions["retrained"], url=deployed.address)


@pytest.fixture(scope="session")
def benchmarked(run_action: RunAction, deployed: Deployed, versions: dict[str, str]) -> ActRun:
    """benchmark-endpoint's own run, of the same."""
    return run_action("benchmark-endpoint", retrained=versions["retrained"], url=deployed.address)


@pytest.fixture(scope="session")
def rolled_back(
    run_action: RunAction, parcels: Path, deployed: Deployed, tested: ActRun, benchmarked: ActRun
) -> Deployed:
    """rollback-release's own run, after all that need what was deployed; afterwards `good` answers in live."""
    return on_live(run_action, parcels, "rollback-release")


@pytest.fixture(scope="session")
def replayed(run_action: RunAction, rolled_back: Deployed) -> ActRun:
    """replay-rollout's own run: the first release, the canary, and the way back."""
    return run_action("replay-rollout")


@pytest.fixture(scope="session")
def continued(run_action: RunAction, replayed: ActRun, versions: dict[str, str], parcels: Path) -> Deployed:
    """continue-rollout's own run: a canary of `retrained` as far as its second step; afterwards `good` answers in live."""
    return on_live(run_action, parcels, "continue-rollout", good=versions["good"], retrained=versions["retrained"])


@pytest.fixture(scope="session")
def tried(run_action: RunAction, continued: Deployed, versions: dict[str, str], parcels: Path) -> Deployed:
    """A run of every strategy, while one client of ten has the key of the A/B; afterwards `good` answers in live again."""
    where = address(parcels, "live")
    with (
        traffic(where, parcel, PER_SECOND) as seen,
        traffic(where, parcel, PER_SECOND / 10, headers={"x-arm": "b"}) as led,
    ):
        run = run_action("strategies", retrained=versions["retrained"])
    return Deployed(run, where, dict(seen + led), serving(where))


@pytest.fixture(scope="session")
def grouped(run_action: RunAction, tried: Deployed, versions: dict[str, str], parcels: Path) -> Deployed:
    """deploy-group's and rollback-group's own run, on live and rehearsal; afterwards `good` answers in both."""
    return on_live(run_action, parcels, "deploy-group", good=versions["good"], retrained=versions["retrained"])


@pytest.fixture(scope="session")
def stopped(run_action: RunAction, grouped: Deployed) -> ActRun:
    """stop-deployment's own run, the last on live."""
    return run_action("stop-deployment")


@pytest.fixture(scope="session")
def shop(make_project: MakeProject) -> Path:
    """The project of a team that delivers by the templates as they stand: what passes for production is deployed."""
    files = {
        "modelway.yml": config("parcels-delivered", delivered=True),
        DELIVER: template("deliver-model.yml"),
        ROLLBACK: template("rollback.yml"),
    }
    return make_project("parcels-delivered", files)


@pytest.fixture(scope="session")
def run_shop(act: Act, server: str, shop: Path) -> RunAction:
    def run(workflow: str, **inputs: str) -> ActRun:
        return act.run(shop, shop / workflow, inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})

    return run


@pytest.fixture(scope="session")
def first_delivery(run_shop: RunAction) -> ActRun:
    """The template's own run: a good model, all the way to production."""
    return run_shop(DELIVER, reason='the first one; "$(id)"')


@pytest.fixture(scope="session")
def refused_delivery(run_shop: RunAction, first_delivery: ActRun) -> ActRun:
    """A model that says the same of every parcel."""
    return run_shop(DELIVER, parameters='{"model": "constant"}')


@pytest.fixture(scope="session")
def skewed_delivery(run_shop: RunAction, refused_delivery: ActRun) -> ActRun:
    """A model that is right about thousands of parcels at once, and wrong about one."""
    return run_shop(DELIVER, parameters='{"model": "skewed"}')


@pytest.fixture(scope="session")
def hurried_delivery(run_shop: RunAction, skewed_delivery: ActRun) -> ActRun:
    """The same model, which its team brings into production past the test that failed."""
    version = skewed_delivery.step("train").outputs["version"]
    return run_shop(str(HERE / "canary" / "workflow.yml"), version=version, reason="it will be fine")


@pytest.fixture(scope="session")
def way_back(run_shop: RunAction, hurried_delivery: ActRun) -> ActRun:
    """The template's one command back."""
    return run_shop(ROLLBACK, reason="it was not fine")

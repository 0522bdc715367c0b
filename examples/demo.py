"""The whole journey on this machine: examples/flight-delay through the reusable workflows, under act, on real flights.

With `--kubernetes` production is a real cluster: that of KUBECONFIG, else one that is built and started here. Each workflow
has a folder of its own, and only registries and the cluster are shared, as on hosted runners. Four scenes are played.

First the data is held against its contract, looked through, compared with newer data, and drawn. Five models are trained and
judged for production, and what passes is built, deployed to staging, tested there, and brought into production by a canary
under live traffic; then one command brings back the version before. At the end the flights of half a year are watched day by
day: what has changed for good is told once, labels that come a week late hold the model to the gate's limits, and one that is
trained on newer months is judged beside it. The MLflow server, Envoy and the model servers are real; all of it is started here
and stopped at the end. Everything is below out/demo; `summary.json` says what happened, and `report.html` draws it.

Usage: make demo | make demo-kubernetes     (or: scripts/run --in act python examples/demo.py [--kubernetes])
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from demo_act import OUT, ROOT, full_environment, run_script, run_workflow, say
from demo_project import PROJECT, commit, edit, make_project
from demo_watching import monitor, train_again
from demo_world import Cluster, ThisMachine

EXPORT, USED, STORE = OUT / "modelway", OUT / "used", OUT / "mlflow"
SUMMARY, REPORT = OUT / "summary.json", OUT / "report.html"
DATA, DELIVER, ROLLBACK = (f".github/workflows/{name}.yml" for name in ("data", "model", "rollback"))
REF = "demo"
ACTIONS_OVER_DATA = 5
WORLD = Cluster(PROJECT) if sys.argv[1:] == ["--kubernetes"] else ThisMachine(PROJECT)


@dataclass(frozen=True)
class Scene:
    """One run of a workflow. edits: to the project's files, before it: (path, old, new)."""

    name: str
    says: str
    inputs: dict[str, str]
    expected: str
    workflow: str = DELIVER
    edits: tuple[tuple[str, str, str], ...] = ()


def trained(**parameters: object) -> dict[str, str]:
    return {"parameters": json.dumps(parameters)}


CLEANED = ("modelway.yml", "command: python make_data.py", "command: python make_data.py --complete")
SCENES = (
    Scene("first", "the first model: logistic regression", trained(model="logistic"), "deployed"),
    Scene("challenger", "a challenger: gradient boosting", trained(iterations=30), "deployed"),
    Scene(
        "worse",
        "one that left out the most telling feature, the delay at departure",
        trained(iterations=30, without="dep_delay"),
        "refused",
    ),
    Scene(
        "cleaned",
        "one whose team cleaned the data: no row without air pressure, and the model raises on one",
        trained(variant="complete", iterations=40),
        "rolled-back",
        edits=(CLEANED,),
    ),
    Scene(
        "slow",
        "one that is right, but reads a table from disk on every call",
        trained(variant="routes", iterations=40),
        "rolled-back",
        edits=(("modelway.yml", CLEANED[2], CLEANED[1]),),
    ),
    Scene("rollback", "one command back: the version before the challenger", {}, "reverted", workflow=ROLLBACK),
)


@dataclass
class Stage:
    """One scene as it went: what summary.json holds of it."""

    scene: str
    workflow: str
    exit_code: int = -1
    outcome: str = "failed"
    version: int | None = None
    digests: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    failing_checks: list[str] = field(default_factory=list)
    client: dict[str, int] = field(default_factory=dict)
    """What the client counted meanwhile."""


class Client:
    """The traffic of one scene, as a process of its own. counts: the file where it keeps its own count."""

    def __init__(self, counts: Path) -> None:
        self.file = counts
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.process is not None:
            return
        rows, *_ = OUT.glob("act*/flight-delay/*/live.csv")  # the workflow's own, where its jobs share it
        traffic = Path(__file__).with_name("demo_traffic.py")
        command = [str(ROOT / "scripts" / "run"), "--in", "data", "python", str(traffic), f"{WORLD.address}/predict"]
        command += [str(rows), str(WORLD.requests_per_second), str(self.file)]
        with self.file.with_suffix(".log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        say("a client sends the flights from 5 October on")

    def wait(self) -> None:
        """Until it sends."""
        while not self.file.exists() and self.process is not None and self.process.poll() is None:
            time.sleep(0.05)

    def begin_again(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> dict[str, int]:
        """What it counted."""
        if self.process is None:
            return {}
        self.process.terminate()
        self.process.wait(30)
        if not self.file.exists():
            raise SystemExit(f"error: demo: the client ended by itself: see {self.file.with_suffix('.log')}")
        return dict(json.loads(self.file.read_text(encoding="utf-8")))


def main() -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    clear_away()  # what a demo that was cut off has left
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    say("the example becomes a project of its own, with one commit")
    make_project()
    export = [ROOT / "release" / "export", EXPORT, "--ref", REF, "--links", USED]
    subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
    WORLD.begin()
    commit("Predict late flights")
    say("starting a real MLflow server (SQLite, on this machine only)")
    uri = run_script("start_registry", "--folder", str(STORE))["tracking-uri"]
    say(f"it answers on {uri}")
    stages: list[Stage] = []
    try:
        print(
            "\n1. the data: contract, quality, drift, a page that shows it, and the contract that would be drafted today",
            flush=True,
        )
        look_at_data()
        for number, scene in enumerate((one for one in SCENES if one.name in WORLD.scenes), start=2):
            print(f"\n{number}. {scene.says}", flush=True)
            stages.append(play(scene, uri, live=bool(stages)))
            write_summary(stages)
            if problem := wrong_with(stages[-1], scene):
                print(f"error: demo: {scene.name} {problem}: see {log_of(scene)}")
                return 1
        print(f"\n{len(stages) + 2}. what was in production when, and why\n", flush=True)
        history(uri)
        replay()
        report_delivery(uri)
        draw()
        if isinstance(WORLD, ThisMachine):
            print(
                f"\n{len(stages) + 3}. the flights of July to December, day by day: what has changed for good\n",
                flush=True,
            )
            monitor(WORLD.address)
            print(f"\n{len(stages) + 4}. trained again on newer months, and judged beside production\n", flush=True)
            train_again(uri, SCENES[0].inputs["parameters"])
    finally:
        clear_away()
    table(stages)
    print(f"\nThe demo took {time.monotonic() - began:.0f} s. Where to look:")
    print(f"  {REPORT.relative_to(ROOT)}       every rollout drawn over time, with the evidence for its decision")
    print(f"  {SUMMARY.relative_to(ROOT)}      what happened, for a program")
    print(
        f"  {OUT.relative_to(ROOT)}/*.md            what each run's page shows: the checks, with n, value, interval, limit"
    )
    print(f"  {(PROJECT / DELIVER).relative_to(ROOT)}   the workflow that a team copies")
    print("`make clean` removes it all.")
    return 0


def look_at_data() -> None:
    """All actions over data, on all of it."""
    run = run_workflow(
        PROJECT,
        DATA,
        OUT / "data.log",
        secrets={},
        inputs={},
        refs=(REF,),
        export=USED,
        environ=WORLD.environ_of("data"),
        seen=lambda _: None,
    )
    (OUT / "data.md").write_text("\n\n".join(run.pages) + "\n", encoding="utf-8")
    if run.exit_code or len(run.pages) < ACTIONS_OVER_DATA:
        raise SystemExit(f"error: demo: the data was not looked at: see {OUT / 'data.log'}")


def clear_away() -> None:
    """Nothing is left running."""
    WORLD.end()
    run_script("stop_registry", "--folder", str(STORE))


def wrong_with(stage: Stage, scene: Scene) -> str:
    """What is not as it should be; empty where nothing is."""
    if stage.outcome != scene.expected:
        return f"was {stage.outcome}, not {scene.expected}"
    failed = stage.client.get("failed", 0)
    if failed and scene.name != "cleaned":
        return f"cost {failed} requests, and should have cost none"
    return ""


def replay() -> None:
    run_script(
        "replay_rollout", "--working-directory", str(PROJECT), "--environment", "production", environ=WORLD.environ
    )
    say("the journals of all rollouts were read back: the same decisions follow from what was observed")


def report_delivery(uri: str) -> None:
    """How the models reached production: the table of figures of the run's page, without what each of them is."""
    where = ["--working-directory", str(PROJECT), "--environment", "production", "--tracking-uri", uri]
    page = Path(run_script("report_delivery", *where, environ=WORLD.environ)["report"]).with_suffix(".md")
    shutil.copy(page, OUT / "delivery.md")
    for line in page.read_text(encoding="utf-8").splitlines():
        figure, value, between, n, *_ = (*(part.strip() for part in line.strip("|").split("|")), "", "", "", "")
        if n.replace(",", "").isdigit() and figure:
            say(f"{figure}: {value} (95 %: {between}; n {n})")
            if figure == "availability":
                return


def draw() -> None:
    """The page, drawn where the target's own library is at hand."""
    command = [ROOT / "scripts" / "run", "--in", "deploy", "python", ROOT / "examples" / "demo_page.py"]
    subprocess.run([*command, REPORT, SUMMARY, PROJECT], check=True, env=full_environment(WORLD.environ))


def play(scene: Scene, uri: str, *, live: bool) -> Stage:
    """Run the team's workflow for one scene, and read what happened from act's own record of it and from the client.

    live: something is in production, so there is traffic."""
    began, client = time.monotonic(), Client(OUT / f"{scene.name}.client.json")
    if scene.edits:
        edit(*scene.edits)
        commit(scene.says)

    def seen(line: str) -> None:
        if live and WORLD.traffic_from in line:
            client.start()
        # the canary meets the same flights in every run of the demo
        if f"gets {WORLD.first_share} of the traffic" in line:
            client.begin_again()

    try:
        if scene.workflow == ROLLBACK:
            client.start()
            client.wait()
        run = run_workflow(
            PROJECT,
            scene.workflow,
            log_of(scene),
            secrets={"MLFLOW_TRACKING_URI": uri, **WORLD.secrets},
            inputs={**scene.inputs, "reason": scene.says},
            refs=(REF,),
            export=USED,
            environ=WORLD.environ_of(scene.name),
            seen=seen,
        )
    finally:
        counted = client.stop()
    (OUT / f"{scene.name}.md").write_text("\n\n".join(run.pages) + "\n", encoding="utf-8")
    outputs = run.outputs
    return Stage(
        scene=scene.name,
        workflow=scene.workflow,
        exit_code=run.exit_code,
        outcome=outcome_of(outputs),
        version=int(outputs["version"]) if outputs.get("version") else None,
        digests={name.removesuffix("-digest"): outputs[name] for name in outputs if name.endswith("-digest")},
        seconds=round(time.monotonic() - began, 1),
        failing_checks=json.loads(outputs.get("failing-checks") or "[]"),
        client=counted,
    )


def outcome_of(outputs: dict[str, str]) -> str:
    """Of the last action that said one: the gate's verdict where nothing was deployed."""
    said = outputs.get("outcome", "")
    return {"fail": "refused", "": "failed"}.get(said, said)


def history(uri: str) -> None:
    subprocess.run(
        [ROOT / "scripts" / "run", "show_history", "--working-directory", str(PROJECT), "--tracking-uri", uri],
        check=True,
    )


def write_summary(stages: list[Stage]) -> None:
    """client: the sum over all scenes."""
    sent = sum((Counter(stage.client) for stage in stages), Counter[str]())
    said = {"stages": [asdict(stage) for stage in stages], "client": sent}
    SUMMARY.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def table(stages: list[Stage]) -> None:
    print("\n| scene      | version | outcome     | exit | seconds | requests | failed | refused for")
    print("|------------|---------|-------------|------|---------|----------|--------|------------")
    for stage in stages:
        refused = ", ".join(stage.failing_checks[:3]) + (", ..." if len(stage.failing_checks) > 3 else "")
        left = (
            f"| {stage.scene:10} | {stage.version!s:>7} | {stage.outcome:11} | {stage.exit_code:4} | {stage.seconds:7} "
        )
        print(f"{left}| {stage.client.get('requests', 0):8} | {stage.client.get('failed', 0):6} | {refused}")


def log_of(scene: Scene) -> Path:
    return OUT / f"{scene.name}.log"


if __name__ == "__main__":
    sys.exit(main())

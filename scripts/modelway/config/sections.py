"""What may stand in modelway.yml: one class per section, and the source of the published JSON Schema. What stands below
`gate` for each kind of check is declared by that kind.

Every key is optional here, because an environment's overlay names only what it changes; what a stage cannot do
without, it asks for by `modelway.config.required`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from modelway import extensions
from modelway.config.drift import Drift
from modelway.config.keys import (
    EnvironmentName,
    Minutes,
    ModelName,
    Name,
    Policy,
    Positive,
    Scalar,
    Seconds,
    Section,
    Share,
    Wait,
)
from modelway.config.model_metrics import Outcome, PredictionShares, RisingShare
from modelway.config.monitor import Monitor
from modelway.config.notify import Notify
from modelway.config.quality import Quality
from modelway.config.service_levels import CounterSeries
from modelway.config.strategies import RequestMatch, Rolling, Shadow


class Registry(Section, frozen=True):
    """Where versions, aliases and the ledger are kept."""

    tracking_uri: str | None = None
    """The MLflow server, such as https://mlflow.example.org. Left out: $MLFLOW_TRACKING_URI."""
    experiment: str | None = None
    """The MLflow experiment of the training runs. Left out: the model's name."""
    candidate_alias: Name = "candidate"
    """The alias that a passing gate sets."""
    alias: Name | None = None
    """The alias that says what runs in an environment. Left out: the environment's name."""


class Data(Section, frozen=True):
    """The data: paths below the project's folder."""

    command: str | None = None
    """The command that bash runs before the data is read, in every job that needs it (dvc pull, a download, a query)."""
    train: str | None = None
    """The training rows, CSV or Parquet."""
    test: str | None = None
    """The held-out rows that the gate scores, CSV or Parquet."""
    contract: str | None = None
    """The data contract: a file in modelway's own form, in ODCS, a JSON Schema or a plain schema.json."""
    engine: Name = "duckdb"
    """What holds the data against its contract: `duckdb`, `postgresql` for a table that is counted in its server, or `spark`
    for Parquet; `spark://host:7077` in a cluster."""
    timeout_minutes: Minutes = 60
    """How long data.command may take."""


class Train(Section, frozen=True):
    """How the team trains."""

    command: str | None = None
    """The command that trains, run by bash in the project's folder, with $MODELWAY_* set (docs/training.md)."""
    requirements: str | None = None
    """What declares the team's packages: requirements.txt, pyproject.toml, uv.lock, poetry.lock or environment.yml; installed
    once per content."""
    python: str | None = None
    """A Python interpreter that has everything already, instead of a requirements file."""
    parameters: dict[str, Scalar] = msgspec.field(default_factory=dict)
    """Hyperparameters: each reaches the command as $MODELWAY_PARAM_<NAME>. Left out: none."""
    seed: int = 0
    """The random seed, in $MODELWAY_SEED."""
    timeout_minutes: Minutes = 60
    """How long the command may take."""


@cache
def kinds_of_check() -> tuple[Any, ...]:
    """Each kind of check, modelway's own and those of installed packages, in the order of a report (docs/extending.md).
    Of a kind this package knows `field`, `keys`, `default`, `about` and `order`."""
    return tuple(
        sorted(extensions.found("modelway.gate.kinds", "KIND", "modelway.checks"), key=lambda kind: kind.order)
    )


if TYPE_CHECKING:

    class Gate(Policy, frozen=True):
        """With the keys that the kinds of check declare, which are theirs to read."""

else:
    Gate = msgspec.defstruct(
        "Gate",
        [
            (kind.field, kind.keys | UnsetType if kind.default is UNSET else kind.keys, kind.default)
            for kind in kinds_of_check()
        ],
        bases=(Policy,),
        frozen=True,
        forbid_unknown_fields=True,
        rename="kebab",
        module=__name__,
        namespace={"__doc__": Policy.__doc__},
    )


Percent = Annotated[int, Meta(ge=0, le=100)]


class Build(Section, frozen=True):
    """The release bundle, and the image that it becomes."""

    base_image: Name = "none"
    """`none`: a bundle for the local target, run by this machine's Python. Else an image by digest, NAME@sha256:..."""
    platform: Literal["linux/amd64", "linux/arm64"] | None = None
    """The platform that the image runs on. Left out: this machine's."""
    image: str | None = None
    """The repository to push to, such as ghcr.io/team/flight-delay. Left out: nothing is pushed."""
    layout: str | None = None
    """The folder of the OCI layout. Left out: one of the model's own below modelway's state folder."""
    dockerfile: str | None = None
    """A Dockerfile of the team's own, which Docker builds, instead of modelway's image."""
    features: Name | None = None
    """A JSON file that says which of the model's columns its servers look up in Redis, and by what (docs/serving.md). It goes
    into the image. Left out: they look up none."""


class Harm(Section, frozen=True):
    """Errors, or slow requests: what the canary may not have more of than stable has at the same time."""

    margin_ratio: Annotated[float, Meta(ge=1)] = 1.5
    """Promotion needs evidence that the canary's rate is below this many times stable's ..."""
    margin_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.01
    """... or below stable's plus this: whichever is larger."""


class Latency(Section, frozen=True):
    """Which requests are slow, and how many more of them the canary may have."""

    warm_up_seconds: Wait | None = None
    """At each step, slow requests are not judged for so long: a cold release is not a slow one. Left out: half of
    step-seconds, 60 at most."""
    slower_than_ms: Positive | None = None
    """A request that takes longer is slow. Left out: stable's 95th percentile, measured before the rollout begins."""
    wander_seconds: Wait | None = None
    """For how long the times of a single replica may be off by themselves where half an hour of stable's past does not tell:
    slow requests are compared over at least so long. Left out: 150 without that past, 30 where it may hide one replica."""
    margin_ratio: Annotated[float, Meta(ge=1)] = 1.5
    """Promotion needs evidence that the canary's rate of slow requests is below this many times stable's ..."""
    margin_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.01
    """... or below stable's plus this: whichever is larger."""


class Judge(Section, frozen=True):
    """How sure a rollout must be (docs/judge.md)."""

    false_rollback: Share = 0.01
    """The chance, at most, that a healthy canary is rolled back: alpha, shared by all metrics."""
    false_promotion: Share = 0.05
    """The chance, at most, that a canary that is worse by the margin is promoted: beta."""
    block_seconds: Seconds = 5
    """Counts are compared block by block: also the longest hiccup that is forgiven."""
    errors: Harm = Harm()
    """How many more errors than stable the canary may have."""
    latency: Latency = Latency()
    """Which requests are slow, and how many more of them than stable the canary may have."""
    predictions: PredictionShares | None = None
    """How far the distribution of the predictions may shift. Left out: nobody looks at what the model predicts."""
    refused: RisingShare | None = None
    """How much larger the share of requests may be whose input the server refuses (400). Left out: they are errors alone."""
    nulls: RisingShare | None = None
    """How much larger the share of predictions that are null may be. Left out: they are answers like others."""
    outcomes: tuple[Outcome, ...] = ()
    """The team's own counters of what came of requests. Left out: there are none."""
    inconclusive: Literal["rollback", "promote", "extend"] = "rollback"
    """What becomes of a rollout whose time is over without an answer: extend gives it as long again, once, then rollback."""


class Local(Section, frozen=True):
    """The local target: server processes behind Envoy on this machine."""

    folder: str | None = None
    """Where its state is kept: an absolute path. Left out: one of its own below modelway's state folder."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    """Where the model answers, on 127.0.0.1."""
    replicas: Annotated[int, Meta(ge=1, le=64)] = 2
    """Server processes of each release."""
    ready_seconds: Seconds = 120
    """How long a replica may take until it is ready."""
    ephemeral: bool = False
    """true: allowed on a GitHub-hosted runner, where all of it ends with the job."""
    prometheus: Name | None = None
    """The URL of the Prometheus that judge.outcomes are counted by. Left out: it is not asked."""


class Create(Section, frozen=True):
    """The objects of a team that has no manifests yet."""

    replicas: Annotated[int, Meta(ge=1, le=1000)] = 2
    """How many pods; with max-replicas, how many at least."""
    max_replicas: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """How many an autoscaler may make of them. Left out: there is no autoscaler."""
    cpu: Name = "500m"
    """What each pod asks for of a core."""
    memory: Name = "512Mi"
    """What each pod asks for, and gets at most."""
    gateway: Name | None = None
    """The Gateway that requests come through, as NAMESPACE/NAME. Left out: there is no route, and the Service is asked."""
    host: Name | None = None
    """The host name that clients ask. Left out: every one that the Gateway listens for."""
    features_secret: Name | None = None
    """The Secret of the namespace whose key `url` is the address of the Redis that build.features is about."""


class Prometheus(Section, frozen=True):
    """A Prometheus server: its url, or its Service in the cluster. $MODELWAY_PROMETHEUS_TOKEN is sent to the url."""

    url: Name | None = None
    """Such as https://prometheus.example.org."""
    service: Name | None = None
    """NAMESPACE/NAME:PORT of a Service with pods, which is asked through the API server."""
    queries: Literal["contour", "envoy-gateway", "istio", "modelway"] = "modelway"
    """What counts requests, ready-made: a gateway by its name, or our model server."""
    series: CounterSeries | None = None
    """Series of the team's own, instead. Left out: the ready-made ones."""


class GatewayPods(Section, frozen=True):
    """Where the gateway's Envoys say their statistics."""

    namespace: Name | None = None
    """Of its pods. Left out: that of the model."""
    selector: Name | None = None
    """Their labels, such as app=envoy. Left out: all pods of the namespace."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8002
    """Where each of them answers /stats/prometheus."""
    url: Name | None = None
    """The address of the only one, where it is no pod."""


class RequestCounts(Section, frozen=True):
    """Who counts requests (docs/judge.md). Left out: every pod of a release, read through the API server."""

    source: Literal["pods", "prometheus", "gateway"] | None = None
    """Which of them is asked. Left out: the first of gateway and prometheus that is given below, else pods."""
    prometheus: Prometheus | None = None
    """Where Prometheus is. Left out: it is not asked."""
    gateway: GatewayPods | None = None
    """Where the gateway's Envoys are. Left out: they are not asked."""


class Kubernetes(Section, frozen=True):
    """The Kubernetes target: a Deployment of a cluster (docs/kubernetes.md). Which cluster, says $KUBECONFIG."""

    namespace: Name | None = None
    """The namespace. Left out: that of the kubeconfig's context."""
    context: Name | None = None
    """The context of the kubeconfig. Left out: its current one."""
    deployment: str = ""
    """The team's Deployment that serves the model."""
    service: Name | None = None
    """The Service that leads to its pods. Left out: the only one that does."""
    port: int | Name | None = None
    """The port of the Service that predictions are asked at, by number or name. Left out: the only one."""
    container: Name | None = None
    """The container that serves the model. Left out: the only one, or the only one with the Service's port."""
    route: Name | None = None
    """What shares the traffic by weights: the name of an HTTPRoute, or VirtualService/NAME of Istio. Left out: the only one
    of either that leads to the Service."""
    counts: RequestCounts = RequestCounts()
    """Who counts requests."""
    address: str | None = None
    """The URL that clients ask, such as https://flight-delay.example.org, for tests of the endpoint."""
    ready_seconds: Seconds = 120
    """How long the pods of a release may take until they are ready."""
    lease_seconds: Annotated[int, Meta(ge=3, le=3600)] = 15
    """A command that has not renewed its lease on the target for so long is dead: another one may act."""
    guardian: bool = True
    """true: while a rollout shares the traffic, a pod of its own takes it back to stable where the command has died."""
    guard_seconds: Seconds = 86_400
    """Where `wait: false` leaves a rollout to the next command, the guardian takes the traffic back after so long without."""
    create: Create | None = None
    """Make the Deployment and all it needs. Left out: they are the team's, and must be there."""
    take_over: tuple[Name, ...] = ()
    """Field managers that leave the image and the route's rules alone, though they own them, such as argocd-controller."""


class Deploy(Section, frozen=True):
    """How a release comes into an environment. With this section the alias moves by deploy-model alone."""

    target: Literal["local", "kubernetes"] = "local"
    """Where releases run."""
    strategy: Literal["canary", "rolling", "blue-green", "shadow", "ab", "all-at-once"] = "canary"
    """canary judges the release under a growing share of the traffic; rolling does so too, and replaces stable's replicas a
    few at a time, so that there is no second full set; blue-green gives it all traffic at once, judges it by stable's past,
    and keeps stable running for a while; shadow judges it by a copy of every request, whose answer no client sees, and moves
    nothing; ab leads requests by a header or a cookie to it, measures the difference, and moves nothing; all-at-once compares
    nothing."""
    steps: Annotated[tuple[Percent, ...], Meta(min_length=1)] = (10, 50, 100)
    """The canary's shares of the traffic, in percent, each larger than the one before; the last is 100. The first may be 0,
    where there are testers."""
    rolling: Rolling = Rolling()
    """How many replicas strategy rolling replaces at a time."""
    pause_at: tuple[Percent, ...] = ()
    """Steps, in percent, after which the rollout goes no further until somebody runs continue-rollout; harm is taken back
    meanwhile. Left out: it waits for nobody."""
    pause_seconds: Seconds = 86_400
    """How long each pause may last: then the release is taken back."""
    testers: RequestMatch | None = None
    """Requests that reach the new release as soon as it is ready; the judge counts none of them. Left out: there are none."""
    ab: RequestMatch | None = None
    """Requests that strategy ab leads to the new release, and counts. Left out: there is no key, and ab is refused."""
    requires_shadow: bool = False
    """true: a release gets no traffic until it was no worse as a shadow of what is there."""
    shadow: Shadow = Shadow()
    """How a shadow's predictions are compared with stable's."""
    step_seconds: Wait = 120
    """Each step lasts this long at least."""
    bake_seconds: Wait = 600
    """All steps together last this long at least."""
    timeout_seconds: Seconds = 3600
    """How long the rollout may take until its evidence is in."""
    keep_seconds: Wait | None = None
    """The release before runs on for so long: going back to it is one change of routes. Left out: 600 with blue-green, 0
    else."""
    check_predictions: bool | None = None
    """true: before its first request every replica must predict, for the gate's sample rows, what the gate saw. false: it is
    asked nothing. Left out: it is asked until its times are steady; with blue-green it must predict the same, too."""
    history_seconds: Wait = 1800
    """How much of stable's own past, where there is any, tells how its errors come in bursts."""
    judge: Judge = Judge()
    """How sure a rollout must be."""
    local: Local = Local()
    """The settings of the local target."""
    kubernetes: Kubernetes = Kubernetes()
    """The settings of the Kubernetes target."""


class Sections(Section, frozen=True):
    """What the file's top level and every environment may hold."""

    registry: Registry = Registry()
    """Where versions, aliases and the ledger are kept."""
    data: Data = Data()
    """The data that a model is trained and judged on."""
    train: Train = Train()
    """How the team trains."""
    quality: Quality = Quality()
    """What the data are looked through for, beside their contract."""
    gate: Gate = Gate()
    """What a version must show before it may enter an environment."""
    build: Build = Build()
    """How a version becomes a release."""
    drift: Drift = Drift()
    """What current data is compared with, and how far it may move."""
    monitor: Monitor = Monitor()
    """What a model is watched by, once it is deployed."""
    notify: Notify = Notify()
    """Who is told what became of a step."""
    deploy: Deploy | None = None
    """How a release comes into an environment. Left out: nothing is deployed, and promote-model moves the alias."""


class Project(Sections, frozen=True, kw_only=True):
    """modelway.yml as a whole."""

    model: ModelName
    """The registered model's name."""
    environments: dict[EnvironmentName, Sections | None] = msgspec.field(default_factory=dict)
    """Overlays: what an environment names replaces the same key above; mappings merge, lists are replaced."""

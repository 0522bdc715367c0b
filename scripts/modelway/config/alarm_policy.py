"""What may stand below `monitor.policy` in modelway.yml: what follows an alarm of monitor-model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated, Literal, get_args

from msgspec import Meta

from modelway.config.keys import Section
from modelway.config.notify import EventType, Repository, Variable
from modelway.errors import InvalidInput

PolicyAct = Literal["notify", "rollback", "retrain"]
ChangingAct = Literal["rollback", "retrain"]
"""What changes something: it is claimed before it is done, and has a budget."""
CHANGING: tuple[ChangingAct, ...] = get_args(ChangingAct)
AlarmKind = Literal["performance", "service", "data"]
"""What an alarm is of. The first ones are answered first: a metric below its limit harms, data that changed may. A further
kind is a name here, a key of AlarmPolicy, and its alarms in modelway.monitoring.policy.open_alarms."""
ALARM_KINDS: tuple[AlarmKind, ...] = get_args(AlarmKind)
NEVER: dict[tuple[AlarmKind, ChangingAct], str] = {
    ("data", "rollback"): "data that changed do not say that the version before would be better",
    ("service", "rollback"): "a service's days do not tell its versions apart; deploy-model judges them side by side",
    ("service", "retrain"): "a model that is trained anew mends no service",
}
"""Acts that follow no alarm of a kind, each with the reason."""

Hours = Annotated[float, Meta(ge=0, le=24 * 365)]
Bound = Annotated[float, Meta(gt=0, le=24 * 7)]
PerDay = Annotated[int, Meta(ge=1, le=24)]
WorkflowFile = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,200}[.]ya?ml$")]


class ActLimits(Section, frozen=True, kw_only=True):
    """How often an act may be, and for how long one is taken to be under way."""

    cool_down_hours: Hours = 24
    """So long after one begins none begins again."""
    most_per_day: PerDay = 1
    """In any 24 hours."""
    ends_within_hours: Bound = 1
    """One of which nobody has said until then how it ended is given up: its run has died."""


class DispatchTarget(Section, frozen=True, kw_only=True):
    """Which workflow of GitHub's is started: exactly one of workflow and event-type."""

    workflow: WorkflowFile | None = None
    """The file of a workflow with `on: workflow_dispatch`, such as retrain.yml. The token needs actions: write."""
    event_type: EventType | None = None
    """The type of a `repository_dispatch`, such as model-drifted. The token needs contents: write."""
    repository: Repository | None = None
    """The repository, OWNER/NAME. Left out: $GITHUB_REPOSITORY."""
    ref: Annotated[str, Meta(min_length=1, max_length=255)] = "main"
    """The branch or tag that a workflow is started on; an event goes to the default branch."""
    token_variable: Variable = "GITHUB_TOKEN"  # noqa: S105 - a variable's name
    """The environment variable that holds the token."""


class RetrainLimits(ActLimits, frozen=True, kw_only=True):
    """Of retraining."""

    cool_down_hours: Hours = 72
    """So long after one begins none begins again."""
    ends_within_hours: Bound = 24
    """One of which nobody has said until then how it ended is given up: its run has died."""
    dispatch: DispatchTarget | None = None
    """The workflow that follow-policy starts. Left out: it starts none, and its output says that one is due."""


class AlarmPolicy(Section, frozen=True, kw_only=True):
    """What follows an alarm of monitor-model (docs/policy.md). Of the acts that are named for an alarm the first one that is
    due is done; notify goes with each."""

    performance: tuple[PolicyAct, ...] = ("notify",)
    """After a metric has fallen below its limit, by labels: any of notify, rollback and retrain, the preferred one first."""
    data: tuple[PolicyAct, ...] = ("notify",)
    """After data have changed for good: notify, retrain. A rollback follows no such alarm."""
    service: tuple[PolicyAct, ...] = ("notify",)
    """After the service broke what is promised of it: notify."""
    rollback: ActLimits = ActLimits()
    """How often production is rolled back."""
    retrain: RetrainLimits = RetrainLimits()
    """How often the model is trained anew, and by what."""

    def acts(self, kind: AlarmKind) -> tuple[PolicyAct, ...]:
        """What follows alarms of this kind, the preferred one first."""
        found: tuple[PolicyAct, ...] = getattr(self, kind)
        return found

    def limits(self, act: ChangingAct) -> ActLimits:
        return self.rollback if act == "rollback" else self.retrain

    @property
    def changes(self) -> bool:
        """Whether anything but a notice can follow an alarm."""
        return any(act in self.acts(kind) for kind in ALARM_KINDS for act in CHANGING)


def refuse_contradictions(policy: AlarmPolicy, at: Callable[[tuple[str, ...]], str]) -> None:
    """InvalidInput for the first thing that could never be done as it is written. at: the place of keys below monitor.policy,
    for messages."""
    for keys, what, fix in _contradictions(policy):
        raise InvalidInput(what, where=at(keys), fix=fix)


def _contradictions(policy: AlarmPolicy) -> Iterator[tuple[tuple[str, ...], str, str]]:
    for kind in ALARM_KINDS:
        acts = policy.acts(kind)
        twice = next((act for act in acts if acts.count(act) > 1), None)
        if twice:
            yield (kind,), f"names {twice} twice", "name it once, where you prefer it"
        for act in CHANGING:
            if act in acts and (why := NEVER.get((kind, act))):
                others = [other for other in CHANGING if (kind, other) not in NEVER]
                fix = f"write {', '.join([*others, 'or notify alone'])}" if others else "write notify alone"
                yield (kind,), f"no {act} follows such an alarm: {why}", fix
    for act in CHANGING:
        most, hours = policy.limits(act).most_per_day, policy.limits(act).cool_down_hours
        can = max(1, math.ceil(24 / hours)) if hours else most
        if most > can:
            what = f"{most} in 24 hours cannot be with cool-down-hours {hours:g}, which allows {can}"
            fix = f"write most-per-day: {can}, or cool-down-hours: {24 / most:g} at most"
            yield (act, "most-per-day"), what, fix
    dispatch = policy.retrain.dispatch
    if dispatch and bool(dispatch.workflow) == bool(dispatch.event_type):
        both = "both workflow and event-type are" if dispatch.workflow else "neither workflow nor event-type is"
        yield ("retrain", "dispatch"), f"{both} named", "name one, such as workflow: retrain.yml"


def refuse_impossible(policy: AlarmPolicy, where: str, *, watched: bool, limited: bool) -> None:
    """InvalidInput where acts are named for an alarm that there will never be. watched: monitor.performance names a
    prediction. limited: a metric that is watched has a limit of the gate."""
    if not watched and any(act in policy.performance for act in CHANGING):
        fix = "name monitor.performance.prediction, the column of the predictions"
        raise InvalidInput("there will be no such alarm: performance is not watched", where=where, fix=fix)
    if not limited and "rollback" in policy.performance:
        what = "no rollback can follow: it needs a metric below a limit of the gate, and none that is watched has one"
        raise InvalidInput(what, where=where, fix="set at-least of accuracy_score or roc_auc_score below gate.limits")

"""Why a deployment is no success, for its last line and its exit code."""

from __future__ import annotations

from modelway.errors import CancelledByUser, Inconclusive, ModelwayError, OutsideFailure, Refused
from modelway.rollout import engine
from modelway.stages.rollouts.deploy import Deployed


def of_deployment(done: Deployed) -> tuple[ModelwayError, ...]:
    """Empty where it is there, goes on, or has shown what it was to show."""
    if done.story is None:
        return ()
    state = done.story.state
    why = "; ".join(state.reasons)
    if done.outcome == "deployed":
        said = f"it is deployed, but the alias could not be moved: {done.problem}"
        return (OutsideFailure(said, fix="then run the same command again"),) if done.problem else ()
    if done.outcome in ("", "shadowed"):
        return ()
    if done.outcome == "compared":
        return _of_comparison(state)
    if done.outcome == "failed":
        return (OutsideFailure(f"traffic is where it was: {why}"),)
    stable = done.story.plan.stable
    said = f"traffic is on {stable.name if stable else 'nothing'}: {why}"
    cancelled = state.reasons == ("cancelled",)
    return ((CancelledByUser if cancelled else Refused)(said, title="rolled back"),)


def _of_comparison(state: engine.RolloutState) -> tuple[ModelwayError, ...]:
    """Whatever the difference is, it was asked for; but one arm alone is no comparison."""
    if "cancelled" in state.reasons:
        return (CancelledByUser("traffic is where it was", title="stopped"),)
    metrics = state.assessment.metrics if state.assessment else ()
    if any(item.canary.requests and item.stable.requests for item in metrics):
        return ()
    fix = "see that requests with the key come to this address, and run it again"
    return (Inconclusive(f"nothing was compared: {'; '.join(state.reasons)}", fix=fix),)

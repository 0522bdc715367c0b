"""What came to an environment, by the ledger and the journals together, and the figures that are made of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.delivery.changes import EnvironmentChange, changes
from modelway.delivery.figures import DAY, figures
from modelway.registry.ledger_entries import Entry
from modelway.registry.ledger_history import Recorded
from modelway.report.delivery import DEFINITIONS, figure_rows, markdown
from modelway.report.delivery_page import delivery_page, incident_page, weeks
from modelway.rollout import events
from modelway.rollout.journal import Line, Story
from modelway.rollout.observations import Block, Counts
from rollout.simulated import plan, side

T = datetime(2026, 11, 2, tzinfo=UTC).timestamp()


def entry(at: float, action: str, version: int, before: int | None, nonce: str = "", why: str = "because") -> Recorded:
    made = Entry(
        model="m",
        environment="production",
        alias="production",
        action=action,  # type: ignore[arg-type]
        version=version,
        previous_version=before,
        model_digest="",
        data_digest="",
        policy_digest="",
        verdict=None,
        who="ada",
        why=why,
        when=datetime.fromtimestamp(T + at, UTC).isoformat(),
        nonce=nonce or f"{action}{at}",
        previous="",
    )
    return Recorded(int(at), "valid", made, applied=True, intents=())


def block(at: float, weight: float, canary: tuple[int, int], stable: tuple[int, int]) -> events.Observed:
    return events.Observed(
        Block(began=T + at, seconds=5, weight=weight, canary=Counts(*canary), stable=Counts(*stable))
    )


def story(
    number: int, version: int, happened: Sequence[events.Event], outcome: str, *, before: int = 1, **of: object
) -> Story:
    made = msgspec.structs.replace(
        plan(), id=f"id{number}", number=number, new=side(version), stable=side(before), who="bob", why="newer", **of
    )
    lines = [Line(event=event) for event in happened]
    finish = [Line(act=events.Finish(outcome))] if outcome else []  # type: ignore[arg-type]
    return Story(made, (*lines, *finish))


GOOD = story(
    1,
    2,
    [
        events.Ready(T + 95),
        events.Routed(T + 100, 0.1),
        block(100, 0.1, (10, 0), (90, 1)),
        events.Routed(T + 200, 1.0),
        events.Adopted(T + 220),
    ],
    "deployed",
)
BAD = story(
    2,
    3,
    [
        events.Routed(T + 1000, 0.1),
        block(1000, 0.1, (10, 8), (90, 0)),
        events.Routed(T + 1070, 0.0),
        events.Retired(T + 1090),
    ],
    "rolled-back",
    before=2,
)
NEVER = story(3, 4, [events.Failed(T + 2000, "no such image")], "failed", before=2)
OPEN = story(4, 5, [events.Ready(T + 2500), events.Routed(T + 2600, 0.1)], "", before=2)
BACK = story(5, 1, [events.Routed(T + 5000, 1.0), events.Adopted(T + 5001)], "deployed", before=2, kind="rollback")
CHAIN = [entry(225, "deploy", 2, 1, "id1"), entry(5002, "rollback", 1, 2, "id5", "complaints")]


def endings(found: Sequence[EnvironmentChange]) -> list[tuple[int, str, float | None]]:
    return [(c.version, c.ending, None if c.back is None else c.back - T) for c in found]


def test_ledger_and_journals_are_joined_and_nothing_counts_twice() -> None:
    found = changes(CHAIN, [GOOD, BAD, NEVER, OPEN, BACK])
    assert endings(found) == [
        (2, "rolled-back", 5000.0),
        (3, "taken-back", 1070.0),
        (4, "stopped-before-traffic", None),
        (5, "unfinished", None),
    ]
    good, bad, never, _ = found
    assert (good.began - T, good.reached and good.reached - T, good.rollouts) == (100, 220, (1, 5))
    assert (good.requests, good.errors, good.own_requests, bad.own_errors) == (100, 1, 10, 8)
    assert good.reasons == ("rolled back by ada: complaints",) and never.reasons == ("no such image",)


def test_without_journals_the_ledger_tells_what_it_knows() -> None:
    chain = [entry(0, "promote", 1, None), entry(100, "promote", 2, 1), entry(400, "rollback", 1, 2)]
    found = changes(chain, [])
    assert endings(found) == [(1, "in-production", None), (2, "rolled-back", 400.0)]
    assert found[1].rollouts == () and found[1].began == T + 100


def test_without_the_ledger_the_journals_tell_of_rollbacks() -> None:
    assert endings(changes([], [GOOD, BACK])) == [(2, "rolled-back", 5000.0)]


def test_a_version_that_comes_again_is_not_new_and_what_moved_nothing_is_no_change() -> None:
    chain = [
        entry(0, "promote", 1, None),
        entry(10, "promote", 2, 1),
        entry(20, "promote", 1, 2),
        entry(30, "restore", 1, 1),
        entry(40, "adopt", 0, 1),
        entry(50, "adopt", 7, None),
    ]
    assert [(c.version, c.new) for c in changes(chain, [])] == [(1, True), (2, True), (1, False), (7, True)]
    trial = story(9, 9, [events.Routed(T, 0.5)], "shadowed", mirror=True)
    assert changes([], [trial]) == ()


def test_a_rollback_blames_the_newest_change_of_that_version_and_none_twice() -> None:
    chain = [
        entry(0, "deploy", 1, None),
        entry(10, "deploy", 2, 1),
        entry(20, "rollback", 1, 2),
        entry(30, "deploy", 2, 1),
        entry(40, "rollback", 1, 2),
        entry(50, "rollback", 9, 8),
    ]
    assert endings(changes(chain, [])) == [
        (1, "in-production", None),
        (2, "rolled-back", 20.0),
        (2, "rolled-back", 40.0),
    ]


def test_the_figures_of_a_worked_example() -> None:
    """That of docs/delivery.md."""
    hour = 3600.0
    came = [
        EnvironmentChange(7, T + 1, "in-production", reached=T + 26 * hour),
        EnvironmentChange(8, T + DAY, "taken-back", back=T + DAY + 70),
        EnvironmentChange(9, T + 3 * DAY, "rolled-back", reached=T + 3 * DAY + 720, back=T + 3 * DAY + 5.7 * hour),
    ]
    found = figures(came, {7: T, 9: None}, T, T + 7 * DAY + 1)
    assert found.deployments == 2 and found.per_week.value == pytest.approx(2)
    assert (found.failed, found.failure_rate.n) == (2, 3)
    assert (found.failure_rate.low, found.failure_rate.high) == (
        pytest.approx(0.094, abs=1e-3),
        pytest.approx(0.992, abs=1e-3),
    )
    assert found.time_to_restore.value == pytest.approx((70 + 5.7 * hour) / 2)
    assert (found.lead_time.value, found.lead_time.n, found.lead_time_unknown) == (26 * hour, 1, 1)
    assert (found.lead_time.low, found.lead_time.high) == (None, None), "one value bounds nothing"
    text = "\n".join(" ".join(row) for row in figure_rows(found))
    assert "67% (2) 9% to 99% 3" in text and "2.9 h – 2" in text and "26.0 h" in text


def test_of_a_short_or_empty_time_nothing_is_said_per_week() -> None:
    none = figures([], {}, T, T + 90 * DAY)
    assert (none.deployments, none.failure_rate.value, none.availability) == (0, None, None)
    young = figures([EnvironmentChange(1, T, "in-production", reached=T)], {}, T - 90 * DAY, T + 2 * DAY)
    assert young.per_week.value is None and young.days == pytest.approx(2)
    before = figures([EnvironmentChange(1, T, "in-production", reached=T)], {}, T - 90 * DAY, T - DAY)
    assert (before.days, before.deployments) == (0, 0)


def test_a_commit_after_its_deployment_is_no_lead_time() -> None:
    found = figures([EnvironmentChange(1, T, "in-production", reached=T)], {1: T + 60}, T - DAY, T + DAY)
    assert (found.lead_time.n, found.lead_time_unknown) == (0, 1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deploy", "promote", "rollback", "adopt", "restore"]), st.integers(0, 4), st.integers(0, 4)
    ),
    max_size=12,
)


@given(STEPS, st.integers(0, 3))
def test_every_figure_is_made_of_the_changes_that_there_are(steps: list[tuple[str, int, int]], skip: int) -> None:
    chain = [entry(10.0 * at, action, version, before) for at, (action, version, before) in enumerate(steps)]
    found = changes(chain[skip:], [GOOD, BAD])
    assert list(found) == sorted(found, key=lambda change: change.began)
    shown = figures(found, {}, T - DAY, T + 30 * DAY)
    assert shown.failed <= shown.failure_rate.n <= len(found)
    assert shown.deployments + shown.stopped + shown.open <= len(found)
    for estimate in (shown.failure_rate, shown.per_week, shown.time_to_restore):
        if estimate.value is not None and estimate.low is not None and estimate.high is not None:
            assert estimate.low <= estimate.value <= estimate.high
    assert all((change.back is not None) == change.failed for change in found)
    assert all(change.back >= change.began for change in found if change.back is not None)


def test_the_pages_escape_what_people_wrote_and_draw_every_week() -> None:
    chance = random.Random(1)
    came = [
        EnvironmentChange(
            at, T + chance.uniform(0, 400) * DAY, "in-production", reached=T, why="<script>alert(1)</script>"
        )
        for at in range(99)
    ]
    came.append(
        EnvironmentChange(
            100, T + 400 * DAY, "rolled-back", reached=T, back=T + 401 * DAY, who="<b>", reasons=("a|b`c`",)
        )
    )
    found = figures(came, {}, T, T + 450 * DAY)
    page = delivery_page("<i>m</i>", found, came, {}, {(came[-1].began, 100): "incident.html"}, T + 450 * DAY)
    assert "<script" not in page and "<i>" not in page and "<b>" not in page and 'href="incident.html"' in page
    assert "<script" not in markdown("<i>", found, came, {})
    drawn = weeks(came, T + 450 * DAY)
    assert drawn.count("<rect") <= 2 * 53 and 'class="failed"' in drawn
    assert set(DEFINITIONS) == {row[0] for row in figure_rows(found)}


def test_an_incident_says_when_what_happened() -> None:
    good, bad, *_ = changes(CHAIN, [GOOD, BAD, BACK])
    page = incident_page("m: version 3 failed", bad, [BAD])
    assert "70 s" in page and "10, of which 8 failed" in page and "version 3 gets 10% of the traffic" in page
    both = incident_page("m: version 2 failed", good, [GOOD, BACK])
    assert both.index("version 2 is stable") < both.index("version 1 gets 100% of the traffic")
    assert "no journal is left" in incident_page(
        "m", EnvironmentChange(2, T, "rolled-back", reached=T, back=T + 60), []
    )

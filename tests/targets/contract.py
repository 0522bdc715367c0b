"""What every target guarantees, whatever it runs releases on: subclass `TargetContract` and give it a fixture `case`.

Each test opens the target anew for each command, as commands do: nothing is shared between them but the target itself.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from modelway.errors import InvalidInput, OutsideFailure, Refused
from modelway.observe.counts import between
from modelway.rollout import engine, journal, rolling
from modelway.rollout.plan import side_of
from modelway.rollout.rolling import ReplicaBounds, Replicas
from modelway.rollout.run import Superseded, Surroundings, carry_out
from modelway.targets import Slot
from modelway.targets.state import NeverAnnounced, Pending
from targets.case import (
    TESTERS,
    Case,
    begun,
    claimed,
    deployed,
    killed,
    next_block,
    plan_of,
    state_of,
)


class TargetContract:
    # reading

    def test_where_nothing_was_deployed_reading_says_so_and_makes_nothing(self, case: Case) -> None:
        target = case.open()
        assert target.state() is None
        assert target.stories() == []
        assert target.unfinished() is None
        assert re.fullmatch(r"(https?://[^/\s]+)?", target.address())
        assert not target.place.is_running()
        assert not target.stop("a tester", pytest.fail)
        assert not target.records.exist()

    def test_another_models_target_is_refused_and_taken_from_nobody(self, case: Case) -> None:
        claim = claimed(case)
        with claim.held():
            claim.change(rollouts=0)
        other = case.open(model="another")
        with pytest.raises(InvalidInput, match=f"is the target of {case.model} in {case.environment}"):
            other.state()
        with pytest.raises(InvalidInput):
            other.claim("somebody", "a rollback", always=True)
        with claim.held():
            pass

    # who may change it

    def test_one_command_has_the_target_until_it_gives_it_back(self, case: Case) -> None:
        claim = claimed(case, "deploying version 7")
        with pytest.raises(Refused, match="deploying version 7 by a tester is at work on this target"):
            claimed(case)
        claim.give_back()
        claimed(case).give_back()

    def test_a_command_that_was_superseded_changes_nothing_more(self, case: Case) -> None:
        deployed(case, case.releases[0])
        first = claimed(case)
        acts = begun(case, first, case.releases[1])
        second = claimed(case, "a rollback", always=True)
        before = state_of(case), case.open().stories()
        forbidden: tuple[Callable[[], object], ...] = (
            lambda: acts.route(0.5),
            acts.start,
            acts.adopt,
            acts.back,
            lambda: acts.retire("new"),
        )
        for act in forbidden:
            with pytest.raises(Superseded, match="a rollback by a tester has taken the target over"):
                act()
        for line in (journal.Line(event=engine.Resumed(1.0)), journal.Line(act=engine.Adopt())):
            with pytest.raises(Superseded):
                acts.write(line)
        assert (state_of(case), case.open().stories()) == before
        first.give_back()  # it takes nothing from the second
        with second.held():
            second.change(rollouts=second.state.rollouts)
        assert set(case.send(20)) == {case.old}

    def test_the_state_changes_within_an_act_alone(self, case: Case) -> None:
        claim = claimed(case)
        with pytest.raises(AssertionError, match="under the lease alone"):
            claim.change(rollouts=3)
        assert case.open().state() is None

    def test_a_command_that_was_killed_holds_nothing_and_what_it_wrote_is_whole(self, case: Case) -> None:
        def work() -> None:
            claim = claimed(case)
            slot = Slot(side_of(case.releases[0], 1))
            claim.begin(plan_of(claim, slot))
            claim.append(1, journal.Line(act=engine.Start()))
            with claim.held():
                claim.records.append(1, journal.Line(event=engine.Ready(1.0)))
                os.kill(os.getpid(), signal.SIGKILL)

        killed(work)
        story = case.open().unfinished()
        assert story is not None
        assert [line.act or line.event for line in story.lines] == [engine.Start(), engine.Ready(1.0)]
        claim = claimed(case)
        claim.append(1, journal.Line(event=engine.Resumed(2.0)))
        assert case.open().stories()[0].events[-1] == engine.Resumed(2.0)
        assert claim.next_number() == 2

    # what is kept

    def test_no_number_of_a_rollout_is_used_twice(self, case: Case) -> None:
        claim = claimed(case)
        plan = plan_of(claim, Slot(side_of(case.releases[0], 1)))
        with claim.held():
            claim.records.begin(plan)  # and the command dies before the state says so
        again = claimed(case, always=True)
        assert again.next_number() == 2
        with pytest.raises(FileExistsError), again.held():
            again.records.begin(plan)
        assert again.records.story(2) is None
        assert list(again.records.numbers()) == [1]
        with again.held():
            again.change(rollouts=2)
        assert again.stories() == [], "of the first one nothing was begun"

    def test_what_is_still_to_be_announced_survives(self, case: Case) -> None:
        claim = claimed(case)
        names = {"release": "r", "built_for": "production", "why": "", "who": "", "model_digest": "d"}
        pending = Pending(kind="rollback", version=3, nonce="n", **names)
        never = NeverAnnounced(pending, "it was deleted", 5.0)
        with claim.held():
            claim.change(pending=(pending,), never_announced=(never,))
        killed(lambda: claimed(case, always=True))
        assert state_of(case).pending == (pending,)
        assert state_of(case).never_announced == (never,)

    def test_a_persons_word_needs_no_lease_and_the_first_one_stays(self, case: Case) -> None:
        claim = claimed(case)
        claim.begin(plan_of(claim, Slot(side_of(case.releases[0], 1))))
        first, second = (engine.Continued(at, 0.1, who, "why") for at, who in ((5.0, "one"), (6.0, "another")))
        records = case.open().records
        assert records.word(1, 0.1) is None
        assert records.leave_word(1, first) == first
        assert records.leave_word(1, second) == first
        assert case.open().records.word(1, 0.1) == first
        assert records.word(1, 0.5) is None and records.word(2, 0.1) is None
        claim.append(1, journal.Line(event=first))  # who has the lease has it still
        assert list(records.numbers()) == [1]
        assert [line.event for line in case.open().stories()[0].lines] == [first]

    # what runs

    def test_a_release_that_starts_gets_no_traffic_and_starting_twice_changes_nothing(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1])
        before = state_of(case)
        acts.start()
        assert state_of(case) == before
        assert {str(item.side.version) for item in before.slots.values()} == {case.old, case.new}
        assert set(case.send(30)) == {case.old}
        acts.claim.check_answer()

    def test_the_share_that_was_asked_for_is_the_share_that_is_counted(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1])
        acts.route(0.25)
        answered = case.send(400)
        assert answered.total() == 400
        assert 0.12 < answered[case.new] / 400 < 0.40  # six standard deviations on either side
        block = next_block(acts, 400)
        assert not block.dropped
        assert (block.canary.requests, block.stable.requests) == (answered[case.new], answered[case.old])
        assert block.canary.errors == block.stable.errors == 0
        refused = case.send(40, bad=True)
        seen = next_block(acts, 40)
        assert (seen.canary.errors, seen.stable.errors) == (refused[case.new], refused[case.old])

    def test_a_share_that_is_not_followed_is_not_believed(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1])
        with case.deaf(), pytest.raises(OutsideFailure):
            acts.route(0.5)
        acts.route(0.5)
        assert set(case.send(60)) == {case.old, case.new}

    def test_a_mirror_gets_a_copy_of_each_request_and_answers_nobody(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1], mirror=True)
        acts.route(0.5)
        assert set(case.send(100)) == {case.old}
        block = next_block(acts, 200)
        assert (block.canary.requests, block.stable.requests) == (100, 100)
        assert set(case.send(20, bad=True)) == {case.old}
        assert next_block(acts, 40).canary.errors == 20
        acts.route(0.0)
        acts.route(0.0)
        case.send(20)
        assert next_block(acts, 20).canary.requests == 0

    def test_testers_reach_the_new_release_and_are_not_counted(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1], testers=TESTERS)
        acts.route(0.0, tested=True)
        assert set(case.send(30, tested=True)) == {case.new}
        assert set(case.send(30)) == {case.old}
        block = next_block(acts, 30)
        assert (block.canary.requests, block.stable.requests) == (0, 30)
        acts.route(0.5, tested=True)
        assert set(case.send(20, tested=True)) == {case.new}
        assert set(case.send(60)) == {case.old, case.new}
        acts.route(0.0)
        assert set(case.send(30, tested=True)) == {case.old}
        acts.retire("new")
        assert set(case.send(10, tested=True)) == {case.old}

    def test_requests_with_the_key_reach_the_new_release_and_are_counted_as_its_own(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1], led=TESTERS)
        acts.route(0.5)
        assert set(case.send(30, tested=True)) == {case.new}
        assert set(case.send(50)) == {case.old}
        block = next_block(acts, 80)
        assert (block.canary.requests, block.stable.requests, block.dropped) == (30, 50, "")
        assert set(case.send(10, bad=True, tested=True)) == {case.new}
        seen = next_block(acts, 10)
        assert (seen.canary.errors, seen.stable.errors) == (10, 0)
        acts.back()
        deadline = time.monotonic() + 5
        while set(case.send(20, tested=True)) != {case.old}:
            assert time.monotonic() < deadline, "the prepared way back is theirs too"
        acts.route(0.5)
        assert set(case.send(20, tested=True)) == {case.new}, "and forth again"
        acts.route(0.0)
        assert set(case.send(20, tested=True)) == {case.old}
        acts.retire("new")
        assert set(case.send(10, tested=True)) == {case.old}

    def test_replicas_come_and_go_and_the_traffic_is_where_they_are(self, case: Case) -> None:
        deployed(case, case.releases[0])
        claim = claimed(case)
        if not claim.place.scales:
            return
        whole = claim.place.whole(claim.state.current)
        planned = rolling.unjudged(ReplicaBounds(whole, 1, 0))
        acts = begun(case, claim, case.releases[1], rolling=planned)
        assert acts.sizes() == (0, whole)
        assert set(case.send(20)) == {case.old}
        acts.scale(Replicas(1, whole))
        acts.scale(Replicas(1, whole))
        assert acts.sizes() == (1, whole)
        assert set(case.send(20)) == {case.old}, "what is started gets no traffic"
        acts.route(1 / whole, stable=whole - 1)
        acts.scale(Replicas(1, whole - 1))
        assert acts.sizes() == (1, whole - 1)
        assert set(case.send(100)) == ({case.old, case.new} if whole > 1 else {case.new})
        acts.back()
        seen = case.send(100)
        assert case.new in seen and seen.total() == 100, "stable has too few replicas for all of it"
        acts.scale(Replicas(1, whole))
        acts.route(0.0, stable=whole)
        assert set(case.send(40)) == {case.old}
        acts.retire("new")
        acts.scale(Replicas(0, whole))
        assert acts.sizes() == (0, whole)
        assert set(case.send(20)) == {case.old}
        acts.claim.check_answer()
        claimed(case, "a rollback", always=True)
        with pytest.raises(Superseded):
            acts.scale(Replicas(0, whole))

    def test_a_rolling_rollout_ends_with_all_of_the_new_release_and_nothing_else(self, case: Case) -> None:
        deployed(case, case.releases[0])
        claim = claimed(case)
        if not claim.place.scales:
            return
        whole = claim.place.whole(claim.state.current)
        acts = begun(case, claim, case.releases[1], rolling=rolling.unjudged(ReplicaBounds(whole, 1, 0)))
        carry_out(acts.plan, engine.begin(acts.plan), acts, Surroundings(lambda plan: "", lambda said: None))
        (slot,) = state_of(case).slots.values()
        assert (str(slot.side.version), claim.place.size(slot), claim.place.whole(slot)) == (case.new, whole, whole)
        assert set(case.send(40)) == {case.new}
        acts.claim.check_answer()

    def test_adopting_twice_is_adopting_once(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1])
        acts.route(1.0)
        acts.adopt()
        state = state_of(case)
        acts.adopt()
        assert state_of(case) == state
        assert state.stable == acts.plan.new.slot
        assert [str(item.slot.side.version) for item in state.deployments] == [case.old, case.new]
        assert [item.rollout for item in state.deployments] == [1, 2]

    def test_a_release_that_is_retired_finishes_what_it_began_and_is_gone(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[2])
        acts.route(1.0)
        waiting = case.long_request()
        acts.route(0.0)
        acts.retire("new")
        acts.retire("new")
        assert waiting is None or waiting() == 200
        assert [str(item.side.version) for item in state_of(case).slots.values()] == [case.old]
        assert set(case.send(30)) == {case.old}
        acts.claim.check_answer()

    def test_the_way_back_needs_no_writing(self, case: Case) -> None:
        deployed(case, case.releases[0])
        acts = begun(case, claimed(case), case.releases[1])
        acts.route(0.5)
        with case.full(acts.plan.number):
            with pytest.raises((OSError, OutsideFailure)):
                acts.write(journal.Line(act=engine.Observe()))
            acts.back()
        deadline = time.monotonic() + 5
        while set(case.send(20)) != {case.old}:
            assert time.monotonic() < deadline
        acts.route(0.5)
        assert set(case.send(60)) == {case.old, case.new}, "and forth again"

    def test_without_a_stable_release_going_back_is_to_nothing(self, case: Case) -> None:
        acts = begun(case, claimed(case), case.releases[0])
        acts.route(1.0)
        assert set(case.send(5)) == {case.old}
        acts.back()
        acts.route(0.0)
        deadline = time.monotonic() + 5
        while set(case.send(5)) != {""}:
            assert time.monotonic() < deadline
        acts.retire("new")
        assert state_of(case).slots == {}

    def test_what_was_stopped_is_known_and_comes_back(self, case: Case) -> None:
        deployed(case, case.releases[0])
        state = state_of(case)
        assert case.open().place.is_running()
        assert case.open().stop("a tester", pytest.fail)
        assert not case.open().place.is_running()
        assert state_of(case) == state
        assert not case.open().stop("a tester", pytest.fail)
        claim = claimed(case)
        with pytest.raises(OutsideFailure):
            claim.check_answer()
        claim.run_stable(lambda said: None)
        claim.check_answer()
        assert set(case.send(10)) == {case.old}

    def test_stopping_takes_the_target_from_a_command_that_is_at_work(self, case: Case) -> None:
        claim = claimed(case)
        acts = begun(case, claim, case.releases[0])
        assert case.open().stop("a tester", pytest.fail)
        with pytest.raises(Superseded):
            acts.adopt()

    # what was counted

    def test_traffic_of_the_past_is_told_or_said_to_be_unknown(self, case: Case) -> None:
        deployed(case, case.releases[0])
        state = state_of(case)
        source = case.open().place.counts(state)
        if source.past(60) is None:
            return
        case.send(50)
        deadline = time.monotonic() + 10
        while True:
            samples = between(source.past(60) or (), state.stable)
            ticks = [at for at, _ in samples]
            assert ticks == sorted(ticks)
            if len(samples) > 1 and samples[-1][1].requests == 50:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)

"""The log of what followed alarms: of several writers at once one has the claim, and nothing is lost or written twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry.act_log import ActLog, PastAct
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.protocol import AmbiguousAnswer
from registry.in_memory import InMemory

NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


class Store(VersionLedger):
    """Answers are lost, before or after the entry was written, in the order of `lost`."""

    lost: tuple[str, ...] = ()

    def append(self, text: str) -> None:
        first, *rest = self.lost or ("",)
        object.__setattr__(self, "lost", tuple(rest))
        if first != "before":
            super().append(text)
        if first:
            raise AmbiguousAnswer("no answer came")


def log(registry: InMemory | None = None, environment: str = "production", lost: tuple[str, ...] = ()) -> ActLog:
    registry = registry or InMemory()
    run = registry.create_run(registry.experiment_id("m"), "policy", {})
    store = Store(registry, "m.policy-acts", run.id)
    object.__setattr__(store, "lost", lost)
    return ActLog(store, environment, "ada", clock=lambda: LATER, sleep=lambda seconds: None)


def claim(of: ActLog, alarms: tuple[str, ...] = ("a",)) -> int | None:
    return of.claim("retrain", alarms, "x changed", NOW, LATER, of.read())


def test_what_is_claimed_is_read_back_with_its_end() -> None:
    made = log()
    number = claim(made, ("a", "b"))
    assert number == 1 and made.end(number, "success").result == "success"
    (act,) = made.read().acts
    assert act == PastAct(1, "retrain", ("a", "b"), NOW, LATER, "success", "x changed", "ada")
    assert act.counts and not act.is_running(NOW)


def test_the_first_end_stays_and_a_claim_that_is_none_is_told() -> None:
    made = log()
    number = claim(made)
    assert number is not None and made.end(number, "failure").result == "failure"
    assert made.end(number, "success").result == "failure"
    for wrong in (99, 2):  # 2 is the end
        with pytest.raises(InvalidInput, match=f"the log of m has no claim {wrong} in production"):
            made.end(wrong, "success")


def test_of_two_that_have_read_the_same_one_has_the_claim() -> None:
    registry = InMemory()
    one, other = log(registry), log(registry)
    base = other.read()
    assert claim(one) == 1
    assert other.claim("rollback", ("a",), "why", NOW, LATER, base) is None
    assert [act.act for act in other.read().acts] == ["retrain"]
    assert claim(other) == 3, "what was void is no link of the chain"


def test_many_at_once_have_one_claim_together() -> None:
    registry = InMemory()
    logs = [log(registry) for _ in range(12)]
    bases, claims = [one.read() for one in logs], list[int | None]()
    together = threading.Barrier(len(logs))

    def work(one: ActLog, number: int) -> None:
        together.wait()
        claims.append(one.claim("rollback", ("a",), "why", NOW, LATER, bases[number]))

    threads = [threading.Thread(target=work, args=(one, number)) for number, one in enumerate(logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [number for number in claims if number is not None]
    assert len(won) == 1 and [act.number for act in logs[0].read().acts] == won


@pytest.mark.parametrize("lost", [("before",), ("after",), ("before", "before", "after"), ("after", "after")])
def test_a_lost_answer_leads_to_one_claim(lost: tuple[str, ...]) -> None:
    made = log(lost=lost)
    assert claim(made) is not None
    assert len(made.read().acts) == 1


def test_a_store_that_answers_nothing_is_said() -> None:
    with pytest.raises(OutsideFailure, match="no answer came"):
        claim(log(lost=("before",) * 9))


def test_environments_have_one_chain_and_see_their_own_acts() -> None:
    registry = InMemory()
    production, staging = log(registry), log(registry, "staging")
    assert (claim(production), claim(staging)) == (1, 2)
    assert [act.number for act in staging.read().acts] == [2] and staging.read().head == 2


@pytest.mark.parametrize("text", ["", "{}", "null", '{"schema": "modelway/ledger/1"}', "\x00"])
def test_what_is_no_entry_is_one_line(text: str) -> None:
    made = log()
    claim(made)
    made.store.append(text)
    with pytest.raises(InvalidInput, match=r"m.policy-acts.ledger: entry 2 is no act of a policy") as caught:
        made.read()
    assert "\n" not in caught.value.line()


def test_long_and_broken_text_fits_into_an_entry() -> None:
    made = log()
    number = made.claim("rollback", [f"{at:016x}" for at in range(500)], "x\udcff" * 3000, NOW, LATER, made.read())
    assert number == 1 and len(made.store.entries()[0].text) < 5000
    assert len(made.read().acts[0].alarms) == 40

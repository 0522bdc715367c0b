"""However a receiver behaves, the others are told and the step ends."""

from __future__ import annotations

from threading import Event
from typing import Any

from modelway.config.notify import SlackReceiver
from modelway.notices.delivery import deliver
from modelway.notices.receivers import Receiver
from notice_cases import some_notice


def test_one_that_ignores_its_time_is_not_waited_for() -> None:
    """As a name server that does not answer: no time limit of a socket holds there."""
    ends, told = Event(), list[str]()

    def stuck(notice: Any, until: float) -> None:
        ends.wait(30)

    def well(notice: Any, until: float) -> None:
        told.append(notice.id)

    receivers = [Receiver("slack a", SlackReceiver(), stuck), Receiver("slack b", SlackReceiver(), well)]
    one, other = deliver(some_notice(), receivers, {}, 0.2)
    assert not ends.is_set() and (one.state, other.state, len(told)) == ("not told", "told", 1)
    assert one.failure is not None and "gave no answer in time" in one.failure.line()
    ends.set()


def test_a_defect_of_one_is_its_own() -> None:
    def broken(notice: Any, until: float) -> None:
        raise RuntimeError("what nobody thought of")

    receivers = [
        Receiver(f"slack {name}", SlackReceiver(), tell) for name, tell in (("a", broken), ("b", lambda *_: None))
    ]
    one, other = deliver(some_notice(), receivers, {}, 5)
    assert (one.state, other.state) == ("not told", "told")
    assert one.failure is not None and "defect of modelway" in one.failure.line()

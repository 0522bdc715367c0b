"""All receivers told at the same time, within a time that they share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Thread
from typing import Literal

from modelway.errors import Defect, InvalidInput, ModelwayError, OutsideFailure
from modelway.notices.notice import Notice
from modelway.notices.outbox import ReceiverBox, kept
from modelway.notices.receivers import Receiver
from modelway.notices.sending import LATER, Rejection

GRACE_SECONDS = 0.2
"""After the time is over, for what is just ending."""
OF_ONE_NOTICE = frozenset({400, 413, 422})
"""Statuses of a receiver that is well and does not take this message; after any other failure it is left alone."""


@dataclass
class Delivery:
    """What became of one receiver. state: of the new notice; `not meant` where it does not ask for such ones. earlier: how
    many older ones were told too. given_up: how many were too old. note: what is to be said of
    it though it was told. keeps: false where what was not told is lost."""

    receiver: Receiver
    state: Literal["told", "told before", "not told", "not meant"] = "not told"
    failure: ModelwayError | None = None
    earlier: int = 0
    given_up: int = 0
    note: str = ""
    keeps: bool = True


def deliver(
    notice: Notice | None, receivers: Sequence[Receiver], boxes: Mapping[str, ReceiverBox], seconds: float
) -> list[Delivery]:
    """Tell the notice to whom it is meant for, and to each receiver what it has not got so far. boxes: empty where nothing
    can be kept. notice: None for what is waiting alone."""
    until = time.monotonic() + seconds
    deliveries, threads = [Delivery(receiver) for receiver in receivers], []
    for one in deliveries:
        meant = notice if notice is not None and one.receiver.wants(notice) else None
        if meant is None:
            one.state = "not meant"
        thread = Thread(target=_tell, args=(one, meant, boxes.get(one.receiver.name), until), daemon=True)
        thread.start()
        threads.append(thread)
    found = []
    for one, thread in zip(deliveries, threads, strict=True):
        thread.join(max(0.0, until + GRACE_SECONDS - time.monotonic()))
        if thread.is_alive():  # it may still write into its own record, which nobody reads any more
            late = OutsideFailure("gave no answer in time", fix=LATER)
            one = replace(one, failure=late)
        found.append(one)
    return found


def _tell(one: Delivery, notice: Notice | None, box: ReceiverBox | None, until: float) -> None:
    try:
        if notice is not None:
            one.keeps = kept(box, notice)
        if box is None or not one.keeps:
            if notice is not None:
                one.note = one.receiver.tell(notice, until) or ""
                one.state = "told"
            return
        with box.alone(until):
            one.given_up = box.given_up(time.time())
            _tell_all(one, notice, box, until)
    except ModelwayError as error:
        one.failure = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are told, and the step ends
        one.failure = Defect(f"unexpected {type(error).__name__}: this is a defect of modelway", fix="report it")


def _tell_all(one: Delivery, notice: Notice | None, box: ReceiverBox, until: float) -> None:
    """The new one first, or, where their order matters, last. Again until nothing is waiting that was not tried: another
    process may have brought more, and waits for this one."""
    if notice is not None and box.has_told(notice.id):
        box.drop(notice)
        one.state = "told before"
    tried: set[str] = set()
    while waiting := [item for item in box.waiting() if item.id not in tried]:
        own = next((item for item in waiting if notice is not None and item.id == notice.id), None)
        item = own if own is not None and not one.receiver.in_order else waiting[0]
        tried.add(item.id)
        if box.has_told(item.id):
            box.drop(item)
            continue
        try:
            one.note = one.receiver.tell(item, until) or one.note
        except (OutsideFailure, InvalidInput) as error:
            one.failure = one.failure or error
            if isinstance(error, Rejection) and error.status in OF_ONE_NOTICE:
                continue
            return
        with contextlib.suppress(OSError):  # told, and the disk is full: it may be told again
            box.done(item)
        if notice is not None and item.id == notice.id:
            one.state = "told"
        else:
            one.earlier += 1

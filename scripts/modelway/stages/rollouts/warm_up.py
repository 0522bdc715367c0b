"""Before its first real request, every replica of a release answers the gate's sample rows until its times are steady: a cold
canary is not a bad one, and the judge would not know the difference. Where it is wanted, it must answer as the gate saw it."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from modelway.endpoint.dialects import MODELWAY
from modelway.endpoint.prediction_checks import same
from modelway.errors import OutsideFailure
from modelway.records.verdict import Sample
from modelway.serving.steady import ROUND, is_steady
from modelway.targets.place import Replica

MOST_SECONDS = 20.0
"""A model that is slow by nature is never steady within it, and warm all the same."""
ROUND_SECONDS = 1.0
"""Of a round of requests, where these take long."""
PAUSE_SECONDS = 0.5
"""After a round in which nothing was answered."""
Demand = Literal["the gate's predictions", "answers", "nothing"]
"""nothing: they are stable's, whose predictions nobody has, and a way back is not held up by them."""
AT_ONCE = 8
TOLERANCE = 1e-6
"""Relative: sums that several threads make differ in the last digits."""


@dataclass
class Warmed:
    """What one replica did. refused: why sample rows were not answered."""

    medians: list[float] = field(default_factory=list)
    asked: int = 0
    refused: list[str] = field(default_factory=list)


def warm_up(
    samples: Sequence[Sample],
    say: Callable[[str], None],
    replicas: Sequence[Replica],
    demand: Demand = "the gate's predictions",
) -> None:
    """OutsideFailure where a replica does not do what is demanded of it."""
    if not replicas:
        return
    began, over = time.monotonic(), threading.Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            warmed = list(pool.map(partial(_warmed, samples, say, over, demand), replicas))
        finally:
            over.set()
    first, last = (max(one.medians[at] for one in warmed) for at in (0, -1))
    steady = "" if all(is_steady(one.medians) for one in warmed) else ", and its times are not steady yet"
    say(
        f"warmed up in {time.monotonic() - began:.0f} s: a row took {1000 * first:.1f} ms, then {1000 * last:.1f} ms{steady}"
    )
    if refused := [said for one in warmed for said in one.refused]:
        say(f"{len(refused)} of {sum(one.asked for one in warmed)} requests of it failed: {refused[0]}")


def _warmed(
    samples: Sequence[Sample], say: Callable[[str], None], over: threading.Event, demand: Demand, replica: Replica
) -> Warmed:
    check = demand == "the gate's predictions"
    done, deadline = Warmed(), time.monotonic() + MOST_SECONDS
    while not done.medians or (time.monotonic() < deadline and not over.is_set()):
        times, began, refused = list[float](), time.monotonic(), len(done.refused)
        while len(times) < ROUND and (not times or time.monotonic() - began < ROUND_SECONDS):
            sample = samples[done.asked % len(samples)]
            asked = time.perf_counter()
            try:
                answer = replica.ask(MODELWAY.path, MODELWAY.bytes_of([sample.features]), {})
            except OutsideFailure as error:
                done.refused.append(error.what)
            else:
                if check and done.asked < len(samples):
                    _check(replica.name, sample, answer)
            times.append(time.perf_counter() - asked)
            done.asked += 1
        silent = len(done.refused) - refused == len(times)
        if silent and demand != "nothing" and time.monotonic() < deadline and not over.is_set():
            if not refused:
                say(f"{replica.name} answers nothing yet, asked for {MOST_SECONDS:.0f} s at most: {done.refused[0]}")
            over.wait(PAUSE_SECONDS)  # it was ready, and was restarted since: it loads its model again
            continue
        done.medians.append(statistics.median(times))
        if is_steady(done.medians) and (not check or done.asked >= len(samples)):
            break
    if demand != "nothing" and len(done.refused) == done.asked:
        raise OutsideFailure(
            f"{replica.name} answers none of the gate's sample rows: {done.refused[0]}",
            fix="see its log; what the model needs at the gate it needs here",
        )
    return done


def _check(name: str, sample: Sample, answer: bytes) -> None:
    said: Any = None
    try:
        said = json.loads(answer)
        (prediction,) = MODELWAY.predictions(said, 1)
    except ValueError:
        raise OutsideFailure(f"{name} answers a sample row with {str(said)[:100]}, which is no prediction") from None
    if not same(sample.candidate, prediction, TOLERANCE):
        raise OutsideFailure(
            f"{name} predicts {str(prediction)[:80]} for row {sample.row} of the test data, and the gate saw"
            f" {str(sample.candidate)[:80]}",
            fix="judge and build it again; a model that draws at random cannot be held to deploy.check-predictions",
        )

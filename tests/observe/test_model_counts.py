"""What servers say that they predicted: read server by server, by the server's own code, and never guessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelway.observe import model_counts
from modelway.observe.model_counts import ModelReading, parse, share_of, watched
from modelway.observe.pods import PodMetrics
from modelway.rollout.shift import JudgedShare
from modelway.serving.metrics import Metrics, memory
from modelway.serving.predictions import tally

LABELS = {"model": "flight-delay", "version": "3", "digest": "d"}


class Server:
    """What a model server has predicted, counted by its own code."""

    def __init__(self) -> None:
        self.metrics = Metrics(memory(1), 0, LABELS)
        self.change: Callable[[str], str] = lambda text: text

    def said(self, *values: object, status: int = 200, path: str = "/predict", sampled: bool = False) -> None:
        self.metrics.request(path, status, 0.001, sampled=sampled)
        if status == 200:
            self.metrics.predicted(tally(list(values), ()))

    def read(self) -> str:
        return self.change(self.metrics.text().decode())


def reading(**servers: Server) -> ModelReading:
    """By a slot's name, such as v2_0."""
    return model_counts.read(
        lambda: [PodMetrics(name.partition("_")[0], name, server.read) for name, server in servers.items()]
    )


def share(counts: str, **more: object) -> JudgedShare:
    made = {"name": counts, "counts": counts, "differ_at_most": 0.01, "budget": 1.0, "share": 0.1, **more}
    return JudgedShare(**made)  # type: ignore[arg-type]


CLASS = share("class", classes=("late",))
OTHERS = share("other classes", classes=("late", "early"))


def test_each_share_is_counted_out_of_all_that_was_predicted() -> None:
    server = Server()
    server.said("late", "early", "late", "never", None)
    server.said(0.2, 0.5, 0.51, 2e9)
    server.said(status=400)
    server.said(status=500)
    server.said("late", status=200, path="testers")
    totals = parse(server.read())[1]
    assert (totals.asked, totals.answered, totals.refused, totals.predicted) == (4, 2, 1, 10)
    assert share_of(CLASS, totals) == (3, 10)
    assert share_of(OTHERS, totals) == (6, 10), "whatever is none of them, numbers and nulls too"
    assert share_of(share("nulls"), totals) == (1, 10)
    assert share_of(share("refused"), totals) == (1, 4)
    assert share_of(share("scores", above=None, up_to=0.5), totals) == (2, 10)
    assert share_of(share("scores", above=0.5, up_to=1000000.0), totals) == (1, 10)
    assert share_of(share("scores", above=1000000.0, up_to=None), totals) == (1, 10)


def test_sample_traffic_is_asked_and_told_apart() -> None:
    one, other = Server(), Server()
    one.said("late")
    one.said("late", sampled=True)
    one.said(status=400, sampled=True)
    other.said("late", path="/invocations", sampled=True)
    one.said(path="/ready", sampled=True)
    total = reading(v1_0=one, v1_1=other).total("v1")
    assert (total.sampled, total.asked, total.answered, total.classes) == (3, 4, 3, {"late": 3})
    older = one.metrics.text().decode().replace("modelway_sample_requests_total", "unknown")
    assert parse(older)[1].sampled == 0


def test_between_two_readings_servers_are_compared_one_by_one() -> None:
    one, other, canary = Server(), Server(), Server()
    one.said("late", "late")
    before = reading(v1_0=one, v1_1=other, v2_0=canary)
    one.said("late")
    other.said("early", "early")
    canary.said("late", "early")
    counts, why = watched((CLASS, OTHERS), before, reading(v1_0=one, v1_1=other, v2_0=canary), "v2", "v1")
    assert why == ""
    assert [(item.name, item.canary, item.stable) for item in counts] == [
        ("class", (1, 2), (1, 3)),
        ("other classes", (0, 2), (0, 3)),
    ]


def test_a_server_that_comes_later_is_counted_from_the_next_block_on() -> None:
    one, later, canary = Server(), Server(), Server()
    before = reading(v1_0=one, v2_0=canary)
    later.said("late")
    one.said("early")
    canary.said("early")
    counts, why = watched((CLASS,), before, reading(v1_0=one, v1_1=later, v2_0=canary), "v2", "v1")
    assert (counts[0].stable, why) == ((0, 1), "")


def fallen(server: Server) -> None:
    """Of a process that says the same start, and has forgotten."""
    server.metrics = Metrics(memory(1), 0, LABELS)


def restarted(server: Server) -> None:
    started = parse(server.read())[0]
    server.change = lambda text: text.replace(started, "1.00")


def silent(server: Server) -> None:
    server.change = lambda text: ""


@pytest.mark.parametrize(
    ("happens", "why"),
    [(fallen, "began anew at zero"), (restarted, "are gone"), (silent, "v1_0: /metrics lacks")],
)
def test_what_nobody_knows_is_no_count(happens: Callable[[Server], None], why: str) -> None:
    one, canary = Server(), Server()
    one.said("late")
    before = reading(v1_0=one, v2_0=canary)
    happens(one)
    counts, said = watched((CLASS,), before, reading(v1_0=one, v2_0=canary), "v2", "v1")
    assert counts == ()
    assert why in said


def test_without_a_server_there_is_no_count() -> None:
    seen = reading(v1_0=Server())
    assert watched((CLASS,), seen, seen, "v2", "v1") == ((), "no server of v2 says what it predicted")


def test_an_older_server_counts_no_nulls_and_all_else() -> None:
    old, new = Server(), Server()
    old.change = lambda text: "\n".join(line for line in text.split("\n") if "nulls_total" not in line)
    seen = reading(v1_0=old, v2_0=new)
    counts, why = watched((CLASS, share("nulls")), seen, seen, "v2", "v1")
    assert [item.name for item in counts] == ["class"]
    assert "counts no null predictions" in why


@pytest.mark.parametrize(
    "text",
    ["", "up 1\n", "<html>", 'modelway_prediction_classes_total{class="a"} NaN\n'],
    ids=["empty", "other", "page", "nan"],
)
def test_what_is_no_server_of_ours_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="model server's|Prometheus' text|counts nothing"):
        parse(text)

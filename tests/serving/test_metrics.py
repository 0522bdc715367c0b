"""What /metrics says is Prometheus' text, of all workers, with a bounded number of lines, and never falls."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from modelway.serving.metrics import CLASS_BYTES, MOST_CLASSES, SCORES, Metrics, Tally, memory

LABELS = {"model": 'a "b"\\\n', "version": "1", "digest": "d"}
LINE = re.compile(r'[a-z_]+(\{([a-z_]+="(\\[\\n"]|[^"\\\n])*",?)*\})? [-+0-9.e]+')


def value(metrics: Metrics, *parts: str) -> float:
    lines = [line for line in metrics.text().decode().split("\n") if line and all(part in line for part in parts)]
    return sum(float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#"))


def classes(names: Iterable[str]) -> Tally:
    found = Tally()
    for name in names:
        found.predicted(name)
    return found


def test_the_parts_of_all_workers_are_added_up_and_outlive_a_worker() -> None:
    shared = memory(2)
    first, second = Metrics(shared, 0, LABELS), Metrics(shared, 1, LABELS)
    for metrics, label in ((first, "late"), (second, "late"), (second, "early")):
        metrics.request("/predict", 200, 0.003)
        metrics.predicted(classes([label]))
    again = Metrics(shared, 1, LABELS)
    again.predicted(classes(["early"]))
    assert value(first, "modelway_requests_total", 'path="/predict"', 'status="200"') == 3
    assert value(first, 'class="late"') == value(first, 'class="early"') == 2


@given(st.lists(st.floats(-1e9, 1e9)))
def test_a_histogram_counts_every_score_in_its_bucket(scores: list[float]) -> None:
    metrics = Metrics(memory(1), 0, LABELS)
    found = Tally()
    for score in scores:
        found.score(score)
    metrics.predicted(found)
    for bound in (SCORES[0], 0.5, SCORES[-1]):
        text = f'le="{int(bound) if bound == int(bound) else bound}"'
        assert value(metrics, "modelway_prediction_score_bucket", text) == sum(score <= bound for score in scores)
    assert value(metrics, "modelway_prediction_score_count") == len(scores)


@given(st.lists(st.text(max_size=CLASS_BYTES * 2), max_size=200))
def test_any_class_is_counted_and_their_number_is_bounded(names: list[str]) -> None:
    metrics = Metrics(memory(1), 0, LABELS)
    metrics.predicted(classes(names))
    metrics.predicted(classes(map(str, range(100))))
    text = metrics.text().decode()
    assert text.count("modelway_prediction_classes_total{") <= MOST_CLASSES + 1
    assert value(metrics, "modelway_prediction_classes_total{") == len(names) + 100


@given(st.text())
def test_every_line_is_prometheus_text_whatever_the_names(name: str) -> None:
    metrics = Metrics(memory(1), 0, {"model": name, "version": "1", "digest": "d"})
    metrics.request("/anything", 404, 0.1)
    metrics.predicted(classes([name]))
    for line in metrics.text().decode("utf-8", "replace").split("\n")[:-1]:
        assert line.startswith("# ") or LINE.fullmatch(line), line

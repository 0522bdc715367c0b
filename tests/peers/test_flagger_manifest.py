"""A Canary of Flagger is read as Flagger reads it, and what is not understood is said by file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelway.errors import InvalidInput
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.queried import Assumed
from peers.manifests import CANARY, TEMPLATE, read


def canary(folder: Path, text: str, *, slow_known: bool = False) -> tuple[FlaggerAnalysis, tuple[str, ...]]:
    analysis, notes = read(folder, text, assumed=Assumed(slow_known=slow_known))
    assert isinstance(analysis, FlaggerAnalysis)
    return analysis, notes


def replaced(old: str, new: str, text: str = CANARY) -> str:
    assert old in text
    return text.replace(old, new)


def test_a_canary_beside_other_objects(tmp_path: Path) -> None:
    analysis, notes = canary(tmp_path, CANARY, slow_known=True)
    assert (analysis.name, analysis.interval_seconds, analysis.threshold) == ("shop", 90, 5)
    assert analysis.weights == (0.2, 0.4, 0.6), "as docs/gitbook/usage/deployment-strategies.md:136-142 counts them"
    rate, duration = analysis.metrics
    assert (rate.window_seconds, duration.window_seconds, notes) == (90, 30, ())
    assert [rate.measure(1000, errors) for errors in (10, 11)] == ["successful", "failed"]
    assert [duration.measure(1000, slow) for slow in (10, 11)] == ["successful", "failed"]
    assert rate.measure(0, 0) == duration.measure(0, 0) == "failed", "no values: the check fails"


def test_times_are_left_out_by_name_where_nobody_knows_them(tmp_path: Path) -> None:
    analysis, notes = canary(tmp_path, CANARY)
    assert [metric.name for metric in analysis.metrics] == ["request-success-rate"]
    (note,) = notes
    assert note.startswith("one.yml:25: spec.analysis.metrics[1] (request-duration) is left out")
    assert "slow-percent" in note
    assert "500 ms" in note


@pytest.mark.parametrize(
    ("keys", "weights"),
    [
        ("stepWeight: 10", [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        ("stepWeight: 30", [30, 60, 90, 100]),
        ("maxWeight: 50\n    stepWeight: 50", [50]),
        ("maxWeight: 50\n    stepWeight: 60", [60]),
        ("stepWeights: [1, 2, 10, 80]", [1, 2, 10, 80]),
        ("stepWeights: [5, '50']", [5, 50]),
        ("maxWeight: 90\n    stepWeight: 20\n    stepWeights: [1, 50]", [20, 40, 60]),
    ],
)
def test_weights_are_those_of_its_scheduler(tmp_path: Path, keys: str, weights: list[int]) -> None:
    analysis, _ = canary(tmp_path, replaced("maxWeight: 50\n    stepWeight: 20", keys))
    assert [round(100 * weight) for weight in analysis.weights] == weights


def test_defaults_are_flaggers(tmp_path: Path) -> None:
    text = replaced('interval: 90s\n    threshold: "5"\n', "interval: 5s\n")
    text = replaced("        interval: 1m30s\n", "", text)
    analysis, notes = canary(tmp_path, text)
    assert (analysis.interval_seconds, analysis.threshold) == (10, 1)
    assert analysis.metrics[0].window_seconds == 60
    assert any("one.yml:16: spec.analysis.interval is below 10 s" in note for note in notes)


CUSTOM = """\
      - name: errors
        interval: 2m
        thresholdRange: {max: 1}
        templateRef: {name: error-rate, namespace: flagger}
"""
METRIC_TEMPLATE = """\
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: error-rate}
spec:
  provider: {type: prometheus, address: http://prometheus:9090}
  query: |
    100 - sum(rate(http_requests_total{app="{{ target }}",status!~"5.*"}[{{ interval }}]))
    / sum(rate(http_requests_total{app="{{ target }}"}[{{ interval }}])) * 100
"""


def test_a_template_is_followed_where_it_is_given_and_plain(tmp_path: Path) -> None:
    _, notes = canary(tmp_path, CANARY + CUSTOM)
    assert any("one.yml:28" in note and "MetricTemplate 'error-rate'" in note for note in notes)
    analysis, notes = canary(tmp_path, CANARY + CUSTOM + METRIC_TEMPLATE)
    metric = analysis.metrics[-1]
    assert (metric.of, metric.scale, metric.window_seconds) == ("bad", 100, 120)
    assert [metric.measure(100, errors) for errors in (1, 2)] == ["successful", "failed"]
    assert metric.measure(0, 0) == "failed"
    _, notes = canary(tmp_path, CANARY + CUSTOM + METRIC_TEMPLATE.replace("status!~", "path!~"))
    assert any("(errors) is left out: what its query means is not known: the label 'path'" in note for note in notes)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('threshold: "5"', "threshold: five", 17, "spec.analysis.threshold: is text ('five'), not a number"),
        ('threshold: "5"', "threshold: 1.5", 17, "not a whole number"),
        ("interval: 90s", "interval: 90", 16, "not a duration"),
        ("interval: 90s", "interval: 1.5s", 16, "not a duration of whole seconds"),
        ("stepWeight: 20", "stepweight: 20", 19, "unknown key 'stepweight'. Fix: did you mean 'stepWeight'?"),
        ("stepWeight: 20", "stepWeight: 120", 19, "not a number from 0 to 100"),
        ("maxWeight: 50\n    stepWeight: 20", "stepWeights: [10, 10]", 18, "the weights do not rise"),
        ("    maxWeight: 50\n    stepWeight: 20\n", "", 15, "neither stepWeight nor stepWeights"),
        ("maxWeight: 50", "iterations: 10", 18, "blue-green or A/B"),
        ("maxWeight: 50", "mirror: true", 18, "mirrored"),
        ("  analysis:", "  skipAnalysis: true\n  analysis:", 15, "promoted without an analysis"),
        ("        interval: 30s", "        intervall: 30s", 27, "unknown key 'intervall'"),
        ("          min: 99", "          least: 99", 23, "unknown key 'least'"),
        ("name: request-success-rate", "name: success", 21, "every check fails"),
    ],
)
def test_what_is_wrong_names_file_line_key_and_a_fix(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)) as raised:
        canary(tmp_path, replaced(old, new))
    assert raised.value.where.startswith(f"one.yml:{line}: spec")
    assert raised.value.fix


def test_where_nothing_is_left_to_judge_it_says_what_was_left_out(tmp_path: Path) -> None:
    head, _, tail = CANARY.partition("      - name: request-success-rate")
    text = head + "      - name: request-duration" + tail.partition("      - name: request-duration")[2]
    with pytest.raises(InvalidInput, match=r"no metric of the analysis can be judged; .*slow-percent"):
        canary(tmp_path, text)


def test_one_analysis_at_a_time(tmp_path: Path) -> None:
    for more in (CANARY, TEMPLATE):
        with pytest.raises(InvalidInput, match="more than one analysis"):
            read(tmp_path, CANARY, more)
    with pytest.raises(InvalidInput, match="no Canary of Flagger"):
        read(tmp_path, "a: 1\n---\n---\n[]\n")

"""A Rollout of Argo and its templates are read as its controllers read them, or refused by file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelway.errors import InvalidInput
from modelway.peers.argo import ArgoAnalysis
from modelway.peers.queried import Assumed
from peers.manifests import ROLLOUT, TEMPLATE, read

BOTH = f"{ROLLOUT}---\n{TEMPLATE}"


def argo(folder: Path, *texts: str, assumed: Assumed | None = None) -> tuple[ArgoAnalysis, tuple[str, ...]]:
    analysis, notes = read(folder, *texts, assumed=assumed)
    assert isinstance(analysis, ArgoAnalysis)
    return analysis, notes


def replaced(old: str, new: str, text: str = BOTH) -> str:
    assert old in text
    return text.replace(old, new)


def test_a_rollout_with_its_template_in_another_file(tmp_path: Path) -> None:
    analysis, notes = argo(tmp_path, ROLLOUT, TEMPLATE)
    assert [step.weight for step in analysis.steps[::2]] == [0.2, 0.4, 0.8]
    assert [step.seconds for step in analysis.steps[1::2]] == [600, 600, 5400]
    assert analysis.starting_step == 2
    (metric,) = analysis.background
    assert (metric.interval_seconds, metric.window_seconds, metric.failure_limit) == (300, 15, 3), (
        "args, and irate's scrape"
    )
    assert [metric.measure(100, errors) for errors in (5, 6)] == ["successful", "failed"]
    assert metric.measure(0, 0) == "failed", "NaN with a success condition alone (docs/features/analysis.md:1311-1329)"
    (note,) = notes
    assert "irate" in note
    assert note.startswith("two.yml:17")


def test_weights_of_another_total(tmp_path: Path) -> None:
    routing = "trafficRouting:\n        maxTrafficWeight: 1000\n"
    analysis, _ = argo(tmp_path, replaced("trafficRouting:\n", routing))
    assert analysis.steps[0].weight == 0.02


def test_templates_without_a_rollout_take_the_share_and_the_time_that_are_given(tmp_path: Path) -> None:
    assumed = Assumed(weight=0.25, lasts_seconds=1200)
    analysis, notes = argo(tmp_path, TEMPLATE, assumed=assumed)
    assert (analysis.steps[0].weight, analysis.steps[1].seconds, len(analysis.background)) == (0.25, 1200, 1)
    assert analysis.background[0].interval_seconds == 60, "the template's own default"
    assert any("no Rollout" in note and "25 %" in note for note in notes)
    counted, _ = argo(
        tmp_path, replaced("failureLimit: 3", "failureLimit: 3\n      count: 4", TEMPLATE), assumed=assumed
    )
    assert (counted.steps[1].metrics[0].count, counted.background) == (4, ())


def test_both_conditions_and_a_percentile(tmp_path: Path) -> None:
    text = replaced("successCondition: result[0] >= 0.95", "successCondition: result[0] >= 0.9\n"
        "      failureCondition: result[0] < 0.5\n      inconclusiveLimit: 2")  # fmt: skip
    metric = argo(tmp_path, text)[0].background[0]
    assert [metric.measure(10, errors) for errors in (1, 5, 6)] == ["successful", "inconclusive", "failed"]
    assert (metric.measure(0, 0), metric.inconclusive_limit) == ("inconclusive", 2)
    query = 'histogram_quantile(0.95, sum(rate(times_bucket{app="a"}[2m])) by (le))'
    text = re.sub(r"query: \|\n(?: {12}.*\n)+", f"query: {query}\n", TEMPLATE).replace(">= 0.95", "< 0.3")
    with pytest.raises(InvalidInput, match="slow-percent"):
        argo(tmp_path, text)
    metric = argo(tmp_path, text, assumed=Assumed(slow_known=True))[0].background[0]
    assert [metric.measure(100, slow) for slow in (5, 6)] == ["successful", "failed"]
    assert metric.window_seconds == 120


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    more = """\
    - name: web
      successCondition: result == "ok"
      provider: {web: {url: "http://example.com"}}
    - name: dry
      successCondition: result[0] >= 0.5
      provider: {prometheus: {query: "sum(rate(a{code!='500'}[1m])) / sum(rate(a[1m]))"}}
    - name: odd
      successCondition: all(result, # < 1000)
      provider: {prometheus: {query: "a"}}
    - name: unclear
      successCondition: result[0] >= 0.5
      provider: {prometheus: {query: "up"}}
  dryRun: [{metricName: d.*}]
"""
    analysis, notes = argo(tmp_path, TEMPLATE + more.replace("#", "'#'"))
    assert [metric.name for metric in analysis.background] == ["success-rate"]
    for name, why in (("web", "condition"), ("dry", "dry run"), ("odd", "condition"), ("unclear", "query")):
        assert any(f"({name}) is left out" in note and why in note for note in notes), (name, notes)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("pause: {duration: 10m}", "pause: {}", 20, "a person ends this pause. Fix: say by pause-seconds"),
        ("setWeight: 20", "setWeight: 120", 19, "not a number from 0 to 100"),
        ("setWeight: 20", "setweight: 20", 19, "did you mean 'setWeight'?"),
        ("- templateName: success-rate", "- templateName: other", 13, "'other' is not among the manifests"),
        ("failureLimit: 3", "failurelimit: 3", 38, "did you mean 'failureLimit'?"),
        ("failureLimit: 3", "failureLimit: -1", 35, "neither failureLimit nor consecutiveSuccessLimit"),
        ('interval: "{{args.every}}"', 'interval: "{{args.other}}"', 36, "not a duration"),
        ("startingStep: 2", "startingStep: 9", 8, "after the last step"),
        ("    canary:", "    blueGreen:", 7, "this is no canary"),
        ("successCondition: result[0]", "successCondition: result[1]", 8, "no analysis of it can be judged"),
    ],
)
def test_what_is_wrong_names_file_line_key_and_a_fix(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)) as raised:
        argo(tmp_path, replaced(old, new))
    assert raised.value.where.startswith(f"one.yml:{line}: spec")
    assert raised.value.fix


def test_an_inline_analysis_ends_by_its_count(tmp_path: Path) -> None:
    step = "        - analysis: {templates: [{templateName: success-rate}]}\n"
    head, _, _ = ROLLOUT.partition("      analysis:\n        templates")
    rollout = head + "      steps:\n        - setWeight: 20\n" + step
    with pytest.raises(InvalidInput, match="within a step it never ends"):
        argo(tmp_path, rollout, TEMPLATE)
    analysis, _ = argo(tmp_path, rollout, TEMPLATE.replace('      interval: "{{args.every}}"\n', ""))
    assert analysis.steps[1].metrics[0].count == 1, "without an interval there is one measurement"

"""judge-plan: what a manifest does at a service's traffic, as figures, a table, a record; one line where it cannot say."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from modelway import ci
from modelway.errors import InvalidInput
from modelway.stages.judge_plan import PlanJudged, judge_plan
from peers.manifests import CANARY, ROLLOUT, TEMPLATE

AT = {"requests_per_second": 50, "error_percent": 0.5, "rollouts": 40}
FAST = "model: m\ndeploy: {steps: [50, 100], step-seconds: 30, bake-seconds: 60, timeout-seconds: 900}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (
        ("canary.yml", CANARY),
        ("rollout.yml", ROLLOUT),
        ("template.yml", TEMPLATE),
        ("modelway.yml", FAST),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def judged(folder: Path, manifests: Sequence[str] = ("canary.yml",), **given: Any) -> PlanJudged:
    return judge_plan(manifests=tuple(manifests), working_directory=str(folder), **{**AT, **given})


def test_both_errors_of_a_canary_of_flagger_and_of_ours(folder: Path) -> None:
    result = judged(folder)
    theirs, ours = result.judged.theirs, result.judged.ours
    assert ours is not None
    assert (result.healthy_taken_back_percent, result.bad_taken_back_percent) == (0, 100)
    assert theirs.bad.median_seconds == 6 * 90, "five failed checks, and the tick after"
    assert theirs.bad.taken_back.n == ours.bad.taken_back.n == 40
    assert theirs.healthy.taken_back.low == 0 < theirs.healthy.taken_back.high
    assert ours.bad.median_seconds is not None
    assert ours.bad.median_seconds < theirs.bad.median_seconds
    assert result.our_bad_taken_back_percent is not None and result.our_bad_taken_back_percent >= 95
    assert result.judged.our_steps == (50, 100), "modelway.yml's own"
    assert len(result.notes) == 1
    assert "canary.yml:25" in result.notes[0]
    record = json.loads(Path(result.report).read_text())
    assert (record["schema"], record["analysis"]["type"], record["seed"]) == ("modelway/judge-plan/1", "flagger", 1)
    text = Path(result.report).with_suffix(".md").read_text()
    assert "| shop | 0.0 % (0.0 to 8.8) |" in text
    assert "40 healthy and 40 bad releases" in text
    assert "spec.analysis.metrics" in text


def test_an_argo_rollout_in_two_files_misses_what_its_limit_allows(folder: Path) -> None:
    result = judged(folder, ("rollout.yml", "template.yml"))
    assert result.bad_taken_back_percent == 0, "2 % of errors are 98 % of success, and 95 are asked for"
    assert any("counted: both" in note for note in result.notes)
    found = judged(folder, ("rollout.yml", "template.yml"), worse_error_percent=20)
    assert found.bad_taken_back_percent == 100
    alone, diluted = (
        judged(
            folder, ("rollout.yml", "template.yml"), requests_per_second=500, worse_error_percent=5.5, counted=counted
        )
        for counted in ("canary", "both")
    )
    assert (alone.bad_taken_back_percent, diluted.bad_taken_back_percent) == (100, 0), (
        "of all, fewer than 5 % at any weight"
    )
    assert not any("counted: both" in note for note in diluted.notes)


def test_times_count_where_the_share_of_slow_requests_is_given(folder: Path) -> None:
    fine, slow = (judged(folder, slow_percent=share) for share in (0.1, 3))
    assert fine.notes == ()
    assert (fine.healthy_taken_back_percent, slow.healthy_taken_back_percent) == (0, 100)


def test_ours_is_refused_where_its_plan_would_be(folder: Path) -> None:
    result = judged(folder, requests_per_second=0.2)
    assert result.our_healthy_taken_back_percent is None
    assert result.judged.ours is None
    assert "refused" in result.sentence
    assert "canary requests" in result.judged.our_refusal
    assert "refused" in Path(result.report).with_suffix(".md").read_text()


def test_what_does_not_end_in_a_day_is_said(folder: Path) -> None:
    (folder / "canary.yml").write_text(CANARY.replace('threshold: "5"', "threshold: 10000"))
    result = judged(folder, rollouts=10, worse_error_percent=50)
    assert "of the bad releases had not ended after 24 h" in Path(result.report).with_suffix(".md").read_text()


def test_without_a_modelway_yml_ours_has_its_defaults(folder: Path) -> None:
    (folder / "modelway.yml").unlink()
    assert any("there is no modelway.yml" in note for note in judged(folder, rollouts=10).notes)
    with pytest.raises(InvalidInput, match="other.yml: cannot be read"):
        judged(folder, config="other.yml")
    (folder / "modelway.yml").write_text("model: m\n")
    assert any("modelway.yml has none" in note for note in judged(folder, rollouts=10).notes)
    (folder / "modelway.yml").write_text("model: m\ndeploy: {strategy: shadow}\n")
    with pytest.raises(InvalidInput, match=r"deploy.strategy: is shadow, .* Fix: name by environment"):
        judged(folder)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"manifests": ("nothing.yml",)}, "nothing.yml: cannot be read"),
        ({"manifests": ("modelway.yml",)}, "no Canary of Flagger and no Rollout"),
        ({"manifests": ("rollout.yml",)}, "rollout.yml:13: .*'success-rate' is not among the manifests"),
        ({"error_percent": 0}, "input worse-error-percent: a bad release would have 0 %"),
        ({"error_percent": 30}, "input worse-error-percent: a bad release would have 120 %"),
        ({"worse_error_percent": 0.4}, "input worse-error-percent"),
        ({"requests_per_second": 0}, "input requests-per-second: 0 is not a number above 0"),
        ({"weight_percent": 101}, "input weight-percent"),
        ({"counted": "stable"}, "input counted: 'stable' is not one of both, canary"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(folder: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        judged(folder, **given)
    assert not (folder / "out").exists()


def test_in_a_shell_it_is_one_line_and_an_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [
        "--working-directory",
        str(folder),
        "--requests-per-second",
        "50",
        "--error-percent",
        "0.5",
        "--rollouts",
        "10",
    ]
    assert ci.run(judge_plan, ["--manifests", "canary.yml", *flags]) == 0
    out, err = capsys.readouterr()
    assert "healthy-taken-back-percent=0\n" in out
    assert "warning: judge-plan: canary.yml:25: spec.analysis.metrics[1] (request-duration) is left out" in err
    (folder / "canary.yml").write_text(CANARY.replace("min: 99", "min: [99]"))
    assert ci.run(judge_plan, ["--manifests", "canary.yml", *flags]) == 2
    _, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (
        "canary.yml:23: spec.analysis.metrics[0].thresholdRange.min: is a list, not a number. Fix: give a number"
        in line
    )


@pytest.mark.long
@pytest.mark.parametrize("page", ["from-flagger", "from-argo-rollouts"])
def test_a_migration_page_says_what_its_own_command_says(
    page: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (root / "docs" / f"{page}.md").read_text()
    manifest, command, said = (re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("yaml", "sh", "text"))
    assert manifest and command and said
    program, action, *flags = shlex.split(command[1])
    assert (program, action, flags[0]) == ("scripts/run", "judge_plan", "--manifests")
    (tmp_path / flags[1]).write_text(manifest[1])
    assert ci.run(judge_plan, ["--working-directory", str(tmp_path), *flags]) == 0
    assert said[1] in capsys.readouterr().out

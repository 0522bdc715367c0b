"""Metrics of scikit-learn and fairlearn where the step's environment has neither: judged in the one that has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.environments import locks, store
from modelway.errors import InvalidInput, OutsideFailure
from modelway.gate import HeldOut, Scored, judge
from modelway.gate.kinds.fairness import Fairness
from modelway.stages.steps.judge import LOCK, judge_in

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(1)
TRUTH = RNG.integers(0, 2, 900)
SAID = np.where(RNG.random(900) < 0.8, TRUTH, 1 - TRUTH)
GROUP = np.array(["a", None, "b"], dtype=object)[np.arange(900) % 3]
HELD_OUT = HeldOut(TRUTH, {"group": GROUP})
CANDIDATE = Scored(SAID, None, (), 1)
POLICY = Gate(
    limits={"cohen_kappa_score": Limit(at_least=0.3), "accuracy_score": Limit(at_least=0.5)},
    fairness=Fairness(columns=("group",), limits={"zero_one_loss_difference": Limit(at_most=0.5)}),
)


@pytest.fixture(scope="module")
def python() -> str:
    return store.interpreter(LOCK, locks.base_python())


@pytest.mark.long
def test_the_other_environment_judges_as_this_one_does(python: str) -> None:
    there = judge_in(python, POLICY, HELD_OUT, CANDIDATE, None, {"x": RNG.normal(size=900)})
    here = judge(POLICY, HELD_OUT, CANDIDATE, None)
    assert [check.name for check in there.checks] == [check.name for check in here.checks]
    for one, other in zip(there.checks, here.checks, strict=True):
        assert (one.outcome, one.value, one.interval) == (other.outcome, other.value, other.interval)
    assert there.groups == here.groups and there.outcome == here.outcome == "pass"


@pytest.mark.long
def test_a_users_mistake_there_is_the_same_mistake_here(python: str) -> None:
    policy = Gate(limits={"fbeta_score": Limit(at_least=0.1, arguments={"beta": "x"})})
    with pytest.raises(InvalidInput) as caught:
        judge_in(python, policy, HELD_OUT, CANDIDATE, None, {})
    assert caught.value.where == "gate.limits.fbeta_score.with" and caught.value.fix


@pytest.mark.long
def test_it_is_waited_for_no_longer_than_scoring(python: str) -> None:
    policy = Gate(limits={"max_error": Limit(at_most=9)}, task="regression", scoring_timeout_seconds=0.01)
    with pytest.raises(InvalidInput, match="longer than 0.01 s") as caught:
        judge_in(python, policy, HELD_OUT, CANDIDATE, None, {})
    assert caught.value.where == "gate.scoring-timeout-seconds"


def test_a_judge_that_dies_is_no_verdict(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(OutsideFailure, match="ended with 3: no space left"):
        judge_in(str(program), POLICY, HELD_OUT, CANDIDATE, None, {})


@pytest.mark.long
def test_the_steps_own_environment_has_neither_and_judges_either_way() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import importlib.util as u, numpy as np;"
        "from modelway.config.sections import Gate; from modelway.config.keys import Limit;"
        "from modelway.gate import HeldOut, Scored; from modelway.stages.steps.judge import judge_policy;"
        "assert not u.find_spec('sklearn') and not u.find_spec('scipy');"
        "rows = np.arange(400) % 2; p = np.stack([1 - rows * .6, rows * .6], 1); p[::7] = 1 - p[::7];"
        "own = Gate(limits={'accuracy_score': Limit(at_least=.5), 'log_loss': Limit(at_most=9)});"
        "theirs = Gate(limits={'cohen_kappa_score': Limit(at_least=.3)});"
        "said = Scored(p, (0, 1), (), 1);"
        "print(*(judge_policy(one, HeldOut(rows, {}), said, None, {}).outcome for one in (own, theirs)))"
    )
    run = [ROOT / "scripts" / "run", "--in", "data", "python", "-I", "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.stdout.split()[-2:] == ["pass", "pass"], done.stderr

"""Where a policy is judged: in this process, or where it names metrics of scikit-learn or fairlearn and these are not
installed here, in one of the environment that has them (requirements/metrics.txt, made on first use)."""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelway import scoring
from modelway.config import Gate
from modelway.environments import locks, store
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure
from modelway.gate import HeldOut, Judgement, Scored, judge, needs_of

SCRIPTS = Path(__file__).resolve().parents[3]
LOCK = requirements_file("metrics")
LIBRARIES = ("sklearn", "fairlearn")
START = "import sys; sys.path.insert(0, {scripts!r}); from modelway.gate import elsewhere; elsewhere.main()"


def judge_policy(
    policy: Gate, held_out: HeldOut, candidate: Scored, production: Scored | None, inputs: Mapping[str, Any]
) -> Judgement:
    """See modelway.gate.judge."""
    if not needs_of(policy).libraries or all(importlib.util.find_spec(name) for name in LIBRARIES):
        return judge(policy, held_out, candidate, production, inputs)
    return judge_in(store.interpreter(LOCK, locks.base_python()), policy, held_out, candidate, production, inputs)


def judge_in(
    python: str,
    policy: Gate,
    held_out: HeldOut,
    candidate: Scored,
    production: Scored | None,
    inputs: Mapping[str, Any],
) -> Judgement:
    """Judged by another interpreter. InvalidInput where that takes longer than scoring may, OutsideFailure where it ends
    without an answer."""
    from modelway.gate import elsewhere

    seconds = policy.scoring_timeout_seconds
    with tempfile.TemporaryDirectory(prefix="modelway-judge-") as folder:
        try:
            done = subprocess.run(
                [python, "-I", "-X", "utf8", "-c", START.format(scripts=str(SCRIPTS))],
                input=elsewhere.request(policy, held_out, candidate, production, dict(inputs)),
                capture_output=True,
                check=False,
                cwd=folder,
                env=scoring.environment(Path(folder)),
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise InvalidInput(
                f"resampling the metrics of scikit-learn and fairlearn took longer than {seconds:g} s",
                where="gate.scoring-timeout-seconds",
                fix="allow more, or ask for fewer of them",
            ) from None
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        raise OutsideFailure(f"the judge ended with {done.returncode}: {last[0][:300]}", fix="run it again")
    return elsewhere.read(done.stdout)

"""docs/metrics.md is the code: every name of every task, and the value of each is that of the call beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fairlearn.metrics
import numpy as np
import pytest
import sklearn.metrics
import yaml

from documented import examples
from modelway.config import load_project
from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.gate import HeldOut, Scored, fairness, gaps, judge, resources, validate_policy
from modelway.gate.kinds.fairness import Fairness
from modelway.gate.metrics import BINARY, MULTICLASS, OF_ONE_CLASS, REGRESSION

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
N = 600
RNG = np.random.default_rng(1)
GROUP = RNG.choice(["a", "b", "c"], size=N)


def tables() -> dict[str, dict[str, tuple[str, ...]]]:
    """Heading -> name -> the other cells."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    heading = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            name, *cells = (cell.strip().strip("`") for cell in line.strip("|").split("|"))
            found.setdefault(heading, {})[name] = tuple(cells)
    return found


TABLES = tables()
OF = {f"{name} of CLASS": BINARY[name] for name in OF_ONE_CLASS}
CODE = {"binary": BINARY, "multiclass": MULTICLASS, "one class": OF, "regression": REGRESSION}
GROUPS = {"fairness, binary": fairness.METRICS, "fairness, regression": gaps.METRICS}


def test_the_page_has_every_name_and_no_other() -> None:
    known = {
        heading: set(table) for heading, table in {**CODE, **GROUPS, "costs": dict.fromkeys(resources.COSTS)}.items()
    }
    assert {heading: set(table) for heading, table in TABLES.items()} == known


@pytest.mark.parametrize("heading", [*CODE, *GROUPS])
def test_which_way_is_better_and_what_is_needed(heading: str) -> None:
    for name, metric in {**CODE, **GROUPS}[heading].items():
        _, better, needs, *_ = TABLES[heading][name]
        assert better == ("greater" if metric.greater_is_better else "smaller"), name
        assert needs == getattr(metric, "need", "label"), name


def models(task: str) -> tuple[Scored, dict[str, Any]]:
    """Test rows of a task and a model of them: what the judge takes, and the names that the page's calls speak of."""
    if task == "regression":
        truth = RNG.normal(size=N)
        label = truth + RNG.normal(size=N)
        return Scored(label, None, (), 1), {"truth": truth, "label": label}
    k = 2 if task == "binary" else 3
    truth = RNG.integers(0, k, N)
    raw = np.exp(1.5 * (truth[:, None] == np.arange(k)) + RNG.normal(size=(N, k)))
    p = raw / raw.sum(axis=1, keepdims=True)
    names = {"truth": truth, "label": (p[:, 1] >= 0.5).astype(int) if k == 2 else p.argmax(axis=1)}
    return Scored(p, tuple(range(k)), (), 1), {**names, "score": p[:, 1], "probabilities": p, "CLASS": 2}


def evaluated(call: str, names: dict[str, Any]) -> float:
    def gap(function: Any) -> float:
        frame = fairlearn.metrics.MetricFrame(
            metrics=function, y_true=names["truth"], y_pred=names["label"], sensitive_features=GROUP
        )
        return float(frame.difference())

    every = {**vars(fairlearn.metrics), **vars(sklearn.metrics), **names, "group": GROUP, "gap": gap}
    return float(eval(call, every))


@pytest.mark.parametrize("heading", [*CODE, *GROUPS])
def test_each_value_is_that_of_the_call_beside_it(heading: str) -> None:
    task = {"one class": "multiclass"}.get(heading, heading.removeprefix("fairness, "))
    scored, names = models(task)
    limits = {}
    for name, (_, better, *_) in TABLES[heading].items():
        limits[name.replace("CLASS", "2")] = Limit(at_least=0.01) if better == "greater" else Limit(at_most=0.99)
    groups = Fairness(columns=("g",), minimum_rows=50, limits=limits)
    policy = Gate(task=task, fairness=groups) if heading in GROUPS else Gate(task=task, limits=limits)
    checks = judge(policy, HeldOut(names["truth"], {"g": GROUP}), scored, None).checks
    values = {check.name.removesuffix(" by g").replace("of 2", "of CLASS"): check for check in checks}
    assert set(values) == set(TABLES[heading])
    for name, (call, *_) in TABLES[heading].items():
        assert values[name].value == pytest.approx(evaluated(call, names), rel=1e-7), call
        assert values[name].interval is not None, name


def test_the_numbers_of_rows_are_those_of_the_code() -> None:
    from modelway import distributions
    from modelway.gate import counts, influence, losses, multiclass, ranking

    def numbers(heading: str, name: str) -> list[float]:
        return [float(number) for number in re.findall(r"[0-9]+(?:[.][0-9]+)?", TABLES[heading][name][3])]

    kinds = [influence.MINIMUM_ROWS, counts.MINIMUM_OF_A_KIND, counts.MINIMUM_DIFFERING]
    assert numbers("binary", "matthews_corrcoef") == kinds
    assert numbers("binary", "precision_score")[1:] == kinds
    areas = [ranking.MINIMUM_FOR_ONE, ranking.MINIMUM_NEAR_ONE, distributions.NEAR_ONE]
    assert numbers("binary", "roc_auc_score") == [*areas, ranking.MINIMUM_FOR_DIFFERENCE, ranking.MINIMUM_NEAR_ONE]
    assert numbers("multiclass", "macro_roc_auc") == areas
    assert numbers("binary", "average_precision_score") == [influence.MINIMUM_ROWS, ranking.MINIMUM_FOR_ONE]
    macro = [influence.MINIMUM_ROWS, multiclass.MINIMUM_OF_A_CLASS, counts.MINIMUM_DIFFERING]
    assert numbers("multiclass", "macro_precision") == numbers("multiclass", "f1_score") == macro
    assert numbers("regression", "r2_score") == [influence.MINIMUM_ROWS]
    for heading, name in (("binary", "log_loss"), ("multiclass", "log_loss"), ("regression", "mean_absolute_error")):
        assert numbers(heading, name) == [losses.MINIMUM_ROWS, losses.COCHRAN, 2]


def test_the_page_lists_every_metric_of_the_libraries() -> None:
    from modelway.gate import library

    text = PAGE.read_text()
    section = text[text.index("## any other metric") :]
    for task in ("binary", "multiclass", "regression"):
        line = next(line for line in section.splitlines() if line.startswith(f"- {task}: "))
        known = [name for name, entry in library.table()["metrics"].items() if task in entry["tasks"]]
        assert re.findall(r"`(\w+)`", line) == known
    other = next(line for line in section.splitlines() if line.startswith("- by scikit-learn's other names"))
    assert re.findall(r"`(\w+)`", other) == list(library.table()["named"])
    from modelway.gate import resampled

    numbers = re.search(r"from (\d+) rows, (\d+) of the rarest class and (\d+) that differ", section)
    assert numbers and [int(number) for number in numbers.groups()] == [
        resampled.MINIMUM_ROWS,
        resampled.MINIMUM_OF_A_CLASS,
        resampled.MINIMUM_DIFFERING,
    ]


@pytest.mark.parametrize("heading", ["any metric between groups", "any other metric"])
def test_the_pages_policies_are_sound(heading: str, tmp_path: Path) -> None:
    (policy,) = examples("metrics.md", heading, "yaml")
    given = (
        {"gate": {"fairness": yaml.safe_load(policy)["fairness"]}} if "fairness:" in policy else yaml.safe_load(policy)
    )
    path = tmp_path / "modelway.yml"
    path.write_text(yaml.safe_dump({"model": "m", **given}))
    validate_policy(load_project(path).gate)

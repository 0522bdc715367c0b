"""What a repository still lacks before a model of it can be judged, each with what would do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modelway.adoption.code import (
    LOGS,
    OWN_SERVER,
    data_named,
    data_set,
    does_nothing,
    experiments,
    fitted,
    fitted_apart,
    other_data,
)
from modelway.adoption.label import is_made_anew
from modelway.adoption.renames import renames
from modelway.adoption.repository import TeamRepository
from modelway.adoption.texts import AdoptionPlan
from modelway.adoption.trainings import FoundTraining, TrainingCode
from modelway.adoption.truth import ROWS_NEEDED, limit_of

BRINGS_SCIPY = re.compile(r"scipy|scikit-learn|xgboost|lightgbm|catboost|statsmodels|mlflow(?!-skinny)")
"""Packages with it, or that need it."""
BEFORE_3 = re.compile(
    r"""\bmlflow(?:-skinny)?(?:\[[^]]*\])?["\s]*(?:[=~]?=\s*"?[\^~]?[012]\b|[^\n#]*<\s*3\b|[^\n#]*<=?\s*[012]\b)"""
    r"""|name = "mlflow(?:-skinny)?"\s+version = "[012]\."""
)
"""MLflow as a project, or its lock, pins it; in version 3 a model has a name, before that a path."""


def to_do(
    repository: TeamRepository,
    training: FoundTraining,
    code: TrainingCode,
    plan: AdoptionPlan,
    columns: Sequence[str],
    untracked: Sequence[str],
) -> list[str]:
    """columns: of the data. untracked: data files that are not in git."""
    declares = (name for name in (plan.packages, "pyproject.toml") if name in repository.files)
    declared = "".join(map(repository.text, declares))
    found = [*_of_code(repository, training, code, plan, declared, columns), *_of_packages(training, plan, declared)]
    metric, _, _ = limit_of(plan.truth)
    if metric != "accuracy_score" and plan.truth.rows < ROWS_NEEDED:
        found.append(
            f"{plan.test} has {plan.truth.rows} rows, and {ROWS_NEEDED} are needed to tell {metric}: give more, or every"
            " verdict is inconclusive"
        )
    if untracked:
        found.append(
            f"not in git, so not on a runner: {' and '.join(untracked)}. Commit them, or set data.command to what brings them"
            " (such as dvc pull), or name an address such as s3://"
        )
    return found


def _of_code(
    repository: TeamRepository,
    training: FoundTraining,
    code: TrainingCode,
    plan: AdoptionPlan,
    declared: str,
    columns: Sequence[str],
) -> Iterator[str]:
    """declared: what says which packages the training needs."""
    text = code.text
    if text and not LOGS.search(text):
        file = code.file_that(fitted) or training.file
        yield f"{file} logs no model to MLflow: {_logging(code, declared)}"
    elif text and not re.search(r"\binput_example\b|\bsignature\b|\bautolog\(", text):
        file = code.file_with(LOGS.pattern)
        yield f"{file} logs its model without a signature: give log_model input_example={_example(text)}"
    own_format = "serialization_format" not in text and not BEFORE_3.search(declared)
    if own_format and (file := code.file_with(r"\bsklearn\.log_model\(")):
        yield (
            f"{file} logs its model in MLflow's own format, which takes few of scikit-learn's: give log_model"
            ' serialization_format="cloudpickle"'
        )
    if file := code.file_that(lambda own: fitted_apart(own, plan.label)):
        yield (
            f"{file} calls {fitted_apart(code.files[file], plan.label)} outside of the model, which is judged and served on"
            " rows as the files have them: make one sklearn.pipeline.Pipeline of the steps and log that"
        )
    if does_nothing(code.run):
        yield (
            f"{training.file} only defines what would train: nothing happens when it is run. Let train.command be what calls"
            " it"
        )
    if others := other_data(text, training.command, plan.train, repository.settings):
        file = next((name for name, own in code.files.items() if others[0] in data_named(own)), training.file)
        yield (
            f'{file} reads {", ".join(others[:3])}: let it read os.environ["MODELWAY_DATA"], which names {plan.train}, or it'
            " learns from rows that it is judged on"
        )
    elif file := _reads(repository, plan.test, training, code):
        yield (
            f"{file} names {plan.test}, the rows that models are judged on: what it learns from them, or chooses by them, is"
            " judged too well. Let it hold back rows of the training data"
        )
    if file := code.file_that(lambda own: renames(own, columns)):
        yield (
            f"{file} gives columns other names than {plan.test} has, and the model is judged and served on rows as the files"
            " have them: let it keep their names, or let data.command write both files with the new ones"
        )
    if plan.truth.label_as is None and (file := code.file_that(lambda own: is_made_anew(own, plan.label))):
        yield (
            f"{file} makes {plan.label} anew of what the data hold, and the rows that models are judged on have it as it was:"
            " say what it means by gate.label-as, or let data.command write the label into both files, and the training find"
            " it"
        )
    if file := code.file_with(r"""environ\[["']MLFLOW_TRACKING_URI["']\]\s*="""):
        yield f"{file} sets MLFLOW_TRACKING_URI: leave it out, or the model goes where nothing judges it"
    if plan.experiment is None and (file := code.file_that(experiments)):
        yield f"{file} calls mlflow.set_experiment: leave it out, the run that is judged is opened for it"
    if file := code.file_that(lambda own: "mlflow.set_tracking_uri(" in own and not OWN_SERVER.search(own)):
        yield f"{file} calls mlflow.set_tracking_uri: leave it out, the run that is judged is opened for it"


def _reads(repository: TeamRepository, data: str, training: FoundTraining, code: TrainingCode) -> str:
    """What names the data file: modelway.yml's command, a file of code or of settings; empty: nothing does."""
    name = data.rpartition("/")[2]
    if name in training.command:
        return "train.command"
    named = [(file, data_named(own)) for file, own in code.files.items()]
    named += data_set(code.text + training.command, repository.settings).items()
    return next((file for file, names in named if name in (each.rpartition("/")[2] for each in names)), "")


def _logging(code: TrainingCode, declared: str) -> str:
    """Lines to paste, with the names that the code has."""
    model, _ = fitted(code.text) or ("model", "")
    word = "artifact_path" if BEFORE_3.search(declared) else "name"
    return (
        f'`import mlflow`, and after the fit `with mlflow.start_run(): mlflow.sklearn.log_model({model}, {word}="model",'
        f' input_example={_example(code.text)}, serialization_format="cloudpickle")` (docs/training.md says what other'
        " libraries need)"
    )


def _example(code: str) -> str:
    _, features = fitted(code) or ("", "features")
    return f"{features}[:5]"


def _of_packages(training: FoundTraining, plan: AdoptionPlan, declared: str) -> Iterator[str]:
    if "mlflow" not in declared:
        yield f"{plan.packages} does not name mlflow: add mlflow-skinny, which logs the model and brings cloudpickle"
    elif declared and not BRINGS_SCIPY.search(declared):
        yield f"{plan.packages} does not name scipy, without which MLflow infers no signature: add it"
    if re.search(r"(?m)^\s*sklearn\b", declared):
        yield f"{plan.packages} names sklearn, which is no package any more and stops the installation: name scikit-learn"
    if training.file.endswith(".ipynb") and "papermill" not in declared:
        yield f"{plan.packages} does not name papermill, which runs the notebook: add papermill and ipykernel"

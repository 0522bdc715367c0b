"""init: a repository that knows nothing of modelway gets its modelway.yml, a first contract, workflows, and a page."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from modelway import ci
from modelway.adoption import label as labels
from modelway.adoption import texts
from modelway.adoption.code import data_named, experiments
from modelway.adoption.made_label import MadeLabel
from modelway.adoption.repository import TeamRepository, look
from modelway.adoption.split import RowSplit, share_of, split_rows
from modelway.adoption.texts import AdoptionPlan, Assumption
from modelway.adoption.to_do import to_do
from modelway.adoption.trainings import (
    NAME_ALONE,
    FoundTraining,
    TrainingCode,
    asked_for,
    code_of,
    named,
    trainings,
)
from modelway.adoption.truth import limit_of, truth_of
from modelway.ci import Input, Output
from modelway.data.contract_edits import first_text
from modelway.data.drafting import DraftedContract, drafted
from modelway.data.values import few
from modelway.data.yaml_text import flow
from modelway.environments.tools import template_file
from modelway.errors import InvalidInput
from modelway.files import replacing, write_whole
from modelway.stages.steps import workspace

BROUGHT = "what a command brings has to be brought first"
SPLIT = "where there are none, `--test 20%` splits some off, by chance; by time is better where rows have one"


@dataclass(frozen=True, kw_only=True)
class ProjectAdopted(ci.Result):
    written: Annotated[list[str], Output("the files that were written, as a JSON list")]
    kept: Annotated[list[str], Output("files that were there already, and stay as they are, as a JSON list")]
    to_do: Annotated[list[str], Output("what is still missing before a model can be judged, as a JSON list")]
    assumed: tuple[Assumption, ...]
    """Every guess, and why."""


@ci.use_case
def init(
    job: ci.Job,
    *,
    command: Annotated[str, Input("The command that trains.", left_out="it is looked for")] = "",
    train: Annotated[str, Input("The training data.", left_out="it is looked for")] = "",
    test: Annotated[
        str,
        Input(
            "Rows that no training has seen, to judge models on. A share such as 20%: so many of the training data are split"
            " off, and what trains reads the rest.",
            left_out="they are looked for",
        ),
    ] = "",
    label: Annotated[str, Input("The column that holds the truth.", left_out="it is looked for")] = "",
    model_name: Annotated[str, Input("The model's name in the registry.", left_out="the folder's")] = "",
    yes: Annotated[bool, Input("true: nothing is asked.")] = False,
    working_directory: ci.WorkingDirectory = ".",
) -> ProjectAdopted:
    """Look at a repository and write modelway.yml, a first data contract, two workflows, and a page of what was assumed.

    Inputs: the repository: what declares its packages, what trains, its data; at most five answers, each a flag too.
    Outputs: the files that were written. One that is there already stays as it is, and so does the data file of a split.
    Exit codes: 0 written; 2 something cannot be found and has to be named, and nothing was written; 4 the disk is full.
    """
    repository = look(job.folder)
    ask = _nobody if yes or not sys.stdin.isatty() else input
    assumed = list[Assumption]()
    training = _training(repository, command, ask, assumed)
    code = code_of(repository, training)
    train_data, test_data, split = _data(repository, code.text, train, test, ask, assumed)
    with tempfile.TemporaryDirectory(prefix="modelway-init-") as scratch:
        made = {name: Path(scratch) / Path(name).name for name in split.names} if split else {}
        if split:
            split_rows(split, job.folder / split.source, *made.values())
        drafted_from = split.source if split else train_data
        draft = drafted(job.folder / drafted_from, drafted_from, most_values=20)
        truth_column, made_of_it = _label(repository, code.text, draft, label, ask, assumed)
        test_file = made.get(test_data, job.folder / test_data)
        learned = draft.columns[truth_column].asked.get("allowed", ())
        truth = truth_of(test_file, test_data, truth_column, draft.dialect, code.text, made_of_it, learned)
        draft = replace(draft, fewest=min(draft.rows, truth.rows))
        plan = AdoptionPlan(
            model=_name(repository, model_name, ask, assumed),
            train=train_data,
            test=test_data,
            contract="contract.yml",
            packages=_packages(repository, assumed),
            command=training.command,
            label=truth_column,
            truth=truth,
            experiment=_experiment(code, assumed),
            deployment=next(iter(repository.deployments()), None),
        )
        assumed += _of_gate(plan)
        untracked = _not_in_git(job.folder, train_data, test_data)
        lacking = to_do(repository, training, code, plan, list(draft.columns), untracked)
        written, kept = _write(job, plan, first_text(draft, train_data), assumed, lacking, made)
    for line in lacking:
        job.warn("init", line)
    given = {"command": command, "train": train, "test": test, "label": label, "model-name": model_name}
    if "modelway.yml" in kept and (others := _not_taken(repository, plan, given)):
        job.warn("modelway.yml", f"is there already and says otherwise: {', '.join(others)}. Edit it, or remove it")
    for name in kept:
        job.say(f"{name} is there already, and stays as it is (without it, it is written anew)")
    job.say(f"written: {', '.join(written) or 'nothing'}; MODELWAY.md says what was assumed, and what comes next")
    return ProjectAdopted(written=written, kept=kept, to_do=lacking, assumed=tuple(assumed))


def _experiment(code: TrainingCode, assumed: list[Assumption]) -> str | None:
    """That which the training chooses itself, since no run of another one is open to it then."""
    chosen = {name for own in code.files.values() for name in experiments(own)}
    name = next(iter(chosen)) if len(chosen) == 1 else None
    if name:
        assumed.append(
            Assumption("registry.experiment", name, "the code that trains chooses it by mlflow.set_experiment")
        )
    return name


def _of_gate(plan: AdoptionPlan) -> list[Assumption]:
    metric, least, why = limit_of(plan.truth)
    found = [
        Assumption("gate.task", plan.truth.task, plan.truth.why),
        Assumption(f"gate.limits.{metric}", f"at least {least:g}", why),
    ]
    if plan.truth.positive is not None:
        why = "what people mean by it, the larger number, the rarer"
        found.append(Assumption("gate.positive-class", plan.truth.positive, why))
    if plan.truth.label_as is not None:
        why = f"the code that trains makes it of {plan.label}"
        found.append(Assumption("gate.label-as", flow(plan.truth.label_as), why))
    return found


Ask = Callable[[str], str]


def _nobody(question: str) -> str:
    return ""


def _training(repository: TeamRepository, given: str, ask: Ask, assumed: list[Assumption]) -> FoundTraining:
    found = trainings(repository)
    said = given or ask(f"The command that trains [{found[0].command if found else ''}]: ").strip()
    if said:
        return named(repository, said)
    if not found and (lacking := asked_for(repository)):
        name, command = lacking
        raise InvalidInput(
            f"MLproject asks for {name}, which has no default, to run `{command}`",
            where=str(repository.folder),
            fix="name the whole command by --command",
        )
    if not found:
        raise InvalidInput(
            "nothing that trains was found: no MLproject, no stage of dvc.yaml, no script that fits or logs a model",
            where=str(repository.folder),
            fix='name it: --command "python path/to/train.py"',
        )
    folders = {item.file.split("/")[0] for item in found if "/" in item.file}
    if len(found) > 1 and len(folders) > 1 and all(item.why == NAME_ALONE for item in found):
        names = ", ".join(item.file for item in found[:5])
        raise InvalidInput(
            f"{len(found)} trainings were found ({names})",
            where=str(repository.folder),
            fix="name one by --command; of several models each has a folder: --working-directory FOLDER",
        )
    assumed.append(Assumption("train.command", found[0].command, found[0].why))
    return found[0]


def _data(
    repository: TeamRepository, code: str, train: str, test: str, ask: Ask, assumed: list[Assumption]
) -> tuple[str, str, RowSplit | None]:
    """The files; and, where a share was asked for, what they are to be made of."""
    configured = repository.configured
    guessed = configured or repository.train_and_test(code)
    learned = train or ask(f"The training data [{guessed[0] or ''}]: ").strip()
    judged = (
        test or ask(f"Rows that no training has seen: a file, or a share such as 20% [{guessed[1] or ''}]: ").strip()
    )
    if (share := share_of(judged)) and (source := learned or guessed[0]):
        split = RowSplit(source, share)
        was_split = any(RowSplit(name, share).names == guessed for name in repository.data())
        if learned or not (configured or was_split):
            assumed.append(Assumption("data.train", split.names[0], f"the other rows of {source}"))
            why = f"{judged} of the rows of {source} by chance, rows together that are equal but for an id"
            why += "; by time is better where rows have one"
            assumed.append(Assumption("data.test", split.names[1], why))
            return *split.names, split
        judged = ""
    found = list[str]()
    for key, said, guess in (("train", learned, guessed[0]), ("test", judged, guessed[1])):
        if not said and guess:
            named = Path(guess).name in {Path(name).name for name in data_named(code)}
            why = "the only data file" if len(repository.data()) == 1 else "the code reads it" if named else "its name"
            assumed.append(Assumption(f"data.{key}", guess, "modelway.yml names it" if configured else why))
        found.append(said or guess or "")
    there = few(repository.data(), 6) or "none"
    missing = [f"--{key}" for key, name in zip(("train", "test"), found, strict=True) if not name]
    if missing:
        what = "rows that no training has seen" if missing == ["--test"] else "the training data"
        raise InvalidInput(
            f"{what} cannot be told from the names of the data files ({there})",
            where=str(repository.folder),
            fix=f"name them by {' and '.join(missing)}; {SPLIT if missing == ['--test'] else BROUGHT}",
        )
    if found[0] == found[1]:
        raise InvalidInput("is the training data too", where="input test", fix="name rows that no training has seen")
    return found[0], found[1], None


def _label(
    repository: TeamRepository, code: str, draft: DraftedContract, given: str, ask: Ask, assumed: list[Assumption]
) -> tuple[str, MadeLabel | None]:
    """The column, and what the training makes of it."""
    columns = list(draft.columns)
    guess, made = labels.label_of(code, columns)
    guess = guess or labels.label_in_settings(repository.settings.values(), columns)
    said = given or ask(f"The column that holds the truth [{guess or ''}]: ").strip()
    if not said and guess:
        assumed.append(
            Assumption("gate.label", guess, "the code that trains names it, or a file of settings, or its name does")
        )
    name = said or guess
    if not name:
        other = labels.truths_elsewhere(code, columns)
        called = f": the code has {few(other, 2)}, which is no column of the data" if other else ""
        write = "; of what the training makes itself, name the column that it is made of" if other else ""
        fix = f"name it by --label; the data has {', '.join(columns)[:300]}{write}"
        raise InvalidInput(f"the column that holds the truth cannot be told{called}", where="input label", fix=fix)
    if name not in columns:
        fix = f"name one of {', '.join(columns)[:300]}"
        raise InvalidInput(f"the training data has no column {name[:100]!r}", where="input label", fix=fix)
    return name, made if name == guess else labels.label_of(code, [name])[1]


def _name(repository: TeamRepository, given: str, ask: Ask, assumed: list[Assumption]) -> str:
    declared = repository.name
    guess = re.sub(r"[^A-Za-z0-9_.-]+", "-", declared or repository.folder.name).strip("-.") or "model"
    said = given or ask(f"The model's name [{guess}]: ").strip()
    if not said:
        assumed.append(Assumption("model", guess, "pyproject.toml's name" if declared else "the folder's name"))
    return said or guess


def _packages(repository: TeamRepository, assumed: list[Assumption]) -> str:
    found = repository.packages
    if found is None:
        raise InvalidInput(
            "nothing declares the packages that the training needs",
            where=str(repository.folder),
            fix="write them into requirements.txt, as `pip freeze` in the environment that trains says them, and mlflow-skinny"
            " besides; for a notebook papermill and ipykernel too",
        )
    assumed.append(Assumption("train.requirements", found, "the first that is there of a lock, a list, a project"))
    return found


def _not_in_git(folder: Path, *names: str) -> list[str]:
    files = [name for name in names if "://" not in name]
    return [name for name in files if workspace.git_says(folder, "ls-files", "--error-unmatch", name) is None]


def _not_taken(repository: TeamRepository, plan: AdoptionPlan, given: Mapping[str, str]) -> list[str]:
    """Flags that ask for something else than the modelway.yml that is there."""
    asked = {
        "command": (("train", "command"), plan.command),
        "train": (("data", "train"), plan.train),
        "test": (("data", "test"), plan.test),
        "label": (("gate", "label"), plan.label),
        "model-name": (("model",), plan.model),
    }
    return [
        f"{'.'.join(key)} is {repository.said(*key) or 'not set'}, and --{flag} asks for {wanted}"
        for flag, (key, wanted) in asked.items()
        if given[flag] and repository.said(*key) != wanted
    ]


def _write(
    job: ci.Job,
    plan: AdoptionPlan,
    contract: str,
    assumed: Sequence[Assumption],
    to_do: Sequence[str],
    data: Mapping[str, Path],
) -> tuple[list[str], list[str]]:
    """What was written, and what was there already; each as it is found from the current folder. data: files of rows that
    were split off, by their names, and where they are so far."""
    top = workspace.git_says(job.folder, "rev-parse", "--show-toplevel")
    root = Path(top) if top else job.folder
    below = "" if root == job.folder else job.folder.relative_to(root).as_posix()
    suffix = f"-{re.sub(r'[^A-Za-z0-9_.-]+', '-', below)}" if below else ""
    workflows = {
        root / ".github" / "workflows" / f"modelway-{kind}{suffix}.yml": texts.workflow(
            template_file(name).read_text(encoding="utf-8"), below
        )
        for kind, name in (("check", "check-pull-request.yml"), ("model", "train-and-gate.yml"))
    }
    about = {
        "modelway.yml": "what is trained, judged and where it goes",
        plan.contract: "what the data are, drafted from them",
        **dict.fromkeys(data, "rows that were split off"),
        **{path.relative_to(root).as_posix(): "a workflow of GitHub" for path in workflows},
    }
    files = {
        job.folder / "modelway.yml": texts.config(plan),
        job.folder / plan.contract: contract,
        **workflows,
        job.folder / "MODELWAY.md": texts.page(plan, assumed, to_do, about),
    }
    written, kept = list[str](), list[str]()
    for name, made in data.items():
        if (job.folder / name).exists():
            kept.append(name)
            continue
        with replacing(job.folder / name) as unfinished:
            shutil.copyfile(made, unfinished)
        written.append(name)
    for path, text in files.items():
        name = path.relative_to(root if path in workflows else job.folder).as_posix()
        if path.exists():
            kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
        written.append(name)
    return written, kept

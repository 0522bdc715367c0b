"""A use case: one function with types, called from Python or by a command line, with the same inputs, outputs and failures.

@use_case
def evaluate_gate(job: Job, *, version: Version, environment: Environment) -> Judged: ...

evaluate_gate(version=3, environment="production")     # in Python: a result, or one of modelway.errors
run(evaluate_gate, argv)                               # a step of a job: outputs, annotations, an exit code
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import math
import os
import signal
import sys
import tempfile
import traceback
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from modelway import interim, progress
from modelway.ci import inputs as declared
from modelway.ci.github import GitHub
from modelway.ci.gitlab import GitLab
from modelway.ci.inputs import Input
from modelway.ci.interim import keep
from modelway.ci.job import Job, not_utf8, on_disk
from modelway.ci.shell import Shell
from modelway.environments.tools import environment_of
from modelway.errors import CancelledByUser, Defect, InvalidInput, ModelwayError

P = ParamSpec("P")


def _addresses(tables: Mapping[str, declared.InMemoryTable]) -> contextlib.AbstractContextManager[Mapping[str, str]]:
    """Addresses of the tables, as inputs take them."""
    if not tables:
        return contextlib.nullcontext({})
    from modelway.data import schemes

    return schemes.held(tables)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a use case comes to. Fields that are annotated with an Output are the outputs of its action."""

    failures: tuple[ModelwayError, ...] = ()
    """Why the answer is not yes, though all was done: a verdict that fails, a canary that was taken back."""

    @property
    def exit_code(self) -> int:
        """Of the action: 0 where the answer is yes."""
        return self.failures[0].exit_code if self.failures else 0

    def or_raise(self) -> typing.Self:
        """The result, where the answer is yes; else its first failure is raised, as a pipeline wants it."""
        if self.failures:
            raise self.failures[0]
        return self


R = TypeVar("R", bound=Result)


class UseCase(Generic[P, R]):
    """work: the function behind it, which takes a Job before its inputs."""

    def __init__(self, work: Callable[Concatenate[Job, P], R]) -> None:
        self.work = work
        functools.update_wrapper(self, work)
        self.name = work.__name__.replace("_", "-")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it. A mistake in the inputs, a refusal and a failure of another system are raised as `modelway.errors`."""
        try:
            given = self.__signature__.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self.work.__name__}(): {error}") from None
        tables = {name: value for name, value in given.items() if isinstance(value, declared.InMemoryTable)}
        try:
            with _addresses(tables) as addresses:
                values = declared.from_call({**given, **addresses}, self.inputs)
                return self.carry_out(self.job(values, where_it_runs(os.environ)))
        except (OSError, UnicodeEncodeError) as error:
            if (expected := _expected(error, values.get("working-directory", "."))) is None:
                raise
            raise expected from error

    def __get__(self, instance: object, owner: type | None = None) -> typing.Self:
        """Itself. That there is such a method makes `help` show it as the function that it is."""
        return self

    def __repr__(self) -> str:
        return f"<function modelway.{self.work.__name__}>"

    def __reduce__(self) -> str:
        """Pickled by its name, as any function is: for a pool of processes, or a scheduler of tasks."""
        return self.work.__qualname__

    @cached_property
    def __signature__(self) -> inspect.Signature:
        """As it is called: without the job, and with plain types."""
        types = typing.get_type_hints(self.work)
        work = inspect.signature(self.work)
        parameters = [item.replace(annotation=types[item.name]) for item in list(work.parameters.values())[1:]]
        return inspect.Signature(parameters, return_annotation=types["return"])

    def job(self, given: Mapping[str, Any], runner: Shell) -> Job:
        """A run of it, with inputs by their names, each checked already."""
        folder = Path(given.get("working-directory", "."))
        if not folder.is_dir():
            where = f"input working-directory {str(folder)[:200]!r}"
            raise InvalidInput("is not a folder", where=where, fix="name a folder of the checkout")
        try:
            folder = folder.resolve()
        except FileNotFoundError:
            raise InvalidInput("the current folder was deleted", fix="change into one that exists") from None
        return Job(self.name, runner, folder, given, self.inputs)

    def carry_out(self, job: Job) -> R:
        values = {item.parameter: job.given.get(item.name, item.default) for item in self.inputs}
        try:
            with progress.heard_by(job.say), interim.decisions() as decisions:
                try:
                    return self.work(job, **values)  # type: ignore[call-arg]
                except (Exception, KeyboardInterrupt) as error:
                    keep(job, decisions.parts, _failure_in_words(error, job))
                    raise
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "modelway":
                raise
            fix = f"pip install 'modelway[{environment_of(self.work.__name__)}]'"
            raise InvalidInput(f"the package {error.name} is not installed", fix=fix) from None

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        return declared.inputs_of(self.work)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Name -> what it holds."""
        return declared.outputs_of(typing.get_type_hints(self.work)["return"])

    @property
    def description(self) -> str:
        return inspect.cleandoc(self.work.__doc__ or "")


def use_case(work: Callable[Concatenate[Job, P], R]) -> UseCase[P, R]:
    """Make the function a use case, under its own name."""
    return UseCase(work)


def where_it_runs(environ: Mapping[str, str]) -> Shell:
    if environ.get("GITHUB_ACTIONS") == "true":
        return GitHub(environ)
    # gitlab-ci-local, which runs a pipeline on a laptop, says GITLAB_CI=false
    on_gitlab = environ.get("GITLAB_CI") == "true" or (environ.get("CI_JOB_ID") and environ.get("CI_SERVER_URL"))
    return GitLab(environ) if on_gitlab else Shell(environ)


def run(use_case: UseCase[..., R], argv: Sequence[str] | None = None, program: str = "") -> int:
    """Resolve flags and variables, do the work, write every output, and turn every failure into one line and an exit code.

    program: what it was called as, for --help."""
    runner = where_it_runs(os.environ)
    for number in (signal.SIGINT, signal.SIGTERM):  # a step started in the background ignores SIGINT otherwise
        signal.signal(number, signal.default_int_handler)
    job, result = Job(use_case.name, runner, Path(), {}), None
    try:
        program = program or f"scripts/run {use_case.work.__name__}"
        parser = declared.build_parser(program, use_case.description, use_case.inputs)
        given = declared.from_text(parser.parse_args(argv), os.environ, use_case.inputs)
        job = use_case.job(given, runner)
        with runner.section(use_case.name):  # an error stands below it, where who folds it sees it
            result = use_case.carry_out(job)
        failures: Sequence[ModelwayError] = result.failures
    except BrokenPipeError:
        return nobody_reads()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
        failures = [_failure(error, job)]
    try:
        if result is None:
            runner.no_outputs(use_case.name, use_case.outputs)
        else:
            values = outputs_of(use_case, result)
            runner.outputs(use_case.name, {name: job.clean(value) for name, value in values.items()})
    except BrokenPipeError:
        return nobody_reads()
    except (OSError, UnicodeEncodeError) as error:
        failures = [*failures, _failure(error, job)]
    for failure in failures:
        job.fail(failure)
    return failures[0].exit_code if failures else 0


def outputs_of(use_case: UseCase[..., R], result: R) -> dict[str, str]:
    """Every declared output as text: empty for None. Text as it is, a number with six digits (empty where it is not finite),
    anything else as JSON on one line."""
    by_name = {item.name.replace("_", "-"): getattr(result, item.name) for item in fields(result)}
    return {name: _text(by_name[name]) for name in use_case.outputs}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return json.dumps(value, allow_nan=False, sort_keys=True)


def nobody_reads() -> int:
    """The exit code where whoever read the output, such as `| head`, has seen enough. Python's own flush finds no pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 141


def _expected(error: BaseException, folder: str | Path) -> ModelwayError | None:
    """What may go wrong anywhere: the disk, and names that are not UTF-8."""
    if isinstance(error, OSError):
        return on_disk(error, Path(str(error.filename or folder)))
    if isinstance(error, UnicodeEncodeError) and error.encoding == "utf-8":
        return not_utf8(error)
    return None


def _failure_in_words(error: BaseException, job: Job) -> str:
    if isinstance(error, ModelwayError):
        return error.line()
    if isinstance(error, KeyboardInterrupt):
        return "cancelled"
    expected = _expected(error, job.folder)
    return expected.line() if expected else f"unexpected {type(error).__name__}"


def _failure(error: BaseException, job: Job) -> ModelwayError:
    """What an exception means to the user: a defect of ours is said in one line too."""
    if isinstance(error, ModelwayError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CancelledByUser("cancelled; run the same command again to go on")
    if (expected := _expected(error, job.folder)) is not None:
        return expected
    handle, name = tempfile.mkstemp(prefix=f"modelway-{job.action}-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(job.clean("".join(traceback.format_exception(error))))
    last = traceback.extract_tb(sys.exc_info()[2])[-1]
    return Defect(
        f"unexpected {type(error).__name__} in {Path(last.filename).name}:{last.lineno}: this is a defect of modelway",
        fix=f"report it with {name}",
    )

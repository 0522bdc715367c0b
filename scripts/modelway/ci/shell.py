"""A shell: where a script runs when no CI system runs it. Another CI system is a class that differs from it."""

from __future__ import annotations

import getpass
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from modelway.ci import escaping

Level = Literal["error", "warning", "notice"]


class Shell:
    """Annotations are lines on stderr, outputs are lines on stdout, there is no summary page."""

    def __init__(self, environ: Mapping[str, str], stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.environ = environ
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr

    @property
    def author(self) -> str:
        """Who runs it, for the history: a person and a place."""
        return self.author_of("", "")

    def author_of(self, variable: str, run: str) -> str:
        """The person that a CI system names in a variable, and its run. Where it names none: the user of this machine."""
        if person := self.environ.get(variable):
            return f"{person}, {run}"
        try:
            return f"{getpass.getuser()} on {platform.node()}"
        except (KeyError, OSError):  # a user id without a name, as in a container
            return f"somebody on {platform.node()}"

    @property
    def address(self) -> str:
        """The page of the run, or of the job; empty where there is none."""
        return ""

    @property
    def ends_with_job(self) -> bool:
        """Whether this machine is gone after the job, with all that runs on it."""
        return False

    @property
    def temporary_folder(self) -> Path:
        """What is written here lasts as long as the job."""
        return Path.cwd()

    @contextmanager
    def section(self, action: str) -> Iterator[None]:
        """Around all that an action writes, where the log has sections."""
        yield

    def say(self, text: str) -> None:
        write_line(text, self.stdout)

    def annotate(self, level: Level, title: str, message: str) -> None:
        write_line(f"{level}: {title}: {escaping.one_line(message)}", self.stderr)

    def outputs(self, action: str, values: Mapping[str, str]) -> None:
        """All that an action tells whoever comes next."""
        for name, value in values.items():
            self.output(name, value)

    def no_outputs(self, action: str, names: Iterable[str]) -> None:
        """Where it came to no result. A person is told none: an empty list would say that there is nothing."""

    def output(self, name: str, value: str) -> None:
        self.say(f"{name}={value}")

    def summary(self, markdown: str, full: str) -> None:
        """Shown on the run's page where there is one; `full` says where all of it is."""

    def export(self, name: str, value: str) -> None:
        """Set a variable for the job's later steps, where there are any."""

    def mask(self, secret: str) -> None:
        """Tell the runner to hide a value in its log."""


def write_line(text: str, stream: TextIO | None) -> None:
    """A line, at once. What the stream's encoding has no character for is written as an escape; a stream that is closed has no
    reader."""
    if stream is None or getattr(stream, "closed", False):
        return
    try:
        try:
            print(text, file=stream, flush=True)
        except UnicodeEncodeError as error:
            if error.encoding == "utf-8":  # a name that is not UTF-8, which the user is to change
                raise
            print(text.encode(error.encoding, "backslashreplace").decode(error.encoding), file=stream, flush=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None  # a failed write does not say where

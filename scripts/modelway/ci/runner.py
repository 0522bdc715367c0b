"""Where a script runs: on GitHub (or act), or in a shell. Another CI system is one more subclass here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TextIO

from modelway.ci import escaping

Level = Literal["error", "warning", "notice"]

OUTPUT_LIMIT = 500_000
"""Characters of one output: GitHub allows a job 1 MB in all, counted in UTF-16."""


class Runner:
    """A shell: annotations are lines on stderr, outputs are lines on stdout, there is no summary page."""

    def __init__(self, environ: Mapping[str, str], stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.environ = environ
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr

    def say(self, text: str) -> None:
        print(text, file=self.stdout, flush=True)

    def annotate(self, level: Level, title: str, message: str) -> None:
        print(f"{level}: {title}: {escaping.one_line(message)}", file=self.stderr, flush=True)

    def output(self, name: str, value: str) -> None:
        self.say(f"{name}={value}")

    def summary(self, markdown: str, full: str) -> None:
        """Shown on the run's page where there is one; `full` says where all of it is."""

    def export(self, name: str, value: str) -> None:
        """Set a variable for the job's later steps, where there are any."""

    def mask(self, secret: str) -> None:
        """Tell the runner to hide a value in its log."""


class GitHubRunner(Runner):
    """GitHub Actions and act: workflow commands on stdout, files for outputs and summary."""

    def say(self, text: str) -> None:
        super().say(escaping.log_line(text))

    def annotate(self, level: Level, title: str, message: str) -> None:
        title = escaping.annotation_property(title)
        message = escaping.annotation_message(escaping.one_line(message))
        print(f"::{level} title={title}::{message}", file=self.stdout, flush=True)

    def output(self, name: str, value: str) -> None:
        if len(value) > OUTPUT_LIMIT:
            self.annotate("warning", name, f"{len(value)} characters are more than an output can hold: see the report")
            value = ""
        self._append("GITHUB_OUTPUT", escaping.output_block(name, value))

    def summary(self, markdown: str, full: str) -> None:
        path = self.environ.get("GITHUB_STEP_SUMMARY", "")
        there = Path(path).stat().st_size if path and Path(path).exists() else 0
        room = max(2048, escaping.SUMMARY_LIMIT_BYTES - there)
        self._append("GITHUB_STEP_SUMMARY", escaping.shortened(markdown, room, full) + "\n")

    def export(self, name: str, value: str) -> None:
        self._append("GITHUB_ENV", escaping.output_block(name, value))

    def mask(self, secret: str) -> None:
        for line in secret.splitlines():
            if line.strip():
                print(f"::add-mask::{escaping.annotation_message(line)}", file=self.stdout, flush=True)

    def _append(self, variable: str, text: str) -> None:
        if path := self.environ.get(variable):
            try:
                with Path(path).open("a", encoding="utf-8", newline="") as stream:
                    stream.write(text)
            except OSError as error:
                raise OSError(error.errno, error.strerror, path) from None  # a failed write does not say where


def detect(environ: Mapping[str, str]) -> Runner:
    return GitHubRunner(environ) if environ.get("GITHUB_ACTIONS") == "true" else Runner(environ)

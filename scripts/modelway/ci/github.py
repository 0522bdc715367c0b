"""GitHub Actions and act: workflow commands on stdout, files for outputs, variables and the summary."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from modelway.ci import escaping
from modelway.ci.shell import Level, Shell, write_line

OUTPUT_LIMIT = 500_000
"""Characters of one output: GitHub allows a job 1 MB in all, counted in UTF-16."""


class GitHub(Shell):
    """A step of a job on GitHub, its Enterprise Server, or act."""

    @property
    def author(self) -> str:
        return self.author_of("GITHUB_ACTOR", self.address)

    @property
    def address(self) -> str:
        said = self.environ.get
        repository = f"{said('GITHUB_SERVER_URL', '')}/{said('GITHUB_REPOSITORY', '')}"
        return f"{repository}/actions/runs/{said('GITHUB_RUN_ID', '')}" if said("GITHUB_RUN_ID") else ""

    @property
    def ends_with_job(self) -> bool:
        return self.environ.get("RUNNER_ENVIRONMENT") == "github-hosted"

    @property
    def temporary_folder(self) -> Path:
        return Path(self.environ.get("RUNNER_TEMP") or super().temporary_folder)

    def say(self, text: str) -> None:
        super().say(escaping.log_line(text))

    def annotate(self, level: Level, title: str, message: str) -> None:
        title = escaping.annotation_property(title)
        message = escaping.annotation_message(escaping.one_line(message))
        write_line(f"::{level} title={title}::{message}", self.stdout)

    def no_outputs(self, action: str, names: Iterable[str]) -> None:
        """All empty, so that none of an earlier try is left."""
        self.outputs(action, dict.fromkeys(names, ""))

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
                write_line(f"::add-mask::{escaping.annotation_message(line)}", self.stdout)

    def _append(self, variable: str, text: str) -> None:
        if path := self.environ.get(variable):
            try:
                with Path(path).open("a", encoding="utf-8", newline="") as stream:
                    stream.write(text)
            except OSError as error:
                raise OSError(error.errno, error.strerror, path) from None  # a failed write does not say where

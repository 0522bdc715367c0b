"""One run of a use case: what it says, warns of, hides and reports."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from modelway.ci.inputs import Input
from modelway.ci.shell import Shell
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.files import NO_ROOM, write_whole

SECRET_NAME = re.compile(r"(TOKEN|PASSWORD|SECRET|(?:ACCESS|API|PRIVATE)_?KEY|CREDENTIALS?)$|^MODELWAY_ENV$")
"""The variables whose values are hidden in all that a script writes."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://(?P<user>[^\s/:@'\"]*)(?::(?P<password>[^\s/@'\"]+))?@", re.IGNORECASE)
SHORTEST_TOKEN = 16
"""Of what stands alone before the @: `git@` is a user, a token is longer."""

MEANINGS = {1: "refused", 2: "wrong input", 3: "inconclusive", 130: "cancelled"}
"""Exit code -> what the title of its annotation says."""

SHORTEST_SECRET = 6
"""Shorter values are not hidden: they would blank out ordinary words."""


class Job:
    """One run of a use case: where it runs, what it was given, and how it speaks. action: its name, such as evaluate-gate.
    given: the inputs that were given, by their names."""

    def __init__(
        self, action: str, runner: Shell, folder: Path, given: Mapping[str, Any], inputs: Sequence[Input] = ()
    ) -> None:
        self.action, self.runner, self.folder, self.given = action, runner, folder, given
        self.environ = dict(runner.environ)
        self.overrides = {item.key: (item.name, given[item.name]) for item in inputs if item.key and item.name in given}
        """What was given of inputs that stand for a key of modelway.yml: key -> (input's name, value)."""
        self._secrets = list(secrets_of(self.environ))
        for item in inputs:
            if item.secret and item.name in given:
                self.hide(str(given[item.name]))

    @property
    def author(self) -> str:
        """Who runs it, for the history."""
        return self.runner.author

    @property
    def config(self) -> str:
        """The configuration's name, as it was given."""
        return str(self.given.get("config", "modelway.yml"))

    @property
    def config_path(self) -> Path:
        return self.folder / self.config

    @property
    def report_folder(self) -> Path:
        return self.folder / str(self.given.get("report-directory", "out/modelway"))

    def beside(self, config: str) -> Job:
        """The same run, of another project: all that either hides, both do."""
        other = copy.copy(self)
        other.given = {**self.given, "config": config}
        return other

    def hide(self, secret: str) -> None:
        """Keep a value out of everything that is written from now on, here and in the runner's log. Of one with several lines
        each line is hidden; a short one is an ordinary word."""
        lines = tuple(dict.fromkeys(line for line in secret.splitlines() if len(line) >= SHORTEST_SECRET))
        self._secrets += lines
        self.runner.mask("\n".join(lines))

    def hide_credentials(self, address: str) -> None:
        """The user and password within an address."""
        for secret in sorted(credentials_in(address) - set(self._secrets), key=len, reverse=True):
            self.hide(secret)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def say(self, text: str) -> None:
        """A line of progress, or of what a command of the team's prints: never a workflow command."""
        self.runner.say(self.clean(text))

    def warn(self, title: str, message: str) -> None:
        self.runner.annotate("warning", self.clean(title), self.clean(message))

    def fail(self, failure: ModelwayError) -> None:
        """Say a failure in one line, under the action's name and the meaning of the exit code."""
        title = f"{self.action}: {failure.title or MEANINGS.get(failure.exit_code, 'failed')}"
        self.runner.annotate("error", self.clean(title), self.clean(failure.line(self.action)))

    def report(self, record: object, markdown: str) -> Path:
        """Write `<action>.json` and `.md` into the report folder, and the Markdown onto the run's page."""
        text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
        path = self.report_folder / f"{self.action}.json"
        _write(path, self.clean(text) + "\n")
        _write(path.with_suffix(".md"), self.clean(markdown) + "\n")
        self.runner.summary(self.clean(markdown), f"{path.with_suffix('.md')}")
        return path

    def attach(self, suffix: str, text: str) -> Path:
        """Write one more file of the report: `<action>.<suffix>` beside it."""
        path = self.report_folder / f"{self.action}.{suffix}"
        _write(path, self.clean(text))
        return path


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What of the variables is hidden: whole values by their variable's name, and credentials within an address anywhere."""
    found = {
        line
        for name, value in environ.items()
        if SECRET_NAME.search(name)
        for line in value.splitlines()
        if len(line) >= SHORTEST_SECRET
    }
    for value in environ.values():
        found.update(credentials_in(value))
    return tuple(sorted(found, key=len, reverse=True))


def credentials_in(text: str) -> set[str]:
    """Of every `scheme://user:password@host` in it: `user:password@`, and the password as it stands there and decoded; of
    `scheme://token@host` the token."""
    found: set[str] = set()
    for match in ADDRESS.finditer(text):
        user, password = match["user"], match["password"]
        if password is None:
            found |= {user} if len(user) >= SHORTEST_TOKEN else set()
            continue
        found.add(f"{user}:{password}@")
        found |= {item for item in (password, unquote(password)) if len(item) >= SHORTEST_SECRET}
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), shared=True)
    except OSError as error:
        raise on_disk(error, path) from None


def on_disk(error: OSError, path: Path) -> ModelwayError:
    """What a failed write means to the user."""
    if error.errno in NO_ROOM:
        return OutsideFailure("the disk is full", where=str(path), fix="free some space and run the same command again")
    return InvalidInput(
        f"cannot be written: {error.strerror}", where=str(path), fix="name a folder that this user may write to"
    )


def not_utf8(error: UnicodeEncodeError) -> InvalidInput:
    """What came in as bytes of another encoding, such as a file's name: no report and no output can hold it."""
    before, after = error.object[: error.start], error.object[error.start :]
    around = before.rpartition("\n")[2][-60:] + after.partition("\n")[0][:60]
    return InvalidInput(
        f"{around!r} is not UTF-8, and is needed in a report or an output", fix="give the file or folder another name"
    )

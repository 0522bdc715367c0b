"""The one table that maps an action's input to a flag, an environment variable and a key of modelway.yml."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NoReturn

from modelway.errors import InvalidInput

FILE_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Input:
    """An input of an action: kebab-case, its unit in its name; `""` and left out are the same."""

    name: str
    help: str
    """What it is, and what happens when it is left out."""
    key: str = ""
    """The key of modelway.yml that it overrides, such as gate.confidence."""
    required: bool = False
    kind: Literal["text", "integer", "number", "boolean", "time"] = "text"
    file_of: str = ""
    """For a `-file` input: the input whose value it holds. A value over 128 KiB fits no variable or argument."""

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return f"MODELWAY_{self.name.upper().replace('-', '_')}"


Values = Mapping[str, str]

CONFIG = Input("config", "The project's configuration file, below working-directory. Left out: modelway.yml.")
WORKING_DIRECTORY = Input("working-directory", "The project's folder. Left out: the current folder.")
ENVIRONMENT = Input("environment", "The environment of modelway.yml that this is for.", required=True)
REPORT_DIRECTORY = Input(
    "report-directory", "Where the reports are written, below working-directory. Left out: out/modelway."
)
TRACKING_URI = Input(
    "tracking-uri", "The MLflow server. Left out: modelway.yml, then $MLFLOW_TRACKING_URI.", key="registry.tracking-uri"
)
VERSION = Input("version", "The registered version of the model.", required=True, kind="integer")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInput(message, where=self.prog, fix=f"run `scripts/run {self.prog} --help` for the inputs")


def build_parser(script: str, description: str, inputs: Sequence[Input]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=script,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for item in inputs:
        parser.add_argument(
            item.flag, metavar=item.kind.upper(), help=f"{item.help} [{item.variable}]".replace("%", "%%")
        )
    return parser


def resolve(arguments: argparse.Namespace, environ: Mapping[str, str], inputs: Sequence[Input]) -> dict[str, str]:
    """Every input that was given, as text: the flag first, then the variable. A missing required one, a value that
    is not of its kind, and an unreadable `-file` are InvalidInput."""
    values: dict[str, str] = {}
    for item in inputs:
        flag = getattr(arguments, item.name.replace("-", "_"))
        value = flag if flag not in (None, "") else environ.get(item.variable, "")
        if value != "":
            values[item.name] = _checked(item, value)
    for item in inputs:
        if item.file_of and item.name in values:
            if item.file_of in values:
                raise InvalidInput(
                    f"given together with {item.file_of}", where=f"input {item.name}", fix="give one of the two"
                )
            values[item.file_of] = _file_text(item, values.pop(item.name))
    for item in inputs:
        if item.required and item.name not in values:
            raise InvalidInput(
                "is required and was not given",
                where=f"input {item.name}",
                fix=f"set `{item.name}:` under `with:`, {item.flag}, or ${item.variable}. {item.help}",
            )
    return values


def overrides(values: Values, inputs: Sequence[Input]) -> dict[str, tuple[str, str]]:
    """What was given of inputs that stand for a key of modelway.yml: key -> (input's name, text)."""
    return {item.key: (item.name, values[item.name]) for item in inputs if item.key and item.name in values}


def _checked(item: Input, value: str) -> str:
    where = f"input {item.name}"
    if "\x00" in value:
        raise InvalidInput("holds a NUL character", where=where, fix="give text")
    try:
        if item.kind == "integer":
            return str(int(value))
        if item.kind == "number":
            return repr(float(value))
    except ValueError:
        raise InvalidInput(
            f"{shown(value)} is not {'a whole number' if item.kind == 'integer' else 'a number'}",
            where=where,
            fix="give digits only, without a unit",
        ) from None
    if item.kind == "time":
        return _moment(value, where).isoformat()
    if item.kind == "boolean" and value not in ("true", "false"):
        raise InvalidInput(f"{shown(value)} is neither true nor false", where=where, fix="give true or false")
    return value


def _moment(value: str, where: str) -> datetime:
    """A time with its zone; one without is UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidInput(
            f"{shown(value)} is not a time", where=where, fix="give one such as 2026-11-21T08:30:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _file_text(item: Input, name: str) -> str:
    where = f"input {item.name}"
    path = Path(name)
    try:
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise InvalidInput(f"{shown(name)} is over {FILE_LIMIT_BYTES >> 20} MiB", where=where, fix="give less")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InvalidInput(f"{shown(name)}: {reason}", where=where, fix="name a readable text file") from None


def shown(value: str, limit: int = 80) -> str:
    """A value inside a message: quoted, on one line, shortened."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}… ({len(value)} characters)"

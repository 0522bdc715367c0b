"""What an action takes and gives: read from the signature of its use case, where each input stands once.

    def evaluate_gate(job: Job, *, version: ci.Version, data: Annotated[str | None, ci.key("data.test")] = None) -> Judged

A parameter's annotation holds its type with its bounds, and an `Input` with what the type does not say. Flags, variables,
action.yml, the tables of READMEs, help and errors follow from it.
"""

from __future__ import annotations

import argparse
import inspect as signatures
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from msgspec import inspect

from modelway.config import kinds, lookup
from modelway.errors import InvalidInput

T = TypeVar("T")
FILE_LIMIT_BYTES = 64 << 20
UNITS = {"seconds": "s", "minutes": "min", "mb": "MB", "ms": "ms", "percent": "%", "per-second": "1/s"}
"""The end of an input's name -> the unit of its value."""
OF_TEXT = {inspect.DictType: "a JSON object", inspect.VarTupleType: "words with commas between them"}
"""How a value that is more than a word is written in a flag or a variable."""
EXAMPLES: dict[type, str] = {inspect.DictType: 'an object such as {"depth": 6}'}
"""What a fix names, where the name of the type is not enough."""
METAVARS = {
    inspect.IntType: "INTEGER",
    inspect.FloatType: "NUMBER",
    inspect.BoolType: "BOOLEAN",
    inspect.DateTimeType: "TIME",
    inspect.DictType: "JSON",
}


@typing.runtime_checkable
class InMemoryTable(typing.Protocol):
    """A table in memory: of pandas, pyarrow, polars, DuckDB, and whatever else speaks Arrow's C stream interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


if TYPE_CHECKING:
    Rows = str | InMemoryTable
else:
    Rows = str  # a table that is passed has an address by then
"""Data: its path or address; for a caller in Python also the table itself."""
ROWS = "CSV, Parquet, JSON lines or Arrow: a file, a folder, a pattern, a Delta or Iceberg table, or an address such as s3://."
"""What an input of data takes, in words."""


def address_of(rows: Rows | None) -> str:
    """Where the rows are: a path or an address; empty where none are given."""
    return "" if rows is None else str(rows)


@dataclass(frozen=True)
class Input:
    """An input of an action. What stands below `help` and its fellows is filled in from the parameter."""

    help: str = ""
    """What it is; of one that overrides a key, the key's own description is."""
    left_out: str = ""
    """What holds where it is left out, if its default does not say that."""
    key: str = ""
    """The key of modelway.yml that it overrides, such as gate.confidence."""
    file_of: str = ""
    """For a `-file` input: the input whose value it holds. A value over 128 KiB fits no variable or argument."""
    secret: bool = False
    """Hidden in all that is written, and no flag: an argument list is seen by every user of the machine."""

    name: str = ""
    kind: inspect.Type = inspect.StrType()  # noqa: RUF009 - a frozen description of a type
    default: Any = None
    required: bool = False

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return f"MODELWAY_{self.name.upper().replace('-', '_')}"

    @property
    def parameter(self) -> str:
        return self.name.replace("-", "_")

    @property
    def unit(self) -> str:
        """Of its value; empty where it is a plain number, or none."""
        return next((unit for end, unit in UNITS.items() if self.name.endswith(end)), "")

    @cached_property
    def words(self) -> str:
        """What its value is: `a number above 0, in s`."""
        kind = _given(self.kind)
        said = OF_TEXT.get(type(kind)) or kinds.words(kind)
        return f"{said}, in {self.unit}" if self.unit else said

    @cached_property
    def description(self) -> str:
        """What it is and what holds where it is left out, in one or two sentences."""
        said, otherwise = self.help, self.left_out
        default = self.default
        if self.key:
            of_key, left_out = lookup.help_of(self.key)
            said, otherwise, default = said or of_key, otherwise or left_out, lookup.default_of(self.key)
        if not otherwise and default is not None and default != "":
            otherwise = _shown_default(default)
        if self.key:
            otherwise = f"{self.key} of modelway.yml" + (f", else {otherwise}" if otherwise else "")
        if self.required or self.file_of:
            return said
        assert otherwise, f"{self.name} does not say what holds where it is left out"
        return f"{said} Left out: {otherwise}."


@dataclass(frozen=True)
class Output:
    """An output of an action: the annotation of a field of its result."""

    help: str


def key(name: str, what: str = "", left_out: str = "") -> Input:
    """An input that overrides a key of modelway.yml and has its type, default and description. what: another description."""
    return Input(what, left_out, key=name)


def inputs_of(work: Callable[..., Any]) -> tuple[Input, ...]:
    """The inputs that stand in the signature, behind the job."""
    annotated = typing.get_type_hints(work, include_extras=True)
    return tuple(
        _input(item, annotated[item.name]) for item in list(signatures.signature(work).parameters.values())[1:]
    )


def outputs_of(result: type[Any]) -> dict[str, str]:
    """Name -> what it holds, of the fields of a result that are outputs."""
    annotated = typing.get_type_hints(result, include_extras=True)
    found = {item.name: _meant(annotated[item.name], Output) for item in fields(result)}
    return {name.replace("_", "-"): output.help for name, output in found.items() if output}


def _input(parameter: signatures.Parameter, annotation: Any) -> Input:
    said = _meant(annotation, Input)
    assert said is not None, f"the parameter {parameter.name} has no Input"
    required = parameter.default is signatures.Parameter.empty
    return replace(
        said,
        name=parameter.name.replace("_", "-"),
        kind=lookup.kind_of(said.key) if said.key else inspect.type_info(annotation),
        default=None if required else parameter.default,
        required=required,
    )


def _meant(annotation: Any, kind: type[T]) -> T | None:
    return next((item for item in getattr(annotation, "__metadata__", ()) if isinstance(item, kind)), None)


def _given(kind: inspect.Type) -> inspect.Type:
    """The type of a value that is given: None stands for one that is not."""
    if isinstance(kind, inspect.UnionType):
        types = tuple(item for item in kind.types if not isinstance(item, inspect.NoneType))
        return types[0] if len(types) == 1 else inspect.UnionType(types)
    return kind


def _shown_default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


class _Parser(argparse.ArgumentParser):
    secrets: Sequence[Input] = ()

    def error(self, message: str) -> NoReturn:
        for item in self.secrets:
            if item.flag in message:  # with the value, which is not to be repeated
                what = "is a secret, and every user of the machine sees a flag"
                raise InvalidInput(what, where=f"input {item.name}", fix=f"put it into ${item.variable}")
        raise InvalidInput(message, where=self.prog, fix=f"run `{self.prog} --help` for the inputs")


def build_parser(program: str, description: str, inputs: Sequence[Input]) -> argparse.ArgumentParser:
    """A flag for each input that is no secret."""
    parser = _Parser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for item in inputs:
        if not item.secret:
            words = "" if item.words == "text" else f" ({item.words})"
            required = " Required." if item.required else ""
            text = f"{item.description}{required}{words} [{item.variable}]"
            alone: dict[str, Any] = (
                {"nargs": "?", "const": "true"} if isinstance(_given(item.kind), inspect.BoolType) else {}
            )
            parser.add_argument(item.flag, metavar=_metavar(item), help=text.replace("%", "%%"), **alone)
    parser.secrets = [item for item in inputs if item.secret]
    return parser


def _metavar(item: Input) -> str:
    if item.unit.isalpha():
        return item.unit.upper()
    return METAVARS.get(type(_given(item.kind)), "TEXT")


def from_text(arguments: argparse.Namespace, environ: Mapping[str, str], inputs: Sequence[Input]) -> dict[str, Any]:
    """Every input that was given, as a value of its type: the flag first, then the variable; `""` and left out are the
    same. A missing required one, a value that is not of its type, and an unreadable `-file` are InvalidInput."""
    texts: dict[str, Any] = {}
    for item in inputs:
        flag = getattr(arguments, item.parameter, None)
        text = flag if flag not in (None, "") else environ.get(item.variable, "")
        if text != "":
            texts[item.name] = text
    ways = "`{0.name}:` under `with:`, {0.flag}, or ${0.variable}"
    return _complete(texts, inputs, _parsed, ways)


def from_call(given: Mapping[str, Any], inputs: Sequence[Input]) -> dict[str, Any]:
    """The same from a Python call: None, `""` and left out are the same, and a value may be a Path or one of numpy's."""
    plain = {
        name.replace("_", "-"): value
        for name, value in given.items()
        if value is not None and not (isinstance(value, str) and value == "")
    }
    return _complete(plain, inputs, lambda item, value: kinds.from_python(item.kind, value), "`{0.parameter}=`")


def _complete(
    given: dict[str, Any], inputs: Sequence[Input], value_of: Callable[[Input, Any], Any], ways: str
) -> dict[str, Any]:
    """ways: how an input is given, for what is missing."""
    known = {item.name: item for item in inputs}
    values = dict(_values(given, known, value_of))
    for item in inputs:
        if item.required and item.name not in values:
            raise InvalidInput(
                "is required and was not given",
                where=f"input {item.name}",
                fix=f"set {ways.format(item)}. {item.description}",
            )
    return values


def _values(
    given: Mapping[str, Any], known: Mapping[str, Input], value_of: Callable[[Input, Any], Any]
) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        item = known[name]
        if item.file_of:
            if item.file_of in given:
                raise InvalidInput(
                    f"given together with {item.file_of}", where=f"input {name}", fix="give one of the two"
                )
            of = known[item.file_of]
            text = _file_text(item, _checked(item, value_of(item, value), value))
            yield of.name, _checked(of, _parsed(of, text), text)
        else:
            yield name, _checked(item, value_of(item, value), value)


def _parsed(item: Input, text: str) -> Any:
    try:
        return kinds.from_text(item.kind, text)
    except ValueError as error:
        fix = f"give {EXAMPLES[inspect.DictType]}"
        raise InvalidInput(f"is not JSON: {error}", where=f"input {item.name}", fix=fix) from None


def _checked(item: Input, value: Any, given: Any) -> Any:
    """The value, where it fits. given: what a caller in Python gave; a message shows text as it was read."""
    if _holds_nul(value):
        raise InvalidInput("holds a NUL character", where=f"input {item.name}", fix="give text without it")
    kind = _given(item.kind)
    wanted = kinds.problem(kind, value)
    if not wanted:
        return value
    if item.help == ROWS and not isinstance(given, str):  # which may hold rows, and they are shown nowhere
        fix = "give a path or an address, or one table of pandas, polars, pyarrow or DuckDB"
        raise InvalidInput(f"is {type(given).__name__}, and no table", where=f"input {item.name}", fix=fix)
    shown_ = "what was given" if item.secret else shown(value if isinstance(given, str) else given)
    what = f"{shown_} is neither true nor false" if wanted == "true or false" else f"{shown_} is not {wanted}"
    unit = f", in {item.unit}, without the unit" if item.unit else ""
    fix = EXAMPLES.get(type(kind), wanted)
    raise InvalidInput(what, where=f"input {item.name}", fix=f"give {fix}{unit}")


def _holds_nul(value: Any) -> bool:
    """No path, no variable and no argument can hold one, and databases stop at it."""
    if isinstance(value, Mapping):
        return any(map(_holds_nul, (*value, *value.values())))
    return any(map(_holds_nul, value)) if isinstance(value, tuple) else isinstance(value, str) and "\x00" in value


def _file_text(item: Input, name: str) -> str:
    where = f"input {item.name}"
    path = Path(name)
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_LIMIT_BYTES + 1)  # of a device or a pipe, nobody knows the size
        if len(content) > FILE_LIMIT_BYTES:
            raise InvalidInput(f"{shown(name)} is over {FILE_LIMIT_BYTES >> 20} MiB", where=where, fix="give less")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InvalidInput(f"{shown(name)}: {reason}", where=where, fix="name a readable text file") from None


def shown(value: object, limit: int = 80) -> str:
    """A value inside a message: quoted, on one line, shortened."""
    try:
        text = " ".join(repr(value).splitlines())
    except ValueError:  # a whole number of more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= limit else f"{text[: limit - 1]}… ({len(text)} characters)"

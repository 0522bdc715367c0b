"""What docs/troubleshooting.md lists: the errors that a user can be told, with their fixes, as the code has them.

An error is a call of one of CLASSES with its text; what is put into the text at run time stands as `…`. Left out is what the
run alone words, and of a fix that depends on the run all but the first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure, Refused
from modelway.markdown import cell

CLASSES: dict[str, type[ModelwayError]] = {one.__name__: one for one in (InvalidInput, OutsideFailure, Refused)}
AREAS = {
    "config": "modelway.yml",
    "data": "Data and contracts",
    "training": "Training and environments",
    "environments": "Training and environments",
    "gate": "The gate",
    "scoring": "The gate",
    "registry": "The registry",
    "records": "The registry",
    "build": "Images",
    "targets/kubernetes": "Kubernetes",
    "targets": "Deployments",
    "stages/rollouts": "Deployments",
    "rollout": "Deployments",
    "observe": "Deployments",
    "endpoint": "Deployments",
    "monitoring": "Monitoring",
    "notices": "Notices",
}
"""Folder of modelway -> its heading, in the order of the page; the longest that fits counts."""
OTHER = "Commands and their inputs"
HOLE = "…"
LEAST = 8
"""Letters that must be fixed in a text: fewer tell nobody what to look for."""


@dataclass(frozen=True, order=True)
class Told:
    """One error. area: its heading."""

    area: str
    what: str
    fix: str
    exit_code: int


def page(scripts: Path) -> str:
    """The sections, in Markdown. scripts: the folder that holds modelway."""
    told = sorted(set(errors(scripts)))
    parts = []
    for area in dict.fromkeys([*AREAS.values(), OTHER]):
        rows = [f"| {_shown(one.what)} | {_shown(one.fix)} | {one.exit_code} |" for one in told if one.area == area]
        parts.append("\n".join([f"## {area}\n", "| the error | what mends it | exit code |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _shown(text: str) -> str:
    """For a cell of a table; what stands in backquotes is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return cell(text)
    shown = []
    for at, part in enumerate(parts):
        bare = part.strip()
        code = "`" + part.replace("|", r"\|") + "`"
        shown.append(code if at % 2 else part.replace(bare, cell(bare)) if bare else part)
    return "".join(shown)


def errors(scripts: Path) -> Iterator[Told]:
    for path in sorted((scripts / "modelway").rglob("*.py")):
        for call in ast.walk(_tree(path)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in CLASSES and call.args:
                given = {keyword.arg: keyword.value for keyword in call.keywords}
                for what in _texts(call.args[0], path, scripts):
                    if sum(map(str.isalpha, what)) >= LEAST:
                        fix = _texts(given["fix"], path, scripts)[0] if "fix" in given else ""
                        yield Told(
                            _area(path, scripts), what, fix.strip(f" {HOLE}") and fix, CLASSES[call.func.id].exit_code
                        )


def _area(path: Path, scripts: Path) -> str:
    inside = path.relative_to(scripts / "modelway").as_posix()
    fitting = [folder for folder in AREAS if inside.startswith(f"{folder}/")]
    return AREAS[max(fitting, key=len)] if fitting else OTHER


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _texts(node: ast.expr, path: Path, scripts: Path) -> list[str]:
    """What the expression may say."""
    match node:
        case ast.Constant(str(text)):
            return [text]
        case ast.JoinedStr(parts):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in parts)]
        case ast.IfExp():
            return [*_texts(node.body, path, scripts), *_texts(node.orelse, path, scripts)]
        case ast.BinOp(left, ast.Add(), right):
            return [a + b for a in _texts(left, path, scripts) for b in _texts(right, path, scripts)]
        case ast.Name(name):
            return _constant(name, path, scripts)
        case ast.Attribute(ast.Name(module), name) if there := _file(scripts, ".".join(_source(module, path))):
            return _constant(name, there, scripts)
    return [HOLE]


def _constant(name: str, path: Path, scripts: Path) -> list[str]:
    """Of the module itself, or of the one that it imports the name from."""
    for statement in _tree(path).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [name]:
            return _texts(statement.value, path, scripts)
    module, original = _source(name, path)
    there = _file(scripts, module)
    return _constant(original, there, scripts) if there else [HOLE]


def _source(name: str, path: Path) -> tuple[str, str]:
    """The module that the name is imported from, and its name there; both empty where it is not imported so."""
    for statement in _tree(path).body:
        if isinstance(statement, ast.ImportFrom):
            for item in statement.names:
                if (item.asname or item.name) == name:
                    return statement.module or "", item.name
    return "", ""


def _file(scripts: Path, module: str) -> Path | None:
    whole = scripts.joinpath(*module.split("."))
    return next((path for path in (whole.with_suffix(".py"), whole / "__init__.py") if path.is_file()), None)

"""What docs/troubleshooting.md lists: the errors that a user can be told, with their fixes, as the code has them.

An error is a call of one of CLASSES with its text; what is put into the text at run time stands as `…`. Left out is what the
run alone words, and of a fix that depends on the run all but the first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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


Local = Mapping[str, Sequence[ast.expr]]
"""What the names of a function may be."""


@dataclass(frozen=True)
class Place:
    """Where an expression stands. path: its file. scripts: the folder that holds modelway."""

    path: Path
    scripts: Path
    local: Local = field(default_factory=dict)

    def file(self, module: str) -> Path | None:
        whole = self.scripts.joinpath(*module.split("."))
        return next((path for path in (whole.with_suffix(".py"), whole / "__init__.py") if path.is_file()), None)


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
        for call, local in _calls(_tree(path), {}):
            if isinstance(call.func, ast.Name) and call.func.id in CLASSES and call.args:
                given = {keyword.arg: keyword.value for keyword in call.keywords}
                place = Place(path, scripts, local)
                said = _texts(call.args[0], place)
                fixes = _texts(given["fix"], place) if "fix" in given else [""]
                for at, what in enumerate(said):
                    if sum(map(str.isalpha, what)) >= LEAST:
                        fix = fixes[at] if len(fixes) == len(said) else fixes[0]
                        yield Told(
                            _area(path, scripts), what, fix.strip(f" {HOLE}") and fix, CLASSES[call.func.id].exit_code
                        )


def _calls(node: ast.AST, local: Local) -> Iterator[tuple[ast.Call, Local]]:
    """Each with what the names of its function may be there: what was assigned since the last way out of the function before
    it, or what was assigned last."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        ways_out = [each for each in ast.walk(node) if isinstance(each, ast.Raise | ast.Return)]
        assigned = _assigned(node)
        for call, inner in (found for child in ast.iter_child_nodes(node) for found in _calls(child, local)):
            since = max((each.end_lineno or 0 for each in ways_out if (each.end_lineno or 0) < call.lineno), default=0)
            own = dict[str, list[ast.expr]]()
            for name, values in assigned.items():
                before = [value for value in values if value.lineno <= call.lineno]
                own[name] = [value for value in before if value.lineno > since] or before[-1:]
            yield call, {**own, **inner}
        return
    if isinstance(node, ast.Call):
        yield node, local
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, local)


def _assigned(function: ast.AST) -> Local:
    """In the order of their lines."""
    found = dict[str, list[ast.expr]]()
    assignments = [node for node in ast.walk(function) if isinstance(node, ast.Assign) and len(node.targets) == 1]
    for node in sorted(assignments, key=lambda assignment: assignment.lineno):
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for one, of in pairs:
            if isinstance(one, ast.Name):
                found.setdefault(one.id, []).append(of)
    return found


def _area(path: Path, scripts: Path) -> str:
    inside = path.relative_to(scripts / "modelway").as_posix()
    fitting = [folder for folder in AREAS if inside.startswith(f"{folder}/")]
    return AREAS[max(fitting, key=len)] if fitting else OTHER


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _texts(node: ast.expr, place: Place) -> list[str]:
    """What the expression may say."""
    match node:
        case ast.Constant(str(text)):
            return [text]
        case ast.JoinedStr(parts):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in parts)]
        case ast.IfExp():
            return [*_texts(node.body, place), *_texts(node.orelse, place)]
        case ast.BinOp(left, ast.Add(), right):
            return [a + b for a in _texts(left, place) for b in _texts(right, place)]
        case ast.Name(name) if name in place.local:
            rest = replace(place, local={other: given for other, given in place.local.items() if other != name})
            return [text for value in place.local[name] for text in _texts(value, rest)]
        case ast.Name(name):
            return _constant(name, place)
        case ast.Attribute(ast.Name(module), name) if there := place.file(".".join(_source(module, place.path))):
            return _constant(name, Place(there, place.scripts))
    return [HOLE]


def _constant(name: str, place: Place) -> list[str]:
    """Of the module itself, or of the one that it imports the name from."""
    for statement in _tree(place.path).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [name]:
            return _texts(statement.value, Place(place.path, place.scripts))
    module, original = _source(name, place.path)
    there = place.file(module)
    return _constant(original, Place(there, place.scripts)) if there else [HOLE]


def _source(name: str, path: Path) -> tuple[str, str]:
    """The module that the name is imported from, and its name there; both empty where it is not imported so."""
    for statement in _tree(path).body:
        if isinstance(statement, ast.ImportFrom):
            for item in statement.names:
                if (item.asname or item.name) == name:
                    return statement.module or "", item.name
    return "", ""

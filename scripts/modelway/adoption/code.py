"""What code says of itself: which data it names, which modules it imports, what it fits, and whether it does anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

DATA = (".csv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".feather")
LOGS = re.compile(r"\blog_model\(|\bautolog\(")
"""How code logs a model to MLflow."""
GIVEN = "MODELWAY_DATA"
"""The variable that tells a training where its data are."""
APART = ("fit_transform", "get_dummies")
A_LABEL = re.compile(r"\b(?:y|target|label)s?(?:_\w+)?\b", re.IGNORECASE)
ONE_MODEL = re.compile(
    r"\b(?:Pipeline|make_pipeline|ColumnTransformer|make_column_transformer|PythonModel|keras|torch)\b"
)
"""How code makes one model of steps, or lets one be made."""
OWN_SERVER = re.compile(r"""(?:getenv|environ)\b[^\n]{0,6}["']MLFLOW_TRACKING_URI["']""")
"""How code asks which server it is to use: what it sets then is what it was given."""
PREPARES = re.compile(
    r"(?:sys\.path|warnings|logging|logger|log|os\.(?:environ|makedirs|chdir)|matplotlib|plt|sns|seaborn|pd\.set_option|dotenv)\b"
    r"|load_dotenv|[\w.]*\bseed\b"
)
"""Calls that set up where code runs, and train nothing."""
MOST_UNREADABLE = 20
"""Lines; code with more is another language."""
SCRIPT = re.compile(r"[\w./-]+\.(?:py|ipynb)\b")
"""In a command."""


def parsed(code: str) -> ast.Module | None:
    """None where it is no Python. A notebook's own commands are left out, and so are a few lines that this Python cannot read,
    such as of a newer one."""
    lines = [line for line in code.splitlines() if not line.lstrip().startswith(("%", "!"))]
    for _ in range(MOST_UNREADABLE):
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines):
                return None
            lines[at] = f"{lines[at][: -len(lines[at].lstrip()) or None]}pass"
        except (ValueError, RecursionError):
            return None
    return None


def other_data(code: str, command: str, train: str, settings: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
    """Data files that the code or its settings name, though its data is another file and nothing leads it there. settings:
    what each file of them says."""
    named = [*data_named(code), *(name for names in data_set(code + command, settings).values() for name in names)]
    led = GIVEN in code + command or Path(train).name in command
    return [] if led or Path(train).name in (Path(name).name for name in named) else list(dict.fromkeys(named))


def data_set(code: str, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """The data files that each file of settings names, of those files that the code names."""
    read = {file: said for file, said in settings.items() if Path(file).name in code}
    return {file: [text for _, text in texts_in(said) if _is_data(text)] for file, said in read.items()}


def data_named(code: str) -> list[str]:
    """Data files by the names that the code has for them; addresses are none, nor is what it only writes."""
    tree = parsed(code)
    if tree is None:
        return []
    values = _values(tree)
    written = _given(tree, "to_", values) - _given(tree, "read_", values)
    return [name for name in dict.fromkeys(_data_in(tree)) if name not in written]


def texts_in(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text, and the key that it is below."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts_in(inner, str(name))
    elif isinstance(value, list) and len(value) == 1:
        yield from texts_in(value[0], key)


def _data_in(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and _is_data(each.value):
            yield each.value.replace("\\", "/")  # of Windows


def _is_data(text: str) -> bool:
    printed = "\n" in text or ": " in text or text != text.strip()
    return text.endswith(DATA) and "://" not in text and not printed


def _values(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What is assigned to each variable or attribute, wherever that is."""
    found = dict[str, list[ast.expr]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found.setdefault(ast.unparse(target), []).append(node.value)
    return found


def _given(tree: ast.Module, call: str, values: Mapping[str, Sequence[ast.expr]]) -> set[str]:
    """The data files that are given to calls such as `frame.to_csv`, by name or by a variable with the name."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith(call):
            for given in (*node.args, *(word.value for word in node.keywords)):
                found |= {name for value in (given, *values.get(ast.unparse(given), ())) for name in _data_in(value)}
    return found


def imported(code: str) -> Iterator[str]:
    """Modules by their dotted names, with a dot before them for each level that they are relative; what is imported from one
    may be a module too, and comes besides."""
    tree = parsed(code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            between = "." if node.module else ""
            yield from (f"{module}{between}{alias.name}" for alias in node.names)


def fitted(code: str) -> tuple[str, str] | None:
    """What the last `model.fit(features, …)` calls the model and its features; None where no call is like that."""
    tree = parsed(code)
    found = list[tuple[int, str, str]]()
    for node in ast.walk(tree) if tree else ():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "fit"
            and node.args
        ):
            model, features = node.func.value, node.args[0]
            if isinstance(model, ast.Name | ast.Attribute) and isinstance(features, ast.Name | ast.Attribute):
                found.append((node.lineno, ast.unparse(model), ast.unparse(features)))
    return max(found)[1:] if found else None


def fitted_apart(code: str, label: str) -> str:
    """The call by which the code fits scales, encodings or words to columns, though it is no step of the model; empty: none
    that it shows. Of the label that is no matter."""
    tree = parsed(code)
    if tree is None or ONE_MODEL.search(code):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            given = ast.unparse(node.args[0])
            if node.func.attr in APART and label not in re.findall(r"\w+", given) and not A_LABEL.search(given):
                return ast.unparse(node.func)
    return ""


def experiments(code: str) -> list[str | None]:
    """The name that each call of mlflow.set_experiment gives, where it is a text or a variable that is always the same one;
    else None."""
    tree = parsed(code)
    if tree is None:
        return []
    values, found = _values(tree), list[str | None]()
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "mlflow.set_experiment":
            named = (word.value for word in node.keywords if word.arg == "experiment_name")
            given = node.args[0] if node.args else next(named, None)
            name = ast.unparse(given) if given else ""
            texts = {None} if name in parameters else {_text(value) for value in values.get(name, [given])}
            found.append(texts.pop() if len(texts) == 1 else None)
    return found


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def does_nothing(code: str) -> bool:
    """Whether it only defines things, and sets up where it runs: nothing else happens when it is run."""
    tree = parsed(code)
    if tree is None or not tree.body:
        return False
    return all(map(_only_prepares, tree.body)) and any(
        isinstance(each, ast.FunctionDef | ast.ClassDef) for each in tree.body
    )


def _only_prepares(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        value = statement.value
        return isinstance(value, ast.Constant) or (
            isinstance(value, ast.Call) and bool(PREPARES.match(ast.unparse(value.func)))
        )
    if isinstance(statement, ast.If) and "__name__" not in ast.unparse(statement.test):
        return all(map(_only_prepares, [*statement.body, *statement.orelse]))
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return isinstance(statement, kinds)

"""What the code that trains says of itself: which data files it names, and whether it does anything when it is run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

DATA = (".csv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".feather")
LOGS = re.compile(r"\blog_model\(|\bautolog\(")
"""How code logs a model to MLflow."""
GIVEN = "MODELWAY_DATA"
"""The variable that tells a training where its data are."""


def parsed(code: str) -> ast.Module | None:
    """None where it is no Python. A notebook's own commands are left out."""
    lines = [line for line in code.splitlines() if not line.lstrip().startswith(("%", "!"))]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None


def other_data(code: str, command: str, train: str) -> list[str]:
    """Data files that the code names, though its data is another file and nothing leads it there."""
    named = data_named(code)
    led = GIVEN in code + command or Path(train).name in command
    return [] if led or Path(train).name in (Path(name).name for name in named) else named


def data_named(code: str) -> list[str]:
    """Data files by the names that the code has for them; addresses are none."""
    tree = parsed(code)
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)) if tree else ()
    return list(dict.fromkeys(text for text in texts if isinstance(text, str) and _is_data(text)))


def _is_data(text: str) -> bool:
    return text.endswith(DATA) and "://" not in text


def does_nothing(code: str) -> bool:
    """Whether it only defines things: nothing happens when it is run."""
    tree = parsed(code)
    if tree is None or not tree.body:
        return False
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    words = (each for each in tree.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)))
    return all(isinstance(each, kinds) for each in words) and any(
        isinstance(each, ast.FunctionDef) for each in tree.body
    )

"""The worker: a program for the model's own environment. It loads one model, predicts, answers in files, and ends.

Only numpy, pandas and MLflow are there, as in any environment that an MLflow model can be loaded in; nothing of modelway is,
but for how the server imports MLflow, which needs nothing itself. What it imports it does not wait for: a byte of its input
says that it is asked.
argv: the folder where request.json and rows.npz will be, and answer.json and predictions.npy are written into; the module
that loads the model.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

IMPORTING = Path(__file__).parents[1] / "serving" / "importing.py"
ENFORCING = "Failed to enforce schema of data"
LONGEST = 400
MOST = 5
CASTS = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}


def main() -> None:
    folder = Path(sys.argv[1])
    stage, frame = "start", None
    types: dict[str, str] = {}
    try:
        asked = os.fdopen(os.dup(0), "rb", 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what the model reads
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        stage = "load"
        importing = _module(IMPORTING)
        with importing.undisturbed():
            importing.import_package("mlflow", importing.LATE)
            import mlflow.pyfunc
            import numpy as np

            if sys.argv[2].startswith("mlflow."):  # another is code of the model's, or is told when it is loaded
                with contextlib.suppress(ImportError):
                    importlib.import_module(sys.argv[2])

        stage = "start"
        if not asked.read(1):
            return  # nobody asks any more
        request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
        limit = request["memory_bytes"]
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # before the model, which could allocate anything
        stage = "load"
        model = mlflow.pyfunc.load_model(request["model"])
        stage = "start"
        types = request["types"] or {}
        frame = _frame(folder, request)
        stage = "predict"
        seconds: list[float] = []
        repeatable, first, names = True, None, None
        for _ in range(request["repetitions"]):
            rows = frame.copy()
            began = time.perf_counter()
            said = model.predict(rows)
            seconds.append(time.perf_counter() - began)
            array, names = _array(said)
            if first is None:
                first = array
            else:
                repeatable = repeatable and first.dtype == array.dtype and np.array_equal(first, array)
        assert first is not None  # there is one repetition at least
        np.save(folder / "predictions.npy", first, allow_pickle=False)
        classes = names or _classes(model)
        _answer(folder, {"stage": "done", "seconds": seconds, "repeatable": bool(repeatable), "classes": classes})
    except BaseException as error:  # whatever a model may raise, SystemExit too, is its answer
        _answer(folder, {"stage": stage, "error": _words(error, frame, types)})


def _module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _words(error: BaseException, frame: Any, types: dict[str, str]) -> str:
    """An exception in one line without the rows, which MLflow prints whole, and cut in the middle: the reason stands at
    an end."""
    text = str(error)
    if frame is not None and ENFORCING in text:
        return f"the rows do not fit the model's signature: {_misfits(frame, types) or _reason(text)}"
    if frame is not None:
        text = text.replace(str(frame), "(rows)")
    flat = f"{type(error).__name__}: {' '.join(text.split())}"
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST // 2]} ... {flat[-LONGEST // 2 :]}"


def _misfits(frame: Any, types: dict[str, str]) -> str:
    """Columns of whole numbers that lack some: MLflow takes none, since pandas makes floats of them."""
    missing = {name: int(frame[name].isna().sum()) for name, kind in types.items() if kind in ("integer", "long")}
    said = [
        f"column {name[:100]!r} is {types[name]}, and {count} of {len(frame)} rows have no value there"
        for name, count in missing.items()
        if count
    ]
    if not said:
        return ""
    more = f", and {len(said) - MOST} more columns" if len(said) > MOST else ""
    return f"{'; '.join(said[:MOST])}{more}. Log the model with an input_example that has missing values there"


def _reason(text: str) -> str:
    return " ".join(text.rpartition("Error: ")[2].split())[:LONGEST]


def _frame(folder: Path, request: dict[str, Any]) -> Any:
    """The rows as a DataFrame, in the types that the signature asks for."""
    import numpy as np
    import pandas as pd

    arrays = np.load(folder / "rows.npz", allow_pickle=False)
    columns = {}
    for index, (name, text) in enumerate(zip(request["columns"], request["text"], strict=True)):
        values = arrays[str(index)]
        columns[name] = json.loads(values.tobytes()) if text else values
    frame = pd.DataFrame(columns, columns=request["columns"])
    for name, kind in (request["types"] or {}).items():  # pyfunc refuses an int where a double is asked for
        if (kind in CASTS and frame[name].notna().all()) or kind in ("float", "double"):
            frame[name] = frame[name].astype(CASTS[kind])
    return frame


def _array(said: Any) -> Any:
    """Predictions as an array without objects, and the column names of a DataFrame of probabilities."""
    import numpy as np

    names = None
    if hasattr(said, "columns") and said.shape[1] > 1:
        names = [item if isinstance(item, (int, float, bool)) else str(item) for item in said.columns.tolist()]
    array = np.asarray(said.to_numpy() if hasattr(said, "to_numpy") else said)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype == object:
        flat = array.ravel().tolist()
        text = any(isinstance(item, str) for item in flat)
        array = array.astype(str) if text else array.astype(float)
    return array, names


def _classes(model: Any) -> Any:
    """The classes that columns of probabilities stand for, where the model tells."""
    try:
        classes = model.get_raw_model().classes_
    except Exception:
        return None
    return [item.item() if hasattr(item, "item") else item for item in classes]


def _answer(folder: Path, answer: dict[str, Any]) -> None:
    part = folder / "answer.part"
    part.write_text(json.dumps(answer, default=str), encoding="utf-8")
    part.replace(folder / "answer.json")


if __name__ == "__main__":
    main()

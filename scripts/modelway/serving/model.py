"""The model: loaded once, warmed up, and asked for predictions. The only file here that knows MLflow.

pyfunc checks each frame against the signature, which for one row takes a fifth of the time of a boosting model. For named
columns of plain types columns.py has done that, so the frame goes past pyfunc's check to the flavor's own function: what
the model gets is the same, and the first prediction (of the model's example, or a request) sees that it is.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model as Metadata
from mlflow.utils import proto_json_utils

from modelway.serving import columns as named
from modelway.serving.messages import Refusal
from modelway.serving.payload import shown
from modelway.serving.steady import ROUND, is_steady

log = logging.getLogger("modelway.serving")
KINDS = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
SETTLE_SECONDS = 1.0
"""A model that is slow by nature is never steady within it."""
PROVE_ROWS = 64
"""Of a request by which it may be shown that pyfunc's check changes nothing: it is predicted three times."""
TEXT: Any = pd.Series(["a"]).dtype
"""What pandas has for text: str from 3.0 on, before that object."""
OLD_TEXT = isinstance(TEXT, np.dtype)


class Model:
    """columns: the signature's, where it has named columns of plain types; None: requests are read as MLflow reads them.
    outputs: the signature's, as MLmodel has them; empty where it has none."""

    def __init__(self, folder: Path) -> None:
        self.pyfunc = mlflow.pyfunc.load_model(str(folder))
        self.folder = folder
        metadata = self.pyfunc.metadata
        self.schema = metadata.get_input_schema()
        self.parameters = bool(metadata.get_params_schema())
        self.columns = named.read_signature(self.schema.to_dict()) if self.schema else None
        outputs = metadata.get_output_schema()
        self.outputs: list[dict[str, Any]] = outputs.to_dict() if outputs else []
        self.fitted = self._fitted()
        self.mlflow_version = str(mlflow.__version__)
        self._unproven = self.columns is not None
        self._predict: Callable[[pd.DataFrame], Any] = self.pyfunc.predict

    @property
    def csv_types(self) -> dict[str, Any]:
        """What pandas reads each column of a CSV as; text stays text, and is cast with the rest."""
        return {column.name: KINDS.get(column.kind, "object") for column in self.columns or ()}

    def warm_up(self) -> bool:
        """Predict the example that the model was logged with until its times are steady, and raise what it raises. An image
        has none, since it is rows of the training data: then a row of empty values is tried, which loads what is loaded late,
        and shows nothing else. False where that is so."""
        metadata = Metadata.load(str(self.folder))
        example = self._example(metadata)
        if example is None:
            self._try_emptiness()
            return False
        asked = self.pyfunc.predict(example)
        if self.columns and isinstance(example, pd.DataFrame):
            self._prove(self.frame(_as_json(example, self.columns)), asked)
        _settle(lambda: self.pyfunc.predict(example))
        return True

    def _example(self, metadata: Any) -> Any:
        info = metadata.saved_input_example_info
        there = info and (self.folder / str(info.get("artifact_path", ""))).is_file()
        return metadata.load_input_example(str(self.folder)) if there else None

    def _try_emptiness(self) -> None:
        """ImportError is raised: no request would fare better."""
        if not self.columns:
            return
        values = tuple([named.EMPTY[column.kind]] for column in self.columns)
        row = named.CheckedRows(self.columns, values, 1, ())
        try:
            self.predict(row)
            _settle(lambda: self.predict(row))
        except ImportError:
            raise
        except BaseException as error:  # noqa: BLE001  a model may refuse such a row as it likes
            log.info("the model has no example, and takes no row of empty values: %s", type(error).__name__)

    def _prove(self, frame: pd.DataFrame, asked: Any) -> None:
        """Leave pyfunc's check out from now on, where without it the same is said of the frame."""
        direct, self._unproven = self._direct(), False
        if direct and self._unchanged(frame) and same(direct(frame), asked):
            self._predict = direct
            log.info("the model predicts alike past pyfunc's check: it is left out from now on")

    def frame(self, checked: named.CheckedRows) -> pd.DataFrame:
        """A frame of exactly the types that pyfunc makes of these values."""
        arrays = {c.name: _array(c, values) for c, values in zip(checked.columns, checked.values, strict=True)}
        return pd.DataFrame(arrays, copy=False)

    def predict(self, checked: named.CheckedRows) -> Any:
        frame = self.frame(checked)
        said = self._predict(frame)
        if self._unproven and len(frame) <= PROVE_ROWS:
            try:
                self._prove(frame, said)
            except Exception as error:  # noqa: BLE001  the prediction is there: pyfunc's check stays, and that is all
                log.info("pyfunc's check is kept: %s past it", type(error).__name__)
        return said

    def predict_loose(self, data: Any, parameters: dict[str, Any] | None) -> Any:
        """Data as MLflow read them; Refused where they do not fit the signature."""
        try:
            return self.pyfunc.predict(data, params=parameters) if parameters else self.pyfunc.predict(data)
        except KeyError as error:
            column = _absent(error, data) if self.schema is None else None
            if column is None:
                raise
            raise Refusal(400, f"column {shown(column)} is missing", column) from None
        except MlflowException as error:
            said = str(error)
            if "Failed to enforce schema" not in said and "parameter" not in said.lower():
                raise
            raise Refusal(400, f"does not fit the model's signature: {said.rpartition('Error: ')[2][:300]}") from None

    def read_loose(self, body: dict[str, Any], name: str, *, strict: bool = False) -> Any:
        """What MLflow's own server would make of a request, for signatures that are not named columns of plain types.

        A model without a signature that says which columns it was fitted with gets these, in their order. strict: another
        one is refused, not left out."""
        data = self._loose(body, name)
        if self.schema is not None or self.fitted is None or not isinstance(data, pd.DataFrame):
            return data
        for column in self.fitted:
            if column not in data:
                raise Refusal(400, f"column {shown(column)} is missing", column)
        known = set(self.fitted)
        unknown = next((str(column) for column in data if column not in known), None)
        if strict and unknown is not None:
            raise Refusal(400, f"the model has no column {shown(unknown)}", unknown)
        return data[list(self.fitted)]

    def _loose(self, body: dict[str, Any], name: str) -> Any:
        try:
            if name in ("instances", "inputs"):
                return proto_json_utils.parse_tf_serving_input({name: body[name]}, schema=self.schema)
            return proto_json_utils.dataframe_from_parsed_json(
                body[name], pandas_orient=name.removeprefix("dataframe_"), schema=self.schema
            )
        except Exception as error:  # noqa: BLE001  it raises whatever numpy and pandas raise for a strange value
            text = getattr(error, "message", str(error))
            raise Refusal(400, f"{name} cannot be read: {str(text)[:300]}", name) from None

    def _fitted(self) -> tuple[str, ...] | None:
        """The columns that scikit-learn, and what follows it, says that it was fitted with."""
        try:
            return tuple(str(name) for name in self.pyfunc.get_raw_model().feature_names_in_)
        except Exception:  # noqa: BLE001  any flavor may have no raw model, and any model no such names
            return None

    def classes(self) -> list[str]:
        """The names of the columns of probabilities, where the model tells."""
        try:
            return [str(item) for item in self.pyfunc.get_raw_model().classes_]
        except Exception:  # noqa: BLE001  any flavor may have no raw model, and any model no classes
            return []

    def _unchanged(self, frame: pd.DataFrame) -> bool:
        """Whether pyfunc hands this frame to the flavor as it is."""
        seen: list[Any] = []
        flavor = self.pyfunc._predict_fn

        def watched(data: Any) -> Any:
            seen.append(data)
            return flavor(data)

        self.pyfunc._predict_fn = watched
        try:
            self.pyfunc.predict(frame)
        finally:
            self.pyfunc._predict_fn = flavor
        return bool(seen) and seen[0].equals(frame) and seen[0].dtypes.equals(frame.dtypes)

    def _direct(self) -> Callable[[pd.DataFrame], Any] | None:
        """The flavor's function, where nothing but the check stands between it and pyfunc's predict."""
        own_code = str(getattr(self.pyfunc, "loader_module", "")).startswith("mlflow.pyfunc")
        found = getattr(self.pyfunc, "_predict_fn", None)
        return found if callable(found) and not own_code and not self.parameters else None


def _absent(error: KeyError, data: Any) -> str | None:
    """The column that a model asked a frame for in vain; None where the error is about anything else."""
    asked = False
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        asked = asked or (frame.f_code.co_name == "__getitem__" and frame.f_locals.get("self") is data)
        trace = trace.tb_next
    key = error.args[0] if error.args else None
    if not asked or not isinstance(data, pd.DataFrame):
        return None
    return str(key) if isinstance(key, str) and key not in data else None


def _settle(predict: Callable[[], object]) -> None:
    """Again and again until its times are steady: a replica that an autoscaler starts, or that was restarted, is warmed up by
    nobody else before its first real request."""
    medians, deadline = list[float](), time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and not is_steady(medians):
        times = list[float]()
        while len(times) < ROUND and time.monotonic() < deadline:
            began = time.perf_counter()
            predict()
            times.append(time.perf_counter() - began)
        medians += [statistics.median(times)] if times else []
    log.info("warm: a prediction takes %.1f ms, the first ones took %.1f ms", 1000 * medians[-1], 1000 * medians[0])


def _array(column: named.SignatureColumn, values: list[Any]) -> Any:
    kind = column.kind
    if kind in ("float", "double"):
        return np.array(values, dtype=KINDS[kind])  # None becomes NaN
    if kind in ("integer", "long") or (kind == "boolean" and None not in values):
        return np.array(values, dtype=KINDS[kind])
    if kind == "string":
        return np.array(values, dtype=object) if OLD_TEXT else pd.array(values, dtype=TEXT)
    if kind == "datetime":
        return np.array(values, dtype="datetime64[ns]")
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def _as_json(frame: pd.DataFrame, columns: Sequence[named.SignatureColumn]) -> named.CheckedRows:
    """A frame as a request with its rows would be checked."""
    kept = tuple(column for column in columns if column.name in frame)
    values = []
    for column in kept:
        series = frame[column.name]
        values.append(series.astype(object).where(series.notna(), None).tolist())
    return named.CheckedRows(kept, tuple(values), len(frame), ())


def same(left: Any, right: Any) -> bool:
    """Whether two predictions are the same, NaN equal to NaN."""
    try:
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))
    except AssertionError:
        return False
    return type(left) is type(right)

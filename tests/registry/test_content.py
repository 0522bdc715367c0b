"""The two digests: stored bytes that change are seen; what differs only because it was made another time is not."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import InvalidInput
from modelway.registry.content import content, differing_files, digest, model_files

MLMODEL = """\
artifact_path: {path}
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
mlflow_version: 3.17.2
model_id: {id}
model_size_bytes: {size}
model_uuid: {id}
run_id: {id}
utc_time_created: '{time}'
"""
FIRST = {
    "path": "mlflow-artifacts:/1/models/m-1/artifacts",
    "id": "m-1",
    "size": 10,
    "time": "2026-11-21 05:31:27.829224",
}
SECOND = {"path": "mlflow-artifacts:/1/models/m-2/artifacts", "id": "m-2", "size": 11, "time": "2026-11-22 06:00:00"}


def stored(folder: Path, files: dict[str, bytes], mlmodel: str = MLMODEL.format(**FIRST)) -> Path:
    for name, data in {"MLmodel": mlmodel.encode(), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zipped(members: dict[str, bytes], year: int = 2026, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), data, method)
    return stream.getvalue()


def skops(address: int, weights: bytes, value: str = "1.0") -> bytes:
    """As skops writes it: objects are named by their memory addresses, in the schema and as members."""
    schema = {
        "__class__": "LogisticRegression",
        "content": {
            "C": {"content": value, "__id__": address},
            "coef_": {"type": "numpy", "file": f"{address + 8}.npy"},
        },
        "__id__": address + 8,
        "_skops_version": "0.16.0",
    }
    return zipped({f"{address + 8}.npy": weights, "schema.json": json.dumps(schema).encode()})


def test_two_trainings_of_one_model_share_their_content_only(tmp_path: Path) -> None:
    members = {"a": b"1" * 100, "b": b"2"}
    first = stored(tmp_path / "1", {"model.pkl": b"w", "m.zip": zipped(members), "m.skops": skops(1000, b"w")})
    backwards = dict(reversed(members.items()))
    files = {"model.pkl": b"w", "m.zip": zipped(backwards, 2027, zipfile.ZIP_STORED), "m.skops": skops(7000, b"w")}
    second = stored(tmp_path / "2", files, MLMODEL.format(**SECOND))
    a, b = model_files(first), model_files(second)
    assert digest(a) != digest(b)
    assert content(a) == content(b)
    assert differing_files(a, b) == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.pkl", b"v"),
        ("m.zip", zipped({"a": b"2"})),
        ("m.zip", zipped({"b": b"1"})),
        ("m.zip", zipped({"a": b"1", "b": b""})),
        ("m.skops", skops(1000, b"v")),
        ("m.skops", skops(1000, b"w", value="2.0")),
        ("MLmodel", MLMODEL.format(**FIRST).replace("3.11.7", "3.12.1").encode()),
        ("new.txt", b""),
    ],
)
def test_a_real_difference_is_named(tmp_path: Path, name: str, data: bytes) -> None:
    files = {"model.pkl": b"w", "m.zip": zipped({"a": b"1"}), "m.skops": skops(1000, b"w")}
    a = model_files(stored(tmp_path / "1", files))
    b = model_files(stored(tmp_path / "2", {**files, name: data} if name != "MLmodel" else files))
    if name == "MLmodel":
        b = model_files(stored(tmp_path / "2", files, data.decode()))
    assert content(a) != content(b) and digest(a) != digest(b)
    assert differing_files(a, b) == differing_files(b, a) == (name,)


def test_a_download_adds_nothing_to_the_digest(tmp_path: Path) -> None:
    plain = model_files(stored(tmp_path / "1", {"model.pkl": b"w"}))
    downloaded = model_files(stored(tmp_path / "2", {"model.pkl": b"w", "registered_model_meta": b"version: 3"}))
    assert digest(plain) == digest(downloaded)
    nested = model_files(stored(tmp_path / "3", {"model.pkl": b"w", "code/registered_model_meta": b"x"}))
    assert digest(plain) != digest(nested), "only the one that a download adds"


def test_a_damaged_zip_is_known_by_its_bytes(tmp_path: Path) -> None:
    good = zipped({"a": os.urandom(2000)})
    damaged = good[:600] + bytes(8) + good[608:]
    for number, data in enumerate((good[:-30], damaged, b"PK\x03\x04 and no more")):
        (file,) = (
            each for each in model_files(stored(tmp_path / str(number), {"m.zip": data})) if each.path == "m.zip"
        )
        assert file.content == file.sha256


def test_a_zip_in_a_zip_repeats_too(tmp_path: Path) -> None:
    a = model_files(stored(tmp_path / "1", {"m.zip": zipped({"inner.npz": zipped({"x": b"1"}, 2020)}, 2020)}))
    b = model_files(stored(tmp_path / "2", {"m.zip": zipped({"inner.npz": zipped({"x": b"1"}, 2021)}, 2021)}))
    assert content(a) == content(b)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no file MLmodel"):
        model_files(tmp_path)
    for number, text in enumerate(("a: [", "- a", "\x00")):
        with pytest.raises(InvalidInput, match="MLmodel is not"):
            model_files(stored(tmp_path / str(number), {}, text))


def test_a_link_out_of_the_model_is_refused(tmp_path: Path) -> None:
    folder = stored(tmp_path / "m", {})
    (folder / "weights").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInput, match="plain files only"):
        model_files(folder)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3})?", fullmatch=True), st.binary(max_size=20), max_size=4))
def test_files_have_one_order_and_one_digest(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    files = {name: data for name, data in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    a = model_files(stored(tmp_path_factory.mktemp("a"), files))
    b = model_files(stored(tmp_path_factory.mktemp("b"), dict(reversed(files.items()))))
    assert a == b and [file.path for file in a] == sorted(file.path for file in a)
    assert digest(a) == digest(tuple(reversed(b)))

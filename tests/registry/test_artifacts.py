"""Artifacts through the proxy and from folders; and an artifact store that would write outside of where it may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry import artifacts
from modelway.registry.entities import Artifact, Run
from modelway.registry.mlflow import MLflow

NAMES = ["plain.json", "a b/ä 'q' & +.txt", "deep/er/x.bin"]


@pytest.fixture
def run(client: MLflow, model: str) -> Run:
    return client.create_run(client.experiment_id(model), "run", {})


@pytest.fixture(params=["proxy", "folder"])
def place(request: pytest.FixtureRequest, run: Run, tmp_path: Path) -> str:
    """Where the artifacts of a run are: behind the server's proxy, or in a folder of this machine."""
    if request.param == "proxy":
        return run.artifact_uri
    (tmp_path / "mlruns").mkdir()
    return f"{tmp_path}/mlruns/1/run/artifacts"


def test_what_is_stored_is_read_and_downloaded(client: MLflow, place: str, tmp_path: Path) -> None:
    for name in NAMES:
        client.upload(place, name, name.encode() * 1000)
    client.upload(place, "empty", b"")
    for name in NAMES:
        assert client.read_artifact(place, name, 1 << 20) == name.encode() * 1000
    folder = client.download(place, tmp_path / "downloaded")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {**{name: name.encode() * 1000 for name in NAMES}, "empty": b""}
    assert artifacts.list_artifacts(client.transport, place) == tuple(
        sorted(
            [Artifact("a b", None), Artifact("deep", None), Artifact("empty", 0), Artifact("plain.json", 10_000)],
            key=lambda each: each.name,
        )
    )


def test_an_upload_replaces(client: MLflow, place: str) -> None:
    for data in (b"first, and longer", b"second"):
        client.upload(place, "x.json", data)
    assert client.read_artifact(place, "x.json", 100) == b"second"


def test_what_is_missing_or_too_large_is_named(client: MLflow, place: str, tmp_path: Path) -> None:
    client.upload(place, "modelway/x.json", b"12345")
    for missing in ("modelway/y.json", "nothing/here", "modelway"):
        with pytest.raises(InvalidInput, match=f"no artifact {missing}"):
            client.read_artifact(place, missing, 100)
    with pytest.raises(InvalidInput, match=r"x\.json has 5 bytes, more than 4"):
        client.read_artifact(place, "modelway/x.json", 4)
    assert artifacts.list_artifacts(client.transport, f"{place}/modelway")[0].size == 5


def test_a_download_of_nothing_is_named(client: MLflow, run: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there are no artifacts"):
        client.download(run.artifact_uri, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "address",
    [
        "hdfs://host/1/run",
        "ftp://host/x",
        "file:///nowhere/at/all/1/2/3",
        "relative/path",
        "mlflow-artifacts://elsewhere:1/x",
    ],
)
def test_a_store_that_cannot_be_reached_is_one_line_with_the_fix(client: MLflow, address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        artifacts.list_artifacts(client.transport, address)
    assert "--serve-artifacts" in caught.value.line() and "\n" not in caught.value.line()


@pytest.mark.parametrize("address", ["mlflow-artifacts:/1/../../etc", "mlflow-artifacts:/1/%2e%2e/x"])
def test_an_address_that_steps_out_is_refused(client: MLflow, address: str) -> None:
    with pytest.raises(InvalidInput, match="step out"):
        artifacts.list_artifacts(client.transport, address)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "..", ".", "", "a/b", "a\\b", "a\0b", "a\nb"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    client: MLflow, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"files": [{"path": name, "is_dir": False, "file_size": 1}]}
    sent = type(client.transport).send

    def hostile(self: object, verb: str, path: str, **arguments: object) -> object:
        if path == artifacts.PROXY:
            return type("Answer", (), {"json": lambda self: answer})()
        return sent(self, verb, path, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(client.transport), "send", hostile)
    with pytest.raises(InvalidInput, match="no file name"):
        client.download("mlflow-artifacts:/1/x", tmp_path / "in" / "here")
    assert not list(tmp_path.rglob("*evil*"))


def test_a_file_cut_in_half_is_not_taken(
    client: MLflow, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.upload(run.artifact_uri, "weights", b"x" * 1000)
    listed = artifacts._listed

    def says_more(*arguments: object) -> tuple[Artifact, ...]:
        return tuple(replace(each, size=1001) for each in listed(*arguments))  # type: ignore[arg-type]

    monkeypatch.setattr(artifacts, "_listed", says_more)
    with pytest.raises(OutsideFailure, match="1000 bytes of .*weights instead of 1001"):
        client.download(run.artifact_uri, tmp_path / "x")
    with pytest.raises(OutsideFailure, match="has 1000 bytes instead of 1001"):
        client.read_artifact(run.artifact_uri, "weights", 5000)


def test_a_full_disk_and_a_folder_that_is_a_file_are_one_line(client: MLflow, run: Run, tmp_path: Path) -> None:
    client.upload(run.artifact_uri, "weights", b"x" * 1000)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "weights").symlink_to("/dev/full")
    with pytest.raises(OutsideFailure, match=r"cannot write: No space left.*Fix: free some space"):
        client.download(run.artifact_uri, tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideFailure, match="cannot write: File exists"):
        client.download(run.artifact_uri, tmp_path / "file")

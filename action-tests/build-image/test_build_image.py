"""build-image as a caller runs it: the same inputs give the same image, and what did not pass is not built."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from act import Act, ActRun
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_release

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def test_a_version_that_passed_is_built_with_all_its_outputs(built: ActRun, versions: dict[str, str], act: Act) -> None:
    step = built.step("good")
    assert step.result == "success", step.errors
    said = step.outputs
    assert DIGEST.fullmatch(said["manifest-digest"]) and DIGEST.fullmatch(said["config-digest"])
    assert (said["image"], said["started"]) == ("", ""), "nothing was pushed, and a bundle is not started"
    assert said["report"].endswith("/out/modelway/build-image.json")
    layout = Path(said["layout"])
    assert layout.is_relative_to(act.state) and (layout / "index.json").is_file()
    assert json.loads(Path(said["sbom"]).read_text(encoding="utf-8"))["bomFormat"] == "CycloneDX"
    assert f"version {versions['good']} for production" in step.summary and said["config-digest"] in step.summary
    assert not step.annotations


def test_the_release_is_kept_beside_its_verdict(built: ActRun, versions: dict[str, str], server: str) -> None:
    stored = read_release(connect(server, {}), "parcels", int(versions["good"]), "production")
    assert stored and f"sha256:{stored.record.config_digest}" == built.step("good").outputs["config-digest"]


def test_the_same_inputs_give_the_same_image(built: ActRun) -> None:
    """In another folder, whose name is only a name."""
    one, other = built.step("good").outputs, built.step("elsewhere").outputs
    same = ("config-digest", "manifest-digest")
    assert [other[name] for name in same] == [one[name] for name in same]
    assert other["layout"].endswith("/layout of $(id)")
    assert '"imageLayoutVersion"' in built.step("afterwards").outputs["layout"]
    assert "build-image.json" in built.step("afterwards").outputs["reports"]


def test_a_new_version_of_the_same_environment_has_the_same_environment_layer(
    built: ActRun, versions: dict[str, str], server: str
) -> None:
    client = connect(server, {})
    releases = [read_release(client, "parcels", int(versions[name]), "production") for name in ("good", "retrained")]
    one, other = ({layer.name: layer.digest for layer in stored.record.layers} for stored in releases if stored)
    assert built.step("retrained").outputs["config-digest"] != built.step("good").outputs["config-digest"]
    assert {name for name in one if one[name] != other[name]} == {"model"}


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("refused", 1, "for production is fail"),
        ("unjudged", 1, "there is no verdict"),
        ("tagged", 2, "debian:12"),
        ("unreachable", 4, "127.0.0.1:9"),
    ],
)
def test_what_is_not_built_is_one_line_with_the_fix_and_all_outputs(
    built: ActRun, name: str, exit_code: int, said: str
) -> None:
    step = built.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(built.step("good").outputs) and not any(step.outputs.values())
    assert step.summary == ""

"""The same inputs give the same image: in two folders, on two dates, with every Python that is here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from build.kit import Kit, wheel
from modelway.build import image, layout

ROOT = Path(__file__).resolve().parents[2]
DATES = (1_000_000_000.0, 2_500_000_000.0)


def pythons() -> list[str]:
    """The Pythons of this minor version on this machine, each once."""
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folders = [*os.environ["PATH"].split(":"), "/usr/bin", "/usr/local/bin"]
    found = [path for folder in folders for name in (minor, "python3") if (path := shutil.which(name, path=folder))]
    return list({os.path.realpath(path): path for path in found}.values()) or [sys.executable]


@pytest.fixture(scope="module")
def interpreters() -> list[str]:
    """The Python of the tool environment of build-image, made with each."""
    made = []
    for python in pythons():
        command = [str(ROOT / "scripts" / "run"), "--in", "build", "python", "-c"]
        asked = "import sys; print(sys.executable if sys.version_info[:2] == tuple(map(int, sys.argv[1:])) else '')"
        version = [str(part) for part in sys.version_info[:2]]
        environ = {**os.environ, "MODELWAY_TOOL_PYTHON": python}
        done = subprocess.run([*command, asked, *version], env=environ, capture_output=True, text=True, check=True)
        made += [done.stdout.splitlines()[-1]] if done.stdout.strip() else []
    return list(dict.fromkeys(path for path in made if path))


@pytest.mark.long
def test_on_two_dates_in_two_folders_with_every_python(interpreters: list[str], kit: Kit) -> None:
    said = []
    for number, (python, date) in enumerate([(python, date) for python in interpreters for date in DATES]):
        folder = kit.folder.parent / f"{kit.folder.name}-copy-{number}"
        shutil.copytree(kit.folder, folder)
        arguments = [str(ROOT / "scripts"), str(ROOT / "tests"), str(folder), str(folder / "elsewhere"), str(date)]
        environ = {
            **os.environ,
            "MODELWAY_HOME": str(folder / "home"),
            "MODELWAY_WHEELHOUSE": str(folder / "wheelhouse"),
            "PYTHONHASHSEED": str(number),
        }
        program = Path(__file__).with_name("same_image.py")
        done = subprocess.run([python, program, *arguments], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout.splitlines()[-1]))
        shutil.rmtree(folder)
    assert len(said) >= 2
    assert all(one == said[0] for one in said), said


def test_a_new_version_changes_the_models_layer_only(kit: Kit) -> None:
    place = kit.folder / "layout"
    first = kit.build(place)
    (kit.model / "data" / "model.pkl").write_bytes(b"better weights")
    second = kit.build(place, version=4)
    assert [a == b for a, b in zip(first.layers, second.layers, strict=True)] == [True, True, False]
    assert first.config_digest != second.config_digest


def test_what_the_config_says(kit: Kit) -> None:
    place = kit.folder / "layout"
    made = kit.build(place)
    config = layout.read_document(place, made.config_digest)
    assert config["created"] == "2026-11-21T05:44:08.123456Z", "the model's time, never now"
    run = config["config"]
    assert run["Entrypoint"][:3] == ["python3", "-I", "/opt/modelway/server/modelway/serving/start.py"]
    assert run["Entrypoint"][3:] == ["--environment", "/opt/modelway/environment"]
    assert run["User"] == "65532:65532" and "8080/tcp" in run["ExposedPorts"] and "OMP_NUM_THREADS=1" in run["Env"]
    assert run["Labels"]["io.modelway.ledger-head"] == "h" * 64
    assert run["Labels"]["io.modelway.verdict-sha256"] == "v" * 64
    assert run["Labels"]["org.opencontainers.image.revision"] == "c" * 40
    assert config["rootfs"]["diff_ids"] == [f"sha256:{layer.diff_id}" for layer in made.layers]


def test_a_base_keeps_what_is_its_own(kit: Kit) -> None:
    below: dict[str, Any] = {
        "variant": "v8",
        "config": {
            "Env": ["PATH=/x", "HOME=/root", "OMP_NUM_THREADS=4"],
            "Cmd": ["bash"],
            "Labels": {"a": "b", "io.modelway.model": "old"},
            "User": "root",
        },
        "rootfs": {"diff_ids": ["sha256:base"]},
        "history": [{"created_by": "them"}],
    }
    base = image.Foundation("host/x@sha256:abc", below, (), "/x/python3")
    config = image.config(base, kit.target, (), {"io.modelway.model": "new"}, "t")
    assert config["config"]["Env"] == ["PATH=/x", "HOME=/tmp", "OMP_NUM_THREADS=1"]
    assert config["config"]["Labels"] == {"a": "b", "io.modelway.model": "new"}
    assert "Cmd" not in config["config"] and config["config"]["User"] == image.USER
    assert config["config"]["Entrypoint"][0] == "/x/python3"
    assert config["variant"] == "v8" and config["history"] == [{"created_by": "them"}]
    assert config["rootfs"]["diff_ids"] == ["sha256:base"]


def test_a_wheel_with_other_content_is_another_image(kit: Kit) -> None:
    first = kit.build(kit.folder / "layout")
    small = wheel(kit.wheelhouse, "small", "2.0", {"small.py": "TWO = 22\n"})
    tiny = kit.trained.splitlines(keepends=True)[0]
    other = Kit(kit.folder, kit.wheelhouse, kit.model, tiny + small, kit.target)
    assert other.build(kit.folder / "layout").layers[0] != first.layers[0]


def test_the_sbom_is_cyclonedx_and_names_every_wheel(kit: Kit) -> None:
    made = kit.build(kit.folder / "layout")
    document = json.loads(kit.document(made))
    import cyclonedx.schema

    folder = Path(cyclonedx.schema.__file__).with_name("_res")
    schema = json.loads(next(folder.glob("bom-1.6*.json")).read_text())
    parts = {
        path.name: json.loads(path.read_text()) for path in (*folder.glob("spdx*.json"), *folder.glob("jsf*.json"))
    }
    store = parts | {part["$id"]: part for part in parts.values()}
    store |= {f"http://cyclonedx.org/schema/{name}": part for name, part in parts.items()}
    jsonschema.Draft7Validator(schema, registry=registry_of(store)).validate(document)
    packages = {item["purl"]: item["hashes"][0]["content"] for item in document["components"] if "purl" in item}
    assert set(packages) == {"pkg:pypi/small@2.0", "pkg:pypi/tiny@1.0", "pkg:pypi/web@0.5"}
    assert packages["pkg:pypi/small@2.0"] in kit.trained
    assert document["metadata"]["timestamp"].startswith("2026-11-21T05:44:08")
    assert [item["properties"] for item in document["components"] if item["type"] == "machine-learning-model"]
    [tool] = document["metadata"]["tools"]["components"]
    [server] = [item for item in document["components"] if item["name"] == "modelway.serving"]
    assert server["hashes"] == [{"alg": "SHA-256", "content": made.layers[1].diff_id}]
    assert tool["name"] == "modelway" and tool["version"] == server["version"] and len(tool["version"]) == 12
    assert tool["licenses"] == server["licenses"] == [{"license": {"id": "Apache-2.0"}}]


@pytest.mark.parametrize(
    ("metadata", "licences"),
    [
        ("License-Expression: MIT\n", [{"license": {"id": "MIT"}}]),
        ("License-Expression: MIT OR Apache-2.0\n", [{"expression": "MIT OR Apache-2.0"}]),
        ("License-Expression: what we like\n", [{"license": {"name": "what we like"}}]),
        ("License: BSD\n", [{"license": {"name": "BSD"}}]),
        ("License: BSD\nClassifier: License :: OSI Approved :: BSD License\n", [{"license": {"name": "BSD License"}}]),
        (f"License: {'a long text, ' * 20}\n", None),
        ("", None),
    ],
)
def test_the_sbom_has_the_licence_that_a_wheel_states(kit: Kit, metadata: str, licences: Any) -> None:
    tiny = kit.trained.splitlines(keepends=True)[0]
    small = wheel(kit.wheelhouse, "small", "2.0", {"small.py": "TWO = 2\n"}, more=metadata)
    other = Kit(kit.folder, kit.wheelhouse, kit.model, tiny + small, kit.target)
    document = json.loads(other.document(other.build(kit.folder / "layout")))
    [found] = [item for item in document["components"] if item["name"] == "small"]
    assert found.get("licenses") == licences


def test_the_manifest_says_what_a_registry_shows(kit: Kit) -> None:
    place = kit.folder / "layout"
    base = image.Foundation("host/python@sha256:abc", {}, (), "python3")
    made = kit.build(place, base=base)
    annotations = layout.read_document(place, made.manifest.digest)["annotations"]
    assert annotations == {
        "org.opencontainers.image.title": "flights",
        "org.opencontainers.image.description": "flights version 3 and its model server",
        "org.opencontainers.image.version": "3",
        "org.opencontainers.image.created": "2026-11-21T05:44:08.123456Z",
        "org.opencontainers.image.revision": "c" * 40,
        "org.opencontainers.image.base.name": "host/python",
        "org.opencontainers.image.base.digest": "sha256:abc",
    }
    labels = layout.read_document(place, made.config_digest)["config"]["Labels"]
    assert annotations.items() <= labels.items()


def registry_of(store: dict[str, Any]) -> Any:
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    found = Registry()
    for name, part in store.items():
        found = found.with_resource(name, Resource.from_contents(part, default_specification=DRAFT7))
    return found

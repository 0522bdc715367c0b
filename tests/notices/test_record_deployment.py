"""What GitHub is told of an image that runs somewhere, and what becomes of the step where GitHub does not take it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import record_deployment
from github_files import outputs_in
from listening import Listening, answering, in_turn, listening
from modelway.records import Layer, Release

DIGEST = "sha256:" + "ab" * 32
FLAGS = ["--environment", "production", "--version", "7"]


def release(image: str) -> Release:
    digests = dict.fromkeys(("config_digest", "manifest_digest", "sbom_digest", "model_digest", "verdict_sha256"), "c")
    return Release(
        model="parcels",
        version=7,
        environment="production",
        base_image="none",
        platform="linux/amd64",
        python="3.11",
        requirements="",
        layers=(Layer("model", "d", "e", 1, "tar"),),
        image=image,
        layout="/layout",
        ledger_head="",
        **digests,
    )


@pytest.fixture
def github(github_folder: Path, monkeypatch: Any) -> Iterator[Listening]:
    (github_folder / "modelway.yml").write_text("model: parcels\nenvironments: { production: {} }\n")
    image = f"registry.example.org/team/parcels@{DIGEST}"
    for name, given in {
        "connect_registry": lambda *_: None,
        "known_environment": lambda *_: None,
    }.items():
        monkeypatch.setattr(f"modelway.stages.steps.workspace.{name}", given)
    monkeypatch.setattr("modelway.stages.record_deployment.checked_release", lambda *_: (release(image), None))
    with listening(answering(200, b'{"total_count": 1}')) as api:
        for name, value in {
            "GITHUB_API_URL": api.url,
            "GITHUB_REPOSITORY": "team/parcels",
            "GITHUB_REPOSITORY_OWNER": "team",
            "GITHUB_TOKEN": "may-write-metadata",
        }.items():
            monkeypatch.setenv(name, value)
        yield api


def test_the_record_names_the_image_and_where_it_runs(github: Listening, github_folder: Path) -> None:
    assert record_deployment.main([*FLAGS, "--cluster", "north", "--physical-environment", "eu-1"]) == 0
    (asked,) = github.asked
    assert (asked.verb, asked.path) == ("POST", "/orgs/team/artifacts/metadata/deployment-record")
    assert asked.headers["Authorization"] == "Bearer may-write-metadata"
    assert asked.json() == {
        "name": "registry.example.org/team/parcels",
        "digest": DIGEST,
        "status": "deployed",
        "logical_environment": "production",
        "physical_environment": "eu-1",
        "cluster": "north",
        "deployment_name": "parcels",
        "version": "7",
        "github_repository": "team/parcels",
    }
    outputs = outputs_in(github_folder.parent / "output")
    assert outputs["outcome"] == "recorded" and outputs["organization"] == "team"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "give the job `permissions: { artifact-metadata: write }`"),
        (404, "check that a-user is an organization, not a user"),
    ],
)
def test_what_github_does_not_take_is_a_warning(
    github: Listening, github_folder: Path, capsys: Any, status: int, said: str
) -> None:
    github.behave = answering(status, b'{"message": "no"}')
    assert record_deployment.main([*FLAGS, "--organization", "a-user"]) == 0
    printed = capsys.readouterr().out
    assert "::warning title=record-deployment::it was not recorded" in printed and said in printed
    assert "may-write-metadata" not in printed
    assert outputs_in(github_folder.parent / "output")["outcome"] == "not-recorded"


def test_it_is_sent_again_since_the_same_record_is_one_record(github: Listening, github_folder: Path) -> None:
    github.behave = in_turn(answering(502), answering(200, b"{}"))
    assert record_deployment.main([*FLAGS, "--status", "decommissioned"]) == 0
    assert [asked.json()["status"] for asked in github.asked] == ["decommissioned"] * 2
    assert outputs_in(github_folder.parent / "output")["outcome"] == "recorded"


def test_an_image_that_no_registry_has_is_refused_before_github_is_asked(
    github: Listening, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr("modelway.stages.record_deployment.checked_release", lambda *_: (release(""), None))
    assert record_deployment.main(FLAGS) == 2
    assert "version 7 is in no image registry" in capsys.readouterr().out and github.asked == []


def test_outside_of_github_the_organization_is_named(github: Listening, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY_OWNER")
    assert record_deployment.main(FLAGS) == 2
    assert "input organization: is not given, and $GITHUB_REPOSITORY_OWNER is not set" in capsys.readouterr().out

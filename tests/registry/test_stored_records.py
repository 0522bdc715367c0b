"""Candidates and Verdicts in the registry: read back as written, and never believed when anything about them changed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import Candidate, Check, Environment, ModelFile, Sample, Verdict
from modelway.registry import stored_records
from modelway.registry.mlflow import MLflow
from modelway.registry.stored_records import read_candidate, read_verdict, write_candidate, write_verdict

MakeVersions = Callable[[MLflow, str, int], list[int]]


@pytest.fixture
def candidate(client: MLflow, model: str, make_versions: MakeVersions) -> Candidate:
    make_versions(client, model, 2)
    run = client.create_run(client.experiment_id(model), "records", {})
    return Candidate(
        model=model,
        version=1,
        readable_version="20261121-ab12cd3",
        run_id=run.id,
        records_run_id=run.id,
        digest="d" * 64,
        content="c" * 64,
        files=(ModelFile("MLmodel", 1, "a", "b"),),
        data_digest="e" * 64,
        commit="ab12cd3",
        parameters={"name": 'a "b"\n', "n": 3, "x": 0.1},
        metrics={"auc": 0.1 + 0.2},
        signature={"inputs": [{"name": "ä", "type": "double"}]},
        environment=Environment("3.11.7", "linux-x86_64", "numpy==2.0 \\\n  --hash=sha256:0", "f" * 64, "training"),
    )


def verdict_on(candidate: Candidate, **changes: object) -> Verdict:
    fields: dict[str, object] = {
        "model": candidate.model,
        "version": candidate.version,
        "environment": "production",
        "outcome": "pass",
        "checks": (Check(name="auc", rule="at least 0.5", outcome="pass", n=3, value=0.9, interval=(0.8, 1.0)),),
        "model_digest": candidate.digest,
        "data_digest": "t" * 64,
        "policy_digest": "p" * 64,
        "rows": 3,
        "samples": (Sample(0, {"ä": 1.5, "carrier": None}, 1, 0.25),),
    }
    return Verdict(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_candidate_comes_back_as_it_was(client: MLflow, candidate: Candidate) -> None:
    write_candidate(client, candidate)
    write_candidate(client, candidate)
    assert read_candidate(client, candidate.model, 1) == candidate
    run = client.get_run(candidate.records_run_id)
    requirements = client.read_artifact(run.artifact_uri, "modelway/requirements.txt", 1000)
    assert requirements.decode() == candidate.environment.requirements


def test_a_verdict_comes_back_as_it_was_and_each_environment_has_its_own(client: MLflow, candidate: Candidate) -> None:
    assert read_verdict(client, candidate.model, 1, "production") is None
    passed, failed = verdict_on(candidate), verdict_on(candidate, environment="staging", outcome="fail")
    for verdict in (passed, failed):
        stored = write_verdict(client, candidate, verdict)
        assert read_verdict(client, candidate.model, 1, verdict.environment) == stored
        assert stored.record == verdict


def test_a_verdict_that_is_judged_again_leaves_the_earlier_one_to_the_ledger(
    client: MLflow, candidate: Candidate
) -> None:
    first = write_verdict(client, candidate, verdict_on(candidate))
    second = write_verdict(client, candidate, verdict_on(candidate, outcome="fail"))
    assert read_verdict(client, candidate.model, 1, "production") == second
    run = client.get_run(candidate.records_run_id)
    kept = client.read_artifact(run.artifact_uri, first.path, 1 << 20)
    assert msgspec.json.decode(kept, type=Verdict) == first.record


def test_what_is_not_there_is_named(client: MLflow, candidate: Candidate) -> None:
    with pytest.raises(InvalidInput, match="version 2 has no Candidate record"):
        read_candidate(client, candidate.model, 2)
    for model, version in ((candidate.model, 9), ("nobody", 1)):
        with pytest.raises(InvalidInput, match=f"there is no {model} version {version}"):
            read_candidate(client, model, version)
        with pytest.raises(InvalidInput, match=f"there is no {model} version {version}"):
            read_verdict(client, model, version, "production")


def test_a_record_that_was_changed_is_not_believed(client: MLflow, candidate: Candidate) -> None:
    write_candidate(client, candidate)
    stored = write_verdict(client, candidate, verdict_on(candidate, outcome="fail"))
    run = client.get_run(candidate.records_run_id)
    data = client.read_artifact(run.artifact_uri, stored.path, 1 << 20)
    client.upload(run.artifact_uri, stored.path, data.replace(b'"fail"', b'"pass"'))
    with pytest.raises(OutsideFailure, match="not the one that its version's tag names"):
        read_verdict(client, candidate.model, 1, "production")
    client.upload(run.artifact_uri, stored_records.CANDIDATE_PATH, b"{}")
    with pytest.raises(OutsideFailure, match="not the one that its version's tag names"):
        read_candidate(client, candidate.model, 1)


def test_a_tag_that_was_changed_is_not_believed(client: MLflow, candidate: Candidate) -> None:
    """Also a tag copied from another version, or one that says pass of a Verdict that says fail."""
    write_candidate(client, candidate)
    write_verdict(client, candidate, verdict_on(candidate, outcome="fail"))
    found = client.get_version(candidate.model, 1)
    assert found is not None
    for key, text in found.tags.items():
        if key.startswith("modelway.") and key != "modelway.nonce":
            client.set_version_tag(candidate.model, 2, key, text)
    with pytest.raises(OutsideFailure):
        read_candidate(client, candidate.model, 2)
    with pytest.raises(OutsideFailure):
        read_verdict(client, candidate.model, 2, "production")
    tag = stored_records.VERDICT_TAG + "production"
    for text in (found.tags[tag].replace('"fail"', '"pass"'), found.tags[tag].replace("p" * 64, "q" * 64)):
        client.set_version_tag(candidate.model, 1, tag, text)
        with pytest.raises(OutsideFailure):
            read_verdict(client, candidate.model, 1, "production")
    client.set_version_tag(candidate.model, 1, tag, "pass")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_verdict(client, candidate.model, 1, "production")


def test_a_verdict_is_never_stored_with_another_candidate(client: MLflow, candidate: Candidate) -> None:
    for changes in ({"version": 2}, {"model_digest": "0" * 64}, {"model": "another"}):
        with pytest.raises(ValueError, match="another version"):
            write_verdict(client, candidate, verdict_on(candidate, **changes))

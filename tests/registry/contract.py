"""What every registry must do: a class to inherit in a test module that has a fixture `registry`.

class TestMine(contract.RegistryContract):
    @pytest.fixture
    def registry(self) -> ModelRegistry: ...
"""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from modelway.errors import InvalidInput, Refused
from modelway.records import Candidate, Check, Environment, ModelFile, Verdict
from modelway.registry import ledger
from modelway.registry.entities import Run
from modelway.registry.ledger import Change, MovedByHand, Writer
from modelway.registry.protocol import ModelRegistry, Rejected
from modelway.registry.stored_records import read_candidate, read_verdict, write_candidate, write_verdict

ENVIRONMENT = "production"


def name() -> str:
    return f"contract-{uuid.uuid4().hex[:8]}"


def started(registry: ModelRegistry, tags: dict[str, str] | None = None) -> Run:
    return registry.create_run(registry.experiment_id("contract"), "a 'run'", tags or {})


def with_versions(registry: ModelRegistry, count: int) -> tuple[str, Run]:
    model, run = name(), started(registry)
    for number in range(1, count + 1):
        made = registry.create_version(model, f"{run.artifact_uri}/model", run.id, tags={})
        assert (made.name, made.version, made.run_id) == (model, number, run.id)
    return model, run


def promote(registry: ModelRegistry, model: str, run: Run, version: int, who: str) -> ledger.RecordedChange:
    store, writer = registry.ledger(model, run.id), Writer(who)
    base = ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer)
    return ledger.record(store, base, Change(ENVIRONMENT, ENVIRONMENT, "promote", version, "why"), writer)


class RegistryContract:
    """Each test asks for what a stage relies on."""

    def test_a_run_is_found_as_it_was_made(self, registry: ModelRegistry) -> None:
        experiment = registry.experiment_id(name())
        run = registry.create_run(experiment, "a 'name'", {"of": "two\nlines"})
        found = registry.get_run(run.id)
        assert (found.id, found.experiment_id, found.status) == (run.id, experiment, "RUNNING")
        assert found.tags["of"] == "two\nlines" and found.artifact_uri == run.artifact_uri
        registry.update_run(run.id, "FINISHED")
        assert registry.get_run(run.id).status == "FINISHED"
        assert registry.logged_models(found) == ()

    def test_an_experiment_has_one_id(self, registry: ModelRegistry) -> None:
        first = name()
        assert registry.experiment_id(first) == registry.experiment_id(first) != registry.experiment_id(name())

    def test_a_run_that_is_not_there_is_named(self, registry: ModelRegistry) -> None:
        with pytest.raises(InvalidInput, match="has no run 0123456789abcdef"):
            registry.get_run("0123456789abcdef0123456789abcdef")

    def test_what_runs_with_a_tag_is_found(self, registry: ModelRegistry) -> None:
        experiment = registry.experiment_id(name())
        left = registry.create_run(experiment, "left", {"modelway.deadline": "1000"})
        registry.create_run(experiment, "without", {})
        ended = registry.create_run(experiment, "ended", {"modelway.deadline": "1000"})
        registry.update_run(ended.id, "KILLED")
        assert [run.id for run in registry.running(experiment, "modelway.deadline")] == [left.id]

    def test_what_has_finished_is_found_by_the_experiments_name(self, registry: ModelRegistry) -> None:
        of = name()
        assert registry.find_experiment(of) is None
        experiment = registry.experiment_id(of)
        assert registry.find_experiment(of) == experiment
        runs = [registry.create_run(experiment, str(number), {"of": str(number)}) for number in range(3)]
        for run in runs[1:]:
            registry.update_run(run.id, "FINISHED")
        found = sorted(registry.finished(experiment), key=lambda run: run.tags["of"])
        assert [run.id for run in found] == [run.id for run in runs[1:]]
        assert all(run.started_ms > 1_700_000_000_000 for run in found)

    def test_versions_are_numbered_and_found(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 3)
        assert [version.version for version in registry.search_versions(model)] == [1, 2, 3]
        found = registry.get_version(model, 2)
        assert found is not None and found.run_id == run.id and found.created_ms > 1_700_000_000_000
        assert registry.version_artifacts(model, 2).rstrip("/").endswith("/model")

    def test_what_is_not_there_is_none(self, registry: ModelRegistry) -> None:
        model, _ = with_versions(registry, 1)
        assert registry.get_version(model, 2) is None
        assert registry.get_version(name(), 1) is None
        assert registry.get_model(name()) is None
        assert registry.search_versions(name()) == ()
        assert registry.logged_model(f"m-{'0' * 32}") is None

    def test_numbers_are_given_once_to_many_writers(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 1)
        made: list[int] = []

        def work() -> None:
            source = f"{run.artifact_uri}/model"
            made.extend(registry.create_version(model, source, run.id, tags={}).version for _ in range(3))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert sorted(made) == list(range(2, 14))

    def test_tags_are_kept_as_they_are(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 1)
        registry.set_version_tag(model, 1, "modelway.long", 'ä "x"\n' * 800)
        made = registry.create_version(model, f"{run.artifact_uri}/model", run.id, tags={"modelway.made": "so"})
        found, second = registry.get_version(model, 1), registry.get_version(model, made.version)
        assert found is not None and found.tags["modelway.long"] == 'ä "x"\n' * 800
        assert second is not None and second.tags["modelway.made"] == "so"
        assert registry.search_versions(model)[1].tags["modelway.made"] == "so"
        with pytest.raises(Rejected):
            registry.set_version_tag(model, 9, "modelway.x", "y")

    def test_the_last_alias_wins(self, registry: ModelRegistry) -> None:
        model, _ = with_versions(registry, 2)
        registered = registry.get_model(model)
        assert registered is not None and registered.aliases == {}
        for version in (1, 2):
            registry.set_alias(model, "candidate", version)
        registered = registry.get_model(model)
        assert registered is not None and registered.aliases == {"candidate": 2}
        with pytest.raises(Rejected):
            registry.set_alias(model, "candidate", 9)

    def test_files_come_back_as_they_were(self, registry: ModelRegistry, tmp_path: Path) -> None:
        place = started(registry).artifact_uri
        files = {"plain.json": b"x" * 10_000, "deep/er/ä b.bin": bytes(range(256)), "empty": b""}
        for path, data in files.items():
            registry.upload(place, path, b"first, and longer than " + data)
            registry.upload(place, path, data)
            assert registry.read_artifact(place, path, 1 << 20) == data
        folder = registry.download(place, tmp_path / "whole")
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert found == files
        part = registry.download(f"{place}/deep", tmp_path / "part")
        assert (part / "er" / "ä b.bin").read_bytes() == files["deep/er/ä b.bin"]

    def test_files_that_are_missing_or_too_large_are_named(self, registry: ModelRegistry, tmp_path: Path) -> None:
        place = started(registry).artifact_uri
        with pytest.raises(InvalidInput, match="there are no artifacts"):
            registry.download(place, tmp_path / "x")
        registry.upload(place, "modelway/x.json", b"12345")
        for missing in ("modelway/y.json", "nothing/here", "modelway"):
            with pytest.raises(InvalidInput, match=f"no artifact {missing}"):
                registry.read_artifact(place, missing, 100)
        with pytest.raises(InvalidInput, match=r"x\.json has 5 bytes, more than 4"):
            registry.read_artifact(place, "modelway/x.json", 4)

    def test_a_single_file_is_downloaded_whole_or_not_at_all(self, registry: ModelRegistry, tmp_path: Path) -> None:
        place = started(registry).artifact_uri
        registry.upload(place, "deep/a b.bin", bytes(range(256)) * 5000)
        target = tmp_path / "new" / "file"
        registry.download_file(place, "deep/a b.bin", target)
        assert target.read_bytes() == bytes(range(256)) * 5000
        with pytest.raises(InvalidInput, match="there is no artifact deep/other"):
            registry.download_file(place, "deep/other", tmp_path / "new" / "other")
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]

    def test_records_come_back_as_they_were(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 1)
        candidate = Candidate(
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
            environment=Environment("3.11.7", "linux-x86_64", "numpy==2.0 \\\n  --hash=sha256:0", "f" * 64, "training"),
        )
        write_candidate(registry, candidate)
        assert read_candidate(registry, model, 1) == candidate
        assert read_verdict(registry, model, 1, ENVIRONMENT) is None
        check = Check(name="auc", rule="at least 0.5", outcome="pass", n=3, value=0.9, interval=(0.8, 1.0))
        digests = {"model_digest": candidate.digest, "data_digest": "t" * 64, "policy_digest": "p" * 64}
        verdict = Verdict(
            model=model, version=1, environment=ENVIRONMENT, outcome="pass", checks=(check,), rows=3, **digests
        )
        stored = write_verdict(registry, candidate, verdict)
        assert stored.record == verdict and read_verdict(registry, model, 1, ENVIRONMENT) == stored

    def test_the_ledger_moves_the_alias_and_keeps_its_history(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 2)
        for version in (1, 2):
            done = promote(registry, model, run, version, "somebody")
            assert done.recorded.applied and done.later is None
        history = ledger.audit(registry.ledger(model))
        assert [row.entry.version for row in history.on_chain(ENVIRONMENT)] == [1, 2] and history.problems == ()
        assert ledger.read(registry.ledger(model)) == history
        registered = registry.get_model(model)
        assert registered is not None and registered.aliases == {ENVIRONMENT: 2}
        registry.set_alias(model, ENVIRONMENT, 1)
        with pytest.raises(MovedByHand, match="entry 2 put version 2 there"):
            promote(registry, model, run, 1, "next")

    def test_a_ledger_is_read_from_its_checkpoint(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 2)
        for number in range(24):
            promote(registry, model, run, 1 + number % 2, str(number))
        history = ledger.read(registry.ledger(model))
        assert (
            not history.whole and history.problems == () and history.head == ledger.audit(registry.ledger(model)).head
        )

    def test_of_many_promoters_one_wins_each_step(self, registry: ModelRegistry) -> None:
        model, run = with_versions(registry, 4)
        lost: list[str] = []

        def work(version: int) -> None:
            try:
                promote(registry, model, run, version, f"promoter {version}")
            except Refused as error:
                lost.append(error.what)

        threads = [threading.Thread(target=work, args=(version,)) for version in (1, 2, 3, 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(240)
        history = ledger.audit(registry.ledger(model))
        head, registered = history.head_of(ENVIRONMENT), registry.get_model(model)
        assert history.problems == () and head is not None and head.applied and registered is not None
        assert registered.aliases[ENVIRONMENT] == head.entry.version
        assert len(history.on_chain(ENVIRONMENT)) + len(lost) == 4 and all("superseded" in what for what in lost)

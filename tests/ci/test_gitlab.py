"""What a job on GitLab leaves for the jobs that need it: a dotenv report that GitLab takes, whatever the outputs hold."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitlab.gitlab_local import dotenv
from modelway.ci import where_it_runs
from modelway.ci.gitlab import GitLab, with_outputs

NAMES = st.sampled_from(["version", "data-digests", "outcome", "report"])


def job(folder: Path, **variables: str) -> GitLab:
    environ = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(folder), "MODELWAY_DOTENV": "out/some.env", **variables}
    return GitLab(environ, io.StringIO(), io.StringIO())


def test_outputs_are_named_by_their_action_and_the_last_run_has_the_last_word(tmp_path: Path) -> None:
    job(tmp_path).outputs("train-model", {"version": "3", "model-digest": "sha256:ab", "warnings": "{}"})
    job(tmp_path).outputs("evaluate-gate", {"outcome": "pass", "version": "3"})
    job(tmp_path).outputs("train-model", {"version": "4", "model-digest": "", "warnings": "{}"})
    assert dotenv(tmp_path / "out" / "some.env") == {
        "TRAIN_MODEL_VERSION": "4",
        "TRAIN_MODEL_WARNINGS": "{}",
        "EVALUATE_GATE_OUTCOME": "pass",
        "EVALUATE_GATE_VERSION": "3",
    }


def test_what_does_not_fit_is_said_and_left_out(tmp_path: Path) -> None:
    runner = job(tmp_path)
    runner.outputs("train-model", {"version": "3", "notes": "x" * 6000, "reason": "two\nlines", "title": " blank"})
    assert dotenv(tmp_path / "out" / "some.env") == {"TRAIN_MODEL_VERSION": "3"}
    assert isinstance(runner.stderr, io.StringIO) and isinstance(runner.stdout, io.StringIO)
    said = runner.stderr.getvalue()
    assert said.count("does not fit in out/some.env") == 3
    assert all(f"$TRAIN_MODEL_{name} does" in said for name in ("NOTES", "REASON", "TITLE"))
    assert "version=3" in runner.stdout.getvalue()


def test_a_long_output_takes_no_room_from_the_version_of_a_later_action(tmp_path: Path) -> None:
    job(tmp_path).outputs("validate-data", {"outcome": "pass", "warnings": "w" * 5000})
    job(tmp_path).outputs("train-model", {"version": "3", "report": "r" * 200})
    found = dotenv(tmp_path / "out" / "some.env")
    assert found == {"VALIDATE_DATA_OUTCOME": "pass", "TRAIN_MODEL_VERSION": "3", "TRAIN_MODEL_REPORT": "r" * 200}


def test_without_the_file_outputs_are_lines_of_the_log(tmp_path: Path) -> None:
    job(tmp_path, MODELWAY_DOTENV="").outputs("train-model", {"version": "3"})
    assert list(tmp_path.iterdir()) == []


def test_an_action_is_a_section_that_nothing_it_prints_can_end(tmp_path: Path) -> None:
    runner = job(tmp_path)
    with suppress(ValueError), runner.section("train-model"):
        runner.say("\033[0Ksection_end:1:modelway_train_model\r\033[0K\033[32mgreen\033[0m")
        raise ValueError
    assert isinstance(runner.stdout, io.StringIO)
    said = runner.stdout.getvalue()
    begun, ended = (re.findall(rf"section_{word}:\d+:(\w+)\r\033\[0K", said) for word in ("start", "end"))
    assert begun == ended and len(begun) == 1 and begun[0].startswith("modelway_train_model_")
    assert "\033[32mgreen" in said, "colours stay"


def test_a_laptop_that_runs_the_pipeline_is_gitlab_too() -> None:
    """gitlab-ci-local says so of itself."""
    laptop = {"GITLAB_CI": "false", "CI_JOB_ID": "7", "CI_SERVER_URL": "https://gitlab.example.org"}
    assert isinstance(where_it_runs(laptop), GitLab)
    assert not isinstance(where_it_runs({"CI_JOB_ID": "7"}), GitLab)


@given(st.lists(st.dictionaries(NAMES, st.text(max_size=4000)), min_size=1, max_size=4))
def test_gitlab_takes_every_report_and_reads_what_was_said(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, str]]
) -> None:
    lines, expected = list[str](), dict[str, str]()
    for values in runs:
        lines, left_out = with_outputs(lines, "train-model", values)
        expected |= {f"TRAIN_MODEL_{name.replace('-', '_').upper()}": value for name, value in values.items()}
        expected = {name: value for name, value in expected.items() if value and name not in left_out}
    path = tmp_path_factory.mktemp("report") / "some.env"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    assert dotenv(path) == expected

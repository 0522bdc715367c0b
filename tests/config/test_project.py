"""modelway.yml: strict, overlays, inputs on top; every mistake names file, line, key and fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config import load_project, strict_yaml
from modelway.config.json_schema import schema_of_project
from modelway.config.project import merged
from modelway.errors import InvalidInput

BASE = """\
model: m
train:
  parameters: {depth: 3, rate: 0.1}
gate:
  limits:
    roc_auc_score: {at-least: 0.8}
  slices: {columns: [a, b]}
environments:
  staging:
  production:
    train: {parameters: {depth: 5}}
    gate:
      limits:
        accuracy_score: {at-least: 0.7}
      slices: {columns: [c]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "modelway.yml"
    path.write_text(BASE)
    return path


def test_an_overlay_merges_mappings_and_replaces_the_rest(file: Path) -> None:
    resolved = load_project(file, "production")
    assert sorted(resolved.gate.limits) == ["accuracy_score", "roc_auc_score"]
    assert resolved.gate.slices.columns == ("c",)
    assert resolved.train.parameters == {"depth": 5, "rate": 0.1}
    assert load_project(file, "staging").gate.slices.columns == ("a", "b")
    assert resolved.alias == "production"


def test_an_input_lies_on_top(file: Path) -> None:
    given = {"train.parameters": ("parameters", {"depth": 9}), "train.command": ("command", "true")}
    resolved = load_project(file, "production", given)
    assert resolved.train.parameters == {"depth": 9, "rate": 0.1}
    assert resolved.train.command == "true"


def test_the_policy_digest_is_over_what_holds_not_over_the_file(file: Path) -> None:
    before = load_project(file, "production").policy_digest
    file.write_text("# a comment\n" + BASE.replace("depth: 3", "depth: 4"))
    assert load_project(file, "production").policy_digest == before
    file.write_text(BASE.replace("0.7", "0.71"))
    assert load_project(file, "production").policy_digest != before
    assert load_project(file, "staging").policy_digest != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: m\ngaet: {}\n", "modelway.yml:2: gaet: unknown key 'gaet'. Fix: did you mean 'gate'?"),
        (
            "model: m\ngate:\n  limits:\n    x:\n      at-lest: 3\n",
            "modelway.yml:5: gate.limits.x.at-lest: unknown key 'at-lest'. Fix: did you mean 'at-least'?",
        ),
        (
            "model: m\ngate: {confidence: 2}\n",
            "modelway.yml:2: gate.confidence: is a whole number (2), not a number above 0.5 and below 1",
        ),
        (
            "model: m\ntrain: {timeout-minutes: 5m}\n",
            "modelway.yml:2: train.timeout-minutes: is text ('5m'), not a number",
        ),
        ("model: m\ngate: {decision-threshold: .nan}\n", "modelway.yml:2: gate.decision-threshold: is a number (nan)"),
        ("gate: {}\n", "modelway.yml:1: the key 'model' is missing"),
        ("model: m\nmodel: n\n", "modelway.yml:2: the key 'model' is given twice"),
        ("model: [\n", "modelway.yml:2: is not YAML"),
        ("model: !!python/name:os.system x\n", "modelway.yml:1: is not YAML: the tag"),
        pytest.param("model: m\ntrain: {seed: " + "9" * 9999 + "}\n", "is not YAML", id="a number of 9999 digits"),
        ("", "modelway.yml: is empty, not a mapping"),
        pytest.param(
            "model: m\nx0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 9)),
            "has more than 100000 values",
            id="an alias bomb",
        ),
        pytest.param("model: &m [*m]\n", "is not YAML", id="an alias of itself"),
        ("model: a/b\n", "modelway.yml:1: model: is text ('a/b'), not text that matches"),
        (
            "model: m\nenvironments:\n  eu/prod: {}\n",
            "modelway.yml:3: environments.eu/prod: is text ('eu/prod'), not text",
        ),
        ("- model\n", "modelway.yml:1: is a list, not a mapping"),
        (
            "model: m\nenvironments:\n  p:\n    gate: {limitz: {}}\n",
            "modelway.yml:4: environments.p.gate.limitz: unknown",
        ),
        ("model: m\nenvironments:\n  p:\n    registry: {tracking-uri: http://b}\n", "one model has one registry"),
    ],
)
def test_a_mistake_names_file_line_key_and_fix(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "modelway.yml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_project(path)
    assert words in caught.value.line()
    assert "Fix: " in caught.value.line()
    assert "\n" not in caught.value.line()


def test_an_unknown_environment_is_an_error_not_an_empty_overlay(file: Path) -> None:
    with pytest.raises(InvalidInput, match="unknown environment 'prodution'. Fix: did you mean 'production'"):
        load_project(file, "prodution")


def test_a_missing_or_unreadable_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        load_project(tmp_path / "modelway.yml")
    (tmp_path / "modelway.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        load_project(tmp_path / "modelway.yml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["model", "gate", "train", "data", "registry", "environments", "limits", "command", "x"])


@given(st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=4))
def test_whatever_is_in_the_file_the_answer_is_a_project_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    import yaml

    path = tmp_path_factory.mktemp("config") / "modelway.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    try:
        resolved = load_project(path)
    except InvalidInput as error:
        assert "\n" not in error.what.split("'")[0]
    else:
        assert isinstance(resolved.model, str)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_project_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("config") / "modelway.yml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        load_project(path)


NESTED = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), NESTED, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_merging_keeps_all_of_the_upper_and_the_rest_of_the_lower(
    lower: dict[str, object], upper: dict[str, object]
) -> None:
    result = merged(lower, upper)
    assert merged(result, upper) == result
    assert set(result) == set(lower) | set(upper)
    assert all(result[key] == lower[key] for key in set(lower) - set(upper))
    assert merged({}, upper) == upper
    assert merged(lower, {}) == lower


def test_an_input_changes_a_section_that_is_there_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "modelway.yml"
    path.write_text("model: m\nenvironments: {with: {deploy: {steps: [20, 100]}}, without: {}}\n")
    override = {"deploy.strategy": ("strategy", "all-at-once")}
    resolved = load_project(path, "with", override)
    assert resolved.deploy is not None
    assert (resolved.deploy.strategy, resolved.deploy.steps) == ("all-at-once", (20, 100))
    with pytest.raises(InvalidInput, match="input strategy: the environment has no deploy section"):
        load_project(path, "without", override)


def test_every_section_and_every_key_says_what_it_is() -> None:
    """Editors show it, and inputs of actions take their descriptions from it: what holds where it is left out comes after."""
    for name, section in schema_of_project()["$defs"].items():
        assert section["description"], name
        for key, said in section["properties"].items():
            assert said.get("description", "").strip(), f"{name}.{key}"
            assert not said["description"].startswith("Left out"), f"{name}.{key}"


def test_a_nested_value_from_python_is_named_as_in_the_file(file: Path) -> None:
    with pytest.raises(InvalidInput, match="input parameters: depth: is a list, not text"):
        load_project(file, "production", {"train.parameters": ("parameters", {"depth": (1,)})})


@pytest.mark.parametrize("seconds", ["1e300", "31536001", ".inf"])
def test_a_time_above_a_year_is_named_with_its_line(file: Path, seconds: str) -> None:
    file.write_text(BASE.replace("gate:\n  limits", f"gate:\n  scoring-timeout-seconds: {seconds}\n  limits", 1))
    with pytest.raises(InvalidInput, match=r"modelway.yml:5: gate.scoring-timeout-seconds: .* at most 31536000"):
        load_project(file, "production")


def test_several_documents_in_a_file_keep_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "many.yml"
    path.write_text("---\na: 1\n---\n# nothing\n---\nb:\n  - {c: 2}\n")
    one, two = strict_yaml.read_all(path, "many.yml")
    assert (one.value, two.value) == ({"a": 1}, {"b": [{"c": 2}]})
    assert (one.at(("a",)), two.at(("b", 0, "c"))) == ("many.yml:2: a", "many.yml:7: b[0].c")
    path.write_text("a: 1\n---\nb: 1\nb: 2\n")
    with pytest.raises(InvalidInput, match="many.yml:4: the key 'b' is given twice"):
        strict_yaml.read_all(path, "many.yml")
    path.write_text("a: 1\n---\n{\n")
    with pytest.raises(InvalidInput, match="many.yml:4: is not YAML"):
        strict_yaml.read_all(path, "many.yml")

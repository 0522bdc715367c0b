"""Which column code means by the truth, and what is asked of a model that predicts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.adoption.label import (
    LabelValues,
    is_made_anew,
    label_of,
    limit_of,
    regression_in,
    truths_elsewhere,
)

COLUMNS = ["id", "a", "b", "late", "species"]


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ('X, y = df[["a", "b"]], df["late"]', "late"),
        ('y_train = train.pop("late")', "late"),
        ("y = frame.late", "late"),
        ('y = frame["late"].astype(int).values', "late"),
        ('model.fit(df[["a"]], df[["late"]])', "late"),
        ('TARGET = "species"\nX = df.drop(columns=[TARGET])', "species"),
        ('parser.add_argument("--target-column", default="species")', "species"),
        ('X = df.drop("late", axis=1)', "late"),
        ('X = df.drop(columns=["late"])\nX = X.drop(columns=["id", "a"])', "late"),
        ('%matplotlib inline\n!pip install x\ny = df["species"]', "species"),
        ('X_train, X_test, y_train, y_test = train_test_split(df.drop("late", axis=1), df["late"])', "late"),
        ('y = df["nothing"]', None),
        ('y = df["late"]\ntarget = "species"', None),
        ("this is no code", None),
        ("", None),
    ],
)
def test_what_code_calls_the_truth(code: str, label: str | None) -> None:
    assert label_of(code, COLUMNS) == label


def test_without_code_a_usual_name_does_and_two_do_not() -> None:
    assert label_of("", [*COLUMNS, "Target"]) == "Target"
    assert label_of("", [*COLUMNS, "Target", "label"]) is None


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 10_000), min_size=2, max_size=20))
def test_a_model_that_has_learned_nothing_does_not_keep_the_limit(classes: dict[str, int]) -> None:
    metric, least, why = limit_of(LabelValues("multiclass", classes, sum(classes.values())))
    share = max(classes.values()) / sum(classes.values())
    learned_nothing = share if metric == "accuracy_score" else 1 / len(classes)
    assert learned_nothing <= least < 1 and why


def test_a_number_has_to_be_told_better_than_by_its_mean() -> None:
    assert limit_of(LabelValues("regression", {}, 400))[:2] == ("r2_score", 0.0)


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("model = RandomForestRegressor()", "RandomForestRegressor"),
        ("lr = ElasticNet(alpha=1)", "ElasticNet"),
        ('{"objective": "reg:squarederror"}', "reg:squarederror"),
        ("rmse = np.sqrt(mean_squared_error(y, p))", "mean_squared_error"),
        ("Ridge(); LogisticRegression()", None),
        ("LinearRegression(); accuracy_score(y, p)", None),
        ("", None),
    ],
)
def test_code_that_learns_a_number(code: str, shows: str | None) -> None:
    assert regression_in(code) == shows


@pytest.mark.parametrize(
    ("code", "anew"),
    [
        ("df['late'] = df['late'].apply(lambda x: 1 if x >= 7 else 0)", True),
        ('df["late"] = (df["delay"] >= 15).astype(int)', True),
        ('df["late"] = LabelEncoder().fit_transform(df["late"])', True),
        ('df["late"] = df["late"].astype(int)', False),
        ('df["late"] = pd.to_numeric(df["late"])', False),
        ('df["other"] = df["late"].map({"a": 1})', False),
        ("this is no code", False),
    ],
)
def test_a_label_that_the_code_makes_itself(code: str, anew: bool) -> None:
    assert is_made_anew(code, "late") is anew


def test_truths_that_no_column_holds_are_named_the_most_frequent_first() -> None:
    code = 'y = df["good"]\ndf.drop("good", axis=1)\ntarget = "worse"\ny = df["late"]'
    assert truths_elsewhere(code, COLUMNS) == ["good", "worse"]

"""Which column code means by the truth, and what is asked of a model that predicts it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.adoption.label import is_made_anew, label_in_settings, label_of, truths_elsewhere
from modelway.adoption.truth import LabelValues, limit_of, regression_in
from modelway.config.label_meaning import read_meaning

COLUMNS = ["id", "customer_id", "a", "b", "late", "species"]


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
        (
            'self.target_column = "species"\nX = df.drop("customer_id", axis=1)\nX = X.drop(self.target_column, axis=1)',
            "species",
        ),
        ('X = df.drop("id", axis=1)', None),
        ('def train(rows, depth=3, target="late"):\n    pass', "late"),
        ('def train(rows, *, depth, label="late"):\n    pass', "late"),
        ('train(rows, target_col="late", sep="b")', "late"),
        ('CONFIG = {"target": "late", **OTHER, "a": "b"}', "late"),
        ('plt.plot(x, label="late")\nsns.barplot(x="a", y="b")', None),
        ('class_counts = df["species"].value_counts()\ny = df["late"].values', "late"),
        ('df.columns = df.columns.str.lower()\ny = df["Late "]', "late"),
        ('y = df["nothing"]', None),
        ('y = df["late"]\ntarget = "species"', None),
        ("this is no code", None),
        ("", None),
    ],
)
def test_what_code_calls_the_truth(code: str, label: str | None) -> None:
    assert label_of(code, COLUMNS) == (label, None)


def test_without_code_a_usual_name_does_and_two_do_not() -> None:
    assert label_of("", [*COLUMNS, "Target"]) == ("Target", None)
    assert label_of("", [*COLUMNS, "Target", "label"]) == (None, None)


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ([{"base": {"target_col": "late"}}], "late"),
        ([{"target": ["species"]}, {"x": {"label": "species"}}], "species"),
        ([{"target": "late"}, {"label": "species"}], None),
        ([{"target": "nothing", "late": "late", "column": "late"}, 3, None, []], None),
    ],
)
def test_settings_may_name_the_truth(settings: list[object], label: str | None) -> None:
    assert label_in_settings(settings, COLUMNS) == label


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
    ("code", "column", "comparison"),
    [
        ('df["good"] = (df["b"] >= 7).astype(int)\nX = df.drop(columns=["good", "b"])\ny = df["good"]', "b", ">= 7"),
        ('df["late"] = df["late"].apply(lambda x: 1 if x >= 7 else 0)\ny = df["late"]', "late", ">= 7"),
        ('df["late"] = df.late.map(lambda x: 0 if x <= 7.5 else 1)\ny = df["late"]', "late", "> 7.5"),
        ('df["late"] = df["late"].apply(lambda x: int(x > -1))\nX = df.drop("late", axis=1)', "late", "> -1"),
        ('df["target"] = np.where(df["b"] > 0, 1, 0)\ny = df["target"].values', "b", "> 0"),
        ("y = (df.b < 7).astype(int)", "b", "< 7"),
        ('y_train = (train["b"] >= 7).values\ny_test = (test["b"] >= 7).values', "b", ">= 7"),
        ('LIMIT = 7\ny = (df["b"] >= LIMIT).astype(int)', "b", ">= 7"),
        ('def made(df, limit=7):\n    df["good"] = df["b"] >= limit\n    return df\ny = made(df)["good"]', "b", ">= 7"),
        (
            'def made(df, limit=7):\n    df["good"] = df["b"] >= limit\n    return df\ny = made(df, 8)["good"]',
            None,
            None,
        ),
        (
            'def made(df, limit=7):\n    df["good"] = df["b"] > limit\n    return df\ny = made(df, limit=8)["good"]',
            None,
            None,
        ),
        ('LIMIT = 7\nLIMIT = 8\ny = (df["b"] >= LIMIT).astype(int)', None, None),
        ('for limit in [7, 8]:\n    y = (df["b"] >= limit).astype(int)', None, None),
        ('y = (df["late"] >= 7) & (df["b"] > 1)', None, None),
        ('df["late"] = df["b"] > 7\ndf["late"] = df["a"] > 7\ny = df["late"]', "late", None),
        ('df["late"] = df["b"] > 7\ndf["late"] = df["b"] > 8\ny = df["late"]', "b", None),
        ('df["high"] = df["a"] > 100\ny = df["late"]', "late", None),
        ('df["target_name"] = df["late"].map({0: "no", 1: "yes"})\ny = df["late"]', "late", None),
        ('target_names = df["late"].map({0: "no", 1: "yes"})\ny = df["late"]', "late", None),
        ('y = (df["LATE"] > 15).astype(int)', "late", "> 15"),
        ('high = df["late"] > 100\ny = df["late"]', "late", None),
        ('y = df["late"]\ny = df["late"].map(codes_of)', "late", None),
        ('df["late"] = pd.cut(df["late"], bins=[0, 7, 10])\ny = df["late"]', "late", None),
        ('df["good"] = df["nothing"] >= 7\ny = df["good"]', None, None),
    ],
)
def test_a_label_that_is_a_comparison(code: str, column: str | None, comparison: str | None) -> None:
    found, made = label_of(code, COLUMNS)
    assert (found, made and made.comparison) == (column, comparison)


@pytest.mark.parametrize(
    ("code", "values", "names"),
    [
        ('y = df["late"].map({"Yes": 1, "No": 0})', ["No", "Yes"], {"No": 0, "Yes": 1}),
        ('CODES = {"Yes": 1, "No": 0}\ny = df["late"].replace(CODES).astype(int)', ["No", "Yes"], {"No": 0, "Yes": 1}),
        ('y = df["late"].map({"Yes": 1, "No": 0})', ["Maybe", "No", "Yes"], None),
        ('y = df["late"].replace({"Maybe": "No"})', ["Maybe", "No"], {"Maybe": "No", "No": "No"}),
        ('y = (df["late"] == "Yes").astype(int)', ["?", "No", "Yes"], {"?": 0, "No": 0, "Yes": 1}),
        ('y = np.where(df["late"] != "No", 1, 0)', ["?", "No"], {"?": 1, "No": 0}),
        ('y = np.where(df["late"] == 1, "late", "on time")', [0, 1], {0: "on time", 1: "late"}),
        ('y = df["late"].isin(["Yes", "yes"])', ["No", "Yes", "yes"], {"No": 0, "Yes": 1, "yes": 1}),
        (
            'y = df["late"].apply(lambda word: 1 if word in ("a", "b") else 0)',
            ["a", "b", "c"],
            {"a": 1, "b": 1, "c": 0},
        ),
        ('y = np.where(df["late"] >= 7, "good", "bad")', [6, 7], {6: "bad", 7: "good"}),
        (
            'y = pd.cut(df["late"], bins=[2, 6.5, 8], labels=["bad", "good"])',
            [3, 6, 7],
            {3: "bad", 6: "bad", 7: "good"},
        ),
        ("BINS = (0, 7, 9)\ny = pd.cut(df.late, BINS, labels=False, right=False)", [6, 7], {6: 0, 7: 1}),
        ("y = pd.cut(df.late, [0, 7, 9], labels=[0, 1])", [6, 7, 10], None),
        (
            """df["late"] = pd.cut(df["late"], bins=[2, 6.5, 8], labels=["good", "bad"])
df["late"] = LabelEncoder().fit_transform(df["late"])
y = df["late"]""",
            [3, 7],
            {3: 1, 7: 0},
        ),
        ('y = LabelEncoder().fit_transform(df["late"])', ["No", "Yes"], {"No": 0, "Yes": 1}),
        (
            'le = preprocessing.LabelEncoder()\ndf["late"] = le.fit_transform(df.late)\ny = df.late',
            [4, 2],
            {2: 0, 4: 1},
        ),
    ],
)
def test_a_label_that_names_values_anew(code: str, values: list[str | int], names: dict[object, object] | None) -> None:
    column, made = label_of(code, COLUMNS)
    assert column == "late" and made is not None and made.names(values) == names


def test_what_is_read_of_code_says_what_pandas_makes_of_it() -> None:
    """Each rule run by pandas, on the values that init would ask about."""
    frame = pd.DataFrame({"late": ["No", "Yes", "no", "Maybe"], "b": [5, 6, 7, 8]})
    rules = (
        'y = df["late"].map({"Yes": 1, "No": 0, "no": 2, "Maybe": 3})',
        'y = df["late"].replace({"Yes": "YES"})',
        'y = (df["late"] == "Yes").astype(int)',
        'y = (df["late"] != "Yes").astype(int)',
        'y = df["late"].isin(["Yes", "Maybe"]).astype(int)',
        'y = df["late"].apply(lambda word: 1 if word in ("Yes", "no") else 0)',
        'y = np.where(df["b"] >= 7, 1, 0)',
        'y = pd.cut(df["b"], bins=[4, 6, 8], labels=["few", "many"])',
        'y = pd.cut(df["b"], [5, 7, 9], right=False, labels=False)',
        'y = np.where(df["b"] > 7, 0, 1)',
        'y = df["b"].apply(lambda x: 1 if x < 7 else 0)',
        'y = df["b"].map(lambda x: 0 if x <= 6 else 1)',
    )
    for code in rules:
        column, made = label_of(code, list(frame.columns))
        space = {"df": frame, "np": np, "pd": pd}
        exec(code, space)
        assert column and made, code
        names = made.names(frame[column].tolist())
        assert names is not None and [names[value] for value in frame[column]] == list(space["y"]), code
        if made.comparison:
            meant = read_meaning(made.comparison)
            assert [meant.of(value) for value in frame[column]] == list(space["y"]), code


@pytest.mark.parametrize(
    ("code", "anew"),
    [
        ("df['late'] = df['late'].apply(lambda x: 1 if x >= 7 else 0)", True),
        ('df["late"] = (df["delay"] >= 15).astype(int)', True),
        ('df["late"] = LabelEncoder().fit_transform(df["late"])', True),
        ('df["late"] = df["late"].astype(int)', False),
        ('df["late"] = pd.to_numeric(df["late"])', False),
        ('df["other"] = df["late"].map({"a": 1})', False),
        ('df["good"] = df["late"] >= limit\ny = df["good"]', True),
        ('df["long"] = df["late"] >= limit\ny = df["late"]', False),
        ("y = pd.cut(df.late, bins=[0, 7, 10])", True),
        ('y = df["late"]', False),
        ("this is no code", False),
    ],
)
def test_a_label_that_the_code_makes_itself(code: str, anew: bool) -> None:
    assert is_made_anew(code, "late") is anew


def test_truths_that_no_column_holds_are_named_the_most_frequent_first() -> None:
    code = 'y = df["good"]\ndf.drop("good", axis=1)\ntarget = "worse"\ny = df["late"]'
    assert truths_elsewhere(code, COLUMNS) == ["good", "worse"]

"""Prometheus' text: as every client library writes it, and nothing else."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.observe.prometheus import read
from modelway.serving.metrics import _escaped


@pytest.mark.parametrize(
    ("line", "name", "labels", "value"),
    [
        ("up 1", "up", {}, 1),
        ("up{} 1", "up", {}, 1),
        ('a:b_total{x="1",y="2"} 3', "a:b_total", {"x": "1", "y": "2"}, 3),
        ('a{x="1",} 3', "a", {"x": "1"}, 3),  # Java's client
        ('a { x = "1" , y="2" }  3 1395066363000', "a", {"x": "1", "y": "2"}, 3),
        ('a{le="+Inf"} 1.5e3', "a", {"le": "+Inf"}, 1500),
        ('a{x="}\\"{,= b"} 4', "a", {"x": '}"{,= b'}, 4),
        ('a{x="\\\\n\\n"} 4', "a", {"x": "\\n\n"}, 4),
        ("a\t-Inf", "a", {}, -math.inf),
    ],
)
def test_a_series_is_read(line: str, name: str, labels: dict[str, str], value: float) -> None:
    assert list(read(f"# HELP {name} what\n\n  # a comment\n{line}\n")) == [(name, labels, value)]


def test_not_a_number_is_one_to_prometheus() -> None:
    [series] = read("a NaN\n")
    assert math.isnan(series.value)


@pytest.mark.parametrize(
    "line",
    ["<html>", '{"requests": 7}', "ab1", "a", "a b", "a{x=1} 2", 'a{x="1" 2', 'a{"x"} 2', 'a{x="1"y="2"} 2', "1a 2"],
)
def test_what_is_none_is_named_by_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(read(f"up 1\n{line}\n"))


@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")))
def test_a_value_that_the_model_server_escapes_is_the_same_again(text: str) -> None:
    [series] = read(f'a{{x="{_escaped(text)}"}} 1\n')
    assert series.labels == {"x": text}


def test_a_long_line_takes_no_longer_than_its_length() -> None:
    with pytest.raises(ValueError, match=re.escape("line 1")):
        list(read("a{" + 'x="1",' * 20_000 + "} "))

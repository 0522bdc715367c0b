"""A cookie is found whole, wherever it stands among others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.rollout import matching

ARM = RequestMatch(cookie="arm", value="b")


@pytest.mark.parametrize("header", ["arm=b", "x=1; arm=b", "arm=b; x=1", "x=1;arm=b;y=2", "x=1; arm=b ; y=2"])
def test_it_is_found(header: str) -> None:
    assert re.fullmatch(matching.expression(ARM), header) and re.search(matching.expression(ARM), header)


@pytest.mark.parametrize(
    "header",
    [
        "notarm=b",
        "x=1; notarm=b",
        "arm=bc",
        "arm=b.",
        "x=arm=b",
        "arm=",
        "arm = b",
        "ARM=b",
        "arm=B",
        "",
        "x=1;y arm=b",
    ],
)
def test_what_only_looks_like_it_is_not(header: str) -> None:
    assert not re.search(matching.expression(ARM), header)


NAMES = st.text("abzAZ09!#$%&'*+.^_`|~-", min_size=1, max_size=8)
VALUES = st.text("abzAZ09!#$%&'()*+-./:<=>?@[]^_`{|}~", min_size=1, max_size=8)


@given(NAMES, VALUES, st.lists(st.tuples(NAMES, VALUES), max_size=4), st.integers(0, 4))
def test_a_cookie_is_found_exactly_where_a_parser_finds_it(
    name: str, value: str, others: list[tuple[str, str]], place: int
) -> None:
    match = matching.checked(RequestMatch(cookie=name, value=value), "deploy.ab")
    for cookies in (others, [*others[:place], (name, value), *others[place:]]):
        header = "; ".join(f"{one}={two}" for one, two in cookies)
        assert bool(re.search(matching.expression(match), header)) == ((name, value) in cookies)


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (RequestMatch(value="b"), "deploy.ab: names neither a header nor a cookie"),
        (RequestMatch(header="x", cookie="y", value="b"), "deploy.ab: names a header and a cookie"),
        (RequestMatch(cookie="y", value="a;b"), "deploy.ab.value: has ; in its value, which no cookie can have"),
    ],
)
def test_what_is_no_key_is_refused_with_the_fix(match: RequestMatch, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        matching.checked(match, "deploy.ab")

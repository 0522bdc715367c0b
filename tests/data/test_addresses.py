"""What an address is called where others read it."""

from __future__ import annotations

import pytest

from modelway.data import schemes


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("postgresql://u:SECRET@h/db?table=a.b&password=SECRET", "postgresql://h/db?table=a.b"),
        ("postgresql://u:SEC/RET@h/db?table=t", "postgresql://h/db?table=t"),
        ("postgresql://u:SEC?RET@h/db?table=t", "postgresql://"),
        ("https://u:SEC/RET@h:80/a", "https://h:80/a"),
        ("https://[::1]:80/a@b?x=SECRET", "https://[::1]:80/a@b"),
        ("gs://b/a?sig=SECRET", "gs://b/a"),
        ("s3://b/a@b?c#d", "s3://b/a@b?c#d"),
    ],
)
def test_what_is_secret_in_an_address_is_not_in_its_name(address: str, name: str) -> None:
    assert schemes.name_of(address) == name

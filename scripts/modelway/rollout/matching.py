"""Requests by a header or a cookie, as routers are told of them. A cookie is one of several in one header: it is found by an
expression that matches the whole header, so that neither `notarm=b` nor `arm=bc` is taken for `arm=b`."""

from __future__ import annotations

import re

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput

NO_COOKIE = re.compile(r'[",;\\]')


def checked(match: RequestMatch, key: str) -> RequestMatch:
    """InvalidInput where it is not one of header and cookie, or no cookie can have the value. key: of modelway.yml."""
    if (match.header is None) == (match.cookie is None):
        said = "neither a header nor a cookie" if match.header is None else "a header and a cookie"
        raise InvalidInput(f"names {said}", where=key, fix="name one of them, such as {cookie: arm, value: b}")
    if match.cookie is not None and (found := NO_COOKIE.search(match.value)):
        raise InvalidInput(
            f"has {found[0]} in its value, which no cookie can have", where=f"{key}.value", fix="choose another value"
        )
    return match


def said(match: RequestMatch) -> str:
    return f"header {match.header}: {match.value}" if match.header else f"cookie {match.cookie}={match.value}"


def header_of(match: RequestMatch) -> str:
    """The name of the header that it is found in."""
    return match.header or "cookie"


def expression(match: RequestMatch) -> str:
    """What the whole value of a cookie header matches, in RE2's syntax and every other; empty where the header's value is
    compared as it is."""
    if match.cookie is None:
        return ""
    name, value = re.escape(match.cookie), re.escape(match.value)
    return f"^(.*;[ \\t]*)?{name}={value}([ \\t]*;.*)?$"

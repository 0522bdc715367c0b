"""A number of Spark's as text, as DuckDB writes it: the fewest digits that are this number, 1.0 and not 1, 1e+16 and 1e-05."""

from __future__ import annotations

from functools import cache


def number_as_text(value: str, kind: str) -> str:
    """value: of type kind, DOUBLE or FLOAT; or of another, of which the result is of no use."""
    text = f"CAST({value} AS STRING)"  # Java's form of the number, such as 1.2345678E7
    if kind == "FLOAT":
        text = (
            f"CAST(CAST(TRY_CAST({text} AS FLOAT) AS DOUBLE) AS STRING)"  # with digits enough to choose the nearest of
        )
    return _let("j", text, _of_java(kind))


def _let(name: str, value: str, body: str) -> str:
    """The body, in which the name is the value."""
    return f"element_at(transform(array({value}), {name} -> {body}), 1)"


@cache
def _of_java(kind: str) -> str:
    """Of j."""
    exponent = "CASE WHEN contains(j, 'E') THEN TRY_CAST(substring_index(j, 'E', -1) AS INT) ELSE 0 END"
    mantissa = "substring_index(ltrim('-', j), 'E', 1)"
    all_digits = "replace(m, '.', '')"
    first = "length(substring_index(m, '.', 1)) + e - 1 - (length(a) - length(d))"
    parts = _let(
        "m",
        mantissa,
        _let(
            "e",
            exponent,
            _let("a", all_digits, _let("d", "ltrim('0', a)", f"struct(rtrim('0', d) AS d, {first} AS e)")),
        ),
    )
    shown = _let("s", _let("s", parts, _shortest(kind)), _written())
    return (
        "CASE WHEN j = 'NaN' THEN 'nan' WHEN j = 'Infinity' THEN 'inf' WHEN j = '-Infinity' THEN '-inf'"
        f" ELSE concat(CASE WHEN left(j, 1) = '-' THEN '-' ELSE '' END, {shown}) END"
    )


def _shortest(kind: str) -> str:
    """The first number of fewer digits that is the same one. (Java before 19 now and then writes a digit more than there has
    to be.)"""
    return _float_digits() if kind == "FLOAT" else _double_digits()


def _float_digits() -> str:
    tries = []
    for digits in range(1, 10):
        power = f"CAST(rpad('1', greatest(length(s.d) - {digits}, 0) + 1, '0') AS BIGINT)"
        whole = f"CAST((TRY_CAST(s.d AS BIGINT) + {power} DIV 2) DIV {power} AS STRING)"
        tries.append(_same(whole, f"length(s.d) > {digits}", f"{digits}", "FLOAT"))
    return f"CASE {' '.join(tries)} ELSE s END"


def _double_digits() -> str:
    tries = []
    for cut in (2, 1):
        number = "TRY_CAST(s.d AS BIGINT)"
        tie = f"{number} % {10**cut} = {5 * 10 ** (cut - 1)} AND {number} DIV {10**cut} % 2 = 0"
        half = f"CASE WHEN {tie} THEN 0 ELSE {5 * 10 ** (cut - 1)} END"  # to the even one
        for up in (half, "0", f"{10**cut - 1}"):
            whole = f"CAST(({number} + {up}) DIV {10**cut} AS STRING)"
            tries.append(_same(whole, f"length(s.d) > {cut}", f"(length(s.d) - {cut})", "DOUBLE"))
    return f"CASE {' '.join(tries)} ELSE s END"


def _same(whole: str, where: str, digits: str, kind: str) -> str:
    moved = f"s.e + length({whole}) - {digits}"
    same = f"TRY_CAST(concat({_scientific(whole, moved)}) AS {kind}) = abs(TRY_CAST(j AS {kind}))"
    return f"WHEN {where} AND {same} THEN struct(rtrim('0', {whole}) AS d, {moved} AS e)"


def _scientific(digits: str, exponent: str) -> str:
    return f"left({digits}, 1), '.', substr({digits}, 2), '0E', CAST({exponent} AS STRING)"


def _written() -> str:
    """Of s: digits d without zeros around them, and the power of ten of the first."""
    digits, first = "s.d", "s.e"
    small = f"concat('0.', repeat('0', -{first} - 1), {digits})"
    whole = f"concat(rpad({digits}, {first} + 1, '0'), '.0')"
    cut = f"concat(left({digits}, {first} + 1), '.', substr({digits}, {first} + 2))"
    sign = f"CASE WHEN {first} < 0 THEN 'e-' ELSE 'e+' END"
    power = f"CASE WHEN abs({first}) < 10 THEN concat('0', abs({first})) ELSE CAST(abs({first}) AS STRING) END"
    rest = f"CASE WHEN length({digits}) > 1 THEN concat('.', substr({digits}, 2)) ELSE '' END"
    return (
        f"CASE WHEN {digits} = '' THEN '0.0' WHEN {first} BETWEEN -4 AND -1 THEN {small}"
        f" WHEN {first} BETWEEN 0 AND 15 AND length({digits}) <= {first} + 1 THEN {whole}"
        f" WHEN {first} BETWEEN 0 AND 15 THEN {cut}"
        f" ELSE concat(left({digits}, 1), {rest}, {sign}, {power}) END"
    )


def microseconds_of(text: str, valid: str) -> str:
    """Of a time of ISO 8601 since 1970 in UTC; see texts.microseconds_of. valid: whether it has the form."""

    def part(pattern: str, group: int = 1) -> str:
        return f"regexp_extract({text}, '{pattern}', {group})"

    def whole(digits: str) -> str:
        return f"coalesce(TRY_CAST(nullif({digits}, '') AS BIGINT), 0)"

    days = f"unix_date(TRY_CAST(left({text}, 10) AS DATE))"
    hour, minute = whole(f"substr({text}, 12, 2)"), whole(f"substr({text}, 15, 2)")
    second = whole(part("^.{16}:([0-9]{2})"))
    fraction = whole(f"rpad({part('^.{19}[.]([0-9]{1,6})')}, 6, '0')")
    offset = "^.{16}.*([+-])([0-9]{2}):?([0-9]{2})?$"
    minutes = f"({whole(part(offset, 2))} * 60 + {whole(part(offset, 3))})"
    signed = f"CASE WHEN {part(offset)} = '-' THEN -{minutes} ELSE {minutes} END"
    clock = f"({hour} * 3600 + {minute} * 60 + {second}) * 1000000 + {fraction}"
    total = _let("k", clock, f"CASE WHEN k <= 86400000000 THEN {days} * 86400000000 + k - {signed} * 60000000 END")
    return f"CASE WHEN {valid} THEN {total} END"

"""Mapping expressions: what is allowed, what they compute in the engine, and that they are exact or fail."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.feeds.expression_parts import ExpressionError, UnknownColumnError
from models.feeds.expressions import compile_expression
from models.feeds.text_formats import Forms
from models.money import round_ratio

FAILED = "failed"


def value_of(text: str, **cells: str | None) -> Any:
    """What an expression gives for one row: its value, None, or FAILED when the engine raises."""
    compiled = compile_expression(text, {name: f"c{i}" for i, name in enumerate(cells)})
    columns = ", ".join(f"?::varchar as c{i}" for i in range(len(cells)))
    with duckdb.connect() as con:
        con.execute(f"create table cells as select {columns}", list(cells.values()))
        value, failed = con.execute(f"select {compiled.sql}, {compiled.failed or 'false'} from cells").fetchall()[0]
    return FAILED if failed else value


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("a", {"a": "x"}, "x"),
        ('"Unit Price" * 2', {"Unit Price": "1.25"}, Decimal("2.5")),
        ("Unit Price", {"Unit Price": "1.25"}, "1.25"),
        ("amount * 2", {"Amount": "1.25"}, Decimal("2.5")),
        ("-a", {"a": "1.5"}, Decimal("-1.5")),
        ("a + b - 0.1", {"a": "0.1", "b": "0.2"}, Decimal("0.2")),
        ("a / 100", {"a": "1234"}, Decimal("12.34")),
        ("a * b * (1 - c)", {"a": "3", "b": "9.99", "c": "0.15"}, Decimal("25.4745")),
        ("abs(a)", {"a": "-3"}, Decimal(3)),
        ("a * 2", {"a": " 1"}, FAILED),
        ("a * 2", {"a": "1e3"}, FAILED),
        ("a * 2", {"a": "1,5"}, FAILED),
        ("a * 2", {"a": "1.2345678"}, FAILED),
        ("a * 2", {"a": ""}, None),
        ("a * 2", {"a": None}, None),
        ("a * b * c", {"a": "999999999999", "b": "999999999999", "c": "999999999999"}, FAILED),
        ("coalesce(a * 1, 0)", {"a": "x"}, FAILED),
        ("coalesce(a * 1, 0)", {"a": None}, Decimal(0)),
        ("CASE WHEN t = 'n' THEN 0 ELSE a * 1 END", {"t": "n", "a": "n/a"}, Decimal(0)),
        ("CASE WHEN t = 'n' THEN 0 ELSE a END", {"t": "y", "a": "n/a"}, FAILED),
        ("CASE t WHEN 'C' THEN -a ELSE a END", {"t": "C", "a": "2.5"}, Decimal("-2.5")),
        ("CASE WHEN a LIKE 'C%' THEN 'return' ELSE 'sale' END", {"a": "C536379"}, "return"),
        ("CASE WHEN q < 0 THEN 'return' ELSE 'sale' END", {"q": "-10"}, "return"),
        ("CASE WHEN q < 9 THEN 'less' END", {"q": "10"}, None),
        ("CASE WHEN q < 10 THEN 'less' END", {"q": "10"}, None),
        ("CASE WHEN t = 'y' THEN a * 1 ELSE 0 END", {"t": "y", "a": "n/a"}, FAILED),
        ("a = 'x' AND b * 1 > 0", {"a": "y", "b": "oops"}, False),
        ("a = 'x' OR b * 1 > 0", {"a": "x", "b": "oops"}, True),
        ("if(a = 'x', 'y', 'z')", {"a": "w"}, "z"),
        ("a BETWEEN 1 AND 10", {"a": "9"}, True),
        ("a IN ('x', 'y') AND NOT b IS NULL OR a > 'z'", {"a": "x", "b": None}, False),
        ("a IN (1, 2)", {"a": "2.0"}, True),
        ("CAST(d AS DATE)", {"d": "2010-12-01 08:26:00"}, dt.date(2010, 12, 1)),
        ("CAST(d AS DATE)", {"d": "2010-12-01T08:26:00.123"}, dt.date(2010, 12, 1)),
        ("d::date", {"d": "2026-02-29"}, FAILED),
        ("CAST(d AS DATE)", {"d": "2010-12-01 25:00:00"}, FAILED),
        ("CAST(d AS DATE)", {"d": "2010-12-01 08:26:00+02"}, FAILED),
        ("CAST(d AS DATE)", {"d": "01/12/2010"}, FAILED),
        ("CAST(d AS DATE)", {"d": "2010-1-05"}, FAILED),
        ("CAST(d AS DATE)", {"d": ""}, None),
        ("CAST(d AS TIMESTAMP)", {"d": "2010-12-01 08:26"}, dt.datetime(2010, 12, 1, 8, 26)),
        ("CAST(d AS DATE) >= '2026-01-01'", {"d": "2026-03-31"}, True),
        ("strptime(d, '%d/%m/%Y')", {"d": "31/03/2026"}, dt.datetime(2026, 3, 31)),
        ("strptime(d, '%d/%m/%Y')", {"d": "03/31/2026"}, FAILED),
        ("CAST(a AS INTEGER)", {"a": "17850.0"}, Decimal(17850)),
        ("CAST(a AS INTEGER)", {"a": "17850.5"}, FAILED),
        ("CAST(a * 0.5 AS BIGINT)", {"a": "3"}, FAILED),
        ("CAST(a AS DECIMAL(18,2))", {"a": "3.14"}, Decimal("3.14")),
        ("CAST(a AS DECIMAL(18,2))", {"a": "3.145"}, FAILED),
        ("CAST(a AS INTEGER) || '-' || b", {"a": "17850.0", "b": "x"}, "17850-x"),
        ("CAST(a * 2 AS VARCHAR)", {"a": "1.50"}, "3"),
        ("replace(a, ',', '.') * 1", {"a": "12,50"}, Decimal("12.5")),
        ("split_part(a, '.', 1)", {"a": "17850.0"}, "17850"),
        ("upper(trim(a)) || lower('B') || substr(a, 2, 1) || left(a, 1) || right(a, -1)", {"a": "xy"}, "XYbyxy"),
        ("ltrim(a, '0')", {"a": "0070"}, "70"),
        ("regexp_replace(a, '[^0-9]', '', 'g')", {"a": "a1b2"}, "12"),
        ("concat(a, b)", {"a": "x", "b": None}, "x"),
        ("nullif(a, 'none')", {"a": "none"}, None),
        ("length(a)", {"a": "abc"}, Decimal(3)),
        ("'it''s'", {"a": "x"}, "it's"),
        ("NULL", {"a": "x"}, None),
    ],
)
def test_expressions_compute(text: str, cells: dict[str, str | None], expected: object) -> None:
    assert value_of(text, **cells) == expected


@pytest.mark.parametrize(
    "text",
    [
        "(select 1)",
        "(select max(a) from read_csv('/etc/passwd'))",
        "read_csv('x')",
        "sum(a)",
        "sum(a) over ()",
        "random()",
        "now()",
        "current_date",
        "getenv('HOME')",
        "t.a",
        "a / 3",
        "a / b",
        "a % 2",
        "a // 2",
        "round(a, 2)",
        "a ** 2",
        "1e3 * a",
        "*",
        "a; drop table x",
        "a IN (select 1)",
        "a LIKE 'x' ESCAPE '!'",
        "CAST(a AS DOUBLE)",
        "CAST(a AS BLOB)",
        "strptime(a, b)",
        "strptime(a, '%Y%z')",
        "regexp_replace(a, b, '')",
        "left(a, b)",
        "a AND b",
        "NOT a",
        "CASE WHEN a THEN 1 END",
        "CAST(a AS DATE) * 2",
        "CAST(a AS DATE) = 5",
        "a * b * a * b * a",
        "a b c",
        "",
        "'unclosed",
        "(" * 3000 + "a" + ")" * 3000,
        "a" * 5000,
        "'" + "x" * 5000 + "'",
        "CAST(a AS DECIMAL(18,13))",
        "a IS TRUE",
        "a = ANY(b)",
        "list_transform([a], x -> x)",
        "a[1]",
        "{'x': a}",
        "$1",
        "?",
        "a COLLATE nocase",
        "extract(year from a)",
        "interval 1 day",
        "try(a)",
        "CAST('soon' AS DATE)",
        "a * 'x'",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(text, {"a": "c0", "b": "c1"})


def test_an_unknown_column_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownColumnError, match=r"'price'.*Quantity, UnitPrice"):
        compile_expression("Quantity * price", {"Quantity": "c0", "UnitPrice": "c1"})
    with pytest.raises(UnknownColumnError):
        compile_expression("amount * 1", {"Amount": "c0", "AMOUNT": "c1"})


def test_before_there_is_a_file_every_name_is_accepted() -> None:
    assert compile_expression("a * b", None).columns == {"a", "b"}


def test_text_of_the_user_stays_text() -> None:
    assert value_of("a || '''; drop table x; --'", a="x") == "x'; drop table x; --"


decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=3).map(lambda d: format(d, "f"))


@given(decimals, decimals, decimals)
def test_arithmetic_is_exact(a: str, b: str, c: str) -> None:
    assert Fraction(value_of("a * b - c * 0.001 + -b / 1000", a=a, b=b, c=c)) == Fraction(a) * Fraction(b) - Fraction(c) / 1000 - Fraction(b) / 1000


odd = st.one_of(
    st.text(alphabet="0123456789.-+eE_ ,x٣\u00a0", max_size=16),
    st.from_regex(r"-?[0-9]{1,13}(\.[0-9]{1,7})?", fullmatch=True),
    st.sampled_from(
        [" 12 ", "+5", "1_000", "0x10", "1e3", "12,50", "٣", ".5", "5.", "-0", "", "NaN", "inf", "1.2345678", "1234567890123", "--1", "1.2.3", "\t1"]
    ),
)


@given(odd)
def test_numbers_are_those_of_the_plain_rule(text: str) -> None:
    """A number in a file: an optional minus, 1 to 12 digits, and a point with 1 to 6 digits."""
    result = value_of("a * 1", a=text)
    if text == "":
        assert result is None
    elif re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", text, re.ASCII):
        assert result == Decimal(text)
    else:
        assert result == FAILED


def rounded(text: str, rounding: Any = "half_up", **cells: str | None) -> tuple[Any, bool]:
    """What an expression with round gives for one row, and whether rounding changed it."""
    compiled = compile_expression(text, {name: f"c{i}" for i, name in enumerate(cells)}, 6, Forms(rounding=rounding))
    columns = ", ".join(f"?::varchar as c{i}" for i in range(len(cells)))
    with duckdb.connect() as con:
        con.execute(f"create table cells as select {columns}", list(cells.values()))
        value, changed, failed = con.execute(f"select {compiled.sql}, {compiled.rounded or 'false'}, {compiled.failed or 'false'} from cells").fetchall()[0]
    return (FAILED if failed else value), changed


@pytest.mark.parametrize(
    ("text", "cell", "half_up", "half_even"),
    [
        ("round(a, 2)", "1.005", "1.01", "1.00"), ("round(a, 2)", "-1.005", "-1.01", "-1.00"), ("round(a, 2)", "1.015", "1.02", "1.02"),
        ("round(a, 2)", "1.0051", "1.01", "1.01"), ("round(a, 2)", "1.0049", "1.00", "1.00"), ("round(a, 0)", "0.5", "1", "0"),
        ("round(a, 0)", "999999999999.5", "1000000000000", "1000000000000"), ("round(a * 1.19, 2)", "0.50", "0.60", "0.60"),
        ("round(a * 0.333333333333, 4)", "3", "1.0000", "1.0000"), ("round(a, 2) * 2", "0.125", "0.26", "0.24"),
    ],
)  # fmt: skip
def test_round_is_exact_and_goes_by_the_book_s_rule(text: str, cell: str, half_up: str, half_even: str) -> None:
    assert rounded(text, "half_up", a=cell) == (Decimal(half_up), True)
    assert rounded(text, "half_even", a=cell) == (Decimal(half_even), True)


@given(units=st.integers(-(10**18), 10**18), places=st.integers(0, 6), rounding=st.sampled_from(["half_up", "half_even"]))
def test_round_agrees_with_the_one_place_that_rounds_money(units: int, places: int, rounding: Any) -> None:
    value, changed = rounded(f"round(a, {places})", rounding, a=f"{Decimal(units).scaleb(-6):f}")
    assert value == Decimal(round_ratio(units, 10 ** (6 - places), rounding)).scaleb(-places)
    assert changed == (value != Decimal(units).scaleb(-6))


def test_rounding_counts_where_it_changes_the_value() -> None:
    text = "CASE WHEN b = 'x' THEN round(a, 2) ELSE a END"
    assert rounded(text, a="1.005", b="x") == (Decimal("1.01"), True)
    assert rounded(text, a="1.50", b="x") == (Decimal("1.5"), False)
    assert rounded(text, a="1.005", b="y") == (Decimal("1.005"), False), "it was not rounded here"
    assert rounded("round(a, 2)", a=None) == (None, False)
    assert rounded("round(a, 2)", a="oops")[0] == FAILED


@pytest.mark.parametrize("text", ["round(a)", "round(a, -1)", "round(a, b)", "round(a, 13)", "round(a, 1.5)"])
def test_round_says_how_many_decimals_it_keeps(text: str) -> None:
    with pytest.raises(ExpressionError, match="round takes a number and how many decimals it keeps, 0 to 12"):
        compile_expression(text, {"a": "c0", "b": "c1"}, 12, Forms(rounding="half_up"))


def test_conditions_of_agreements_do_not_round() -> None:
    with pytest.raises(ExpressionError, match=r"round is for the mappings of book\.yaml"):
        compile_expression("round(a, 2) > 5", None)


def test_a_name_with_points_is_a_column() -> None:
    assert value_of("money.amount * 2", **{"money.amount": "1.25"}) == Decimal("2.5")
    assert value_of("a.b.c.d.e", **{"a.b.c.d.e": "x"}) == "x"
    assert compile_expression("money.amount * 2 + x", None).columns == {"money.amount", "x"}
    with pytest.raises(UnknownColumnError, match=r"no column 'money\.total'"):
        compile_expression("money.total * 2", {"money.amount": "c0"})


def test_an_expression_that_grows_exponentially_is_refused_at_once() -> None:
    text = "a"
    for _ in range(30):
        text = f"replace({text} * 1, 'x', '')"
    with pytest.raises(ExpressionError, match="longer than 200,000 characters when it is computed"):
        compile_expression(text, {"a": "c0"}, 6, Forms(","))


def test_deeply_nested_functions_of_texts_are_read() -> None:
    text = "a"
    for n in range(150):
        text = f"replace({text}, '{n % 10}', '')"
    assert value_of(text, a="x123y") == "xy"


@pytest.mark.parametrize(("cell", "found"), [("7", True), ("7.0", True), ("600", False), ("-1", False), (None, None), ("oops", FAILED)])
def test_a_long_list_is_searched_like_a_short_one(cell: str | None, found: Any) -> None:
    numbers = ", ".join(map(str, range(400)))
    assert value_of(f"a IN ({numbers})", a=cell) == found
    assert value_of("a IN (7, 8)", a=cell) == found
    words = ", ".join(f"'{n}'" for n in range(400))
    assert value_of(f"a IN ({words})", a=cell) == (None if cell is None else cell == "7")
    assert value_of(f"NOT a IN ({words})", a=cell) == (None if cell is None else cell != "7")

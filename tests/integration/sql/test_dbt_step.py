"""The step that runs dbt: its manifest, its failures, and the rounding that SQL and Python share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from assets.runtime.errors import SqlError
from assets.transform import dbt
from models.money import round_ratio
from tests.support.sql_books import AGREEMENT, BASE, read_feeds, write_book


def test_a_model_that_fails_names_itself_and_the_database_s_words(tmp_path: Path) -> None:
    context = write_book(tmp_path / "book", BASE, AGREEMENT)
    read_feeds(context)
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("alter table terms.line_sets rename column needs_prior_year to needs_prior_years")
    with pytest.raises(SqlError, match=r"intermediate\.int_memberships: (?s:.)*needs_prior_year"):
        dbt.prepare(context)
    with duckdb.connect(str(context.warehouse), config={"threads": 1}) as con:
        con.execute("select 1")


def test_a_book_without_partners_and_products_takes_the_ids_it_finds(tmp_path: Path) -> None:
    book = 'book: small\ncurrency: EUR\nas_of: 2026-06-30\nfeeds:\n  transactions: {files: "feeds/transactions/*.csv"}\n'
    context = write_book(tmp_path / "book", {"transactions/t.csv": BASE["transactions/t.csv"]}, {**AGREEMENT, "two": ("[new]", *AGREEMENT["one"][1:])}, book)
    read_feeds(context)
    dbt.prepare(context)
    with duckdb.connect(str(context.warehouse)) as con:
        assert con.execute("select participant_id from intermediate.int_participants order by 1").fetchall() == [("a",), ("new",)]
        assert con.execute("select count(*) from intermediate.int_lines_credited").fetchall() == [(1,)]


def test_the_manifest_is_kept_until_the_project_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = dbt.load_manifest()
    monkeypatch.setattr(dbt, "store", lambda *_: pytest.fail("parsed again"))
    assert dbt.load_manifest().nodes.keys() == first.nodes.keys()


def render(file: str, rounding: str = "half_up") -> Any:
    """The macros of a file, which use those of money.sql."""
    text = "".join((dbt.PROJECT / "macros" / name).read_text() for name in dict.fromkeys(["money.sql", file]))
    return Environment(extensions=["jinja2.ext.do"]).from_string(text).make_module({"var": lambda _: rounding})


def evaluate(expression: str, numbers: Sequence[tuple[int, ...]], kind: str = "hugeint") -> list[int]:
    """The SQL expression for each tuple of numbers, which it calls a, b, …"""
    names = "abcd"[: len(numbers[0])]
    with duckdb.connect() as con:
        con.execute(f"create table numbers (place integer, {', '.join(f'{name} varchar' for name in names)})")
        con.executemany(f"insert into numbers values (?, {', '.join('?' * len(names))})", [(n, *map(str, row)) for n, row in enumerate(numbers)])
        typed = ", ".join(f"{name}::{kind} as {name}" for name in names)
        return [int(found) for (found,) in con.execute(f"select ({expression})::varchar from (select place, {typed} from numbers) order by place").fetchall()]


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
@pytest.mark.parametrize("kind", ["bigint", "hugeint"])
def test_sql_rounds_as_python_does(rounding: Any, kind: str) -> None:
    chance = random.Random(1)
    size = 10**12 if kind == "bigint" else 10**30
    pairs = [(n, d) for n in range(-30, 31) for d in range(1, 9)] + [(chance.randint(-size, size), chance.randint(1, size)) for _ in range(500)]
    assert evaluate(render("money.sql", rounding).round_ratio("a", "b"), pairs, kind) == [round_ratio(n, d, rounding) for n, d in pairs]


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
def test_a_large_amount_times_a_large_rate_is_rounded_once(rounding: Any) -> None:
    """Up to 10^12 units times 10^12; and halves, which the parts of the rate must not move."""
    chance = random.Random(2)
    numbers = [(a, r, 10) for a in (-3, -1, 1, 3, 7) for r in (5, 15, 25, 35, 45)]
    numbers += [(chance.randint(-(10**18), 10**18), chance.randint(1, 10**24), 10**16) for _ in range(300)]
    expected = [round_ratio(amount * rate, divisor, rounding) for amount, rate, divisor in numbers]
    assert evaluate(render("money.sql", rounding).rounded_product("a", "b", "c"), numbers) == expected


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
def test_money_is_shown_in_the_reporting_currency_rounded_once(rounding: Any) -> None:
    """Amounts at the limit of 64 bits and a unit below and above, halves, rates with more decimals than narrow ones, and inverse rates."""
    chance = random.Random(4)
    rates = ["0.5", "0.000001", "0.0000005", "1.0837", "1.08371234567", "4", "999999.999999", "1000000", "1000000.5", "163.25"]
    cases = []
    for rate in rates:
        millionths = int(Fraction(rate) * 10**6) or 1
        limit = min(4 * 10**14 // millionths, 10**8) * 10**4
        amounts = [0, 1, 5, 25, 50, 150, 12_345, limit - 1, limit, limit + 1, *(chance.randint(0, limit * 2) for _ in range(20))]
        cases += [(sign * n, rate, inverse, unit) for n in amounts for sign in (1, -1) for inverse in (False, True) for unit in (1, 10, 100, 10_000)]
    cases = [case for case in cases if abs(reporting(*case, rounding)) < 10**18]
    money = render("payout_lines.sql", rounding)
    with duckdb.connect() as con:
        con.execute(
            "create table cases as select unnest(?)::bigint as units, unnest(?)::decimal(38, 12) as rate, unnest(?) as is_inverse, unnest(?) as unit",
            [list(column) for column in zip(*cases, strict=True)],
        )
        found = con.execute(f"""
            select ({money.in_reporting("amount", "false")})::varchar
            from (
                select rowid as place, cast(units * 0.0001 as decimal(18, 4)) as amount, rate, is_inverse, unit as reporting_unit,
                    {money.narrow_rate("rate", "is_inverse", "unit")}
                from cases) as rates
            order by place""").fetchall()
    assert [int(text.replace(".", "")) for (text,) in found] == [reporting(*case, rounding) for case in cases]


def reporting(units: int, rate: str, is_inverse: bool, unit: int, rounding: Any) -> int:
    """Ten-thousandths times (or divided by) a rate, rounded to `unit` of them."""
    exact = Fraction(units) / Fraction(rate) if is_inverse else Fraction(units) * Fraction(rate)
    return round_ratio(exact.numerator, exact.denominator * unit, rounding) * unit


def test_weights_and_thresholds_stay_within_128_bits() -> None:
    chance = random.Random(3)
    weights = [(chance.randint(0, 10**31), chance.randint(1, 10 ** chance.randint(20, 31))) for _ in range(300)]
    found = evaluate(render("payout_lines.sql").weight_of_ratio("a", "b"), weights)
    assert all(abs(w - Fraction(n * 10**14, d)) <= 1 + Fraction(n * 10**14, d) / 10**14 for w, (n, d) in zip(found, weights, strict=True))
    factors = [(chance.randint(-(10**13), 10**13), chance.randint(0, 10**30)) for _ in range(300)]
    products = evaluate(render("payout_lines.sql").product_of_units("a", "b"), factors)
    assert products == [round_ratio(a * b, 10**12, "half_up") for a, b in factors]

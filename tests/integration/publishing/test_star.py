"""The star for BI: partners and products as they are today, days, keys, and payouts by month.

Belongs here: what these tables say. Does not belong here: keys in PostgreSQL (test_postgres.py), names of columns
(tests/unit/feeds/test_attribute_columns.py).
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.transform.dbt import prepare
from tests.support.sql_books import AGREEMENT, BASE, read_feeds, write_book

#: Partners with versions around as_of, 2026-06-20; x and y stand in a cycle that no single day has.
PARTNERS = """partner_id,name,parent_id,from,to
a,Top,,,
b,Old,,,2026-06-19
b,Today,a,2026-06-20,2026-12-31
b,Next,,2027-01-01,
c,Gone,b,2025-01-01,2025-12-31
c,Earlier,,2024-01-01,2024-12-31
d,Soon,b,2026-06-21,2026-12-31
d,Later,,2027-01-01,
x,X,y,2025-01-01,2025-12-31
y,Y,x,2026-01-01,
z,Z,x,,
"""
PRODUCTS = "product_id,name,from,to\nP,Old,,2026-06-19\nP,Today,2026-06-20,\nQ,Last,2025-01-01,2025-12-31\nQ,First,,2024-12-31\nR,Coming,2026-07-01,\n"


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts of partners and products of a book with versions."""
    context = write_book(tmp_path_factory.mktemp("dated"), {**BASE, "partners/p.csv": PARTNERS, "products/p.csv": PRODUCTS}, AGREEMENT)
    read_feeds(context)
    prepare(context)
    with duckdb.connect(str(context.warehouse), read_only=True) as con:
        yield con


@pytest.fixture(scope="module")
def demo(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        yield con


def test_a_partner_is_what_it_is_today(dated: duckdb.DuckDBPyConnection) -> None:
    """The version of the day; of one that is gone the last, of one to come the first. Levels follow the parents of these versions."""
    assert dated.sql("select partner_id, name, parent_id, top_parent_id, top_parent_name, level from marts.dim_partner order by 1").fetchall() == [
        ("a", "Top", None, "a", "Top", 1),
        ("b", "Today", "a", "a", "Top", 2),
        ("c", "Gone", "b", "a", "Top", 3),
        ("d", "Soon", "b", "a", "Top", 3),
        ("x", "X", "y", "x", "X", 1),
        ("y", "Y", "x", "y", "Y", 1),
        ("z", "Z", "x", "z", "Z", 1),
    ]


def test_a_product_is_what_it_is_today(dated: duckdb.DuckDBPyConnection) -> None:
    assert dated.sql("select product_id, name from marts.dim_product order by 1").fetchall() == [("P", "Today"), ("Q", "Last"), ("R", "Coming")]


def test_other_days_have_a_table_of_their_own(dated: duckdb.DuckDBPyConnection) -> None:
    assert dated.sql("select count(*), count(distinct partner_id) from marts.dim_partner_version").fetchall() == [(11, 7)]
    assert dated.sql("select count(*), count(distinct product_id) from marts.dim_product_version").fetchall() == [(5, 3)]


def test_partners_have_the_columns_and_chains_of_their_file(demo: duckdb.DuckDBPyConnection, demo_book: Path) -> None:
    with next((demo_book / "feeds" / "partners").glob("*.csv")).open(newline="") as file:
        rows = {row["partner_id"]: row for row in csv.DictReader(file)}

    def chain(name: str) -> list[str]:
        return [name, *(chain(rows[name]["parent_id"]) if rows[name]["parent_id"] else [])]

    found = demo.sql("select * from dim_partner").pl().rows(named=True)
    assert len(found) == len(rows)
    assert {row["level"] for row in found} == {1, 2, 3}
    for row in found:
        expected = rows[row["partner_id"]]
        assert (row["top_parent_id"], row["level"]) == (chain(row["partner_id"])[-1], len(chain(row["partner_id"])))
        assert row["top_parent_name"] == rows[row["top_parent_id"]]["name"]
        assert {name: row[name] or "" for name in ("name", "kind", "channel", "region", "country")} == {
            name: expected[name] for name in ("name", "kind", "channel", "region", "country")
        }


def test_days_are_those_of_the_calendar(demo: duckdb.DuckDBPyConnection) -> None:
    days = demo.sql("select * from dim_date order by date").pl().rows(named=True)
    first, last = demo.sql("select min(first_day), max(last_day) from dim_period").fetchall()[0]
    assert [row["date"] for row in days] == [first + dt.timedelta(n) for n in range((last - first).days + 1)]
    periods = demo.sql("from dim_period").pl().rows(named=True)
    by_day = {p["first_day"] + dt.timedelta(n): p for p in periods for n in range((p["last_day"] - p["first_day"]).days + 1)}
    for row in days:
        day: dt.date = row["date"]
        iso = day.isocalendar()
        assert (row["calendar_year"], row["month_number"], row["day_of_month"], row["weekday_number"]) == (day.year, day.month, day.day, iso.weekday)
        assert (row["calendar_month"], row["calendar_quarter"]) == (f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}")
        assert (row["month_name"], row["weekday_name"], row["iso_week"]) == (f"{day:%B}", f"{day:%A}", f"{iso.year}-W{iso.week:02}")
        assert {name: row[name] for name in ("period", "fiscal_year", "period_number")} == {
            name: by_day[day][name] for name in ("period", "fiscal_year", "period_number")
        }
        assert row["is_past"] == (day <= dt.date(2026, 6, 30))


def test_every_dimension_has_one_key_and_facts_have_it_too(demo: duckdb.DuckDBPyConnection) -> None:
    keys = dict(demo.sql("select table_name, constraint_column_names from duckdb_constraints() where constraint_type = 'PRIMARY KEY'").fetchall())
    star = {"agreement": "agreement_version_id", "benefit": "benefit_version_id", "tier": "tier_id", "matrix_cell": "cell_id", "partner": "partner_id",
            "product": "product_id", "period": "period", "date": "date"}  # fmt: skip
    assert {name: keys[f"dim_{name}"] for name in star} == {name: [key] for name, key in star.items()}
    for fact, column, dimension in (
        ("fct_payout", "agreement_version_id", "dim_agreement"),
        ("fct_payout", "benefit_version_id", "dim_benefit"),
        ("fct_payout_month", "date", "dim_date"),
        ("fct_payout_month", "participant_id", "dim_partner"),
        ("fct_payout_line", "product_id", "dim_product"),
        ("dim_tier", "benefit_version_id", "dim_benefit"),
        ("dim_matrix_cell", "tier_id", "dim_tier"),
    ):
        joined = f"from {fact} join {dimension} on {fact}.{column} = {dimension}.{keys[dimension][0]}"
        assert demo.sql(f"select count(*) {joined}").fetchall() == demo.sql(f"select count({column}) from {fact}").fetchall() != [(0,)], (fact, column)
    assert demo.sql("select count(*) from fct_payout where agreement_version_id is distinct from agreement_id || '/' || agreement_version").fetchall() == [(0,)]


def test_facts_show_names(demo: duckdb.DuckDBPyConnection) -> None:
    names = dict(demo.sql("select partner_id, name from dim_partner").fetchall())
    titles = dict(demo.sql("select agreement_id, arg_max(title, agreement_version) from dim_agreement group by all").fetchall())
    for fact in ("fct_payout", "fct_payout_month", "fct_accrual", "fct_achievement", "fct_journal"):
        found = demo.sql(f"select distinct participant_id, participant_name from {fact}").fetchall()
        assert found
        assert all(names[participant] == name for participant, name in found), fact
        if not fact.startswith("fct_payout"):
            assert all(titles[agreement] == title for agreement, title in demo.sql(f"select distinct agreement_id, agreement_title from {fact}").fetchall())
    versions = {
        (agreement, version): title for agreement, version, title in demo.sql("select agreement_id, agreement_version, title from dim_agreement").fetchall()
    }
    shown = demo.sql("select distinct agreement_id, agreement_version, agreement_title from fct_payout").fetchall()
    assert all(versions[agreement, version] == title for agreement, version, title in shown)


def _half_up(value: Fraction) -> Decimal:
    cents = (abs(value) * 100 + Fraction(1, 2)) // 1
    return Decimal(cents if value >= 0 else -cents) / 100


def _check_reporting(demo: duckdb.DuckDBPyConnection, payouts: dict[str, Any], rate_of: dict[str, Fraction]) -> None:
    """Money of accruals, parts and entries is shown at the rate of its payout, and signed as its direction says."""
    figures = {"fct_accrual": ("accrued_to_date", "accrual"), "fct_release": ("amount", "released", "held", "settled"), "fct_journal": ("debit", "credit")}
    for table, names in figures.items():
        for row in demo.sql(f"from {table}").pl().rows(named=True):
            if row["payout_id"] not in rate_of:
                continue
            for name in names:
                expected = None if row[name] is None else _half_up(Fraction(row[name]) * rate_of[row["payout_id"]])
                assert row[f"{name}_reporting"] == expected, (table, row)
                if f"{name}_signed" in row and expected is not None:
                    assert row[f"{name}_signed"] == expected * (-1 if payouts[row["payout_id"]]["direction"] == "payable" else 1)
    assert demo.sql("select count(*) from fct_journal group by entry_id having sum(debit_reporting) <> sum(credit_reporting)").fetchall() == []


def test_months_add_up_to_payouts_and_are_signed(demo: duckdb.DuckDBPyConnection, demo_book: Path) -> None:
    """Of every payout; the amounts in the book's currency at the rate of the feed, rounded row by row."""
    months = demo.sql("from fct_payout_month").pl().rows(named=True)
    payouts = {row["payout_id"]: row for row in demo.sql("from fct_payout").pl().rows(named=True)}
    sums: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(Decimal))
    rates: dict[str, list[tuple[str, Fraction]]] = defaultdict(list)
    for path in (demo_book / "feeds" / "fx_rates").iterdir():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                if row["to_currency"] == "EUR":
                    rates[row["from_currency"]].append((row["date"], Fraction(row["rate"])))
    assert {row["currency"] for row in months} == {"EUR", "GBP", "USD"}
    rate_of: dict[str, Fraction] = {}
    for row in months:
        payout = payouts[row["payout_id"]]
        on = min(payout["window_end"], dt.date(2026, 6, 30)).isoformat()
        rate = Fraction(1) if row["currency"] == "EUR" else max(each for each in rates[row["currency"]] if each[0] <= on)[1]
        for figure in ("accrued", "earned", "settled"):
            sums[row["payout_id"]][figure] += row[figure]
            assert row[f"{figure}_reporting"] == _half_up(Fraction(row[figure]) * rate)
            assert row[f"{figure}_signed"] == row[f"{figure}_reporting"] * (-1 if row["direction"] == "payable" else 1)
        rate_of[row["payout_id"]] = rate
    _check_reporting(demo, payouts, rate_of)
    accrued = dict(demo.sql("select payout_id, sum(accrual) from fct_accrual group by all").fetchall())
    for name, payout in payouts.items():
        assert sums[name]["accrued"] == accrued[name]
        assert sums[name]["earned"] == (payout["payout"] if payout["status"] in ("final", "closed") else 0)
        assert sums[name]["settled"] == payout["settled"]
    ends = {row["period"]: row["last_day"] for row in demo.sql("from dim_period").pl().rows(named=True)}
    assert all(row["date"] == ends[row["period"]] for row in months)
    assert all(row["window_end"] <= row["date"] for row in months if row["earned"])

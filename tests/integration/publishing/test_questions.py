"""The queries of docs/questions.md against answers that plain Python finds in the rows of the demo.

The demo has no payments; the tables here have some, so that what was paid is no column of zeros.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.publishing.postgres.publish import publish_to_postgres
from tests.support.postgres_books import BOOK, PASSWORD, context_of
from tests.support.postgres_server import Server

PAGE = Path(__file__).parents[3] / "docs" / "questions.md"
TODAY = dt.date(2026, 6, 30)
QUERIES = {int(number): sql for number, sql in re.findall(r"^## (\d+)\..*?```sql\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)}
Row = dict[str, Any]
#: Every third payout is settled by half.
_PAY = """
    update fct_payout set settled = round(payout / 2, 2), open_amount = payout - round(payout / 2, 2) where payout_id[2] in ('0', '3', '6', '9', 'c', 'f');
    update fct_payout_month set settled_reporting = earned_reporting / 4, settled_signed = earned_signed / 4 where payout_id[2] in ('0', '3', '6', '9');
"""


@pytest.fixture(scope="module")
def con(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        for path in (demo_book / "published" / "current").glob("*.parquet"):
            con.execute(f"create table {path.stem} as from '{path}'")
        con.execute(_PAY)
        yield con


@pytest.fixture(scope="module")
def rows(con: duckdb.DuckDBPyConnection) -> dict[str, list[Row]]:
    names = (
        "fct_payout",
        "fct_payout_month",
        "fct_achievement",
        "fct_accrual",
        "fct_calculation_step",
        "dim_partner",
        "dim_product",
        "dim_agreement",
        "dim_period",
        "dim_fx_rate",
    )
    tables = {name: con.sql(f"from {name}").pl().rows(named=True) for name in names}
    lines = "select payout_id, source_sha256, source_row, product_id, amount * fx_rate as sales, line_payout from fct_payout_line"
    return tables | {"lines": con.sql(lines).pl().rows(named=True)}


def added(groups: Iterator[tuple[Any, ...]], figures: int) -> list[tuple[Any, ...]]:
    """Rows whose last `figures` values are added up by the others, in their order."""
    sums: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0] * figures)
    for row in groups:
        key = row[:-figures]
        sums[key] = [total + (value or 0) for total, value in zip(sums[key], row[-figures:], strict=True)]
    return [(*key, *values) for key, values in sorted(sums.items(), key=lambda each: each[0])]


def by_payout(tables: dict[str, list[Row]]) -> dict[str, Row]:
    return {row["payout_id"]: row for row in tables["fct_payout"]}


def latest(tables: dict[str, list[Row]]) -> dict[str, Row]:
    """The last period of each payout's achievement."""
    return {row["payout_id"]: row for row in sorted(tables["fct_achievement"], key=lambda row: row["period"])}


def accrued_and_paid(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    months = (row for row in tables["fct_payout_month"] if row["direction"] == "receivable")
    return added(((r["participant_name"], r["period"], r["accrued_reporting"], r["settled_reporting"]) for r in months), 2)


def near_misses(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    found = []
    for name, payout in by_payout(tables).items():
        row = latest(tables).get(name) if payout["status"] == "open" else None
        if row and row["gap_to_next_tier"] is not None and 0 <= row["gap_to_next_tier"] * 10 <= row["measure_to_date"] + row["gap_to_next_tier"]:
            shown = payout["participant_name"], payout["agreement_title"], payout["benefit_id"]
            found.append(
                (row["gap_to_next_tier"] / row["measure_to_date"], name, *shown, row["measure_to_date"], row["next_tier_from"], row["gap_to_next_tier"])
            )
    return [row[2:] for row in sorted(found)]


def effective_rates(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    payouts, category = by_payout(tables), {row["product_id"]: row["category"] for row in tables["dim_product"]}
    sales: dict[tuple[str, ...], dict[tuple[Any, ...], Decimal]] = defaultdict(dict)
    paid: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for line in tables["lines"]:
        if line["product_id"] and line["source_sha256"]:
            payout = payouts[line["payout_id"]]
            key = payout["direction"], payout["currency"], category[line["product_id"]]
            row = line["source_sha256"], line["source_row"]
            sales[key][row] = max(line["sales"], sales[key].get(row, line["sales"]))
            paid[key] += line["line_payout"]
    return [(*key, sum(sales[key].values()), paid[key], float(round(paid[key] / sum(sales[key].values()), 6))) for key in sorted(sales)]


def ending(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    last = {row["agreement_id"]: row for row in sorted(tables["dim_agreement"], key=lambda row: row["agreement_version"])}
    found = [row for row in last.values() if TODAY <= row["term_to"] <= TODAY + dt.timedelta(90)]
    return [
        tuple(row[name] for name in ("agreement_id", "title", "direction", "term_to", "review_by_date"))
        for row in sorted(found, key=lambda r: (r["term_to"], r["agreement_id"]))
    ]


def ageing(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    def age(due: dt.date) -> str:
        days = (TODAY - due).days
        return "0 not due" if days <= 0 else "1 up to 30 days" if days <= 30 else "2 up to 90 days" if days <= 90 else "3 older"

    open_ones = [row for row in tables["fct_payout"] if row["status"] in ("final", "closed") and row["payout"] != row["settled"]]
    return added(((row["direction"], row["currency"], age(row["due_date"]), 1, row["payout"] - row["settled"]) for row in open_ones), 2)


def by_brand(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    payouts, brand = by_payout(tables), {row["product_id"]: row["brand"] for row in tables["dim_product"]}
    lines = [(payouts[line["payout_id"]], brand[line["product_id"]], line["line_payout"]) for line in tables["lines"] if line["product_id"]]
    paid = added(((payout["direction"], payout["currency"], name, amount) for payout, name, amount in lines), 1)
    whole = {row[:2]: row[2] for row in added(((direction, currency, amount) for direction, currency, _, amount in paid), 1)}
    return [(*row, float(round(row[3] / whole[row[:2]], 6))) for row in paid]


def forecast(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    """What ended windows pay and open ones would, at the rate of the window's last day or of today."""
    last, years = latest(tables), {(row["first_day"], row["last_day"]): row["fiscal_year"] for row in tables["dim_period"]}
    parts = []
    for name, payout in by_payout(tables).items():
        if payout["status"] != "blocked":
            year = next(year for (first, end), year in years.items() if first <= payout["window_end"] <= end)
            amount = last[name]["projected_payout"] if payout["status"] == "open" else payout["payout"]
            parts.append((payout["direction"], year, in_euro(tables, amount, payout["currency"], min(payout["window_end"], TODAY))))
    return added(iter(parts), 1)


def in_euro(tables: dict[str, list[Row]], amount: Decimal, currency: str, day: dt.date) -> Decimal:
    if currency == "EUR":
        return amount
    rates = {
        row["date"]: row["rate"] for row in tables["dim_fx_rate"] if (row["from_currency"], row["to_currency"]) == (currency, "EUR") and row["date"] <= day
    }
    return (amount * rates[max(rates)]).quantize(Decimal("0.01"), ROUND_HALF_UP)


def taken_back(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    found = sorted((row for row in tables["fct_payout"] if row["payout"] < 0 or row["carried"]), key=lambda row: (row["payout"], row["payout_id"]))
    return [
        tuple(row[name] for name in ("participant_name", "agreement_title", "benefit_id", "window_start", "payout", "carried", "currency")) for row in found
    ]


def blocked(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    missing = {row["payout_id"]: row["inputs"] for row in tables["fct_calculation_step"] if row["step"] == "blocked"}
    found = sorted((row for row in tables["fct_payout"] if row["status"] == "blocked"), key=lambda row: (row["status_reason"], row["payout_id"]))
    names = ("payout_id", "participant_name", "agreement_title", "window_start", "status_reason")
    return [(*(row[name] for name in names), missing[row["payout_id"]]) for row in found]


def by_group(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    partners = {row["partner_id"]: row for row in tables["dim_partner"]}

    def top(name: str) -> str:
        return top(partners[name]["parent_id"]) if partners[name]["parent_id"] else name

    tops = ((top(row["participant_id"]), row) for row in tables["fct_payout"])
    return added(((name, partners[name]["name"], row["direction"], row["payout_reporting"]) for name, row in tops), 1)


def by_month(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    months = tables["fct_payout_month"]
    return added(
        ((r["period"], *((-1 if r["direction"] == "payable" else 1) * r[f"{f}_reporting"] for f in ("accrued", "earned", "settled"))) for r in months), 3
    )


def against_last_year(tables: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    sums: dict[tuple[str, int], list[Any]] = defaultdict(lambda: [None, None])
    for row in tables["fct_payout_month"]:
        year, number = map(int, row["period"].split("-"))
        places = sums[row["direction"], number]
        if year in (2026, 2025):
            places[2026 - year] = (places[2026 - year] or 0) + row["accrued_reporting"]
    return [(*key, *sums[key]) for key in sorted(sums)]


ANSWERS = {
    1: accrued_and_paid, 2: near_misses, 3: effective_rates, 4: ending, 5: ageing, 6: by_brand, 7: forecast, 8: taken_back, 9: blocked, 10: by_group,
    11: by_month, 12: against_last_year,
}  # fmt: skip


@pytest.mark.parametrize("number", ANSWERS)
def test_the_query_gives_the_answer(con: duckdb.DuckDBPyConnection, rows: dict[str, list[Row]], number: int) -> None:
    found, expected = con.sql(QUERIES[number]).fetchall(), ANSWERS[number](rows)
    assert expected
    assert [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in found] == [
        tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in expected
    ]


def test_the_page_has_twelve_short_queries() -> None:
    assert list(QUERIES) == list(ANSWERS)
    assert all(len(sql.splitlines()) <= 8 for sql in QUERIES.values())


def test_counting_lines_once_matters(con: duckdb.DuckDBPyConnection) -> None:
    """The obvious query gives other rates than that of the page: the demo has lines that several agreements look at."""
    counted = con.sql("select count(*) from fct_payout_line").fetchall()[0][0]
    once = con.sql("select count(*) from (select distinct source_sha256, source_row from fct_payout_line)").fetchall()[0][0]
    assert counted > 1.5 * once


def shown(row: dict[str, Any]) -> list[Any]:
    """The values of a row as both write them: decimals without the zeros at their end."""
    return [round(float(value), 6) if isinstance(value, int | float) else value for value in row.values()]


@pytest.mark.long
def test_the_twelve_questions_have_the_same_answers_in_postgresql(demo_book: Path, server: Server, database: str, tmp_path: Path) -> None:
    book = shutil.copytree(demo_book, tmp_path / "demo", symlinks=True)
    settings = book / "book.yaml"
    settings.write_text(settings.read_text().split("\npublish:")[0] + "\npublish:" + BOOK.split("publish:")[1])
    assert publish_to_postgres(context_of(book, server.address("publisher", database, PASSWORD)))
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        for number, sql in QUERIES.items():
            expected = [shown(json.loads(text)) for (text,) in con.execute(f"select to_json(t)::varchar from ({sql}) as t").fetchall()]
            asked = f"select row_to_json(t)::text from ({sql}) as t"
            found = server.ask(asked, role="bi", database=database, first=("set search_path = rebates",))
            assert [shown(json.loads(text)) for (text,) in found] == expected, number

"""Figures as large as the columns of the feeds hold: computed, or a message that names the payout and the bound.

Belongs here: books of large amounts, quantities and rates through whole runs. Does not belong here: the edges of 64 and 128 bits (test_dbt_lines.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.runtime.book_folder import open_run
from assets.runtime.errors import SqlError
from assets.transform.magnitudes import PROBES, naming_large_figures
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.bonus_book import published_bytes
from tests.support.once import make_once

D = Decimal
BOOK = """
book: large
currency: EUR
as_of: 2026-12-31
feeds: {{{feeds}}}
"""
#: Twelve lines of 900,000,000,000 dollars a year, 17,000 rupiah each, for P; half as much for Q, whose lines R gets a third of.
LINES = "\n".join(
    f"{year}-{month}-{partner},{year}-{month:02}-03,{partner},{amount}.00,{amount},{amount // 9 * 4}.00,{amount}.123456"
    for year in (2025, 2026)
    for month in range(1, 13)
    for partner, amount in (("P", 900_000_000_000), ("Q", 450_000_000_000))
)
FEEDS = {
    "transactions": f"transaction_id,date,partner_id,amount,quantity,cost,points\n{LINES}\n",
    "fx_rates": "date,from_currency,to_currency,rate\n2024-12-31,USD,IDR,17000\n2024-12-31,IDR,EUR,0.000053\n",
    "assignments": "partner_id,participant_id,share\nQ,R,0.333333\n",
}
AGREEMENT = """
agreement: {id}
title: {id}
currency: {currency}
term: {{from: 2026-01-01, to: 2026-12-31}}
participants: [{participants}]
{more}
benefits:
{benefits}
"""
BENEFITS = """
- {id: whole, clause: "1", window: year, tiers: [{from: 0, rate: 0.00001}]}
- {id: month, clause: "1", window: month, accumulate: year, accrue: {placement: forecast}, tiers: [{from: 0, rate: 0.00001}]}
- {id: slices, clause: "1", window: year, method: graduated, tiers: [{from: 0, rate: 0.00001}, {from: 10000000000000, rate: 0.000012}]}
- {id: mixed, clause: "1", window: year, method: graduated, measure: quantity, base: amount,
   tiers: [{from: 0, rate: 0.00001, per_unit: 0.01}, {from: 1000000000000, rate: 0.00001, per_unit: 0.02}]}
- {id: rolling, clause: "1", window: year, method: rolling, tiers: [{from: 0, rate: 0.00001}, {from: 10000000000000, rate: 0.00002}]}
- {id: line, clause: "1", window: year, method: linear, tiers: [{from: 0, rate: 0.00001}, {from: 1000000000000, rate: 0.00002}]}
- {id: target, clause: "1", window: year, by: attainment, target: {prior: year}, method: graduated, tiers: [{from: 0.5, rate: 0.00001}]}
- {id: margin, clause: "1", window: year, measure: margin, tiers: [{from: 0, rate: 0.00001}]}
- {id: quantity, clause: "1", window: year, measure: quantity, tiers: [{from: 0, per_unit: 0.5}]}
- {id: points, clause: "1", window: year, measure: points, tiers: [{from: 0, per_unit: 0.5}]}
"""
NET = '- {id: net, clause: "1", window: year, tiers: [{from: 0, rate: 0.00001}]}'
PAYS_ALL = '- {id: b, clause: "1", window: year, tiers: [{from: 0, rate: 1}]}'


def write_book(folder: Path, feeds: dict[str, str], agreements: Iterable[str], currency: str = "USD") -> Path:
    settings = {"transactions": f", defaults: {{currency: {currency}}}"}
    listed = ", ".join(f'{feed}: {{files: "feeds/{feed}/*.csv"{settings.get(feed, "")}}}' for feed in feeds)
    (folder / "agreements").mkdir(parents=True)
    (folder / "book.yaml").write_text(BOOK.format(feeds=listed))
    (folder / "agreements" / "all.yaml").write_text("---".join(agreements))
    for feed, text in feeds.items():
        (folder / "feeds" / feed).mkdir(parents=True)
        (folder / "feeds" / feed / "1.csv").write_text(text)
    return folder


def agreement(name: str, participants: str, benefits: str, currency: str = "IDR", more: str = "") -> str:
    return AGREEMENT.format(id=name, participants=participants, benefits=benefits, currency=currency, more=more)


def write_large_book(folder: Path) -> Path:
    pooled = "pool: together\npayee: R"
    written = [
        agreement("A", "P", BENEFITS),
        agreement("POOL", "P, R", NET, more=pooled),
        agreement("NET", "P", NET, more="combine: {rule: net_of, agreements: [A]}"),
    ]
    return write_book(folder, FEEDS, written)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_once(tmp_path_factory, "large", lambda folder: run_book(write_large_book(folder)))


@pytest.fixture(scope="module")
def published(book: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True)


@pytest.mark.parametrize(
    ("benefit", "payout", "first_lines"),
    [
        ("whole", "1836000000000", ["153000000000"]),  # 12 × 15,300,000,000,000,000 × 0.00001
        ("slices", "2203180000000", ["100000000", "183480000000", "183600000000"]),  # 10^13 × 0.00001 + (1.836 × 10^17 − 10^13) × 0.000012
        # 17,000 × 0.00001 = 0.17 per unit, and 0.01 up to 10^12 units, 0.02 from there
        ("mixed", "2042000000000", ["162000000000", "18000000000", "152000000000", "171000000000"]),
        ("rolling", "3672100000000", None),  # 10^13 × 0.00001 + 1.836 × 10^17 × 0.00002
        ("line", "3672000000000", ["306000000000"]),  # past the last point its rate holds
        ("target", "918000000000", None),  # what lies above half of the prior year's 1.836 × 10^17
        ("margin", "1020000000000", ["85000000000"]),
        ("quantity", "5400000000000", ["450000000000"]),
        ("points", "5400000000000", None),  # the quantity × 0.5: the measure places, and is shared by
        ("net", "1835720007200", None),  # (1.836 × 10^17 − 27,999,280,000,000 that A pays) × 0.00001
    ],
)
def test_the_largest_figures_are_computed(published: duckdb.DuckDBPyConnection, benefit: str, payout: str, first_lines: list[str] | None) -> None:
    found = published.execute("select payout, payout_id from fct_payout where benefit_id = ? and agreement_id <> 'POOL'", [benefit]).fetchall()
    shares = published.execute("select line_payout from fct_payout_line where payout_id = ? order by date, tier", [found[0][1]]).fetchall()
    assert [row[0] for row in found] == [D(payout)]
    assert sum(share for (share,) in shares) == D(payout)
    if first_lines is not None:
        assert [share for (share,) in shares][: len(first_lines)] == [D(share) for share in first_lines]


def test_a_pool_shares_large_lines(published: duckdb.DuckDBPyConnection) -> None:
    # P's line of 15,300,000,000,000,000 and 0.333333 of Q's 7,650,000,000,000,000 = 2,549,997,450,000,000, twelve times, × 0.00001
    assert published.execute("select measure, payout, payout_reporting from fct_payout where agreement_id = 'POOL'").fetchall() == [
        (D("214199969400000000"), D("2141999694000"), D("113525983.78"))
    ]


def test_large_accruals_are_booked(published: duckdb.DuckDBPyConnection) -> None:
    accrued = "select accrued_to_date from fct_accrual where benefit_id = 'month' and agreement_id = 'A' order by window_start"
    assert published.execute(accrued).fetchall() == [(D("153000000000"),)] * 12
    assert published.execute("select sum(debit), sum(credit) from fct_journal where benefit_id = 'month'").fetchall() == [(D("1836000000000"),) * 2]


@pytest.mark.long
def test_the_large_book_verifies(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--book", str(book)]) == 0, capsys.readouterr()


@pytest.mark.parametrize(
    ("transactions", "benefits", "currency", "feeds", "says"),
    [
        (
            ["L,2026-01-03,P,999999999999.99"] * 101,
            PAYS_ALL,
            "USD",
            {},
            "the payout A/b/P/2026-01-01 earns 101,000,000,000,003 USD, and a payout has at most 14 digits before the point",
        ),
        pytest.param(
            ["L,2026-01-03,P,900000000000.00"],
            PAYS_ALL,
            "USD",
            {"fx_rates": "date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,17000\n"},
            "payout_reporting of A/b/P/2026-01-01 has more than 14 digits before the point (DECIMAL(18,4)): 900000000005.0000 USD at a rate of 17000",
            marks=pytest.mark.long,
        ),
        pytest.param(
            ["L1,2026-01-03,P,900000000000.00", "L2,2026-01-04,P,-899999999999.99"],
            '- {id: b, clause: "1", window: year, tiers: [{from: 0, amount: 5000}]}',
            "USD",
            {},
            "the share of line L1/1 in A/b/P/2026-01-01 has more than 14 digits before the point (DECIMAL(18,4)): 8.982e+14",
            marks=pytest.mark.long,
        ),
        pytest.param(
            ["L,2026-01-03,P,6.00"],
            PAYS_ALL,
            "USD",
            {"assignments": "partner_id,participant_id,share\n" + "".join(f"P,Q{n},900000000000\n" for n in range(11))},
            "the shares of P in the assignments add up to 9900000000000000000 parts, and at most 9 * 10^18 fit",
            marks=pytest.mark.long,
        ),
        (
            ["L,2026-01-03,P,5.00"],
            PAYS_ALL,
            "USD",
            {
                "payments": "agreement,benefit,participant_id,window_start,amount,paid_on,reference\n"
                + "".join(f"A,b,P,2026-01-01,999999999999,2026-02-01,R{n}\n" for n in range(120))
            },
            "what is paid or open of A/b/P/2026-01-01 has more than 14 digits before the point (DECIMAL(18,4)): payments add up to 119999999999880",
        ),
    ],
    ids=["payout", "reporting", "line", "shares", "payments"],
)
def test_what_does_not_fit_is_named_and_the_old_set_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], transactions: list[str], benefits: str, currency: str, feeds: dict[str, str], says: str
) -> None:
    header = "transaction_id,date,partner_id,amount,type\n"
    first = {"transactions": f"{header}F,2026-01-02,P,5.00,sale\n", **{feed: text.splitlines()[0] + "\n" for feed, text in feeds.items()}}
    book = write_book(tmp_path / "book", first, [agreement("A", "P", benefits, currency)])
    run_book(book)
    before = published_bytes(book)
    rows = (f"{row},{'return' if ',-' in row else 'sale'}\n" for row in transactions)
    (book / "feeds" / "transactions" / "2.csv").write_text(header + "".join(rows))
    for feed, text in feeds.items():
        (book / "feeds" / feed / "2.csv").write_text(text)
    assert main(["run", "--book", str(book)]) == 1
    told = capsys.readouterr().err
    assert says in told
    assert "Look for a wrong decimal mark or unit" in told
    assert "the previous set stays published" in told
    assert "Traceback" not in told
    assert published_bytes(book) == before


def test_every_query_for_a_large_figure_fits_the_tables(book: Path) -> None:
    with duckdb.connect(str(book / "warehouse.duckdb"), read_only=True) as con:
        for query in {query for queries in PROBES.values() for query in queries}:
            assert con.execute(query).fetchall() == []


def test_other_errors_of_the_engine_are_left_as_they_are(book: Path) -> None:
    context = open_run(book, None, dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(SqlError, match="a bug"), naming_large_figures(context, "marts"):
        raise SqlError("a bug")

"""Differences of closed periods by cause: one payout that everything changes, worked out by hand, and what a close freezes of it.

Belongs here: `close: {by_cause: true}`. Does not belong here: which reason is given without it (tests/histories/stories/reasons.yaml).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.published.explanation import explain_payout
from assets.published.explanation_view import present
from pipelines.cli.main import main
from tests.support.bonus_book import HEADER

pytestmark = pytest.mark.long

BOOK = """
book: causes
currency: EUR
as_of: 2026-03-15
close: {by_cause: true}
feeds:
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id, line]}
  fx_rates: {files: "feeds/fx_rates/*.csv"}
  metrics: {files: "feeds/metrics/*.csv"}
"""
#: January: 1 % below 1,000, 2 % from there on, times 1.1 from a score of 60.
AGREEMENT = """
agreement: BONUS
title: Bonus
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C2, C3]
benefits:
  - id: volume
    clause: "1"
    window: month
    tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.02}]
    multiply: {by: {metric: nps}, tiers: [{from: 0, factor: 1}, {from: 60, factor: 1.1}]}
"""
KNOWN = {
    "transactions": HEADER.replace("currency", "currency,type")
    + "T1,1,2026-01-10,C1,800,EUR,sale\nT2,1,2026-01-10,C1,100,USD,sale\nT3,1,2026-01-10,C2,500,EUR,sale\nT4,1,2026-01-10,C3,500,EUR,sale\n",
    "fx_rates": "date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.5\n",
    "metrics": "participant_id,metric,date,value\nC1,nps,2026-01-05,50\nC2,nps,2026-01-05,50\nC3,nps,2026-01-05,50\n",
}
LATER = {
    "transactions": HEADER.replace("currency", "currency,type")
    + "T5,1,2026-01-20,C1,300,EUR,sale\nT6,1,2026-01-21,C1,-150,EUR,return\nT7,1,2026-01-20,C2,100,EUR,sale\n"
    + "T8,1,2026-01-20,C3,100,EUR,sale\nT9,1,2026-01-21,C3,-400,EUR,return\n",
    "fx_rates": "date,from_currency,to_currency,rate\n2026-01-09,USD,EUR,0.4\n",
    "metrics": "participant_id,metric,date,value\nC1,nps,2026-01-25,60\n",
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January is closed; then lines, returns, rates, a score and another rate of the agreement come."""
    folder = tmp_path_factory.mktemp("causes") / "book"
    (folder / "agreements").mkdir(parents=True)
    (folder / "book.yaml").write_text(BOOK)
    (folder / "agreements" / "bonus.yaml").write_text(AGREEMENT)
    deliver(folder, "1", KNOWN)
    command(folder, "close", "2026-01", "--by", "J. Doe", "--accept-open", "February has no score yet")
    deliver(folder, "2", LATER)
    (folder / "agreements" / "bonus.yaml").write_text(AGREEMENT.replace("rate: 0.01", "rate: 0.03"))
    command(folder, "run")
    return folder


def deliver(folder: Path, name: str, files: dict[str, str]) -> None:
    for feed, text in files.items():
        (folder / "feeds" / feed).mkdir(parents=True, exist_ok=True)
        (folder / "feeds" / feed / f"{name}.csv").write_text(text)


def command(folder: Path, *arguments: str) -> None:
    assert main([*arguments, "--book", str(folder), "--quiet"]) == 0


def differences(folder: Path, table: str, amount: str, key: str) -> dict[tuple[Any, ...], Decimal]:
    with duckdb.connect() as con:
        path = folder / "published" / "current" / f"{table}.parquet"
        query = f"select {key}, {amount} from '{path}' where origin_period = '2026-01' and period = '2026-02' and {amount} <> 0"
        found = con.execute(query).fetchall()
    rows = {row[:-1]: row[-1] for row in found}
    assert len(rows) == len(found), "one row per key"
    return rows


#: C1: 8.50 at the close; 1,150 at 2 %; 1,000 at 2 %; 990 at 1 %, as the dollars are 40; times 1.1; at 3 %. C3: 5.00; 6.00; 2.00; at 3 %.
BY_CAUSE = {
    ("C1", "late"): Decimal("14.50"),
    ("C1", "return"): Decimal("-3.00"),
    ("C1", "fx"): Decimal("-10.10"),
    ("C1", "reference"): Decimal("0.99"),
    ("C1", "amendment"): Decimal("21.78"),
    ("C2", "late"): Decimal("1.00"),
    ("C2", "amendment"): Decimal("12.00"),
    ("C3", "late"): Decimal("1.00"),
    ("C3", "return"): Decimal("-4.00"),
    ("C3", "amendment"): Decimal("4.00"),
}


def test_each_cause_has_a_row_and_they_add_up(book: Path) -> None:
    found = differences(book, "fct_accrual", "accrual", "participant_id, reason")
    assert found == BY_CAUSE
    assert sum(amount for (participant, _), amount in found.items() if participant == "C1") == Decimal("32.67") - Decimal("8.50")


def test_each_cause_is_an_entry_that_balances(book: Path) -> None:
    entries = differences(book, "fct_journal", "debit", "participant_id, entry_id, account")
    assert sorted(amount for (participant, _, _), amount in entries.items() if participant == "C2") == [Decimal("1.00"), Decimal("12.00")]
    assert len({entry for _, entry, _ in entries}) == len(BY_CAUSE)


def test_explain_names_each_cause(book: Path) -> None:
    accruals = present(explain_payout(book, "BONUS/volume/C1/2026-01-01", 0)).accruals
    assert accruals.headings[-1] == "of it for earlier periods"
    assert accruals.rows[-1][-1] == "late 14.50 EUR, return -3.00 EUR, fx -10.10 EUR, reference 0.99 EUR, amendment 21.78 EUR"
    assert accruals.rows[-1][1:3] == ("24.17 EUR", "32.67 EUR")


def test_a_close_freezes_the_causes_and_nothing_is_left(book: Path) -> None:
    command(book, "close", "2026-02", "--by", "J. Doe", "--accept-open", "February has no score")
    assert differences(book, "fct_accrual", "accrual", "participant_id, reason") == BY_CAUSE
    with duckdb.connect() as con:
        path = book / "published" / "current" / "fct_accrual.parquet"
        shown = con.execute(f"select bool_and(is_posted), count(*) from '{path}' where period = '2026-02' and origin_period = '2026-01'").fetchall()
    assert shown == [(True, len(BY_CAUSE))]
    command(book, "verify")

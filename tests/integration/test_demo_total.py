"""The demo book through the whole pipeline, beside a second calculation in plain Python and the totals that both came to.

Belongs here: that every payout and every accrual of the demo book is right. Does not belong here: how they are computed.
"""

from __future__ import annotations

import datetime as dt
import filecmp
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from examples.demo.generate import write_demo_book
from tests.reference.compute import Results, compute
from tests.reference.read import Book, read_book

#: agreement, benefit: payouts added up in the agreement's currency, and how many. docs/demo.md works three of the payouts out by hand.
TOTALS = {
    ("AQUADORN-2526", "volume-target"): ("30940.21", 4),
    ("BUYING-GROUP-2025", "group-volume"): ("6144.62", 1),
    ("BUYING-GROUP-2025", "quarterly-guarantee"): ("2323.27", 4),
    ("CHAIN-GROWTH-2526", "growth"): ("32731.29", 32),
    ("CHAIN-VOLUME-2025", "annual-volume"): ("113311.94", 32),
    ("CHAIN-VOLUME-2025", "draught-premium"): ("9786.00", 16),
    ("EXPORT-2026", "annual-bonus"): ("27387.42", 5),
    ("EXPORT-2026", "monthly-growth"): ("12819.78", 30),
    ("OLDENHAVEN-2025", "marketing-contribution"): ("10000.00", 2),
    ("OLDENHAVEN-2025", "purchase-rebate"): ("52960.16", 12),
    ("ONTRADE-KEGS-2025", "kegs"): ("5014.50", 600),
    ("SALES-COMMISSION-2026", "margin"): ("10591.61", 8),
    ("SALES-COMMISSION-2026", "plan-attainment"): ("42423.14", 16),
    ("SPIRITS-2526", "growth"): ("11056.49", 4),
    ("TEAM-GROWTH-2526", "euros-gained"): ("15447.71", 2),
    ("UK-INDEPENDENTS-2026", "order-lines"): ("1615.00", 108),
    ("UK-INDEPENDENTS-2026", "quarterly-rebate"): ("4752.83", 36),
    ("VOLTLINE-LAUNCH", "launch-target"): ("12800.69", 1),
    ("VOLTLINE-LAUNCH", "shelf-support"): ("3814.37", 7),
}

#: Worked out by hand in docs/demo.md.
BY_HAND = {
    ("VOLTLINE-LAUNCH", "launch-target", "VE-07", dt.date(2025, 9, 15)): "12800.69",
    ("AQUADORN-2526", "volume-target", "VE-04", dt.date(2025, 7, 1)): "6382.01",
    ("SALES-COMMISSION-2026", "plan-attainment", "SP-01", dt.date(2026, 4, 1)): "1516.14",
    ("CHAIN-GROWTH-2526", "growth", "CH-01", dt.date(2026, 4, 1)): "0.00",
}


@pytest.fixture(scope="module")
def book(demo_book: Path) -> Book:
    return read_book(demo_book)


@pytest.fixture(scope="module")
def expected(book: Book) -> Results:
    return compute(book)


def _rows(demo_book: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer to a query whose {table} names stand for published tables."""
    tables = {path.stem: f"read_parquet('{path}')" for path in (demo_book / "published" / "current").glob("*.parquet")}
    with duckdb.connect() as con:
        return con.sql(sql.format(**tables)).fetchall()


def _differences(expected: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    keys = sorted(set(expected) | set(found), key=str)
    return [f"{key}: expected {expected.get(key)}, found {found.get(key)}" for key in keys if expected.get(key) != found.get(key)]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_demo_book(tmp_path / name)
    names = sorted(path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(names) > 40
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", names, shallow=False) == (names, [], [])


def test_every_payout_is_what_the_reference_says(demo_book: Path, expected: Results) -> None:
    found = {
        tuple(row[:4]): (row[4], row[5], Fraction(row[6]), Fraction(row[7]))
        for row in _rows(demo_book, "select agreement_id, benefit_id, participant_id, window_start, status, tier, measure, payout from {fct_payout}")
    }
    wanted = {key: (row["status"], row["tier"], row["measure"], row["payout"]) for key, row in expected.payouts.items()}
    assert _differences(wanted, found) == []


def test_every_figure_behind_a_payout_is_what_the_reference_says(demo_book: Path, expected: Results) -> None:
    """Base, quantity, target, baseline, incentive, what the span earned and what is still to be set off; unless blocked."""
    names = ("base", "quantity", "target", "baseline", "incentive", "earned", "prior_earned", "carried")
    found = {
        tuple(row[:4]): tuple(None if value is None else Fraction(value) for value in row[4:])
        for row in _rows(
            demo_book,
            f"select agreement_id, benefit_id, participant_id, window_start, {', '.join(names)} from {{fct_payout}} where status <> 'blocked'",
        )
    }
    wanted = {key: tuple(row[name] for name in names) for key, row in expected.payouts.items() if row["status"] != "blocked"}
    assert _differences(wanted, found) == []


def test_every_accrual_is_what_the_reference_says(demo_book: Path, expected: Results) -> None:
    found = {
        tuple(row[:5]): Fraction(row[5])
        for row in _rows(demo_book, "select agreement_id, benefit_id, participant_id, window_start, period, accrued_to_date from {fct_accrual}")
    }
    payable = {key: value for key, value in expected.accruals.items() if value or key in found}  # a row of nothing may be left out
    assert _differences(payable, found) == []


def test_the_totals_are_the_known_ones(demo_book: Path) -> None:
    found = {
        (agreement, benefit): (str(total.quantize(Decimal("0.01"))), count)
        for agreement, benefit, total, count in _rows(
            demo_book, "select agreement_id, benefit_id, sum(payout)::decimal(18, 2), count(*) from {fct_payout} group by all"
        )
    }
    assert _differences(TOTALS, found) == []


def test_the_payouts_worked_out_by_hand_come_out(demo_book: Path) -> None:
    rows = _rows(demo_book, "select agreement_id, benefit_id, participant_id, window_start, payout from {fct_payout}")
    found = {tuple(row[:4]): row[4] for row in rows}
    assert {key: found[key] for key in BY_HAND} == {key: Decimal(value) for key, value in BY_HAND.items()}


def test_every_row_of_every_file_is_accounted_for(demo_book: Path, book: Book) -> None:
    counts = "rows_read, rows_loaded, rows_duplicate, rows_superseded, rows_rejected"
    found = {tuple(row[:2]): tuple(row[2:]) for row in _rows(demo_book, f"select feed, file_name, status, {counts} from {{audit_feed_file}}")}
    wanted = {
        (feed, file.name): (file.status, file.read, file.loaded, file.duplicate, file.superseded, file.rejected)
        for feed, files in book.files.items()
        for file in files
    }
    assert _differences(wanted, {(feed, Path(name).name): counts for (feed, name), counts in found.items()}) == []


def test_nine_rows_are_refused_each_for_its_own_reason(demo_book: Path, book: Book) -> None:
    rows = _rows(demo_book, "select feed, file_name, row_number, column_name, reason, raw from {audit_reject}")
    assert sorted((feed, Path(name).name, number, column) for feed, name, number, column, *_ in rows) == sorted(book.rejects)
    assert all(reason and "ERR-" in raw for *_, reason, raw in rows)
    assert len(rows) == 9

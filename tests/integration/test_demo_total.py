"""The demo book through the whole pipeline, beside a second calculation in plain Python and the totals that both came to.

Belongs here: that every payout, accrual and payout line of the demo book is right. Does not belong here: how they are computed.
"""

from __future__ import annotations

import datetime as dt
import filecmp
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from examples.demo.generate import write_demo_book
from tests.reference.compute import Results, compute
from tests.reference.read import Book, read_book

#: agreement, benefit: payouts added up in the agreement's currency, and how many. docs/demo.md works eight of the payouts out by hand.
TOTALS = {
    ("AGENT-COMMISSION-2526", "commission"): ("17228.73", 12),
    ("AQUADORN-2526", "volume-target"): ("30940.21", 4),
    ("BUYING-GROUP-2025", "group-volume"): ("6144.62", 1),
    ("BUYING-GROUP-2025", "quarterly-guarantee"): ("2323.27", 4),
    ("CAFE-START-2526", "growth"): ("1007.11", 4),
    ("CAFE-START-2526", "quarter-bonus"): ("3772.05", 4),
    ("CHAIN-ALLIANCE-2526", "alliance"): ("3616.77", 4),
    ("CHAIN-CONDITIONS-2026", "conditions"): ("45548.69", 16),
    ("CHAIN-GROWTH-2526", "growth"): ("32731.29", 32),
    ("CHAIN-LOYALTY-2025", "loyalty"): ("35807.16", 3),
    ("CHAIN-SCORECARD-2026", "growth"): ("1685.34", 3),
    ("CHAIN-SCORECARD-2026", "scorecard"): ("4500.00", 3),
    ("CHAIN-VOLUME-2025", "annual-volume"): ("113311.94", 32),
    ("CHAIN-VOLUME-2025", "draught-premium"): ("9786.00", 16),
    ("CIDER-CONTEST-2025", "contest"): ("950.00", 18),
    ("DACH-RETAIL-2025", "advertising"): ("5987.35", 14),
    ("DACH-RETAIL-2025", "stacked-rates"): ("12717.78", 14),
    ("EXPORT-2026", "annual-bonus"): ("27387.42", 5),
    ("EXPORT-2026", "monthly-growth"): ("12819.78", 30),
    ("FENNIMORE-2526", "bonus"): ("18023.83", 2),
    ("FIELD-BONUS-2526", "proportional"): ("23184.45", 8),
    ("FIELD-STAIRS-2026", "stairs"): ("2943.39", 2),
    ("GREEN-CRATES-2526", "returnables"): ("7517.06", 10),
    ("KASKADE-2026", "annual-rebate"): ("11611.36", 1),
    ("KASKADE-2026", "tonic-push"): ("0.00", 1),
    ("KEY-ACCOUNT-BONUS-2026", "progressive"): ("0.00", 2),
    ("KLOK-2526", "bonus"): ("34689.82", 4),
    ("MARGIN-BONUS-2526", "margin-share"): ("1020.54", 3),
    ("MIXED-PLAN-2026", "commission-and-bonus"): ("6387.93", 4),
    ("NEW-SELLER-2026", "commission"): ("8060.36", 6),
    ("NEW-SELLER-2026", "guarantee"): ("0.00", 6),
    ("OLDENHAVEN-2025", "marketing-contribution"): ("10000.00", 2),
    ("OLDENHAVEN-2025", "purchase-rebate"): ("52960.16", 12),
    ("ONTRADE-KEGS-2025", "kegs"): ("5014.50", 600),
    ("ORDER-BONUS-2026", "large-orders"): ("9305.72", 12),
    ("PALLET-BONUS-2526", "pallets"): ("1992.00", 8),
    ("PRESIDENTS-CLUB-2026", "club"): ("11000.00", 7),
    ("PUB-GROWTH-2526", "growth"): ("789.97", 8),
    ("PUB-VOLUME-2526", "volume"): ("1706.11", 8),
    ("RANGE-BONUS-2026", "brands"): ("840.00", 8),
    ("SALES-COMMISSION-2026", "margin"): ("10591.61", 8),
    ("SALES-COMMISSION-2026", "plan-attainment"): ("42423.14", 16),
    ("SALES-QUOTA-2526", "quota"): ("1800.00", 12),
    ("SERVICE-MATRIX-2526", "sales-and-service"): ("25222.70", 6),
    ("SPIRITS-2526", "growth"): ("11056.49", 4),
    ("SUNPRESS-2426", "contract-year"): ("25863.04", 7),
    ("SUNPRESS-SERVICE-2526", "service-credit"): ("8350.38", 4),
    ("TAP-QUALITY-2526", "top-quarter"): ("1650.00", 40),
    ("TEAM-GROWTH-2526", "euros-gained"): ("15447.71", 2),
    ("TERRITORY-BONUS-2526", "regressive"): ("9079.22", 2),
    ("UK-INDEPENDENTS-2026", "order-lines"): ("1615.00", 108),
    ("UK-INDEPENDENTS-2026", "quarterly-rebate"): ("4752.83", 36),
    ("UK-SALES-BONUS-2526", "s-curve"): ("11191.38", 3),
    ("VOLTLINE-LAUNCH", "launch-target"): ("12800.69", 1),
    ("VOLTLINE-LAUNCH", "shelf-support"): ("3814.37", 7),
    ("WINE-PROMOTION-2025", "wine"): ("1490.87", 14),
}

#: Worked out by hand in docs/demo.md.
BY_HAND = {
    ("VOLTLINE-LAUNCH", "launch-target", "VE-07", dt.date(2025, 9, 15)): "12800.69",
    ("AQUADORN-2526", "volume-target", "VE-04", dt.date(2025, 7, 1)): "6382.01",
    ("SALES-COMMISSION-2026", "plan-attainment", "SP-01", dt.date(2026, 4, 1)): "1516.14",
    ("CHAIN-GROWTH-2526", "growth", "CH-01", dt.date(2026, 4, 1)): "0.00",
    ("UK-SALES-BONUS-2526", "s-curve", "SP-06", dt.date(2025, 10, 1)): "4904.77",
    ("SERVICE-MATRIX-2526", "sales-and-service", "SP-03", dt.date(2025, 7, 1)): "2747.54",
    ("CAFE-START-2526", "quarter-bonus", "CH-08", dt.date(2025, 8, 18)): "328.43",
    ("CIDER-CONTEST-2025", "contest", "IU-07", dt.date(2025, 7, 1)): "30.00",
    ("CIDER-CONTEST-2025", "contest", "IU-14", dt.date(2025, 7, 1)): "30.00",
}


#: Measures, rates and unrounded results are published with 12 decimals.
PUBLISHED_TO = Fraction(1, 10**12)


@pytest.fixture(scope="module")
def book(demo_book: Path) -> Book:
    return read_book(demo_book)


@dataclass(frozen=True)
class Expected:
    """What the reference says of some agreements."""

    agreements: set[str]
    results: Results

    def of(self, found: dict[Any, Any]) -> dict[Any, Any]:
        """What was found of them, by keys that begin with the agreement."""
        return {key: value for key, value in found.items() if key[0] in self.agreements}


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.long)])
def expected(request: pytest.FixtureRequest, book: Book) -> Expected:
    """Some: those that depend on each other, and every third of the others."""
    groups = {name for a in book.agreements if "combine" in a for name in (a["agreement"], *a["combine"].get("agreements", ()))}
    single = sorted({a["agreement"] for a in book.agreements} - groups)
    chosen = groups | set(single[:: 1 if request.param == "all" else 3])
    return Expected(chosen, compute(replace(book, agreements=[a for a in book.agreements if a["agreement"] in chosen])))


def _rows(demo_book: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer to a query whose {table} names stand for published tables."""
    tables = {path.stem: f"read_parquet('{path}')" for path in (demo_book / "published" / "current").glob("*.parquet")}
    with duckdb.connect() as con:
        return con.sql(sql.format(**tables)).fetchall()


def _differences(expected: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    keys = sorted(set(expected) | set(found), key=str)
    return [f"{key}: expected {expected.get(key)}, found {found.get(key)}" for key in keys if expected.get(key) != found.get(key)]


@pytest.mark.long
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_demo_book(tmp_path / name)
    names = sorted(path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(names) > 40
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", names, shallow=False) == (names, [], [])


def test_every_payout_is_what_the_reference_says(demo_book: Path, expected: Expected) -> None:
    """Whether it is paid and why not, under which version and tier, and what."""
    names = ("status", "status_reason", "agreement_version", "payout")
    found = {
        tuple(row[:4]): tuple(value or "" if name == "status_reason" else value for name, value in zip(names, row[4:], strict=True))
        for row in _rows(demo_book, f"select agreement_id, benefit_id, participant_id, window_start, {', '.join(names)} from {{fct_payout}}")
    }
    found = expected.of(found)
    wanted = {key: tuple(row[name] or "" if name == "status_reason" else row[name] for name in names) for key, row in expected.results.payouts.items()}
    assert _differences(wanted, found) == []


def test_every_figure_behind_a_payout_is_what_the_reference_says(demo_book: Path, expected: Expected) -> None:
    """From the measure to what is still to be set off; unless blocked. Where the reference has more decimals than are published, the rest is cut or rounded."""
    names = ("measure", "base", "quantity", "target", "baseline", "incentive", "axis_value", "tier", "curve_payout", "multiplier", "gate_factor",
             "earned", "prior_earned", "carried")  # fmt: skip
    found = {
        tuple(row[:4]): tuple(None if value is None else Fraction(value) for value in row[4:])
        for row in _rows(
            demo_book,
            f"select agreement_id, benefit_id, participant_id, window_start, {', '.join(names)} from {{fct_payout}} where status <> 'blocked'",
        )
    }
    found = expected.of(found)
    wanted = {key: tuple(row[name] for name in names) for key, row in expected.results.payouts.items() if row["status"] != "blocked"}
    assert wanted.keys() == found.keys()
    far = {
        key: (wanted[key], found[key])
        for key in wanted
        if any((a is None) != (b is None) or (a is not None and abs(a - b) >= PUBLISHED_TO) for a, b in zip(wanted[key], found[key], strict=True))
    }
    assert far == {}


def test_every_accrual_is_what_the_reference_says(demo_book: Path, expected: Expected) -> None:
    found = {
        tuple(row[:5]): Fraction(row[5])
        for row in _rows(demo_book, "select agreement_id, benefit_id, participant_id, window_start, period, accrued_to_date from {fct_accrual}")
    }
    found = expected.of(found)
    payable = {key: value for key, value in expected.results.accruals.items() if value or key in found}  # a row of nothing may be left out
    assert _differences(payable, found) == []


def test_every_line_of_a_payout_is_what_the_reference_says(demo_book: Path, expected: Expected) -> None:
    """Which transaction lines carry a payout, on which tier, with how much of the measure and of the money, also where it is nothing."""
    found: dict[Any, Counter[Any]] = defaultdict(Counter)
    for row in _rows(
        demo_book,
        """select p.agreement_id, p.benefit_id, p.participant_id, p.window_start, l.transaction_id, l.line, l.tier, l.credited_measure, l.line_payout, p.status
           from {fct_payout_line} as l inner join {fct_payout} as p using (payout_id)""",
    ):
        measure = None if row[9] == "blocked" else Fraction(row[7])
        found[tuple(row[:4])][(row[4], None if row[5] is None else str(row[5]), row[6] or 0, measure, Fraction(row[8]))] += 1
    wanted = {
        key: Counter((r["transaction_id"], None if r["line"] is None else str(r["line"]), r["tier"], r["credited_measure"], r["line_payout"]) for r in rows)
        for key, rows in expected.results.lines.items()
        if rows
    }
    found_here = expected.of(found)
    assert sorted(wanted, key=str) == sorted(found_here, key=str)
    assert [key for key in wanted if wanted[key] != found_here[key]] == []


def test_the_totals_are_the_known_ones(demo_book: Path) -> None:
    found = {
        (agreement, benefit): (str(total.quantize(Decimal("0.01"))), count)
        for agreement, benefit, total, count in _rows(
            demo_book, "select agreement_id, benefit_id, sum(payout)::decimal(18, 2), count(*) from {fct_payout} group by all"
        )
    }
    assert _differences(TOTALS, found) == []


def test_the_page_about_the_demo_names_these_totals() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.count("|") == 7]
    found, agreement = {}, ""
    for name, _, benefit, _, count, total in cells:
        agreement = name or agreement
        if count.isdigit():
            found[agreement, benefit] = (total.split()[0].replace(",", ""), int(count))
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

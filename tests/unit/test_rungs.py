"""What differs between rungs, over random ones: causes add up, and every participant is in one band, whatever the order of the rows.

Belongs here: tables of rungs that no run made, against sums in Python. Does not belong here: runs (tests/integration/differences), words (test_reasons.py).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.differences.findings import BANDS, Findings, all_changes, collect, is_over
from assets.differences.rung_tables import compare_as, list_attributes, open_rungs, subtract

Row = dict[str, Any]
D = Decimal
PEOPLE = [f"P{n}" for n in range(1, 7)]
REGIONS = {"P1": "north", "P2": "north", "P3": "south", "P4": None, "P5": "south", "P6": "east"}
CAUSES = [None, "data", "reference and terms", "code"]


def payout(rung: int, agreement: str, participant: str, window: str, amount: Decimal | None, **more: Any) -> Row:
    direction, currency = ("receivable", "USD") if agreement == "B" else ("payable", "EUR")
    row = {
        "rung_no": rung, "payout_id": f"{agreement}-{participant}-{window}", "agreement_id": agreement, "agreement_title": f"Title {agreement}",
        "agreement_version": 1, "benefit_id": "b", "participant_id": participant, "participant_name": f"Name {participant}", "direction": direction,
        "currency": currency, "window_start": window, "window_end": window, "status": "open" if amount is not None else "blocked", "tier": 1,
        "payout": amount, "payout_reporting": amount, "earned": amount,
    }  # fmt: skip
    return row | more


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    """Rows of the same columns."""
    marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
    con.execute(f"insert into {table} ({', '.join(rows[0])}) values {marks}", [value for row in rows for value in row.values()])


def opened(causes: list[str | None], payouts: list[Row], **tables: list[Row]) -> duckdb.DuckDBPyConnection:
    con = open_rungs(Path(":memory:"))
    fill(con, "rungs", [{"rung_no": n, "cause": cause} for n, cause in enumerate(causes)])
    fill(con, "payouts", payouts)
    fill(con, "partners", [{"partner_id": person, "name": "region", "value": region} for person, region in REGIONS.items()])
    for table, rows in tables.items():
        fill(con, table, rows)
    subtract(con)
    return con


def found_of(con: duckdb.DuckDBPyConnection, count: int = 10) -> Findings:
    return collect(con, {"name": "base"}, {"name": "new"}, list_attributes(con), (), count)


def draw_payouts(dice: random.Random, rungs: int) -> list[Row]:
    rows = []
    for agreement in "ABC":
        moved = dice.random() < 0.3  # the agreement changes its currency on the way
        for participant in PEOPLE:
            for window in ("2026-01-01", "2026-04-01"):
                amount, tier = D(dice.choice([0, 0, 5, 100, 2000, -300])), dice.randint(0, 3)
                for rung in range(rungs):
                    if dice.random() < 0.4:
                        amount, tier = amount + D(dice.randint(-3000, 3000)) / 100, dice.randint(0, 3)
                    if dice.random() < 0.85:
                        shown = None if dice.random() < 0.1 else amount
                        currency = {"currency": "GBP"} if moved and rung > 1 else {}
                        rows.append(payout(rung, agreement, participant, window, shown, tier=tier, **currency))
    dice.shuffle(rows)
    return rows


def sums(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, Decimal]:
    added: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        added[key(row)] += row["payout"] or 0
    return added


def place(row: Row) -> tuple[str, str]:
    return row["direction"], row["currency"]


def band_of(before: Decimal, now: Decimal) -> str:
    """In words of their own: how much less or more, of what it was."""
    if before == now:
        return "unchanged"
    if before == 0:
        return "new"
    if now == 0:
        return "down to nothing"
    percent, word = abs(now - before) / abs(before) * 100, "less" if now < before else "more"
    if word == "less":
        return "more than 50 % less" if percent > 50 else "20 to 50 % less" if percent > 20 else "5 to 20 % less" if percent > 5 else "up to 5 % less"
    return "up to 5 % more" if percent <= 5 else "5 to 20 % more" if percent <= 20 else "20 to 50 % more" if percent <= 50 else "more than 50 % more"


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 60))])
def test_everything_adds_up(seed: int) -> None:
    dice = random.Random(seed)
    rows = draw_payouts(dice, len(CAUSES))
    con = opened(CAUSES, rows)
    found = found_of(con)
    by_rung = {n: [row for row in rows if row["rung_no"] == n] for n in range(len(CAUSES))}
    first, last = by_rung[0], by_rung[len(CAUSES) - 1]
    _totals_are_right(found, by_rung)
    _bands_hold_everyone_once(found, first, last)
    _groups_are_right(found, first, last)
    changes = all_changes(con)
    assert all(sum(dict(row["causes"]).values()) == row["change"] != 0 for row in changes)
    before, now = (sums(side, lambda row: (row["payout_id"], row["currency"])) for side in (first, last))
    differing = {key: now[key] - before[key] for key in {*before, *now} if now[key] != before[key]}
    assert {(row["payout_id"], row["currency"]): row["change"] for row in changes} == differing
    assert [abs(row["change"]) for row in changes] == sorted((abs(row["change"]) for row in changes), reverse=True)
    assert found.largest == changes[:10]
    dice.shuffle(rows)
    again = found_of(opened(CAUSES, rows))
    assert again == found


def _totals_are_right(found: Findings, by_rung: dict[int, list[Row]]) -> None:
    paid = [sums(rows, place) for rows in by_rung.values()]
    for row in found.totals:
        of = [each[place(row)] for each in paid]
        assert (row["before"], row["now"], row["change"]) == (of[0], of[-1], of[-1] - of[0])
        assert row["causes"] == {cause: now - before for cause, before, now in zip(CAUSES[1:], of, of[1:], strict=False) if now != before}
        assert sum(row["causes"].values()) == row["change"]
        ends = [{each["payout_id"]: each["payout"] or 0 for each in by_rung[n] if place(each) == place(row)} for n in (0, len(by_rung) - 1)]
        assert (row["payouts_before"], row["payouts_now"]) == (len(ends[0]), len(ends[1]))
        assert (row["added"], row["removed"]) == (len(ends[1].keys() - ends[0].keys()), len(ends[0].keys() - ends[1].keys()))
        assert row["changed"] == sum(ends[0].get(key, 0) != ends[1].get(key, 0) for key in ends[0].keys() | ends[1].keys())


def _bands_hold_everyone_once(found: Findings, first: list[Row], last: list[Row]) -> None:
    before, now = (sums(rows, lambda row: (*place(row), row["participant_id"])) for rows in (first, last))
    expected: dict[tuple[str, str, str], list[Any]] = defaultdict(lambda: [0, D(0), D(0)])
    for key in {*before, *now}:
        band = expected[(*key[:2], band_of(before[key], now[key]))]
        band[0], band[1], band[2] = band[0] + 1, band[1] + before[key], band[2] + now[key] - before[key]
    assert {(*place(row), row["band"]): [row["participants"], row["before"], row["change"]] for row in found.bands} == expected
    order = list(BANDS)
    assert [(*place(row), order.index(row["band"])) for row in found.bands] == sorted((*place(row), order.index(row["band"])) for row in found.bands)


def _groups_are_right(found: Findings, first: list[Row], last: list[Row]) -> None:
    for rows, key in (
        (found.by_agreement, lambda row: (*place(row), row["agreement_id"])),
        (found.by_attribute["region"], lambda row: (*place(row), REGIONS[row["participant_id"]] or "")),
    ):
        before, now = sums(first, key), sums(last, key)
        name = "agreement_id" if rows is found.by_agreement else "value"
        told = {(*place(row), row[name]): (row["before"], row["change"]) for row in rows}
        assert {group: figures for group, figures in told.items() if figures[1]} == {
            group: (before[group], now[group] - before[group]) for group in {*before, *now} if now[group] != before[group]
        }
        assert [abs(row["change"]) for row in rows] == sorted((abs(row["change"]) for row in rows), reverse=True)
    ends: dict[Any, list[Row | None]] = defaultdict(lambda: [None, None])
    for side, rows in enumerate((first, last)):
        for row in rows:
            ends[(*place(row), row["payout_id"])][side] = row
    tiers: dict[Any, list[Any]] = defaultdict(lambda: [0, D(0)])
    for key, (old, new) in ends.items():
        change = ((new or {}).get("payout") or 0) - ((old or {}).get("payout") or 0)
        if change:
            group = tiers[(*key[:2], (old or {}).get("tier", 0), (new or {}).get("tier", 0))]
            group[0], group[1] = group[0] + 1, group[1] + change
    assert {(*place(row), row["tier_before"], row["tier_now"]): [row["payouts"], row["change"]] for row in found.by_tier} == tiers


@pytest.mark.parametrize(
    ("before", "now", "band"),
    [
        ("100", "100", "unchanged"), ("0", "0", "unchanged"), ("0", "0.01", "new"), ("0", "-0.01", "new"), ("100", "0", "down to nothing"),
        ("100", "100.01", "up to 5 % more"), ("100", "105", "up to 5 % more"), ("100", "105.01", "5 to 20 % more"), ("100", "120", "5 to 20 % more"),
        ("100", "120.01", "20 to 50 % more"), ("100", "150", "20 to 50 % more"), ("100", "150.01", "more than 50 % more"),
        ("100", "99.99", "up to 5 % less"), ("100", "95", "up to 5 % less"), ("100", "94.99", "5 to 20 % less"), ("100", "80", "5 to 20 % less"),
        ("100", "79.99", "20 to 50 % less"), ("100", "50", "20 to 50 % less"), ("100", "49.99", "more than 50 % less"),
        ("-100", "-105", "up to 5 % less"), ("-100", "-49.99", "more than 50 % more"), ("-100", "-50", "20 to 50 % more"),
    ],
)  # fmt: skip
def test_a_band_holds_its_upper_end(before: str, now: str, band: str) -> None:
    con = opened([None, "terms"], [payout(0, "A", "P1", "2026-01-01", D(before)), payout(1, "A", "P1", "2026-01-01", D(now))])
    assert [(row["band"], row["participants"]) for row in found_of(con).bands] == [(band, 1)]


def test_the_largest_are_compared_in_the_reporting_currency_and_by_amount_where_there_is_none() -> None:
    rows = [payout(0, "A", name, "2026-01-01", D(0)) for name in ("P1", "P2", "P3")]
    amounts = {"P1": (D(10), D(10)), "P2": (D(-9), D(-90)), "P3": (D(5), D(5))}
    rows += [payout(1, "A", name, "2026-01-01", amount, payout_reporting=reporting) for name, (amount, reporting) in amounts.items()]
    assert [row["participant_id"] for row in found_of(opened([None, "data"], rows)).largest] == ["P2", "P1", "P3"]
    assert [row["participant_id"] for row in found_of(opened([None, "data"], rows), count=2).largest] == ["P2", "P1"]
    without = [{**row, "payout_reporting": None} for row in rows]
    assert [row["participant_id"] for row in found_of(opened([None, "data"], without)).largest] == ["P1", "P2", "P3"]


@pytest.mark.parametrize("currencies", [("EUR", "GBP"), ("GBP", "EUR")])
def test_equal_changes_stand_in_one_order(currencies: tuple[str, str]) -> None:
    """A payout that goes from one currency to the other, and others of the same size."""
    rows = [payout(rung, "A", name, "2026-01-01", D(5), currency=currencies[rung]) for name in ("P2", "P1") for rung in (1, 0)]
    told = [(row["participant_id"], row["currency"]) for row in found_of(opened([None, "terms"], rows)).largest]
    assert told == [("P1", "EUR"), ("P1", "GBP"), ("P2", "EUR"), ("P2", "GBP")]


def test_accruals_journal_and_closed_periods() -> None:
    months = [
        {"rung_no": rung, "payout_id": "A", "period": period, "direction": "payable", "currency": "EUR", "accrued": D(amount)}
        for rung, period, amount in ((0, "2026-01", 5), (0, "2026-02", 7), (1, "2026-02", 99), (2, "2026-01", 5), (2, "2026-02", 8), (2, "2026-03", 1))
    ]
    journal = [
        {"rung_no": rung, "account": account, "kind": kind, "currency": "EUR", "period": "2026-01", "debit": D(debit), "credit": D(credit)}
        for rung, account, kind, debit, credit in (
            (0, "4100", "accrual", 5, 0),
            (0, "2200", "accrual", 0, 5),
            (2, "4100", "accrual", 8, 1),
            (2, "2200", "accrual", 0, 5),
        )
    ]
    accruals = [
        {"rung_no": rung, "payout_id": "A-P1-2026-01-01", "period": "2026-03", "origin_period": origin, "accrual": D(amount), "is_posted": posted}
        for rung, origin, amount, posted in (
            (0, "2026-01", 2, False),
            (2, "2026-01", 6, False),
            (2, "2026-02", 9, True),
            (2, "2026-03", 4, False),
            (1, "2026-02", 3, False),
        )
    ]
    closes = [
        {"rung_no": 2, "period": period, "is_in_force": in_force, "kind": kind}
        for period, in_force, kind in (("2026-01", True, "close"), ("2026-02", False, "close"), ("2026-03", True, "reopen"))
    ]
    payouts = [payout(rung, "A", "P1", "2026-01-01", D(5)) for rung in range(3)]
    found = found_of(opened([None, "data", "terms"], payouts, months=months, journal=journal, accruals=accruals, closes=closes))
    assert [(row["period"], row["before"], row["now"], row["change"], row["is_closed"]) for row in found.accruals] == [
        ("2026-02", 7, 8, 1, False),
        ("2026-03", 0, 1, 1, False),
    ]
    assert [(row["account"], row["before"], row["now"], row["change"]) for row in found.journal] == [("4100", 5, 7, 2)]
    assert [(row["origin_period"], row["period"], row["currency"], row["change"]) for row in found.restated] == [("2026-01", "2026-03", "EUR", 4)]
    assert found.closed_periods == 1
    assert not found.is_equal


def test_a_book_against_itself_changes_nothing() -> None:
    """There is one rung, which is the first and the last."""
    month = {"rung_no": 0, "payout_id": "A", "period": "2026-01", "direction": "payable", "currency": "EUR", "accrued": D(5)}
    entry = {"rung_no": 0, "account": "4100", "kind": "accrual", "currency": "EUR", "period": "2026-01", "debit": D(5), "credit": D(0)}
    late = {"rung_no": 0, "payout_id": "A", "period": "2026-03", "origin_period": "2026-01", "accrual": D(5), "is_posted": False}
    found = found_of(opened([None], [payout(0, "A", "P1", "2026-01-01", D(5))], months=[month], journal=[entry], accruals=[late]))
    assert (found.is_equal, found.restated, found.causes) == (True, [], [])
    assert [(row["before"], row["now"], row["change"], row["causes"]) for row in found.totals] == [(5, 5, 0, {})]


@pytest.mark.parametrize(
    ("change", "limit", "is_share", "over"),
    [("5", "0.05", True, False), ("5.01", "0.05", True, True), ("-5.01", "0.05", True, True), ("7", "7", False, False), ("-7.01", "7", False, True)],
)
def test_a_limit_is_over_above_it(change: str, limit: str, is_share: bool, over: bool) -> None:
    assert bool(is_over([{"change": D(change), "before": D(-100)}], D(limit), is_share)) is over


def test_any_change_of_nothing_is_over_a_share() -> None:
    assert is_over([{"change": D("0.01"), "before": D(0)}], D("0.5"), True)
    assert not is_over([{"change": D(0), "before": D(0)}], D(0), True)


def test_a_new_agreement_is_compared_with_the_one_that_it_is_instead_of() -> None:
    rows = [payout(0, "OLD", "P1", "2026-01-01", D(5)), payout(0, "OLD", "P2", "2026-01-01", D(4)), payout(0, "A", "P1", "2026-01-01", D(1))]
    rows += [payout(0, "OLD", "P1", "2026-04-01", D(6)), payout(1, "NEW", "P1", "2026-04-01", D(9))]
    rows += [payout(1, "NEW", "P1", "2026-01-01", D(7)), payout(1, "NEW", "P3", "2026-01-01", D(2)), payout(1, "A", "P1", "2026-01-01", D(1))]
    con = opened([None, "terms"], rows)
    compare_as(con, "OLD", "NEW")
    subtract(con)
    changes = [(row["agreement_id"], row["participant_id"], row["before_payout"], row["now_payout"]) for row in all_changes(con)]
    assert sorted(changes, key=str) == [("NEW", "P1", 5, 7), ("NEW", "P1", 6, 9), ("NEW", "P2", 4, None), ("NEW", "P3", None, 2)]

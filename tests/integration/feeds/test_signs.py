"""Returns and credits that a file writes without a minus, under each value of `signs`.

Belongs here: which rows are rejected, turned or reported. Does not belong here: signs of amount and quantity that disagree (test_feed_settings.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.feed_books import ROW, csv, load, query, rejects, write_book


def feed(settings: str) -> str:
    return f'transactions: {{files: "feeds/transactions/*", {settings}}}'


SIGNS = [
    ("return", "2", "12.50"),
    ("return", "-2", "-12.50"),
    ("credit", "2", "12.50"),
    ("sale", "2", "12.50"),
    ("adjustment", "-1", "-3.00"),
    ("return", "0", "0.00"),
]


@pytest.mark.parametrize(
    ("signs", "rejected", "amounts", "warns"),
    [
        ("", {1: "positive_return"}, [-12.5, 12.5, 12.5, -3, 0], True),
        ("signs: agree", {1: "positive_return"}, [-12.5, 12.5, 12.5, -3, 0], True),
        ("signs: by_type", {}, [-12.5, -12.5, -12.5, 12.5, -3, 0], False),
        ("signs: as_given", {}, [12.5, -12.5, 12.5, 12.5, -3, 0], False),
    ],
)
def test_signs_of_returns_and_credits(tmp_path: Path, signs: str, rejected: dict[int, str], amounts: list[float], warns: bool) -> None:
    rows = [ROW.replace("sale,2,12.50", ",".join(given)).replace("A-1", f"A-{n}") for n, given in enumerate(SIGNS)]
    book = write_book(tmp_path, feed(f"max_rejected: 1, {signs}"), {"transactions/a.csv": csv(*rows)})
    warnings = load(book).warnings
    assert {row: reason for row, reason, _ in rejects(book)} == rejected
    assert [float(amount) for (amount,) in query(book, "select amount from raw.transactions order by row_no")] == amounts
    assert [warning for warning in warnings if "1 credit has a positive amount, 12.50 EUR in all, and adds to what is measured" in warning] == list(warnings)
    assert bool(warnings) == warns


def test_signs_by_type_turn_quantity_and_cost_too_and_totals_see_what_was_turned(tmp_path: Path) -> None:
    header = "transaction_id,date,partner_id,kind,quantity,amount,cost"
    text = f"{header}\nA,2026-01-05,P,return,2,10.00,7.00\nB,2026-01-05,P,sale,5,20.00,9.00\nC,bad,P,credit,1,1.00,\n"
    totals = '{"rows": 3, "quantity": "2", "amount": "9.00", "cost": "2.00"}'
    settings = feed("signs: by_type, totals: json, max_rejected: 1, columns: {type: kind}, defaults: {currency: EUR}")
    book = write_book(tmp_path, settings, {"transactions/a.csv": text, "transactions/a.csv.totals.json": totals})
    load(book)
    found = query(book, "select quantity::integer, amount::integer, cost::integer from raw.transactions order by row_no")
    assert found == [(-2, -10, -7), (5, 20, 9)]
    assert query(book, "select (readable ->> 'amount')::integer from raw.rejects") == [(-1,)]

"""Columns of a feed as book.yaml maps them: a whole mapping, and the settings that cannot be carried out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from models.documents import InputError
from tests.support.feed_books import ROW, csv, load, query, rejects, write_book

pytestmark = pytest.mark.usefixtures("rejected_files_count")


@pytest.mark.parametrize(
    ("feed", "key", "message"),
    [
        ("{files: 'x/*', columns: {amount: 'sum(amount)'}}", "feeds.transactions.columns.amount", "not allowed"),
        ("{files: 'x/*', columns: {date: 'a * 2'}}", "feeds.transactions.columns.date", "gives a number"),
        ("{files: 'x/*', columns: {note: \"regexp_replace(a, '(', '')\"}}", "feeds.transactions.columns.note", "cannot be computed"),
        ("{files: 'x/*', defaults: {currency: eur}}", "feeds.transactions.defaults.currency", "not a valid currency"),
        ("{files: 'x/*', defaults: {note: x}}", "feeds.transactions.defaults.note", "not a column"),
        ("{files: '../x/*.csv'}", "feeds.transactions.files", "leaves the book"),
    ],
)
def test_settings_that_cannot_be_carried_out_are_refused_by_key(tmp_path: Path, feed: str, key: str, message: str) -> None:
    book = write_book(tmp_path / "book", f"transactions: {feed}")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.csv").write_text(csv(ROW))
    with pytest.raises(InputError) as refused:
        load(book)
    assert refused.value.problems[0].file == "book.yaml"
    assert refused.value.problems[0].key.startswith(key)
    assert message in str(refused.value)


def test_a_mapping_of_a_real_export(tmp_path: Path) -> None:
    """Prices per unit, days with a time, ids that a spreadsheet turned into decimals, cancellations by prefix."""
    feed = """transactions:
  files: "feeds/transactions/*"
  columns:
    transaction_id: Invoice No
    date: "CAST(Day AS DATE)"
    partner_id: "CAST(Customer AS INTEGER)"
    amount: "Quantity * Price"
    quantity: Quantity
    type: "CASE WHEN \\"Invoice No\\" LIKE 'C%' THEN 'return' ELSE 'sale' END"
    revenue: "Quantity * Price * 1.00"
    Agent: "NULL"
  defaults: {currency: GBP}"""
    rows = [
        "1,2026-03-31 08:26:00,17850.0,6,2.55,UK,x",
        "C1,2026-03-31 08:26:00,17850.0,-6,2.550,UK,x",
        "2,2026-03-31 08:26:00,17850.0,0.001,0.0001,UK,x",
        "3,2026-03-31 08:26:00,,1,1,UK,x",
        "4,31.03.2026,17850.0,1,1,UK,x",
        "5,2026-03-31 08:26:00,17850.5,1,1,UK,x",
        "6,2026-03-31 08:26:00,17850.0,999999999999,999,UK,x",
        '7,2026-03-31 08:26:00,17850.0,1,"1,50",UK,x',
        "8,2026-03-31 08:26:00,17850.0,1,,UK,x",
    ]
    book = write_book(tmp_path, feed, {"transactions/a.csv": "\n".join(["Invoice No,Day,Customer,Quantity,Price,Country,Agent", *rows])})
    load(book)
    assert query(
        book, 'select transaction_id, date::varchar, partner_id, amount, type, currency, "attribute:revenue" from raw.transactions order by row_no'
    ) == [
        ("1", "2026-03-31", "17850", Decimal("15.3"), "sale", "GBP", "15.3"),
        ("C1", "2026-03-31", "17850", Decimal("-15.3"), "return", "GBP", "-15.3"),
    ]
    assert rejects(book) == [
        (3, "too_many_decimals", "amount"),
        (4, "missing_value", "partner_id"),
        (5, "bad_date", "date"),
        (6, "bad_value", "partner_id"),
        (7, "out_of_range", "amount"),
        (8, "bad_number", "amount"),
        (9, "missing_value", "amount"),
    ]
    assert [name for (name, *_) in query(book, "describe raw.transactions")][-2:] == ["attribute:revenue", "attribute:country"]


def test_a_file_without_a_mapped_column_is_refused(tmp_path: Path) -> None:
    book = write_book(tmp_path, 'transactions: {files: "feeds/transactions/*", columns: {amount: "Price * quantity"}}', {"transactions/a.csv": csv(ROW)})
    with pytest.raises(InputError, match=r"a.csv:1: feeds.transactions.columns.amount.*no column 'Price'"):
        load(book)

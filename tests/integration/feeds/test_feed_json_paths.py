"""Paths into the objects of JSON lines, and declared rounding.

Belongs here: what a mapping reads from a file. Does not belong here: the language of mappings (tests/unit/feeds/test_expressions.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.documents import InputError
from tests.support.feed_books import load, query, rejects, write_book

ORDER = {
    "id": "A-1", "created": "2026-03-31", "customer": {"id": 17850, "address": {"region": "north"}}, "money": {"amount": 12.505, "currency": "EUR"},
    "items": [{"sku": "X"}, {"sku": "Y"}], "channel": "web",
}  # fmt: skip
SETTINGS = """transactions:
  files: "feeds/transactions/*"
  columns:
    transaction_id: id
    date: created
    partner_id: customer.id
    product_id: items.0.sku
    amount: round(money.amount, 2)
    currency: money.currency
    region: customer.address.region"""


def lines(*changes: dict[str, object]) -> str:
    return "".join(json.dumps({**ORDER, **change}) + "\n" for change in changes)


def test_paths_lead_into_objects_and_lists(tmp_path: Path) -> None:
    book = write_book(tmp_path, SETTINGS, {"transactions/a.jsonl": lines({}, {"id": "A-2", "money": {"currency": "EUR", "amount": "7.5"}})})
    report = load(book)
    found = query(
        book,
        "select * exclude (file_no, row_no, is_deleted, line, type, quantity, cost, original_transaction_id, posted_on) from raw.transactions order by row_no",
    )
    assert [tuple(map(str, row)) for row in found] == [
        ("A-1", "2026-03-31", "17850", "X", "12.510000", "EUR", "north", "web"),
        ("A-2", "2026-03-31", "17850", "X", "7.500000", "EUR", "north", "web"),
    ]
    assert query(book, "select name from raw.attributes order by position") == [("region",), ("channel",)]
    assert report.notes == ("transactions: rounding changed 1 of 2 values of amount (round(money.amount, 2))",)


def test_a_path_into_a_list_is_part_of_any_expression(tmp_path: Path) -> None:
    feeds = SETTINGS.replace("round(money.amount, 2)", "round(items.1.price * items.1.sold.0.qty, 2)").replace(": items.0.sku", ": items.0.sku || '-x.0.y'")
    ordered: dict[str, object] = {"items": [{"sku": "X"}, {"price": 10.335, "sold": [{"qty": 3}]}]}
    book = write_book(tmp_path, feeds, {"transactions/a.jsonl": lines(ordered)})
    load(book)
    assert [tuple(map(str, row)) for row in query(book, "select product_id, amount from raw.transactions")] == [("X-x.0.y", "31.010000")]


@pytest.mark.parametrize(("setting", "kept", "taken_back"), [("ignore", [1], []), ("deleted", [1, 2], [2])])
def test_conditions_over_rows_take_paths_too(tmp_path: Path, setting: str, kept: list[int], taken_back: list[int]) -> None:
    feeds = SETTINGS.replace("\n  columns", f"\n  key: [transaction_id]\n  {setting}: \"state.kind = 'void'\"\n  columns")
    book = write_book(tmp_path, feeds, {"transactions/a.jsonl": lines({"state": {"kind": "firm"}}, {"id": "A-2", "state": {"kind": "void"}})})
    load(book)
    assert query(book, "select row_no from raw.transactions order by 1") == [(row,) for row in kept]
    assert query(book, "select row_no from raw.transactions where is_deleted") == [(row,) for row in taken_back]


def test_a_file_that_is_one_list_is_refused_with_the_way_to_lines(tmp_path: Path) -> None:
    book = write_book(tmp_path, SETTINGS, {"transactions/a.json": json.dumps([ORDER])})
    with pytest.raises(InputError, match=r"a\.json: is a list, and JSON is read line by line, one object in each: `jq -c"):
        load(book)


def test_what_is_not_there_is_rejected(tmp_path: Path) -> None:
    changes: list[dict[str, object]] = [{}, {"money": "12.50"}, {"money": {"amount": 1}}, {"money": None}, {"money": {"amount": {"x": 1}, "currency": "EUR"}}]
    book = write_book(tmp_path, SETTINGS, {"transactions/a.jsonl": lines(*changes)})
    load(book)
    assert rejects(book) == [
        (2, "missing_value", "amount"), (3, "missing_value", "currency"), (4, "missing_value", "amount"), (5, "bad_number", "amount"),
    ]  # fmt: skip


def test_a_key_that_stands_twice_inside_is_rejected(tmp_path: Path) -> None:
    twice = lines({"id": "A-2"}).replace('"amount": 12.505', '"amount": 12.505, "amount": 13')
    book = write_book(tmp_path, SETTINGS, {"transactions/a.jsonl": lines({}) + twice})
    load(book)
    assert rejects(book) == [(2, "duplicate_key", None)]


def test_a_column_of_that_name_comes_first(tmp_path: Path) -> None:
    book = write_book(tmp_path, SETTINGS, {"transactions/a.jsonl": lines({"money.amount": 5})})
    load(book)
    assert query(book, "select amount::varchar from raw.transactions") == [("5.000000",)]


def test_a_path_that_begins_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"amount in book\.yaml \(cash\.amount\): .*no column 'cash\.amount'"):
        load(write_book(tmp_path, SETTINGS.replace("round(money.amount, 2)", "cash.amount"), {"transactions/a.jsonl": lines({})}))


def test_another_rounding_of_the_book_loads_the_files_again(tmp_path: Path) -> None:
    book = write_book(tmp_path, SETTINGS, {"transactions/a.jsonl": lines({})})
    load(book)
    with (book / "book.yaml").open("a") as file:
        file.write("rounding: half_even\n")
    load(book)
    assert query(book, "select amount::varchar from raw.transactions") == [("12.500000",)]

"""Files without line numbers: rows of one transaction are numbered by their place (`line: row_in_key`).

Belongs here: which number each row gets. Does not belong here: which row of one key counts (test_rows_that_replace.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.documents import InputError
from tests.support.feed_books import add_file, load, query, tables, write_book

SETTINGS = "columns: {line: row_in_key}, key: [transaction_id, line], defaults: {currency: EUR}"
HEADER = "transaction_id,date,partner_id,amount"


def feed(settings: str = SETTINGS) -> str:
    return f'transactions: {{files: "feeds/transactions/*", {settings}}}'


def row(transaction: str, amount: str) -> str:
    return f"{transaction},2026-01-05,P,{amount}"


def file(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def lines(book: Path) -> list[tuple[Any, ...]]:
    return query(book, "select file_no, transaction_id, line, amount::integer from raw.transactions order by file_no, row_no")


def test_rows_are_numbered_within_their_transaction_and_file(tmp_path: Path) -> None:
    first = file(row("A", "1"), row("B", "2"), row("A", "3"), row("A", "3"))
    book = write_book(tmp_path, feed(), {"transactions/a.csv": first, "transactions/b.csv": file(row("A", "9"), row("A", "3"), row("A", "3"))})
    assert load(book).warnings == ()
    assert lines(book) == [(1, "A", 1, 1), (1, "B", 1, 2), (1, "A", 2, 3), (1, "A", 3, 3), (2, "A", 1, 9), (2, "A", 2, 3), (2, "A", 3, 3)]


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        (SETTINGS.replace("line]", "line, partner_id]"), [1, 2, 1]),
        (SETTINGS.replace("key: [transaction_id, line], ", ""), [1, 2, 3]),
        (SETTINGS.replace("key: [transaction_id, line]", "ignore: amount = '2'"), [1, 2]),
        (SETTINGS.replace("row_in_key", "' row_in_key '") + ", strict: true", [1, 2, 3]),
    ],
)
def test_the_rest_of_the_key_tells_transactions_apart_and_what_is_no_data_has_no_number(tmp_path: Path, settings: str, numbers: list[int]) -> None:
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": file(row("A", "1"), row("A", "2"), row("A", "3").replace("P", "Q"))})
    load(book)
    assert [line for _, _, line, _ in lines(book)] == numbers


def test_a_corrected_row_has_the_number_of_the_row_that_it_corrects(tmp_path: Path) -> None:
    """Rejected are the second row of A, and two rows too short to tell whose they are; each is corrected in a file of its own, one of them twice."""
    rows = [row("A", "1"), row("A", "x"), row("A", "3"), "A,2026-01-05", row("A", "5"), "A,2026-01-06"]
    book = write_book(tmp_path / "daily", feed("max_rejected: 1, " + SETTINGS), {"transactions/1.csv": file(*rows)})
    load(book)
    assert [(line, amount) for _, _, line, amount in lines(book)] == [(1, 1), (3, 3), (4, 5)]

    def correct(name: str, corrected: str, arrival: int, number: int) -> None:
        (sha256,) = query(book, f"select sha256 from raw.feed_files where arrival_no = {arrival}")[0]
        add_file(book, f"transactions/{name}", f"{HEADER},corrects_file,corrects_row\n{row('B', '1')},,\n{corrected},{sha256},{number}\n")
        load(book)

    correct("2.csv", row("A", "2"), 1, 2)
    correct("3.csv", row("A", "y"), 1, 4)
    correct("4.csv", row("A", "4"), 3, 2)
    correct("5.csv", row("A", "6"), 1, 6)
    found = [(line, amount) for file_no, transaction, line, amount in lines(book) if file_no > 1 and transaction == "A"]
    assert found == [(2, 2), (5, 4), (6, 6)]
    at_once = write_book(tmp_path / "once", feed("max_rejected: 1, " + SETTINGS))
    for path in sorted((book / "feeds/transactions").iterdir()):
        add_file(at_once, f"transactions/{path.name}", path.read_bytes())
    load(at_once)
    assert tables(at_once) == tables(book)


@pytest.mark.parametrize(("more", "warns"), [("", True), (", snapshot: true", False), (", replace: file", False)])
def test_a_transaction_that_has_fewer_rows_than_before_is_a_warning(tmp_path: Path, more: str, warns: bool) -> None:
    book = write_book(tmp_path, feed(SETTINGS + more), {"transactions/a.csv": file(row("A", "1"), row("A", "2"), row("B", "3"))})
    load(book)
    add_file(book, "transactions/b.csv", file(row("A", "9"), row("B", "3"), row("C", "1")))
    found = load(book).warnings
    assert bool(found) == warns
    if warns:
        assert "b.csv: 1 transactions have fewer rows than in an earlier file, such as A: 1, and 2 before. The other rows still count" in found[0]


@pytest.mark.parametrize("column", ["partner_id", "shop"])
def test_nothing_but_the_line_can_be_numbered(tmp_path: Path, column: str) -> None:
    with pytest.raises(InputError, match=f"feeds.transactions.columns.{column}: row_in_key numbers the rows of a transaction"):
        load(write_book(tmp_path, feed(SETTINGS.replace("line: row", f"{column}: row"))))

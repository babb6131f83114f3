"""What a file as a whole says: how many of its rows are rejected, what it repeats of an earlier file, what it replaces."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest

from assets.archive.withdrawals import counting_copies, withdraw_file
from models.documents import InputError
from tests.support.feed_books import PLAIN, ROW, add_file, csv, load, query, rejects, write_book

BAD = ROW.replace("12.50", "much")


def test_a_file_of_nothing_but_rejected_rows_is_refused_with_the_top_reason(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(BAD, BAD, ROW.replace("2026-03-31", "never"))})
    with pytest.raises(InputError, match=r"b.csv: all of its rows are rejected \(2 of them: bad_number, such as amount: .*feeds.transactions in book.yaml"):
        load(book)
    assert query(book, "select count(*) from raw.transactions") == [(0,)]


@pytest.mark.parametrize(("bad", "setting", "warns"), [(5, "", False), (6, "", True), (6, ", max_rejected: 0.06", False), (99, ", max_rejected: 1", False)])
def test_a_share_of_rejected_rows_is_a_warning(tmp_path: Path, bad: int, setting: str, warns: bool) -> None:
    book = write_book(tmp_path, PLAIN.replace("}", f"{setting}}}"), {"transactions/a.csv": csv(*[BAD] * bad, *[ROW] * (100 - bad))})
    found = [warning for warning in load(book).warnings if "rejected" in warning]
    assert bool(found) == warns
    if warns:
        assert "a.csv: 6 of 100 rows are rejected (6 of them: bad_number" in found[0]


def test_an_archived_file_that_a_new_mapping_rejects_altogether_is_refused(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    write_book(tmp_path, PLAIN.replace("}", ", columns: {amount: channel}}"))
    with pytest.raises(InputError, match="all of its rows are rejected"):
        load(book)


OTHER = ROW.replace("A-1", "A-2")
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("second", "settings", "warns"),
    [
        (("a.csv", [ROW, OTHER.replace("12.50", "13.00")]), "", True),
        (("a.csv", [OTHER.replace("12.50", "13.00")]), "", False),
        (("b.csv", [ROW, OTHER.replace("12.50", "13.00")]), "", False),
        (("a.csv", [ROW, OTHER.replace("12.50", "13.00")]), ", replace: file", False),
        (("a.csv", [ROW, OTHER.replace("12.50", "13.00")]), ", key: [transaction_id]", False),
    ],
)
def test_a_corrected_file_under_its_old_name_is_a_warning_where_nothing_replaces(
    tmp_path: Path, second: tuple[str, list[str]], settings: str, warns: bool
) -> None:
    book = write_book(tmp_path, PLAIN.replace("}", f"{settings}}}"), {"transactions/a.csv": csv(ROW, OTHER)})
    assert load(book).warnings == ()
    add_file(book, f"transactions/{second[0]}", csv(*second[1]))
    found = [warning for warning in load(book).warnings if "count twice" in warning]
    assert bool(found) == warns
    if warns:
        assert "a.csv: 1 of 2 rows were in the earlier file of this name (arrival 1)" in found[0]


def test_a_withdrawn_file_is_left_out_and_its_copy_counts(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW, OTHER), "transactions/b.csv": csv(ROW, OTHER), "transactions/c.csv": csv(ROW)})
    load(book)
    loaded = "select file_name, status, rows_read from raw.feed_files order by arrival_no"
    names = [f"feeds/transactions/{name}.csv" for name in "abc"]
    assert query(book, loaded) == [(names[0], "loaded", 2), (names[1], "duplicate", 0), (names[2], "loaded", 1)]
    withdrawn = withdraw_file(book / "archive", "a.csv", None, "a test", "J. Doe", NOON)
    assert [each.file_name for each in counting_copies(book / "archive", withdrawn)] == [names[1]]
    load(book)
    assert query(book, loaded) == [(names[0], "withdrawn", 0), (names[1], "loaded", 2), (names[2], "loaded", 1)]
    assert query(book, "select reason from raw.feed_files where arrival_no = 1") == [("withdrawn on 2026-07-01 by J. Doe: a test",)]
    withdraw_file(book / "archive", query(book, "select sha256 from raw.feed_files where arrival_no = 3")[0][0][:8], "transactions", "a test", "J. Doe", NOON)
    load(book)
    assert query(book, "select status, count(*) from raw.feed_files group by all order by all") == [("loaded", 1), ("withdrawn", 2)]
    assert query(book, "select count(*) from raw.transactions") == [(2,)]


@pytest.mark.parametrize(
    ("file", "reason", "message"),
    [
        ("never.csv", "test", "is not in the archive"),
        ("a.csv", " ", "--reason: is blank"),
        ("a.csv", "test", "names files of different content; name one by its hash"),
        ("b.csv", "test", "was withdrawn already, on 2026-07-01 by J. Doe"),
    ],
)
def test_what_cannot_be_withdrawn_says_why(tmp_path: Path, file: str, reason: str, message: str) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(OTHER)})
    load(book)
    add_file(book, "transactions/a.csv", csv(OTHER, OTHER))
    load(book)
    withdraw_file(book / "archive", "b.csv", None, "test", "J. Doe", NOON)
    with pytest.raises(InputError, match=message):
        withdraw_file(book / "archive", file, None, reason, "J. Doe", NOON)


KEYED = PLAIN.replace("}", ", key: [transaction_id, line]}")
DEARER = ROW.replace("12.50", "13.00")


@pytest.mark.parametrize(
    ("settings", "rows", "refused"),
    [
        (KEYED, [ROW, OTHER, DEARER], [1, 3]),
        (KEYED, [ROW, OTHER, DEARER, ROW], [1, 3, 4]),
        (KEYED, [ROW, OTHER, ROW], []),
        (KEYED, [ROW, BAD, OTHER], [2]),
        (KEYED.replace("]}", "], repeats: last}"), [ROW, OTHER, DEARER], []),
        (PLAIN, [ROW, OTHER, DEARER], []),
    ],
)
def test_rows_of_one_key_that_differ_are_all_rejected(tmp_path: Path, settings: str, rows: list[str], refused: list[int]) -> None:
    book = write_book(tmp_path, settings, {"transactions/a.csv": csv(*rows)})
    report = load(book)
    assert [row for row, _, _ in rejects(book)] == refused
    assert query(book, "select row_no from raw.transactions order by row_no") == [(row,) for row in range(1, len(rows) + 1) if row not in refused]
    told = [warning for warning in report.warnings if "share their key (transaction_id, line) with a different row of the same file" in warning]
    assert len(told) == (len(refused) > 1)
    if told:
        assert report.rows_rejected == len(refused)
        assert {reason for _, reason, _ in rejects(book)} == {"key_repeated"}
        raw, readable = query(book, "select raw, readable from raw.rejects where row_no = 3")[0]
        assert (json.loads(raw)["amount"], json.loads(readable)["transaction_id"]) == ("13.00", "A-1")


def test_a_row_of_another_file_replaces_a_key_and_is_not_a_repeat(tmp_path: Path) -> None:
    book = write_book(tmp_path, KEYED, {"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(DEARER)})
    assert (load(book).warnings, rejects(book)) == ((), [])


def test_a_payment_that_is_exported_twice_has_one_key(tmp_path: Path) -> None:
    payment = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\nA,b,P-1,2026-01-01,4.00,2026-05-02,PAY-1\n"
    book = write_book(tmp_path, PLAIN + '\npayments: {files: "feeds/payments/*"}', {"payments/a.csv": payment})
    load(book)
    assert query(book, "select column_name from raw.feed_keys where feed = 'payments'") == [("reference",)]
    named = write_book(tmp_path, PLAIN + '\npayments: {files: "feeds/payments/*", key: []}')
    load(named)
    assert query(named, "select column_name from raw.feed_keys where feed = 'payments'") == []


def test_ids_that_a_spreadsheet_shortened_are_a_warning(tmp_path: Path) -> None:
    rows = [ROW.replace("P-1", "8.96529E+19"), OTHER.replace("P-1", "8.96529E+19"), ROW.replace("A-1", "E+19"), ROW.replace("A-1", "1E+19X")]
    book = write_book(tmp_path, files={"transactions/a.csv": csv(*rows)})
    (warning,) = load(book).warnings
    assert "a.csv: partner_id is 8.96529E+19 in 2 rows: a spreadsheet has shortened" in warning


def test_a_parquet_column_of_32_bit_numbers_is_a_warning(tmp_path: Path) -> None:
    book = write_book(tmp_path)
    (book / "feeds/transactions").mkdir(parents=True)
    for name, kind in (("single", "float"), ("exact", "decimal(12,2)")):
        row = f"'{name}' as transaction_id, date '2026-03-31' as date, 'P-1' as partner_id, '-1202470.45'::{kind} as amount, 'EUR' as currency"
        duckdb.execute(f"copy (select {row}) to '{book}/feeds/transactions/{name}.parquet'")
    (warning,) = load(book).warnings
    assert "feeds/transactions/single.parquet: 32-bit floating-point numbers in amount, which keep about 7 digits" in warning


def test_an_empty_snapshot_is_refused(tmp_path: Path) -> None:
    book = write_book(tmp_path, PLAIN.replace("}", ", snapshot: true}"), {"transactions/a.csv": csv(ROW)})
    load(book)
    add_file(book, "transactions/b.csv", csv())
    with pytest.raises(InputError, match=r"b.csv: has no rows, and feeds.transactions is a snapshot"):
        load(book)

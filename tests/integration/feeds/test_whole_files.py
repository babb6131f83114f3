"""What a file as a whole says: how many of its rows are rejected, what it repeats of an earlier file, what it replaces."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest

from assets.archive.withdrawals import counting_copies, withdraw_file
from models.documents import InputError
from tests.support.feed_books import HEADER, PLAIN, ROW, add_file, csv, load, query, rejects, write_book

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


DELETED = KEYED.replace("]}", "], deleted: \"channel = 'void'\"}")
VOID = ROW.replace("retail", "void")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (VOID, None),
        ("A-1,1,,,,,,,void", None),
        ("A-1,1,2026-99-99,P-1,never,x,12.3456789,euro,void", None),
        ("A-1,1,2027-01-01,P-1,sale,-2,12.50,EUR,void", None),
        (",1,2026-03-31,P-1,sale,2,12.50,EUR,void", "missing_value"),
        ("A-1,x,,,,,,,void", "bad_number"),
        ("A-1,1,,,,,,,", "missing_value"),
    ],
)
def test_a_row_that_takes_its_key_back_needs_only_its_key(tmp_path: Path, row: str, reason: str | None) -> None:
    book = write_book(tmp_path, DELETED.replace("]", "], max_future_days: 0, signs: agree", 1), {"transactions/a.csv": csv(OTHER, row)})
    load(book)
    assert [found for _, found, _ in rejects(book)] == ([] if reason is None else [reason])
    assert query(book, "select transaction_id, is_deleted from raw.transactions order by row_no") == [("A-2", False), *([] if reason else [("A-1", True)])]


def test_a_row_that_takes_its_key_back_has_no_value_that_is_not_valid(tmp_path: Path) -> None:
    book = write_book(tmp_path, DELETED, {"transactions/a.csv": csv("A-1,1,2026-03-31,P-1,never,x,12.3456789,euro,void")})
    load(book)
    assert query(book, "select date::varchar, type, quantity, amount, currency from raw.transactions") == [("2026-03-31", None, None, None, None)]


def test_a_row_of_which_nobody_can_say_whether_it_takes_its_key_back_is_rejected(tmp_path: Path) -> None:
    book = write_book(tmp_path, KEYED.replace("]}", "], deleted: quantity < 0}"), {"transactions/a.csv": csv(ROW, OTHER.replace(",2,", ",many,"))})
    load(book)
    assert query(book, "select row_no, reason, message from raw.rejects") == [
        (2, "bad_value", "the condition `deleted` in book.yaml has no value for this row")
    ]


def test_files_without_the_column_that_takes_back_are_named_once(tmp_path: Path) -> None:
    files = {f"transactions/{name}.csv": csv(ROW).replace("channel", "shop") for name in "abc"} | {"transactions/d.csv": csv(ROW)}
    files["transactions/b.csv"] += OTHER + "\n"
    book = write_book(tmp_path, DELETED, files)
    (warning,) = [warning for warning in load(book).warnings if "deleted" in warning]
    assert "a.csv and 1 more files of transactions have no column that feeds.transactions.deleted names (channel = 'void')" in warning
    lines = '{"transaction_id": "J", "date": "2026-01-01", "partner_id": "P", "amount": 1, "currency": "EUR"}\n'
    add_file(book, "transactions/j.jsonl", lines)
    assert not [warning for warning in load(book).warnings if "deleted" in warning]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PLAIN.replace("}", ", deleted: channel = 'void'}"), r"feeds.transactions.deleted: a row takes its key back, and transactions have no key"),
        (KEYED.replace("]}", "], deleted: channel}"), "is not a condition"),
        (KEYED.replace("]}", "], deleted: \"channel = 'void' or store = '1'\"}"), "a.csv:1: feeds.transactions.deleted .*no column 'store'"),
    ],
)
def test_a_wrong_deletion_is_refused(tmp_path: Path, settings: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write_book(tmp_path, settings, {"transactions/a.csv": csv(ROW)}))


PARTNERS = PLAIN + '\npartners: {files: "feeds/partners/*", key: [partner_id], SNAPSHOT}'


def partners(*numbers: int) -> str:
    return "partner_id,name\n" + "".join(f"P-{n},Name\n" for n in numbers)


@pytest.mark.parametrize(
    ("snapshot", "second", "dropped"),
    [
        ("snapshot: true", partners(1, 2, 9), 0),
        ("snapshot: true", partners(1, 9, 8, 7), 3),
        ("snapshot: {per: whole, max_drop: 0.75}", partners(1, 9), 0),
        ("snapshot: {max_drop: 0.74}", partners(1, 9), 3),
        ("snapshot: false", partners(1, 9), 0),
        ("key: [], snapshot: true", partners(8, 9), 0),
        ("key: [], snapshot: true", partners(1), 3),
    ],
)
def test_a_snapshot_that_drops_most_of_what_it_replaces_is_refused(tmp_path: Path, snapshot: str, second: str, dropped: int) -> None:
    settings = PARTNERS.replace("SNAPSHOT", snapshot).replace("key: [partner_id], key", "key")
    book = write_book(tmp_path, settings, {"partners/1.csv": partners(1, 2, 3, 4)})
    load(book)
    add_file(book, "partners/2.csv", second)
    if not dropped:
        load(book)
        return
    with pytest.raises(InputError, match=rf"2.csv: drops {dropped} of the 4 rows that it replaces.*max_drop: 0.75}} in book.yaml"):
        load(book)
    write_book(book, settings.replace("snapshot: true", "snapshot: {max_drop: 0.75}").replace("0.74", "0.75"))
    load(book)
    write_book(book, settings)
    load(book)  # what was taken in once stays
    (book / "warehouse.duckdb").unlink()
    load(book)
    assert query(book, "select per from raw.feed_snapshots") == [("whole",)]


def test_a_snapshot_is_compared_with_the_files_that_hold_its_months(tmp_path: Path) -> None:
    settings = KEYED.replace("]}", "], snapshot: {per: month}}")
    january = [ROW.replace("A-1", f"A-{n}").replace("2026-03-31", "2026-01-15") for n in range(4)]
    february = [row.replace("A-", "B-").replace("2026-01", "2026-02") for row in january]
    book = write_book(tmp_path, settings, {"transactions/1.csv": csv(*january), "transactions/2.csv": csv(*february), "transactions/3.csv": csv(*january[:2])})
    load(book)
    add_file(book, "transactions/4.csv", csv(january[0]))
    load(book)  # one of the two rows of January
    add_file(book, "transactions/5.csv", csv(*january[2:3], *february[:1]))
    with pytest.raises(InputError, match=r"5.csv: drops 4 of the 5 rows that it replaces, such as transaction_id, line A-0, 1"):
        load(book)


def test_a_feed_that_becomes_a_snapshot_is_judged_by_the_files_that_it_has(tmp_path: Path) -> None:
    book = write_book(tmp_path, PARTNERS.replace("SNAPSHOT", "strict: false"), {"partners/1.csv": partners(1, 2, 3), "partners/2.csv": partners(4)})
    load(book)
    write_book(book, PARTNERS.replace("SNAPSHOT", "snapshot: true"))
    with pytest.raises(InputError, match=r"2.csv: drops 3 of the 3 rows"):
        load(book)


def test_a_cut_snapshot_says_that_its_rows_are_rejected(tmp_path: Path) -> None:
    settings = KEYED.replace("]}", "], snapshot: true}")
    book = write_book(tmp_path, settings, {"transactions/1.csv": csv(ROW, OTHER, ROW.replace("A-1", "A-3"))})
    load(book)
    add_file(book, "transactions/2.csv", csv(BAD, OTHER.replace("12.50", "x"), ROW.replace("A-1", "A-3")))
    with pytest.raises(InputError, match=r"2.csv: drops 2 of the 3 rows that it replaces, such as transaction_id, line A-1, 1 \(2 of its rows are rejected\)"):
        load(book)


def test_a_file_of_corrections_is_no_snapshot(tmp_path: Path) -> None:
    book = write_book(tmp_path, KEYED.replace("]}", "], snapshot: true}"), {"transactions/1.csv": csv(ROW, OTHER, BAD.replace("A-1", "A-3"))})
    load(book)
    (sha256,) = query(book, "select sha256 from raw.feed_files")[0]
    fixed = ROW.replace("A-1", "A-3")
    add_file(book, "transactions/fixed.csv", f"{HEADER},corrects_file,corrects_row\n{fixed},{sha256},3\n")
    load(book)
    assert query(book, "select count(*) from raw.corrections") == [(1,)]


OWN_KEY = PLAIN.replace("}", ', key: [transaction_id, Channel, "sh/op~\'1"]}')
OWN_HEADER = HEADER + ",sh/op~'1"


def own(*rows: str) -> str:
    return "\n".join([OWN_HEADER, *(f"{row},S" for row in rows)]) + "\n"


def test_a_key_may_have_columns_of_ones_own(tmp_path: Path) -> None:
    """Rows of one transaction in two channels are two; a rejected row counts as corrected once its key comes again."""
    web = ROW.replace("retail", "web")
    book = write_book(tmp_path, OWN_KEY, {"transactions/a.csv": own(ROW, web, OTHER, OTHER.replace("12.50", "13.00"), BAD.replace("retail", ""))})
    load(book)
    assert [(row, reason) for row, reason, _ in rejects(book)] == [(3, "key_repeated"), (4, "key_repeated"), (5, "bad_number")]
    readable = [json.loads(text) for (text,) in query(book, "select readable from raw.rejects order by row_no")]
    assert [(each["attribute:channel"], each["attribute:sh/op~'1"]) for each in readable] == [("retail", "S"), ("retail", "S"), (None, "S")]
    assert query(book, "select column_name from raw.feed_keys where feed = 'transactions' order by position") == [
        ("transaction_id",),
        ("attribute:channel",),
        ("attribute:sh/op~'1",),
    ]


def test_a_column_of_the_key_is_kept_even_where_an_expression_uses_it(tmp_path: Path) -> None:
    settings = PLAIN.replace("}", ", key: [transaction_id, channel], columns: {type: \"CASE WHEN channel = 'x' THEN 'credit' ELSE 'sale' END\"}}")
    book = write_book(tmp_path, settings, {"transactions/a.csv": csv(ROW)})
    load(book)
    assert query(book, 'select "attribute:channel" from raw.transactions') == [("retail",)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PLAIN.replace("}", ", key: [transaction_id, store]}"), "a.csv:1: has no column store, which feeds.transactions.key names in book.yaml"),
        (PLAIN + '\npayments: {files: "feeds/payments/*", key: [reference, bank]}', "feeds.payments.key.*'bank' is not a column of this feed"),
    ],
)
def test_a_key_without_its_column_is_refused(tmp_path: Path, settings: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write_book(tmp_path, settings, {"transactions/a.csv": csv(ROW)}))


def test_a_feed_without_files_has_the_columns_of_its_key(tmp_path: Path) -> None:
    book = write_book(tmp_path, PLAIN + '\npartners: {files: "feeds/partners/*", key: [partner_id, region]}', {"transactions/a.csv": csv(ROW)})
    load(book)
    assert query(book, 'select count("attribute:region") from raw.partners') == [(0,)]


PAYMENTS = "agreement,benefit,participant_id,window_start,amount,paid_on,reference"
PAID = "A,b,P-1,2026-01-01,4.00,2026-05-02,R-1"


@pytest.mark.parametrize(
    ("key", "second", "told"),
    [
        ("", [PAID.replace("R-1", "R-2")], "b.csv: 1 payments are equal to others but for their reference, such as R-2 and R-1, and settle twice"),
        ("", [PAID.replace("2026-01-01", "2026-02-01")], "b.csv: 1 payments replace one of another payout that an earlier file has under their reference"),
        (", key: [reference, window_start]", [PAID.replace("2026-01-01", "2026-02-01")], ""),
        ("", [PAID.replace("4.00", "5.00"), PAID.replace("R-1", "R-3").replace("4.00", "6.00")], ""),
        ("", [PAID, PAID.replace("R-1", "R-3").replace("05-02", "05-03")], ""),
    ],
)
def test_a_payment_that_is_there_twice_or_that_replaces_another_is_a_warning(tmp_path: Path, key: str, second: list[str], told: str) -> None:
    settings = PLAIN + f'\npayments: {{files: "feeds/payments/*"{key}}}'
    book = write_book(tmp_path, settings, {"payments/a.csv": f"{PAYMENTS}\n{PAID}\n"})
    assert load(book).warnings == ()
    add_file(book, "payments/b.csv", "\n".join([PAYMENTS, *second]) + "\n")
    found = load(book).warnings
    assert (len(found), found == () or told in found[0]) == (bool(told), True)

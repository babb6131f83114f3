"""What book.yaml may say of a feed's files: how they are written, what must hold of them, what a newer one means."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from models.book.settings import parse_book
from models.documents import InputError
from tests.support.feed_books import HEADER, ROW, add_file, load, query, rejects, tables, write_book

pytestmark = pytest.mark.usefixtures("rejected_files_count")


def feed(settings: str) -> str:
    return f'transactions: {{files: "feeds/transactions/*", {settings}}}'


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.mark.parametrize(
    ("settings", "text", "day"),
    [
        ('dates: "%d.%m.%Y"', "03.04.2026", "2026-04-03"),
        ('dates: "%d.%m.%Y"', "3.4.2026", "2026-04-03"),
        ('dates: "%m/%d/%Y %H:%M"', "03/04/2026 23:59", "2026-03-04"),
        ('dates: "%d.%m.%Y"', "2026-04-03", None),
        ('dates: "%d.%m.%Y"', "29.02.2026", None),
        ('dates: "%d.%m.%Y"', "03.04.26", None),
        ('dates: "%d.%m.%Y"', " 03.04.2026", None),
        ("time_zone: Europe/Berlin", "2026-03-31T22:30:00Z", "2026-04-01"),
        ("time_zone: Europe/Berlin", "2026-03-31 23:30:00+02:00", "2026-03-31"),
        ("time_zone: Europe/Berlin", "2026-03-31T20:30:00-0500", "2026-04-01"),
        ("time_zone: Europe/Berlin", "2026-03-31 23:30", "2026-03-31"),
        ("time_zone: Europe/Berlin", "2026-03-31", "2026-03-31"),
        ("time_zone: America/New_York", "2026-04-01T03:59:59.999Z", "2026-03-31"),
        ("time_zone: Europe/Berlin", "2026-03-31T22:30:00+99:00", None),
        ("time_zone: Europe/Berlin", "31.03.2026", None),
        ('dates: "%Y-%m-%dT%H:%M:%S%z", time_zone: Europe/Berlin', "2026-03-31T22:30:00+0000", "2026-04-01"),
        ("non_empty: true", "03/04/2026", None),
        ("non_empty: true", "2026-03-31T22:30:00Z", None),
    ],
)
@pytest.mark.parametrize("is_mapped", [False, True])
def test_days_are_read_as_declared_and_in_the_business_time_zone(tmp_path: Path, settings: str, text: str, day: str | None, is_mapped: bool) -> None:
    mapping = ", columns: {date: CAST(date AS DATE)}" if is_mapped else ""
    book = write_book(tmp_path, feed(settings + mapping), {"transactions/a.csv": csv(ROW.replace("2026-03-31", text))})
    load(book)
    assert query(book, "select date::varchar from raw.transactions") == ([(day,)] if day else [])
    assert rejects(book) == ([] if day else [(1, "bad_date", "date")])


def test_typed_columns_of_parquet_are_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(
        f"""copy (select 'A' as transaction_id, date '2026-03-31' as date, 'P' as partner_id, 1.234::decimal(9,3) as amount, '2,5' as quantity,
        'EUR' as currency) to '{path}'"""
    )
    book = write_book(tmp_path / "book", feed('decimal: ",", thousands: ".", dates: "%d.%m.%Y"'), {"transactions/a.parquet": path.read_bytes()})
    load(book)
    assert query(book, "select date::varchar, amount, quantity from raw.transactions") == [("2026-03-31", Decimal("1.234"), Decimal("2.5"))]


def test_moments_of_parquet_count_in_the_business_time_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(
        f"""copy (select 'A' as transaction_id, timestamptz '2026-03-31 22:30:00+00' as date, 'P' as partner_id, 1 as amount, 'EUR' as currency) to '{path}'"""
    )
    book = write_book(tmp_path / "book", feed("time_zone: Europe/Berlin"), {"transactions/a.parquet": path.read_bytes()})
    load(book)
    assert query(book, "select date::varchar from raw.transactions") == [("2026-04-01",)]


def test_json_writes_numbers_in_one_way(tmp_path: Path) -> None:
    line = '{"transaction_id": "A", "date": "31.03.2026", "partner_id": "P", "amount": 1.234, "currency": "EUR"}\n'
    book = write_book(tmp_path, feed('decimal: ","'), {"transactions/a.jsonl": line})
    with pytest.raises(InputError, match="is JSON, where a number has a point"):
        load(book)
    write_book(book, feed('dates: "%d.%m.%Y"'))
    load(book)
    assert query(book, "select amount, date::varchar from raw.transactions") == [(Decimal("1.234"), "2026-03-31")]


def test_declared_words_stand_for_no_value(tmp_path: Path) -> None:
    rows = [ROW.replace("P-1,sale,2", "P-1,sale,NULL"), ROW.replace("P-1", "N/A"), ROW.replace("retail", " N/A "), ROW.replace("retail", "null")]
    book = write_book(tmp_path, feed('nulls: ["NULL", "N/A"]'), {"transactions/a.csv": csv(*rows)})
    load(book)
    assert rejects(book) == [(2, "missing_value", "partner_id")]
    assert query(book, 'select quantity, "attribute:channel" from raw.transactions order by row_no') == [(None, "retail"), (2, None), (2, "null")]


@pytest.mark.parametrize(("encoding", "delimiter"), [("windows-1252", ";"), ("latin-1", ","), ("utf-16", "\\t"), ("utf-8", "|"), ("iso-8859-15", ";")])
def test_encoding_and_delimiter_are_as_declared(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = csv(ROW.replace("P-1", "Café"), ROW.replace(",retail", "")).replace(",", delimiter.replace("\\t", "\t"))
    book = write_book(tmp_path, feed(f'encoding: {encoding}, delimiter: "{delimiter}"'), {"transactions/a.csv": text.encode(encoding)})
    load(book)
    assert query(book, "select partner_id, amount from raw.transactions") == [("Café", Decimal("12.5"))]
    assert rejects(book) == [(2, "wrong_field_count", None)]
    before = tables(book)
    (book / "warehouse.duckdb").unlink()
    load(book)
    assert tables(book) == before


def test_bytes_of_another_encoding_are_refused_with_their_line(tmp_path: Path) -> None:
    book = write_book(tmp_path, feed("encoding: utf-16"), {"transactions/a.csv": csv(ROW).encode("utf-16")[:-1]})
    with pytest.raises(InputError, match=r"a\.csv:2: is not utf-16 text"):
        load(book)
    book = write_book(tmp_path / "plain", files={"transactions/a.csv": csv(ROW, ROW.replace("P-1", "Café")).encode("latin-1")})
    with pytest.raises(InputError, match=r"a\.csv.*not UTF-8.*declare `encoding`"):
        load(book)


@pytest.mark.parametrize(
    ("totals", "what"),
    [
        ('{"rows": 2, "amount": "25.00"}', None),
        ('{"rows": 2, "amount": 25.0}', None),
        ('{"rows": 3}', "rows 3, but 2 were read"),
        ('{"rows": 2, "amount": "25.01"}', "a sum of amount of 25.01, but 25.000000 were read"),
        ('{"rows": "many"}', "rows many"),
        ('{"Rows": 2}', "has no totals, or an unknown one"),
        ("[]", "has no totals, or an unknown one"),
        ("no JSON", "cannot be parsed"),
    ],
)
def test_totals_beside_a_file_must_be_what_it_holds(tmp_path: Path, totals: str, what: str | None) -> None:
    book = write_book(tmp_path, feed("totals: json"), {"transactions/a.csv": csv(ROW, ROW)})
    report = load(book)
    assert query(book, "select * from raw.feed_files") == []
    assert report.files_still_written == 1
    assert "waits for a.csv.totals.json" in report.warnings[0]
    add_file(book, "transactions/a.csv.totals.json", totals)
    if what is None:
        load(book)
        assert query(book, "select rows_read from raw.feed_files") == [(2,)]
        assert json.loads((book / "archive" / "manifest.jsonl").read_text())["totals"]["rows"] == "2"
        return
    with pytest.raises(InputError, match=what):
        load(book)
    assert query(book, "select * from raw.feed_files") == []


def test_totals_count_rows_that_are_refused(tmp_path: Path) -> None:
    rows = csv(ROW, ROW.replace("EUR", "eur"), ROW.replace("12.50", "x"))
    book = write_book(tmp_path, feed("totals: csv"), {"transactions/a.csv": rows, "transactions/a.csv.totals.csv": "rows,amount\n3,25.00\n"})
    load(book)
    assert [reason for _, reason, _ in rejects(book)] == ["unknown_currency", "bad_number"]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([ROW, ROW, "TOTAL,2,25.00"], None),
        ([ROW, ROW, "TOTAL,2,25.00,,,,,,"], None),
        ([ROW, ROW], "does not end with its line of totals"),
        ([ROW, "TOTAL,2,25.00"], "rows 2, but 1 were read"),
        ([ROW, ROW, "TOTAL,2,52.00"], "a sum of amount of 52.00"),
        ([ROW, ROW, "TOTAL,2"], "does not end with its line of totals"),
        ([ROW, ROW, "TOTAL,2,25.0", ROW], "does not end with its line of totals"),
    ],
)
def test_the_last_line_may_hold_the_totals(tmp_path: Path, lines: list[str], what: str | None) -> None:
    book = write_book(tmp_path, feed("totals: [TOTAL, rows, amount]"), {"transactions/a.csv": csv(*lines)})
    if what is None:
        load(book)
        assert query(book, "select count(*), sum(amount) from raw.transactions") == [(2, Decimal("25"))]
        return
    with pytest.raises(InputError, match=what):
        load(book)


def test_a_hash_beside_a_file_must_be_its_own(tmp_path: Path) -> None:
    content = csv(ROW)
    good = hashlib.sha256(content.encode()).hexdigest()
    book = write_book(tmp_path, files={"transactions/a.csv": content, "transactions/a.csv.sha256": f"{good.replace(good[0], 'x')}  a.csv\n"})
    with pytest.raises(InputError, match="it was changed in transit"):
        load(book)
    add_file(book, "transactions/a.csv.sha256", f"{good}  a.csv\n")
    load(book)
    assert query(book, "select count(*) from raw.transactions") == [(1,)]


def test_files_wait_until_their_sender_has_finished(tmp_path: Path) -> None:
    book = write_book(tmp_path, feed("done: true"), {"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(ROW, ROW), "transactions/b.csv.done": ""})
    report = load(book)
    assert query(book, "select file_name from raw.feed_files") == [("feeds/transactions/b.csv",)]
    assert report.warnings == ("feeds/transactions/a.csv waits for a.csv.done, which its sender has not delivered yet",)
    add_file(book, "transactions/a.csv.done", "")
    load(book)
    assert query(book, "select count(*) from raw.feed_files") == [(2,)]
    slow = write_book(tmp_path / "slow", feed("settle_seconds: 3600"), {"transactions/a.csv": csv(ROW)})
    assert load(slow).files_still_written == 1


@pytest.mark.parametrize(
    ("settings", "content", "what"),
    [
        ("non_empty: true", csv(), "has no rows"),
        ("final_newline: true", csv(ROW).removesuffix("\n"), "the last line has no line end"),
        ("strict: true", csv(ROW), "has the column channel, which book.yaml does not name"),
    ],
)
def test_a_feed_may_insist(tmp_path: Path, settings: str, content: str, what: str) -> None:
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": content})
    with pytest.raises(InputError, match=what):
        load(book)
    lax = write_book(tmp_path / "lax", files={"transactions/a.csv": content})
    load(lax)


def test_a_strict_feed_takes_what_book_yaml_names(tmp_path: Path) -> None:
    book = write_book(tmp_path, feed('strict: true, columns: {channel: "NULL"}'), {"transactions/a.csv": csv(ROW)})
    load(book)
    named = write_book(tmp_path / "named", feed("strict: true, columns: {channel: channel}"), {"transactions/a.csv": csv(ROW)})
    load(named)
    assert query(named, 'select "attribute:channel" from raw.transactions') == [("retail",)]


def test_a_new_column_and_a_missing_line_end_are_told_once(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    assert load(book).warnings == ()
    add_file(book, "transactions/b.csv", f"{HEADER},shop\n{ROW},x")
    message = load(book).warnings
    assert [text.split(":")[0] for text in message] == [
        "feeds/transactions/b.csv",
        "feeds/transactions/b.csv has columns that no earlier file of transactions has",
    ]
    assert load(book).warnings == ()


def test_days_too_far_ahead_of_the_file_are_refused(tmp_path: Path) -> None:
    """Files of the test arrive on 2026-06-30."""
    days = ["2026-06-30", "2026-07-07", "2026-07-08", "2206-06-30"]
    book = write_book(tmp_path, feed("max_future_days: 7"), {"transactions/a.csv": csv(*[ROW.replace("2026-03-31", day) for day in days])})
    load(book)
    assert rejects(book) == [(3, "future_date", "date"), (4, "future_date", "date")]
    assert query(book, "select max(date) from raw.transactions") == [(dt.date(2026, 7, 7),)]


def test_amount_and_quantity_go_the_same_way_where_asked(tmp_path: Path) -> None:
    pairs = [("2", "12.5"), ("-2", "-12.5"), ("2", "-12.5"), ("0", "12.5"), ("0", "0"), ("2", "0"), ("", "12.5")]
    rows = [ROW.replace("2,12.50", f"{quantity},{amount}") for quantity, amount in pairs]
    book = write_book(tmp_path, feed("signs: agree"), {"transactions/a.csv": csv(*rows)})
    load(book)
    assert rejects(book) == [(3, "sign_mismatch", "quantity"), (4, "sign_mismatch", "quantity")]


def test_a_header_that_stands_again_is_no_row(tmp_path: Path) -> None:
    feeds = 'transactions: {files: "feeds/transactions/*"}\npartners: {files: "feeds/partners/*"}'
    partners = "partner_id,name\nP-1,One\npartner_id,name\nP-2,Two\n"
    book = write_book(tmp_path, feeds, {"transactions/a.csv": csv(ROW, HEADER, ROW, "Total,,,,,3,37.50,,"), "partners/a.csv": partners})
    load(book)
    assert rejects(book) == [(2, "repeated_header", None), (4, "missing_value", "date"), (2, "repeated_header", None)]
    assert query(book, "select partner_id from raw.partners order by row_no") == [("P-1",), ("P-2",)]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("encoding: utf8", "encoding: 'utf8' is not allowed; allowed: 'utf-8', 'utf-16'"),
        ('delimiter: ":"', "delimiter: ':' is not allowed"),
        ('decimal: "x"', "decimal: 'x' is not allowed; allowed: '.', ','"),
        ('thousands: "."', "is the decimal mark already"),
        ('thousands: "_"', "thousands: '_' is not allowed"),
        ("dates: DD.MM.YYYY", "is not a date format"),
        ('dates: "%H:%M"', "is not a date format"),
        ('dates: "%d.%m.%Y %z"', "needs time_zone"),
        ("time_zone: Berlin", "'Berlin' is not a time zone"),
        ("negatives: minus", "'minus' is not allowed"),
        ('symbols: "-"', "symbols: '-' cannot be told from a part of a number"),
        ("symbols: [EUR, 1]", "symbols: 1 cannot be told"),
        ("nulls: NULL", "list"),
        ('nulls: [""]', "an empty cell has no value anyway"),
        ("totals: xml", "json"),
        ("drop: {rows: 2}", "a share from 0"),
        ("max_future_days: -1", "greater than or equal to 0"),
        ("signs: strict", "'strict' is not allowed; allowed: 'agree', 'by_type' or 'as_given'"),
        ("snapshot: 1", "true or the span of a snapshot is needed here"),
        ("snapshot: {per: week}", "per: 'week' is not allowed; allowed: 'day', 'month', 'quarter', 'year', 'whole'"),
        ("snapshot: {max_drop: 2}", "a share from 0"),
        ("snapshot: {max: 1}", "this key is not known. Allowed: per, max_drop"),
        ("dat: x", "this key is not known; did you mean dates?"),
    ],
)
def test_settings_that_say_nothing_are_refused_with_what_is_allowed(settings: str, what: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_book(f"book: small\ncurrency: EUR\nfeeds:\n  transactions:\n    files: x\n    {settings}\n")
    assert what in str(refused.value)
    assert refused.value.problems[0].line >= 3


@pytest.mark.parametrize(
    ("feeds", "what"),
    [
        (
            "transactions: {files: x, totals: [TOTAL, quantities]}",
            r"book.yaml:4: feeds.transactions.totals: 'quantities' is not a total; allowed: rows",
        ),
        ("transactions: {files: x, totals: [TOTAL]}", "feeds.transactions.totals: .*names at least one total"),
        ("transactions: {files: x}\npartners: {files: z, max_future_days: 3}", "book.yaml:5: feeds.partners.max_future_days: partners have no day"),
        ("transactions: {files: x}\npartners: {files: z, snapshot: {per: day}}", "book.yaml:5: feeds.partners.snapshot: partners have no day .*snapshot: true"),
        ("transactions: {files: x}\npayments: {files: z, signs: agree}", "feeds.payments.signs: payments have no amount, quantity and type"),
        ("transactions: {files: x}\npartners: {files: z, invert: true}", "book.yaml:5: feeds.partners.invert: partners have no rates"),
    ],
)
def test_settings_that_do_not_fit_the_feed_are_refused_with_their_key(tmp_path: Path, feeds: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        load(write_book(tmp_path, feeds))

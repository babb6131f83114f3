"""Reports as systems write them: which lines of a file are data, and that every other line is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.documents import InputError
from tests.support.feed_books import HEADER, ROW, load, query, rejects, write_book

REPORT = """Acme Ltd,,,,
"January - May, 2026",,,,

,Date,Account,Amount,Ref #
Alpha,,,,
,2026-05-22,Dues,600.00,9RX
Total for Alpha,,,600.00,
Beta,,,,
,2026-08-01,Lunch,250.00,72S
,2026-08-01,"Dues
and more",1200.00,72T
,,,,
Printed on 2026-09-01,,,,
Page 1 of 1,,,,
"""
LAYOUT = (
    "header_row: 4, fill_down: [Customer], ignore: Date is null, "
    "columns: {partner_id: Customer, transaction_id: '\"Ref #\"', date: Date, amount: Amount, currency: \"'EUR'\"}"
)


def feed(settings: str) -> str:
    return f'transactions: {{files: "feeds/transactions/*", {settings}}}'


def loaded(book: Path) -> list[tuple[str, str, int]]:
    return [tuple(row) for row in query(book, "select partner_id, amount::integer::varchar, row_no from raw.transactions order by file_no, row_no")]


@pytest.mark.parametrize(("footer", "outside", "ignored"), [("footer: 2", 4, 4), ("footer: Printed", 4, 4), ("footer: 0", 2, 6)])
def test_a_report_loads_without_its_titles_groups_totals_and_notes(tmp_path: Path, footer: str, outside: int, ignored: int) -> None:
    book = write_book(tmp_path, feed(f"{LAYOUT}, {footer}"), {"transactions/a.csv": REPORT})
    load(book)
    assert loaded(book) == [("Alpha", "600", 2), ("Beta", "250", 5), ("Beta", "1200", 6)]
    assert query(book, "select lines_outside, rows_read from raw.feed_files") == [(outside, 3 + ignored)]
    assert query(book, "select count(*) from raw.ignored_rows") == [(ignored,)]
    assert rejects(book) == []


def test_rows_that_are_no_data_are_in_no_control_total(tmp_path: Path) -> None:
    rows = "\n".join([HEADER, ROW, ROW.replace("A-1", "Total"), ",,,,,,,,", ""])
    totals = '{"rows": 1, "amount": "12.50"}'
    settings = "totals: json, non_empty: true, ignore: transaction_id = 'Total'"
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": rows, "transactions/a.csv.totals.json": totals})
    load(book)
    assert query(book, "select row_no from raw.ignored_rows order by 1") == [(2,), (3,)]
    empty = write_book(tmp_path / "empty", feed("non_empty: true"), {"transactions/a.csv": f"{HEADER}\n,,,,,,,,\n"})
    with pytest.raises(InputError, match="has no rows"):
        load(empty)


def test_delimiters_alone_are_no_data_even_where_every_column_has_a_default(tmp_path: Path) -> None:
    settings = "columns: {partner_id: \"coalesce(partner_id, 'P-0')\", transaction_id: \"'T'\", amount: \"coalesce(amount, '1')\"}, "
    settings += "defaults: {date: '2026-01-01', currency: EUR}"
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": f"{HEADER}\n,,,,,,,,\n{ROW}\n"})
    load(book)
    assert loaded(book) == [("P-1", "13", 2)]


def test_a_row_of_the_wrong_width_is_rejected_whatever_ignore_says(tmp_path: Path) -> None:
    book = write_book(tmp_path, feed("ignore: date is null"), {"transactions/a.csv": f"{HEADER}\nA-0,1\n{ROW}\n"})
    load(book)
    assert rejects(book) == [(1, "wrong_field_count", None)]


def test_values_are_filled_down_within_a_file_and_not_into_the_next(tmp_path: Path) -> None:
    second = ROW.replace("P-1", "").replace("A-1", "A-2")
    book = write_book(
        tmp_path,
        feed("fill_down: [partner_id]"),
        {"transactions/a.csv": f"{HEADER}\n{ROW}\n{second}\n", "transactions/b.csv": f"{HEADER}\n{second}\n{ROW}\n"},
    )
    load(book)
    assert loaded(book) == [("P-1", "13", 1), ("P-1", "13", 2), ("P-1", "13", 2)]
    assert rejects(book) == [(1, "missing_value", "partner_id")]


def test_a_first_line_that_names_the_delimiter_is_no_data(tmp_path: Path) -> None:
    text = "\ufeffsep=;\r\n" + "\r\n".join([HEADER, ROW]).replace(",", ";") + "\r\n"
    book = write_book(tmp_path, feed("delimiter: ';'"), {"transactions/a.csv": text})
    load(book)
    assert loaded(book) == [("P-1", "13", 1)]
    assert query(book, "select lines_outside from raw.feed_files") == [(1,)]
    with pytest.raises(InputError, match="declare `delimiter`"):
        load(write_book(tmp_path / "other", feed("strict: true"), {"transactions/a.csv": text}))


def test_a_file_of_corrections_has_no_layout(tmp_path: Path) -> None:
    correction = f"{HEADER},corrects_file,corrects_row\n{ROW},abc,7\n"
    settings = "header_row: 3, footer: 1, fill_down: [quantity], ignore: date is not null"
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": correction})
    load(book)
    assert query(book, "select corrects_file, corrects_row from raw.corrections") == [("abc", 7)]


def test_a_footer_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    book = write_book(tmp_path, feed("footer: End of file"), {"transactions/a.csv": f"{HEADER}\n{ROW}\n"})
    assert any("was the file cut off?" in warning for warning in load(book).warnings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("header_row: 0", "header_row"),
        ("footer: '('", "not a regular expression"),
        ("footer: true", "a number of last lines"),
        ("header_row: 9", "a.csv:9: has no header in line 9"),
        ("fill_down: [Customer]", "has no column Customer"),
        ("ignore: Customer is null", "no column 'Customer'"),
        ("ignore: amount", "is not a condition"),
        ("fill_down: [quantity], fill_within: Order", "has no column Order .feeds.transactions.fill_within"),
        ("fill_within: quantity", "names the column whose value says which rows belong together"),
        ("fill_down: [quantity], fill_within: quantity", "names the column whose value says which rows belong together"),
        ("preamble: {Year: '(.*)'}", "set header_row"),
        ("header_row: 2, preamble: {Year: '.*'}", "needs one group"),
        ("header_row: 2, preamble: {Year: '('}", "not a regular expression"),
    ],
)
def test_a_wrong_layout_is_refused_with_its_key(tmp_path: Path, settings: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", "[(]")):
        load(write_book(tmp_path, feed(settings), {"transactions/a.csv": f"{HEADER}\n{ROW}\n"}))


def test_days_may_be_the_serial_numbers_of_a_spreadsheet(tmp_path: Path) -> None:
    days = ["46199", "46199.75", "61", "60", "2026-06-26", "-1", "46199 "]
    rows = "".join(ROW.replace("2026-03-31", day) + "\n" for day in days)
    book = write_book(tmp_path, feed("dates: excel"), {"transactions/a.csv": f"{HEADER}\n{rows}"})
    load(book)
    assert [str(day) for (day,) in query(book, "select date from raw.transactions order by row_no")] == ["2026-06-26", "2026-06-26", "1900-03-01"]
    assert [(row, reason) for row, reason, _ in rejects(book)] == [(4, "bad_date"), (5, "bad_date"), (6, "bad_date"), (7, "bad_date")]


def test_texts_of_central_europe_are_read_in_their_encoding(tmp_path: Path) -> None:
    text = f"{HEADER}\n{ROW.replace('P-1', 'Łódź')}\n"
    book = write_book(tmp_path, feed("encoding: iso-8859-2"), {"transactions/a.csv": text.encode("iso-8859-2")})
    load(book)
    assert loaded(book) == [("Łódź", "13", 1)]


@pytest.mark.parametrize("total", ["1.234,50", "1234,50", "1234.50"])
def test_a_trailer_may_write_its_totals_as_the_feed_writes_numbers(tmp_path: Path, total: str) -> None:
    text = f"{HEADER}\n{ROW}\n".replace(",", ";").replace("12.50", "1.234,50") + f"TOTAL;{total}\n"
    settings = "delimiter: ';', decimal: ',', thousands: '.', totals: [TOTAL, amount]"
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": text})
    load(book)
    assert query(book, "select said::decimal(9, 2)::varchar from raw.declared_totals") == [("1234.50",)]


ORDERS = """Order,Mail,Day,SKU,Net
1,a@x,2026-03-01,A,10
1,,,B,5
2,,2026-03-02,A,7
2,,,C,1
3,b@x,2026-03-03,A,2
"""


def test_a_cell_is_filled_from_rows_with_the_same_value_only(tmp_path: Path) -> None:
    """Order 2 has no mail: it must not take that of order 1."""
    columns = "columns: {transaction_id: Order, partner_id: Mail, date: Day, product_id: SKU, amount: Net, currency: \"'EUR'\"}"
    book = write_book(tmp_path, feed(f"fill_down: [Mail, Day], fill_within: Order, {columns}"), {"transactions/a.csv": ORDERS})
    load(book)
    assert loaded(book) == [("a@x", "10", 1), ("a@x", "5", 2), ("b@x", "2", 5)]
    assert rejects(book) == [(3, "missing_value", "partner_id"), (4, "missing_value", "partner_id")]


def test_a_value_above_the_header_is_a_column_of_every_row(tmp_path: Path) -> None:
    settings = """header_row: 2, preamble: {Year: 'Period: (\\d+)', City: 'of (\\w+)'}, columns: {date: "strptime(Day || Year, '%d.%m.%Y')"}"""
    header, row = HEADER.replace("date", "Day"), ROW.replace("2026-03-31", "31.03.")
    files = {f"transactions/{year}.csv": f"Sales of Köln;Period: {year}\n{header}\n{row.replace('A-1', str(year))}\n{bad}" for year, bad in YEARS.items()}
    book = write_book(tmp_path, feed(settings), files)
    load(book)
    found = query(book, 'select transaction_id, date::varchar, "attribute:city" from raw.transactions order by 1')
    assert found == [("2025", "2025-03-31", "Köln"), ("2026", "2026-03-31", "Köln")]
    assert [(row, '"Year":"2026"' in raw) for row, raw in query(book, "select row_no, raw from raw.rejects")] == [(2, True)]


YEARS = {2025: "", 2026: ROW.replace("2026-03-31", "31.13.") + "\n"}


def test_a_file_that_lacks_a_value_above_its_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no line above its header has Year"):
        load(write_book(tmp_path, feed("header_row: 2, preamble: {Year: 'Period: (.*)'}"), {"transactions/a.csv": f"Sales\n{HEADER}\n{ROW}\n"}))


def test_a_column_from_above_the_header_has_a_name_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names Amount, amount more than once"):
        load(write_book(tmp_path, feed("header_row: 2, preamble: {Amount: '(.*)'}"), {"transactions/a.csv": f"Sales\n{HEADER}\n{ROW}\n"}))


def test_a_column_without_a_name_may_be_there_if_it_is_empty(tmp_path: Path) -> None:
    """Lists of some systems begin every line with a delimiter. A value there belongs to nothing that book.yaml names."""
    rows = "".join(f"{first},{ROW}\n" for first in ("", "x", ""))
    book = write_book(tmp_path, feed("strict: true, columns: {channel: channel}"), {"transactions/a.csv": f",{HEADER}\n{rows}"})
    assert not any("has columns" in warning for warning in load(book).warnings)
    assert [row for *_, row in loaded(book)] == [1, 3]
    assert rejects(book) == [(2, "wrong_field_count", None)]
    assert query(book, "select name from raw.attributes") == [("channel",)]

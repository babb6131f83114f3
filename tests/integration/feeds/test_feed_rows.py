"""Rows of a feed: what a plain one becomes, what is refused as a row and why, and that it costs no other row.

Belongs here: the rules of cells and rows. Does not belong here: files (test_feed_files.py), settings of a feed (test_feed_settings.py).
"""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.support.feed_books import HEADER, PLAIN, ROW, csv, load, query, rejects, write_book

pytestmark = pytest.mark.usefixtures("rejected_files_count")


def test_a_plain_file_becomes_typed_rows(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW, ROW.replace("A-1,1", "A-2,"))})
    load(book)
    columns = 'file_no, row_no, transaction_id, line, date::varchar, amount, cost, posted_on=date, "attribute:channel"'
    rows = query(book, f"select {columns} from raw.transactions order by all")
    assert rows == [
        (1, 1, "A-1", 1, "2026-03-31", Decimal("12.500000"), None, True, "retail"),
        (1, 2, "A-2", 1, "2026-03-31", Decimal("12.500000"), None, True, "retail"),
    ]
    assert query(book, "select file_no, feed, file_name, arrival_no, status, rows_read from raw.feed_files") == [
        (1, "transactions", "feeds/transactions/a.csv", 1, "loaded", 2)
    ]


def test_a_line_that_cannot_be_split_is_rejected_though_no_column_needs_a_cell(tmp_path: Path) -> None:
    feeds = PLAIN + '\npartners: {files: "feeds/partners/*", columns: {partner_id: "\'P\'"}}'
    book = write_book(tmp_path, feeds, {"partners/a.jsonl": '{"name": "A"}\nB\n'})
    load(book)
    assert rejects(book) == [(2, "bad_json", None)]


#: column, cell, reason: each stands in the middle one of three rows.
BROKEN = [
    ("amount", " 12 ", "bad_number"),
    ("amount", "+5", "bad_number"),
    ("amount", "1_000", "bad_number"),
    ("amount", "0x10", "bad_number"),
    ("amount", "1e3", "bad_number"),
    ("amount", '"12,50"', "bad_number"),
    ("amount", "٣", "bad_number"),
    ("amount", "１２", "bad_number"),
    ("amount", ".5", "bad_number"),
    ("amount", "5.", "bad_number"),
    ("amount", "NaN", "bad_number"),
    ("amount", "-", "bad_number"),
    ("amount", "1'234", "bad_number"),
    ("amount", "1\u00a0234", "bad_number"),
    ("amount", "1.2345678", "too_many_decimals"),
    ("amount", "1234567890123", "out_of_range"),
    ("amount", "1234567890123.00", "out_of_range"),
    ("amount", "", "missing_value"),
    ("quantity", "x", "bad_number"),
    ("line", "1.0", "bad_number"),
    ("line", "9999999999", "bad_number"),
    ("date", "2026-02-29", "bad_date"),
    ("date", "03/04/2026", "bad_date"),
    ("date", "2026-3-31", "bad_date"),
    ("date", "2026-03-31 00:00:00", "bad_date"),
    ("date", " 2026-03-31", "bad_date"),
    ("date", "infinity", "bad_date"),
    ("date", "0001-01-01", "bad_date"),
    ("date", "", "missing_value"),
    ("currency", "eur", "unknown_currency"),
    ("currency", "XXX", "unknown_currency"),
    ("currency", "", "missing_value"),
    ("type", "Sale", "unknown_type"),
    ("partner_id", "   ", "missing_value"),
    ("partner_id", "P\x00", "control_character"),
    ("partner_id", "P\x1b[1m", "control_character"),
    ("partner_id", "P\x85", "control_character"),
    ("channel", "a\x07", "control_character"),
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One book with a file for every broken cell."""
    names, files = HEADER.split(","), {}
    for number, (column, text, _) in enumerate(BROKEN):
        cells = ROW.split(",")
        cells[names.index(column)] = text
        files[f"transactions/{number:02}.csv"] = csv(ROW.replace("A-1", f"A-{number}"), ",".join(cells), ROW.replace("A-1", f"B-{number}"))
    book = write_book(tmp_path_factory.mktemp("broken"), files=dict(files))
    load(book)
    return book


@pytest.mark.parametrize("number", range(len(BROKEN)), ids=[f"{column}-{text.encode('unicode_escape').decode()}" for column, text, _ in BROKEN])
def test_a_row_that_breaks_a_rule_is_kept_with_its_reason(broken: Path, number: int) -> None:
    column, text, reason = BROKEN[number]
    ((file_no,),) = query(broken, f"select file_no from raw.feed_files where file_name = 'feeds/transactions/{number:02}.csv'")
    ((*found, message, raw),) = query(broken, f"select row_no, reason, column_name, message, raw from raw.rejects where file_no = {file_no}")
    assert found == [2, reason, column]
    assert message.startswith(f"{column}: ")
    assert json.loads(raw)[column] == (text.strip('"') or None)
    assert query(broken, f"select row_no from raw.transactions where file_no = {file_no} order by 1") == [(1,), (3,)]


@pytest.mark.parametrize("text", ["-0", "007", "0.000001", "-999999999999.999999", "1.500000"])
def test_odd_but_plain_numbers_are_taken(tmp_path: Path, text: str) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW.replace("12.50", text))})
    load(book)
    assert query(book, "select amount from raw.transactions") == [(Decimal(text).quantize(Decimal("0.000001")),)]


def test_ids_are_trimmed_and_normalised(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Café")
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW.replace("P-1", f" {decomposed}\u00a0"), ROW.replace("P-1", '"u 0 A\tB"'))})
    load(book)
    assert query(book, "select partner_id from raw.transactions order by row_no") == [("Café",), ("u 0 A\tB",)]


def test_rows_of_another_width_are_rejects_and_cost_no_other_row(tmp_path: Path) -> None:
    content = csv(ROW, ROW.removesuffix(",retail"), ROW + ",more", '"A\n""4"' + ROW[3:], ROW + ",", "", ROW)
    book = write_book(tmp_path, files={"transactions/a.csv": content})
    load(book)
    assert rejects(book) == [(2, "wrong_field_count", None), (3, "wrong_field_count", None)]
    assert query(book, "select row_no, transaction_id from raw.transactions order by 1") == [(1, "A-1"), (4, 'A\n"4'), (5, "A-1"), (6, "A-1")]
    assert json.loads(query(book, "select raw from raw.rejects where row_no = 3")[0][0])["(10)"] == "more"


def test_a_row_of_another_width_is_a_reject_even_if_the_mapping_has_a_value_for_every_column(tmp_path: Path) -> None:
    constants = {"transaction_id": "'A'", "partner_id": "'P'", "amount": "'1'", "currency": "'EUR'", "date": "'2026-03-31'"}
    columns = ", ".join(f'{name}: "coalesce({name}, {constant})"' for name, constant in constants.items())
    settings = f'transactions: {{files: "feeds/transactions/*", columns: {{{columns}}}}}'
    book = write_book(tmp_path, settings, {"transactions/a.csv": csv(ROW, ROW + ",more")})
    load(book)
    assert rejects(book) == [(2, "wrong_field_count", None)]
    assert query(book, "select row_no from raw.transactions") == [(1,)]


def test_rates_are_above_zero_and_shares_not_below(tmp_path: Path) -> None:
    feeds = "\n".join(f'{name}: {{files: "feeds/{name}/*"}}' for name in ("transactions", "fx_rates", "assignments"))
    rates = "date,from_currency,to_currency,rate\n" + "".join(f"2026-01-0{day},USD,EUR,{rate}\n" for day, rate in enumerate(("0.5", "0", "-1"), 1))
    shares = "partner_id,participant_id,share\n" + "".join(f"P,{i},{share}\n" for i, share in enumerate(("0.5", "0", "-0.000001")))
    book = write_book(tmp_path, feeds, {"fx_rates/a.csv": rates, "assignments/a.csv": shares})
    load(book)
    refused = query(book, "select feed, row_no, reason, column_name from raw.rejects order by all")
    below = ("out_of_range", "rate")
    assert refused == [("assignments", 3, "out_of_range", "share"), ("fx_rates", 2, *below), ("fx_rates", 3, *below)]


def test_a_share_may_be_a_fraction_of_whole_numbers(tmp_path: Path) -> None:
    """Written in one way where it is a decimal; refused with a divisor of 0, with spaces, or with more digits than six."""
    feeds = 'transactions: {files: "feeds/transactions/*"}\ncredits: {files: "feeds/credits/*", delimiter: ";", decimal: ","}'
    written = ("1/3", "2/6", "0,5", "1", "1/0", "1 / 3", "-1/3", "1/1000000", "0,1234567", "")
    shares = "transaction_id;participant_id;share\n" + "".join(f"T;{n};{share}\n" for n, share in enumerate(written))
    book = write_book(tmp_path, feeds, {"credits/a.csv": shares})
    load(book)
    assert query(book, "select share from raw.credits where file_no >= 0 order by row_no") == [("1/3",), ("2/6",), ("0.500000",), ("1.000000",)]
    refused = [(row, reason) for row, reason in query(book, "select row_no, reason from raw.rejects order by row_no")]
    assert refused == [(n, "bad_number") for n in (5, 6, 7, 8)] + [(9, "too_many_decimals"), (10, "missing_value")]


def test_an_expression_without_a_value_rejects_the_row_even_where_the_column_may_be_empty(tmp_path: Path) -> None:
    settings = 'transactions: {files: "feeds/transactions/*", columns: {quantity: "CAST(quantity AS DECIMAL(12,2))"}}'
    book = write_book(tmp_path, settings, {"transactions/a.csv": csv(ROW, ROW.replace("sale,2,", "sale,,"), ROW.replace("sale,2,", "sale,two,"))})
    load(book)
    assert rejects(book) == [(3, "bad_number", "quantity")]
    assert query(book, "select row_no, quantity from raw.transactions order by 1") == [(1, 2), (2, None)]


def test_a_computed_number_that_does_not_fit_its_declared_decimals_is_out_of_range(tmp_path: Path) -> None:
    settings = 'transactions: {files: "feeds/transactions/*", columns: {quantity: "CAST(quantity * amount AS DECIMAL(12,2))"}}'
    book = write_book(tmp_path, settings, {"transactions/a.csv": csv(ROW, ROW.replace("12.50", "0.0625"))})
    load(book)
    assert rejects(book) == [(2, "out_of_range", "quantity")]
    assert query(book, "select quantity from raw.transactions") == [(25,)]


def test_lines_that_are_no_json_object_are_rejects(tmp_path: Path) -> None:
    good = '{"transaction_id": "A", "date": "2026-03-31", "partner_id": "P", "amount": 0.10, "currency": "EUR"}'
    lines = [good, "nope", '["list"]', good.replace("0.10", '0.10, "amount": 2'), good.replace("0.10", "1e2"), good.replace("0.10", "NaN"), good]
    book = write_book(tmp_path, files={"transactions/a.jsonl": "\n".join(lines)})
    load(book)
    assert [(row, reason) for row, reason, _ in rejects(book)] == [(2, "bad_json"), (3, "bad_json"), (4, "duplicate_key"), (5, "bad_number"), (6, "bad_number")]


def test_numbers_in_json_keep_every_digit(tmp_path: Path) -> None:
    feeds = PLAIN + '\nmetrics: {files: "feeds/metrics/*"}'
    line = '{"participant_id": "P", "metric": "m", "date": "2026-03-31", "value": 123456789012.123456789012}'
    book = write_book(tmp_path, feeds, {"metrics/a.jsonl": line})
    load(book)
    assert query(book, "select value::varchar from raw.metrics") == [("123456789012.123456789012",)]


def test_a_floating_point_column_of_parquet_is_taken_where_its_text_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    amounts = "(values ('A', 0.1::double), ('B', 0.1::double + 0.2), ('C', 1e20), ('D', 12.5)) as t(transaction_id, amount)"
    duckdb.execute(f"copy (select *, date '2026-03-31' as date, 'P' as partner_id, 'EUR' as currency from {amounts}) to '{path}'")
    book = write_book(tmp_path / "book", files={"transactions/a.parquet": path.read_bytes()})
    load(book)
    assert query(book, "select transaction_id, amount from raw.transactions order by 1") == [("A", Decimal("0.1")), ("D", Decimal("12.5"))]
    assert rejects(book) == [(2, "too_many_decimals", "amount"), (3, "bad_number", "amount")]

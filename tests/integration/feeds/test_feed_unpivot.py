"""Wide tables: a row per listed column.

Belongs here: `unpivot` of a feed. Does not belong here: what a rate converts (tests/golden/).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from models.documents import InputError
from pipelines.run import run_book
from tests.support.feed_books import PLAIN, load, query, rejects, write_book

#: As a central bank publishes it: a unit in the name of each column, and a second line of names.
TABLE = "data;1USD;100HUF;no\n;dollar;forint;\n20260105;3,9500;1,0500;1\n20260106;;1,0600;2\n20260107;4,01;1.07;3\n"
SETTINGS = """fx_rates:
  files: "feeds/fx_rates/*"
  delimiter: ";"
  decimal: ","
  dates: "%Y%m%d"
  ignore: "data IS NULL"
  columns: {date: data}
  defaults: {to_currency: PLN}
  unpivot: {columns: {"1USD": {currency: USD, per: 1}, "100HUF": {currency: HUF, per: 100}}, value: rate}"""


def feeds(old: str = "", new: str = "") -> str:
    assert old in SETTINGS
    return f"{PLAIN}\n{SETTINGS.replace(old, new)}"


def test_each_listed_column_gives_a_row_and_its_unit_is_divided_out(tmp_path: Path) -> None:
    book = write_book(tmp_path, feeds(), {"fx_rates/a.csv": TABLE})
    load(book)
    found = query(book, "select date::varchar, from_currency, to_currency, rate::varchar from raw.fx_rates order by row_no")
    assert found == [
        ("2026-01-05", "USD", "PLN", "3.950000000000"),
        ("2026-01-05", "HUF", "PLN", "0.010500000000"),
        ("2026-01-06", "HUF", "PLN", "0.010600000000"),
        ("2026-01-07", "USD", "PLN", "4.010000000000"),
    ]
    assert rejects(book) == [(8, "bad_number", "rate")], "1.07 has a point, and the feed a comma"
    # of ten cells two stand in a line of names, and one is empty
    assert query(book, "select rows_read, rows_per_row, (select count(*) from raw.ignored_rows) from raw.feed_files") == [(8, 2, 3)]


def test_a_rejected_row_is_found_in_the_file(tmp_path: Path) -> None:
    """The fourth row after the header, and the run converts by the other rates."""
    book = write_book(tmp_path / "book", feeds(), {"fx_rates/a.csv": TABLE, "transactions/t.csv": LINES})
    (book / "agreements").mkdir()
    (book / "agreements" / "a.yaml").write_text(AGREEMENT)
    run_book(book)
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        assert con.execute("select row_number, reason from audit_reject").fetchall() == [(4, "bad_number")]
        assert con.execute("select payout::varchar from fct_payout").fetchall() == [("396.0600",)]
        read = "select rows_read, rows_loaded, rows_rejected, rows_ignored from audit_feed_file where feed = 'fx_rates'"
        assert con.execute(read).fetchall() == [(8, 4, 1, 3)]


LINES = "transaction_id,date,partner_id,amount,currency\n1,2026-01-06,P,100,USD\n2,2026-01-06,P,100,HUF\n"
AGREEMENT = """
agreement: A
currency: PLN
term: {from: 2026-01-01, to: 2026-12-31}
participants: [P]
benefits:
  - {id: b, clause: "1", window: year, tiers: [{from: 0, rate: 1}]}
"""


def test_a_table_of_the_other_direction(tmp_path: Path) -> None:
    """One euro in each currency: the euro is given, so `currency` is the other side."""
    settings = """fx_rates:
  files: "feeds/fx_rates/*"
  defaults: {from_currency: EUR}
  unpivot: {columns: {USD: {currency: USD}, GBP: {currency: GBP}}, value: rate}"""
    book = write_book(tmp_path, f"{PLAIN}\n{settings}", {"fx_rates/a.csv": "date,USD,GBP\n2026-01-05,1.1,0.86595\n"})
    load(book)
    assert query(book, "select from_currency, to_currency, rate::varchar from raw.fx_rates order by row_no") == [
        ("EUR", "USD", "1.100000000000"),
        ("EUR", "GBP", "0.865950000000"),
    ]


def test_targets_by_month(tmp_path: Path) -> None:
    settings = """targets:
  files: "feeds/targets/*"
  defaults: {agreement: A, benefit: b}
  unpivot: {columns: {Jan: {window_start: 2026-01-01}, Feb: {window_start: 2026-02-01}}, value: target}"""
    book = write_book(tmp_path, f"{PLAIN}\n{settings}", {"targets/a.jsonl": '{"participant_id": "P", "Jan": 100, "Feb": 120}\n'})
    load(book)
    assert query(book, "select participant_id, window_start::varchar, target::varchar from raw.targets order by row_no") == [
        ("P", "2026-01-01", "100.000000"),
        ("P", "2026-02-01", "120.000000"),
    ]


def test_another_unit_loads_the_files_again(tmp_path: Path) -> None:
    book = write_book(tmp_path, feeds(), {"fx_rates/a.csv": TABLE})
    load(book)
    write_book(tmp_path, feeds("per: 100", "per: 1000"))
    load(book)
    assert query(book, "select rate::varchar from raw.fx_rates where from_currency = 'HUF' order by row_no") == [("0.001050000000",), ("0.001060000000",)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1USD": {', '"1EUR": {', "a.csv:1: has no column 1EUR .feeds.fx_rates.unpivot in book.yaml.. Its columns: data, 1USD"),
        ("value: rate", "value: 'no'", "a.csv:1: has the column no, which feeds.fx_rates.unpivot in book.yaml adds; choose another name"),
        ("per: 100", "per: 3", "book.yaml:13: feeds.fx_rates.unpivot: unpivot: per of 100HUF must be 1, 10, 100"),
        ("currency: USD, ", "", "unpivot: the columns 1USD and 100HUF have different keys"),
        ("value: rate", "value: currency", "unpivot: 'currency' is `value` already"),
        ("{date: data}", "{date: data, rate: rate}", "rate is divided by `per`, so columns cannot map it too"),
        ("decimal:", "totals: json\n  decimal:", "totals count the rows of the file"),
    ],
)
def test_what_cannot_be_unpivoted_is_refused_with_a_way_out(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write_book(tmp_path, feeds(old, new), {"fx_rates/a.csv": TABLE}))


def test_transactions_are_not_unpivoted(tmp_path: Path) -> None:
    settings = "transactions: {files: x, unpivot: {columns: {jan: {date: 2026-01-31}}, value: amount}}"
    with pytest.raises(InputError, match=r"feeds\.transactions\.unpivot: each row of transactions must be a row of its file"):
        load(write_book(tmp_path, settings))

"""init: what is guessed from a file nobody has described, and the book that comes out.

Belongs here: proposals and the files written. The run of such a book is in tests/integration/test_run.py.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.agreements.load import read_agreements
from assets.feeds.proposal.proposal import Proposal
from assets.feeds.proposal.propose import propose
from assets.runtime.book_folder import open_book
from models.documents import InputError
from pipelines.cli.main import main

GERMAN = (
    "Belegnummer;Position;Datum;Kunde;Artikel;Menge;Betrag\nB1;1;13.02.2026;K-1;A1;10;1.234,50\nB1;2;13.02.2026;K-1;A2;1;99,90\nB2;1;28.03.2026;K 2;A1;5;600\n"
)
AMERICAN = "Order ID,Order Date,Customer ID,SKU,Qty,Unit Price\n1,01/15/2026,ACME,X,5,10.50\n1,01/15/2026,ACME,X,5,10.50\n2,02/20/2026,BETA,X,2,10.5\n"
PLAIN = "invoice_no,line_no,invoice_date,customer_id,net_amount,currency\nI1,1,2026-01-02,C9,10.00,EUR\nI1,2,2026-01-02,C9,-3.00,USD\n"


def proposal_for(tmp_path: Path, text: str, name: str = "sales.csv", currency: str | None = None) -> Proposal:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return propose(tmp_path / name, currency)


def undecided(proposal: Proposal) -> dict[str, str]:
    return {each.name: each.value for each in proposal.undecided}


def test_plain_columns_map_to_themselves(tmp_path: Path) -> None:
    proposal = proposal_for(tmp_path, PLAIN)
    assert proposal.columns == {
        "transaction_id": "invoice_no", "line": "line_no", "date": "invoice_date", "partner_id": "customer_id",
        "type": "CASE WHEN net_amount < 0 THEN 'return' ELSE 'sale' END", "amount": "net_amount", "currency": "currency",
    }  # fmt: skip
    assert (proposal.settings, proposal.defaults, proposal.undecided) == ({}, {}, [])


def test_semicolons_decimal_commas_and_german_dates(tmp_path: Path) -> None:
    proposal = proposal_for(tmp_path, GERMAN)
    assert proposal.settings == {"delimiter": ";", "decimal": ",", "thousands": ".", "dates": "%d.%m.%Y"}
    assert (proposal.columns["date"], proposal.columns["amount"], proposal.columns["line"]) == ("Datum", "Betrag", "Position")
    assert proposal.defaults == {"currency": "EUR"}


def test_price_times_quantity(tmp_path: Path) -> None:
    proposal = proposal_for(tmp_path, AMERICAN)
    assert proposal.columns["amount"] == 'Qty * "Unit Price"'
    assert (proposal.columns["date"], proposal.settings["dates"]) == ("Order Date", "%m/%d/%Y")
    assert proposal.reasons["dates"] == "the month comes first, as 01/15/2026 shows"


@pytest.mark.parametrize(
    ("days", "currency", "taken", "why", "rival"),
    [
        (["13/04/2026", "05/06/2026"], None, "%d/%m/%Y", "the day comes first, as 13/04/2026 shows", None),
        (["04/13/2026", "05/06/2026"], None, "%m/%d/%Y", "the month comes first, as 04/13/2026 shows", None),
        (["01/03/2026", "02/03/2026", "03/03/2026", "11/03/2026", "01/03/2026"], None, "%d/%m/%Y", "read so, all days are in 1 month", None),
        (["01/02/2026", "01/05/2026", "02/01/2026", "03/04/2026"], None, "%m/%d/%Y", "read so, the rows are in order of their days", None),
        (["03/04/2026", "05/06/2026"], None, "%d/%m/%Y", "", "%m/%d/%Y"),
        (["03/04/2026", "05/06/2026"], "USD", "%m/%d/%Y", "", "%d/%m/%Y"),
        (["3/4/26 2:05 PM", "15/4/26 11:05 AM"], None, "%d/%m/%y %I:%M %p", "the day comes first, as 15/4/26 11:05 AM shows", None),
        (["20260331", "20260401"], None, "%Y%m%d", "", None),
        (["31-Mar-2026", "01-Apr-2026"], None, "%d-%b-%Y", "", None),
        (["46112", "46113"], None, "excel", "days as spreadsheets count them, such as 46112", None),
    ],
)
def test_days_of_either_order_say_how_it_is_known(tmp_path: Path, days: list[str], currency: str | None, taken: str, why: str, rival: str | None) -> None:
    rows = "".join(f"{i},{day},C,5.5\n" for i, day in enumerate(days))
    proposal = proposal_for(tmp_path, f"id,date,customer,amount\n{rows}", currency=currency)
    assert (proposal.settings["dates"], proposal.reasons.get("dates", ""), undecided(proposal).get("dates")) == (taken, why, rival)


def test_a_date_with_a_time_is_cut_to_the_day(tmp_path: Path) -> None:
    proposal = proposal_for(tmp_path, "invoice,date,customer,amount\n1,2026-03-04 08:26:00,C,5\n")
    assert proposal.columns["date"] == 'CAST("date" AS DATE)'


@pytest.mark.parametrize(
    ("moments", "zone", "why"),
    [
        (["2026-01-31T23:30:00Z"], "UTC", "the file has moments in UTC"),
        (["2026-01-31T23:30:00+01:00", "2026-07-31T23:30:00+02:00"], "Europe/Berlin", "its clock shows the offsets in the file (+01:00 and +02:00)"),
        (["2026-01-31T23:30:00-05:00", "2026-07-31T23:30:00-04:00"], "America/New_York", "its clock shows the offsets in the file (-05:00 and -04:00)"),
        (["2026-01-31T23:30:00+01:00", "2026-01-31T23:30:00-05:00"], "UTC", "the file has moments of several zones"),
    ],
)
def test_moments_get_the_zone_whose_clock_they_show(tmp_path: Path, moments: list[str], zone: str, why: str) -> None:
    rows = "".join(f"{i},{moment},C,5.5\n" for i, moment in enumerate(moments))
    proposal = proposal_for(tmp_path, f"id,created_at,customer,amount\n{rows}", currency="EUR")
    assert (proposal.settings["time_zone"], proposal.reasons["time_zone"]) == (zone, why)
    assert proposal.columns["date"] == "created_at"
    assert undecided(proposal).get("time_zone") == ("Europe/Berlin" if why == "the file has moments in UTC" else None)


@pytest.mark.parametrize(
    ("amounts", "settings", "open_lines"),
    [
        (["1.234,50", "99,90-", "600"], {"decimal": ",", "thousands": ".", "negatives": ["trailing"]}, {}),
        (["1.364,76-", "12.345.678,90", "99,90"], {"decimal": ",", "thousands": ".", "negatives": ["trailing"]}, {}),
        (["$1,234.50", "($99.90)", "600"], {"thousands": ",", "negatives": ["parentheses"], "symbols": ["$"]}, {}),
        (["1 234,50 €", "-99,90 €"], {"decimal": ",", "thousands": " ", "symbols": ["€"]}, {}),
        (["1'234.50", "99.90"], {"thousands": "'"}, {}),
        (["1,25,000.00", "99.90"], {"thousands": ",", "grouping": "indian"}, {}),
        (["12.5", "1.234"], {"decimal": "."}, {}),
        (["1.234", "5.678"], {}, {"decimal": ".", "thousands": "."}),
        (["1,234", "5,678"], {}, {"decimal": ",", "thousands": ","}),
        (["0.926", "5.678"], {"decimal": "."}, {}),
        (["12.50", "n/a", "13.5", *map(str, range(20))], {"nulls": ["n/a"]}, {}),
        (["12.50", "7"], {}, {}),
    ],
)
def test_numbers_are_declared_and_not_replaced(tmp_path: Path, amounts: list[str], settings: dict[str, object], open_lines: dict[str, str]) -> None:
    rows = "".join(f'{i};2026-01-02;C;"{amount}"\n' for i, amount in enumerate(amounts)).replace(";", ",")
    proposal = proposal_for(tmp_path, f"id,date,customer,amount\n{rows}")
    assert (proposal.settings, undecided(proposal)) == (settings, open_lines)
    assert proposal.columns["amount"] == "amount"


@pytest.mark.parametrize("name", ["sales.parquet", "sales.jsonl"])
def test_parquet_and_json_lines(tmp_path: Path, name: str) -> None:
    form = "parquet" if name.endswith("parquet") else "json"
    duckdb.execute(f"copy (select 'I1' as invoice_no, date '2026-01-02' as invoice_date, 'C9' as customer, 1.5::decimal(9,2) as amount) "
                   f"to '{tmp_path / name}' (format {form})")  # fmt: skip
    proposal = propose(tmp_path / name, None)
    assert (proposal.columns["partner_id"], proposal.rows) == ("customer", 1)


def test_what_no_name_says_is_left_to_a_person_with_the_candidates(tmp_path: Path) -> None:
    text = "doc,date,Branch,Depot,value\n1,2026-01-02,B1,D1,5.5\n2,2026-01-03,B2,D1,6.5\n3,2026-01-03,B2,D2,6.5\n"
    (tmp_path / "sales.csv").write_text(text, encoding="utf-8")
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / "sales.csv")]) == 0
    written = (tmp_path / "book" / "book.yaml").read_text(encoding="utf-8")
    assert "      # partner_id: Branch " in written
    assert "no column is called like a customer; candidates: Branch (2 values), Depot (2 values)" in written
    assert open_book(tmp_path / "book").feeds["transactions"].columns["amount"] == "value"


@pytest.mark.parametrize(("text", "message"), [("1,2\n3,4\n", "no line looks like a header"), ("id,date,customer,amount\n", "has no rows")])
def test_a_file_without_a_header_or_rows_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        proposal_for(tmp_path, text)


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        (["1,1,2026-01-02,C,5", "1,2,2026-01-02,C,5"], ["transaction_id", "line"]),
        (["1,1,2026-01-02,C,5", "1,1,2026-01-02,C,6"], None),
        (["1,1,2026-01-02,C,5", "1,1,2026-01-02,C,5"], None),  # equal rows would be duplicates of each other
        (["1,,2026-01-02,C,5", "1,,2026-01-02,C,5", "2,,2026-01-02,C,5"], ["transaction_id", "line"]),  # numbered by their place
        (["1,,2026-01-02,C,5", "1,,2026-01-02,D,5"], None),  # two documents of one number: it may come again
    ],
)
def test_a_key_is_proposed_only_if_the_whole_file_keeps_it(tmp_path: Path, rows: list[str], key: list[str] | None) -> None:
    (tmp_path / "sales.csv").write_text("\n".join(["invoice,line,date,customer,amount", *rows, ""]))
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / "sales.csv")]) == 0
    assert open_book(tmp_path / "book").feeds["transactions"].key == key


def test_the_sample_says_how_many_rows_would_be_taken_and_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{i},{i % 28 + 1:02d}/{i % 12 + 1:02d}/2025,C{i % 3},5.00\n" for i in range(60))
    (tmp_path / "sales.csv").write_text(f"id,date,customer,amount\n{rows}98,31/02/2025,C1,5.00\n99,01/02/2025,,5.00\n")
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / "sales.csv")]) == 0
    sentence = "60 of 62 rows would be taken; 1 because date: 31/02/2025 (this feed writes %d/%m/%Y) is not a day written YYYY-MM-DD"
    message = " ".join(capsys.readouterr().out.split())
    assert sentence in message
    assert "1 because partner_id: has no value; it is required" in message
    assert sentence in (tmp_path / "book" / "book.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_file_in_another_encoding_is_read_and_the_feed_says_so(tmp_path: Path, encoding: str) -> None:
    text = GERMAN.replace("K 2", "Käufer €")
    (tmp_path / "verkauf.csv").write_bytes(text.encode(encoding))
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / "verkauf.csv")]) == 0
    feed = open_book(tmp_path / "book").feeds["transactions"]
    assert (feed.encoding, feed.delimiter) == ({"cp1252": "windows-1252"}.get(encoding, encoding), ";")
    assert (tmp_path / "book" / "feeds" / "transactions" / "verkauf.csv").read_bytes() == text.encode(encoding)


@pytest.mark.parametrize("text", [GERMAN, AMERICAN, PLAIN])
def test_the_book_that_is_written_has_no_mistakes(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my sales.csv").write_text(text)
    assert main(["init", str(tmp_path / "it's a book"), "--feed", str(tmp_path / "my sales.csv")]) == 0
    message = capsys.readouterr().out
    folder = tmp_path / "it's a book"
    book = open_book(folder)
    (source,) = read_agreements(folder)
    assert "tierledger run --book" in message
    assert set(book.feeds["transactions"].columns) >= {"transaction_id", "date", "partner_id", "amount"}
    tiers = source.agreement.benefits[0].tiers
    assert tiers
    assert tiers[-1].from_ > 0
    (copied,) = (folder / "feeds" / "transactions").iterdir()
    assert copied.read_text() == text


def test_a_book_without_a_feed_can_be_validated(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "empty")]) == 0
    assert main(["validate", "--book", str(tmp_path / "empty")]) == 0


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.yaml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert (tmp_path / "book.yaml").read_text() == "mine"
    assert main(["init", str(tmp_path / "new"), "--feed", str(tmp_path / "missing.csv")]) == 2
    assert main(["init", str(tmp_path / "new"), "--currency", "euro"]) == 2
    assert not (tmp_path / "new").exists()

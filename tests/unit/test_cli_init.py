"""init: what is guessed from a file nobody has described, and the book that comes out.

Belongs here: proposals and the files written. The run of such a book is in tests/integration/test_run.py.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.agreements.load import read_agreements
from assets.feeds.mapping_proposal import Proposal, propose_mapping
from assets.runtime.book_folder import open_book
from models.documents import InputError
from pipelines.cli.main import main

GERMAN = (
    "Belegnummer;Position;Datum;Kunde;Artikel;Menge;Betrag\nB1;1;13.02.2026;K-1;A1;10;1.234,50\nB1;2;13.02.2026;K-1;A2;1;99,90\nB2;1;28.03.2026;K 2;A1;5;600\n"
)
AMERICAN = "Order ID,Order Date,Customer ID,SKU,Qty,Unit Price\n1,01/15/2026,ACME,X,5,10.50\n1,01/15/2026,ACME,X,5,10.50\n2,02/20/2026,BETA,X,2,10.5\n"
PLAIN = "invoice_no,line_no,invoice_date,customer_id,net_amount,currency\nI1,1,2026-01-02,C9,10.00,EUR\nI1,2,2026-01-02,C9,-3.00,USD\n"


def propose(tmp_path: Path, text: str, name: str = "sales.csv") -> Proposal:
    (tmp_path / name).write_text(text)
    with duckdb.connect() as con:
        return propose_mapping(con, tmp_path / name, "EUR")


def test_plain_columns_map_to_themselves(tmp_path: Path) -> None:
    proposal = propose(tmp_path, PLAIN)
    assert proposal.columns == {
        "transaction_id": "invoice_no", "line": "line_no", "date": "invoice_date", "partner_id": "customer_id", "amount": "net_amount", "currency": "currency",
    }  # fmt: skip
    assert (proposal.key, proposal.defaults, proposal.notes, proposal.needs_rewrite) == (["transaction_id", "line"], {}, [], False)


def test_semicolons_decimal_commas_and_german_dates(tmp_path: Path) -> None:
    proposal = propose(tmp_path, GERMAN)
    assert (proposal.written, proposal.needs_rewrite) == ({"delimiter": ";"}, False)
    assert proposal.columns["date"] == "CAST(STRPTIME(Datum, '%d.%m.%Y') AS DATE)"
    assert proposal.columns["amount"] == "REPLACE(REPLACE(REPLACE(Betrag, '.', ''), ' ', ''), ',', '.')"
    assert proposal.columns["line"] == '"Position"'
    assert any("decimal comma" in note for note in proposal.notes)
    assert proposal.defaults == {"currency": "EUR"}


def test_price_times_quantity_and_rows_without_a_key(tmp_path: Path) -> None:
    proposal = propose(tmp_path, AMERICAN)
    assert proposal.columns["amount"] == 'Qty * "Unit Price"'
    assert proposal.columns["date"] == "CAST(STRPTIME(\"Order Date\", '%m/%d/%Y') AS DATE)"
    assert proposal.key is None
    assert any(note.startswith("key:") for note in proposal.notes)
    assert proposal.largest_partner == "ACME"


def test_a_date_that_can_be_read_two_ways_is_pointed_out(tmp_path: Path) -> None:
    proposal = propose(tmp_path, "id,date,customer,amount\n1,03/04/2026,C,5\n2,05/06/2026,C,6\n")
    assert any(note.startswith("date:") and "more than one way" in note for note in proposal.notes)


def test_a_date_with_a_time_is_cut_to_the_day(tmp_path: Path) -> None:
    proposal = propose(tmp_path, "invoice,date,customer,amount\n1,2026-03-04 08:26:00,C,5\n")
    assert proposal.columns["date"] == 'CAST("date" AS DATE)'


@pytest.mark.parametrize("name", ["sales.parquet", "sales.jsonl"])
def test_parquet_and_json_lines(tmp_path: Path, name: str) -> None:
    form = "parquet" if name.endswith("parquet") else "json"
    duckdb.execute(f"copy (select 'I1' as invoice_no, date '2026-01-02' as invoice_date, 'C9' as customer, 1.5::decimal(9,2) as amount) "
                   f"to '{tmp_path / name}' (format {form})")  # fmt: skip
    with duckdb.connect() as con:
        proposal = propose_mapping(con, tmp_path / name, "EUR")
    assert proposal.columns["partner_id"] == "customer"
    assert (proposal.needs_rewrite, proposal.rows) == (False, 1)


@pytest.mark.parametrize(("text", "message"), [("a,b\n1,2\n", "no column looks like date or partner_id or amount"), ("id,date,customer,amount\n", "no rows")])
def test_a_file_that_cannot_be_transactions_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        propose(tmp_path, text)


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


def test_a_day_that_does_not_exist_is_a_reject_and_no_other_format(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 28 + 1:02d}/{i % 12 + 1:02d}/2025,C{i % 3},5.00\n" for i in range(60))
    proposal = propose(tmp_path, f"id,date,customer,amount\n{rows}99,31/02/2025,C1,5.00\n")
    assert proposal.columns["date"] == "CAST(STRPTIME(\"date\", '%d/%m/%Y') AS DATE)"

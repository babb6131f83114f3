"""Refused rows through the whole program: shown by reason, exported, corrected, resolved; waiting rows come by themselves."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from models.feeds.reject_reasons import CORRECTION_COLUMNS, REASONS
from pipelines.cli.main import main
from pipelines.run import run_book

AGREEMENT = """agreement: A
title: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: {kind: dealer}
benefits: [{id: b, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}]
"""
BOOK = """book: small
currency: EUR
as_of: 2026-06-30
feeds:
  partners: {files: "feeds/partners/*.csv", key: [partner_id], snapshot: true}
  products: {files: "feeds/products/*.csv", key: [product_id]}
  transactions: {files: "feeds/transactions/*.csv", KEY delimiter: ";", decimal: ","}
"""
KEY = "key: [transaction_id, line],"
HEADER = "transaction_id;line;date;partner_id;product_id;amount;currency;note"
ROWS = """T-1;1;2026-03-31;P-1;X;100,00;EUR;fine
T-2;1;2026-03-31;P-1;X;-12.50;EUR;=cmd()
T-3;1;31.03.2026;P-1;X;10,00;EUR;@home
T-4;1;2026-03-31;P-2;X;200,00;EUR;waits for P-2
T-5;1;2026-03-31;P-1;Y;300,00;EUR;waits for Y
T-6;1;2026-03-31;P-1;X;400,00;EUR
"""


def write(book: Path, name: str, text: str) -> None:
    (book / name).parent.mkdir(parents=True, exist_ok=True)
    (book / name).write_text(text, encoding="utf-8")


def small_book(folder: Path, key: str = KEY) -> Path:
    write(folder, "book.yaml", BOOK.replace("KEY", key))
    write(folder, "agreements/a.yaml", AGREEMENT)
    write(folder, "feeds/partners/a.csv", "partner_id,kind\nP-1,dealer\nP-3,dealer\n")
    write(folder, "feeds/products/a.csv", "product_id,name\nX,Ex\n")
    write(folder, "feeds/transactions/a.csv", f"{HEADER}\n{ROWS}")
    return folder


def published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def shown(book: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert main(["rejects", "--book", str(book), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def correct(exported: Path, changes: dict[str, dict[str, str]]) -> str:
    """The exported file as a person leaves it: some cells changed."""
    with exported.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    for row in rows:
        row.update(changes.get(row["transaction_id"], {}))
        row.pop(None, None)  # the fields beyond the header, which a person moves to where they belong
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("key", [KEY, pytest.param("", marks=pytest.mark.long)])
def test_refused_rows_are_shown_exported_corrected_and_then_count(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    book = small_book(tmp_path / "book", key)
    run_book(book)
    groups = {group["reason"]: group for group in shown(book, capsys)["groups"]}
    assert {reason: group["open"] for reason, group in groups.items()} == {
        "bad_number": 1, "bad_date": 1, "unknown_partner": 1, "unknown_product": 1, "wrong_field_count": 1
    }  # fmt: skip
    assert (groups["bad_number"]["row_number"], groups["bad_number"]["line_number"]) == (2, 3)
    assert groups["bad_number"]["remedy"] == REASONS["bad_number"].remedy
    (exported,) = shown(book, capsys, "--export", str(tmp_path / "out"))["exported"]
    assert (exported["rows"], exported["left_out"]) == (3, 2)
    text = Path(exported["file"]).read_text()
    assert text.splitlines()[0] == ";".join([HEADER, *CORRECTION_COLUMNS])
    assert ";-12.50;EUR;'=cmd();" in text
    assert ";'@home;" in text
    before = published(book, "select sum(payout) from fct_payout")
    write(book, "feeds/transactions/fixed.csv", correct(Path(exported["file"]), {"T-2": {"amount": "-12,50"}, "T-3": {"date": "2026-03-31"}}))
    write(book, "feeds/partners/b.csv", "partner_id,kind\nP-1,dealer\nP-2,dealer\n")
    write(book, "feeds/products/b.csv", "product_id,name\nY,Why\n")
    run_book(book)
    assert before == [(Decimal("10"),)]
    assert published(book, "select sum(payout) from fct_payout") == [(Decimal("99.75"),)]
    groups = {group["reason"]: group for group in shown(book, capsys)["groups"]}
    assert {reason: (group["open"], group["resolved"]) for reason, group in groups.items()} == {
        "bad_number": (0, 1), "bad_date": (0, 1), "wrong_field_count": (0, 1)
    }  # fmt: skip
    resolved = "select row_number, resolved_by_file, resolved_by_row, how from audit_reject_resolved order by 1"
    assert published(book, resolved) == [(row, "feeds/transactions/fixed.csv", by, "named") for row, by in ((2, 1), (3, 2), (6, 3))]
    assert shown(book, capsys, "--export", str(tmp_path / "again"))["exported"] == []
    with duckdb.connect(str(book / "warehouse.duckdb"), read_only=True) as con:
        notes = con.execute("select \"attribute:note\" from raw.transactions where transaction_id in ('T-2', 'T-3') order by 1").fetchall()
        assert notes == [("=cmd()",), ("@home",)]
    assert published(book, "select partner_id from dim_partner order by 1") == [("P-1",), ("P-2",)]
    assert published(book, "select rows_loaded, rows_duplicate, rows_superseded from audit_feed_file where feed = 'partners' order by arrival_no") == [
        (1, 0, 1),
        (1, 1, 0),
    ]
    assert main(["rejects", "--book", str(book)]) == 0
    assert "1 corrected since" in capsys.readouterr().out


@pytest.mark.long
def test_what_was_exported_and_put_back_untouched_is_still_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        "T-1;1;2026-03-31;P-1;X;'-100,00;EUR;a", "T-2;1;2026-03-31;P-1;X;''-7,00;EUR;'=a", "T-3;1;2026-03-31;P-1;X;1;234,00;EUR;b",
        "T-4;1;2026-03-31;P-1;X;400,00;EUR", "T-5;1;2026-03-31;P-1;X;-5.5;EUR;c", "T-6;1;2026-03-31;P-1;X; 6,00;EUR;\"'-1\n2\"",
        "T-7;1;2026-03-31;P-1;X;=1+1;EUR;'",
    ]  # fmt: skip
    book = small_book(tmp_path / "book")
    write(book, "feeds/transactions/a.csv", "\n".join([HEADER.replace("note", "=note"), *rows, "T-9;1;2026-03-31;P-1;X;1,00;EUR;'-fine", ""]))
    run_book(book)
    query = "select reason, column_name from audit_reject order by file_name, row_number"
    before = published(book, query)
    assert len(before) == len(rows)
    (first,) = shown(book, capsys, "--export", str(tmp_path / "out"))["exported"]
    exported = Path(first["file"]).read_text()
    assert exported.splitlines()[0] == ";".join([HEADER.replace("note", "'=note"), *CORRECTION_COLUMNS])
    write(book, "feeds/transactions/b.csv", exported)
    run_book(book)
    assert published(book, query) == before * 2
    (again,) = shown(book, capsys, "--export", str(tmp_path / "out"))["exported"]
    with Path(again["file"]).open(newline="") as file:
        cells = [row[: len(HEADER.split(";"))] for row in csv.reader(file, delimiter=";")][1:]
    assert cells[: len(rows)] == cells[len(rows) :]
    assert published(book, "select count(*) from audit_reject_resolved") == [(0,)]
    assert published(book, "select sum(payout) from fct_payout") == [(Decimal("0.1"),)]
    assert main(["verify", "--book", str(book), "--quiet"]) == 0


@pytest.mark.long
def test_a_later_row_of_the_same_key_settles_a_refused_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = small_book(tmp_path / "book")
    run_book(book)
    write(book, "feeds/transactions/b.csv", f"{HEADER}\n{ROWS.replace('-12.50', '-12,50').splitlines()[1]}\n")
    run_book(book)
    assert published(book, "select row_number, resolved_by_file, resolved_by_row, how from audit_reject_resolved") == [
        (2, "feeds/transactions/b.csv", 1, "key")
    ]
    groups = {group["reason"]: group["open"] for group in shown(book, capsys)["groups"]}
    assert groups["bad_number"] == 0
    assert groups["bad_date"] == 1


@pytest.mark.long
def test_a_payment_that_names_no_payout_waits_for_one(tmp_path: Path) -> None:
    book = small_book(tmp_path / "book")
    write(book, "book.yaml", (book / "book.yaml").read_text() + '  payments: {files: "feeds/payments/*.csv"}\n')
    payments = "agreement,benefit,participant_id,window_start,amount,paid_on,reference"
    write(book, "feeds/payments/a.csv", f"{payments}\nA,b,P-1,2026-01-01,4.00,2026-05-02,PAY-1\nA,b,P-2,2026-01-01,3.00,2026-05-02,PAY-2\n")
    run_book(book)
    message = "there is no payout A/b/P-2/2026-01-01; the payment counts once there is one"
    query = "select row_number, reason, message, raw::json->>'reference' from audit_reject where feed = 'payments'"
    assert published(book, query) == [(2, "unknown_payout", message, "PAY-2")]
    assert published(book, "select rows_loaded, rows_rejected from audit_feed_file where feed = 'payments'") == [(1, 1)]
    assert published(book, "select participant_id, settled from fct_payout where settled <> 0") == [("P-1", 4)]

    write(book, "feeds/partners/b.csv", "partner_id,kind\nP-1,dealer\nP-2,dealer\nP-3,dealer\n")
    run_book(book)
    assert published(book, query) == []
    assert published(book, "select participant_id, settled from fct_payout where settled <> 0 order by 1") == [("P-1", 4), ("P-2", 3)]


@pytest.mark.long
def test_tables_commands_and_messages_show_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the first run to the correction, which has lines of its own."""
    book = small_book(tmp_path / "book")
    rows = ['T-1;1;2026-03-31;P-1;X;100,00;EUR;"two\nlines"', "", "T-2;1;2026-03-31;P-1;X;-12.50;EUR;x", "T-3;1;2026-03-31;P-1;X;10,00;EUR;y"]
    content = "\n".join([HEADER, *rows, ""])
    (book / "feeds/transactions/a.csv").write_text(content)
    run_book(book)
    assert published(book, "select transaction_id, source_row, source_line from fct_payout_line order by all") == [("T-1", 1, 2), ("T-3", 3, 6)]
    assert published(book, "select row_number, line_number from audit_reject") == [(2, 5)]
    assert [content.split("\n")[line - 1][:3] for line in (5, 6)] == ["T-2", "T-3"]
    assert main(["explain", "A/b/P-1/2026-01-01", "--book", str(book)]) == 0
    assert "a.csv, line 6 (row 3)" in capsys.readouterr().out
    assert main(["explain", "A/b/P-1/2026-01-01", "--book", str(book), "--format", "json"]) == 0
    assert [line["source_line"] for line in json.loads(capsys.readouterr().out)["lines"]] == [2, 6]
    assert main(["rejects", "--book", str(book), "--export", str(tmp_path / "out")]) == 0
    assert "a.csv, line 5 (row 2): " in capsys.readouterr().out
    exported = tmp_path / "out" / "transactions.csv"
    assert ";2;5;bad_number;" in exported.read_text()
    (book / "feeds/transactions/b.csv").write_text(correct(exported, {"T-2": {"amount": "-12,50"}}).replace("\n", "\n\n", 1))
    run_book(book)
    assert published(book, "select row_number, line_number, resolved_by_row, resolved_by_line, how from audit_reject_resolved") == [(2, 5, 1, 3, "named")]
    assert published(book, "select source_row, source_line from fct_payout_line where transaction_id = 'T-2'") == [(1, 3)]
    assert main(["verify", "--book", str(book), "--quiet"]) == 0

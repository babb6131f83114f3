"""What is read from a file that nobody has described: its lines, the kinds of its rows, its minor units.

Belongs here: single guesses over small texts. Does not belong here: whole exports (tests/integration/feeds/test_first_files.py), numbers and days
(tests/unit/test_cli_init.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assets.feeds.proposal.proposal import Proposal
from assets.feeds.proposal.propose import propose
from assets.feeds.proposal.trial import try_out
from models.documents import InputError


def proposal_for(folder: Path, text: str, currency: str | None = None) -> Proposal:
    (folder / "file.csv").write_text(text, encoding="utf-8")
    return propose(folder / "file.csv", currency)


def layout_of(proposal: Proposal) -> dict[str, Any]:
    return {name: proposal.settings[name] for name in ("header_row", "footer", "fill_down", "fill_within", "ignore") if name in proposal.settings}


HEADER = "Invoice,Date,Customer,Net\n"
ROWS = "I1,2026-01-13,C1,5.50\nI2,2026-01-14,C2,6.50\nI3,2026-02-01,C1,7.50\n"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        (HEADER + ROWS, {}),
        ("Sales 2026,,,\n\n" + HEADER + ROWS, {"header_row": 3}),
        ("Customer list\nNorth,South\n" + HEADER + ROWS, {"header_row": 3}),
        (HEADER + ROWS + "Total,,,19.50\n", {"ignore": '"Date" IS NULL AND Customer IS NULL'}),
        (HEADER + ROWS + "Total,,C1 and C2,19.50\n", {"ignore": "\"Date\" IS NULL AND (Invoice ILIKE '%total%')"}),
        (HEADER + ROWS + "I4,,C1,7.50\n", {}),  # a row that lacks its day is rejected, not left out
        (HEADER + ROWS + "*** END ***\n", {"footer": r"\*\*\*"}),
        (HEADER + ROWS + "Printed 2026-03-01\nPage 1\n", {"footer": 2}),
        (HEADER + ROWS + "I4,2026-02-02\n", {}),  # cut off
        (HEADER + ROWS + "I4,2026-02-02,C1,7.50,8\n", {}),  # too wide
        (HEADER + ROWS + "17\n", {}),
    ],
)
def test_only_lines_that_are_no_data_are_left_out(tmp_path: Path, text: str, layout: dict[str, Any]) -> None:
    assert layout_of(proposal_for(tmp_path, text)) == layout


def test_a_name_once_per_block_is_filled_down_and_one_that_is_missing_is_not(tmp_path: Path) -> None:
    block = "Customer,Invoice,Date,Net\n" + "".join(f"{f'C{i // 4}' if i % 4 == 0 else ''},I{i},2026-01-{i + 1:02d},5.5\n" for i in range(12))
    assert layout_of(proposal_for(tmp_path, block)) == {"fill_down": ["Customer"]}
    missing = "Customer,Invoice,Date,Net\n" + "".join(f"{'' if i == 7 else 'C1'},I{i},2026-01-{i + 1:02d},5.5\n" for i in range(12))
    assert layout_of(proposal_for(tmp_path, missing)) == {}


def test_an_order_s_total_is_no_amount_of_its_lines(tmp_path: Path) -> None:
    orders = (
        "Order,Email,Created at,Total,Qty,Price\nA,x@y,2026-01-02,30.00,1,10.00\nA,,,,2,10.00\nB,z@y,2026-01-03,5.50,1,5.50\nC,z@y,2026-01-04,7.00,2,3.50\n"
    )
    proposal = proposal_for(tmp_path, orders)
    assert layout_of(proposal) == {"fill_down": ["Email", "Created at"], "fill_within": "Order"}
    assert proposal.columns["amount"] == "Qty * Price"


def test_the_order_is_what_most_columns_have_once_of_and_not_a_customer_with_several(tmp_path: Path) -> None:
    orders = (
        "Name,Email,Paid at,Status,Total,Created at,Qty,Price\n#1,ann@y,2026-01-31,paid,40.00,2026-01-31,2,10.00\n"
        "#1,ann@y,,,,2026-01-31,1,15.00\n#2,bob@y,2026-02-01,paid,20.00,2026-02-01,2,10.00\n#3,bob@y,,open,9.00,2026-02-02,1,9.00\n"
    )
    proposal = proposal_for(tmp_path, orders)
    assert layout_of(proposal) == {"fill_down": ["Paid at", "Status"], "fill_within": "Name"}
    assert {name: proposal.columns[name] for name in ("transaction_id", "partner_id", "amount")} == {
        "transaction_id": "Name", "partner_id": "Email", "amount": "Qty * Price",
    }  # fmt: skip


def test_a_report_between_ruled_lines_with_blanks_for_margins_is_read(tmp_path: Path) -> None:
    line = "-" * 40
    header = "|  |Konto|Belegnr|Belegdatum|Betrag|"
    text = f"Konten\n{line}\n{header}\n{line}\n|  |A|1|05.01.2026|5,50|\n|  |B|2|15.01.2026|6,50|\n{line}\n|* |||  |12,00|\n{line}\n"
    proposal = proposal_for(tmp_path, text)
    assert try_out(proposal, tmp_path / "file.csv").sentence() == "all 2 rows would be taken (3 more are no data)"


def test_a_short_note_below_days_or_numbers_is_no_row(tmp_path: Path) -> None:
    text = "data;1USD;100HUF;1EUR\n20260105;3,95;1,05;4,25\n20260107;3,96;1,06;4,26\nUwagi;;;\n"
    assert proposal_for(tmp_path, text).settings["footer"] == "Uwagi"


SIDES = "Betrag,{side},Konto,Gegenkonto,Datum,Beleg\n100.00,{first},{accounts},2026-01-13,R1\n50.00,{second},{accounts},2026-01-14,R2\n"


@pytest.mark.parametrize(
    ("side", "written", "accounts", "partner", "kept", "takes_back"),
    [
        ("Soll/Haben-Kennzeichen", "SH", "10001,8400", "Konto", "S", "H"),
        ("Soll/Haben-Kennzeichen", "HS", "8400,10001", "Gegenkonto", "H", "S"),
        ("D/C", "DC", "10001,8400", "Konto", "D", "C"),
        ("S/H", "SS", "10001,8400", "Konto", "S", "H"),  # no credit note yet
        ("Konzern", "SS", "10001,8400", "Konto", "", ""),
    ],
)
def test_debit_and_credit_are_those_of_the_customer_s_account(
    tmp_path: Path, side: str, written: str, accounts: str, partner: str, kept: str, takes_back: str
) -> None:
    proposal = proposal_for(tmp_path, SIDES.format(side=side, first=written[0], second=written[1], accounts=accounts))
    assert proposal.columns["partner_id"] == partner
    wanted = f"CASE WHEN \"{side}\" = '{takes_back}' THEN 'return' WHEN \"{side}\" = '{kept}' THEN 'sale' ELSE \"{side}\" END" if kept else None
    assert proposal.columns.get("type") == wanted
    assert proposal.settings.get("signs") == ("by_type" if kept else None)


@pytest.mark.parametrize(
    ("rows", "signs", "kind", "other"),
    [
        (["Invoice,5.50", "Credit Memo,-2.50"], None, "credit", None),
        (["Invoice,5.50", "Credit Memo,2.50"], "by_type", "credit", None),
        (["F2,5.50", "RE,2.50"], "by_type", "return", None),
        (["Invoice,5.50", "Refund,2.50", "Refund,-2.50"], None, "return", "by_type"),
        (["Sales invoice,5.50", "Sales credit note,2.50"], "by_type", "credit", None),
        (["Item sold,5.50", "Partial refund of an item,2.50"], "by_type", "return", None),
    ],
)
def test_credits_by_their_kind_are_turned_if_they_have_no_sign(tmp_path: Path, rows: list[str], signs: str | None, kind: str, other: str | None) -> None:
    text = "Invoice,Date,Customer,Type,Net\n" + "".join(f"I{i},2026-01-13,C1,{row}\n" for i, row in enumerate(rows))
    proposal = proposal_for(tmp_path, text)
    assert (proposal.columns["amount"], proposal.settings.get("signs")) == ("Net", signs)
    assert f"THEN '{kind}' WHEN " in proposal.columns["type"]
    assert {each.name: each.value for each in proposal.undecided}.get("signs") == other


def test_a_kind_that_the_file_does_not_have_yet_is_rejected_and_no_sale(tmp_path: Path) -> None:
    """The first month has no credit memo. The second has one, without a sign."""
    header, rows = "Invoice,Date,Customer,Document Type,Net\n", "I1,2026-01-13,C1,Invoice,5.50\nI2,2026-01-13,C1,Order,5.50\n"
    proposal = proposal_for(tmp_path, header + rows)
    assert try_out(proposal, tmp_path / "file.csv").taken == 2
    (tmp_path / "next.csv").write_text(header + rows + "I3,2026-02-13,C1,Credit Memo,5.50\n")
    assert try_out(proposal, tmp_path / "next.csv").sentence().startswith("2 of 3 rows would be taken; 1 because type: Credit Memo is not one of sale")


def test_types_of_our_own_words_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = "".join(f"I{i},2026-01-13,C1,{kind},{amount}\n" for i, (kind, amount) in enumerate({"sale": 5, "return": -5, "adjustment": 1}.items()))
    assert proposal_for(tmp_path, "Invoice,Date,Customer,Type,Net\n" + rows).columns["type"] == "Type"


def test_a_column_type_that_says_something_else_is_not_ours(tmp_path: Path) -> None:
    proposal = proposal_for(tmp_path, "Invoice,Date,Customer,Type,Net\nI1,2026-01-13,C1,Item,5.50\nI2,2026-01-13,C1,G/L Account,6.50\n")
    assert proposal.columns["type"] == "'sale'"
    assert try_out(proposal, tmp_path / "file.csv").sentence() == "all 2 rows would be taken"


@pytest.mark.parametrize(
    ("header", "row", "partner"),
    [
        ("Num,Date,Name,Account,Amount", "1,2026-01-13,Alpha,Sales,5.50", "Name"),
        ("*InvoiceNumber,*InvoiceDate,*ContactName,LineAmount", "1,2026-01-13,Alpha,5.50", '"*ContactName"'),
        ("Belegnr,Belegdatum,Konto,Betrag", "1,2026-01-13,100010,5.50", "Konto"),
    ],
)
def test_customers_by_the_names_that_books_of_accounts_have(tmp_path: Path, header: str, row: str, partner: str) -> None:
    assert proposal_for(tmp_path, f"{header}\n{row}\n").columns["partner_id"] == partner


def test_stars_before_totals_are_no_customer(tmp_path: Path) -> None:
    text = "Customer balances\n\n,Konto,Belegnr,Belegdatum,Betrag\n,A,1,05.01.2026,5.50\n*,A,,,5.50\n,B,2,15.01.2026,6.50\n*,B,,,6.50\n"
    assert proposal_for(tmp_path, text).columns["partner_id"] == "Konto"


@pytest.mark.parametrize(
    ("rows", "read_as"),
    [
        (["1,2026-01-13,C,5.50,USD", "2,2026-01-13,C,5.50,", "3,2026-01-13,C,5.50,USD"], "USD"),
        (["1,2026-01-13,C,5.50,USD", "2,2026-01-13,C,5.50,", "3,2026-01-13,C,5.50,"], "EUR"),  # empty is the currency of the house
        (["1,2026-01-13,C,5.50,", "2,2026-01-14,C,5.50,", ",,,11.00,GBP"], "GBP"),
    ],
)
def test_rows_without_a_currency_have_that_of_most_or_of_the_totals(tmp_path: Path, rows: list[str], read_as: str) -> None:
    proposal = proposal_for(tmp_path, "\n".join(["Invoice,Date,Customer,Amount,Currency", *rows, ""]))
    assert proposal.defaults["currency"] == read_as


def test_failed_payments_are_no_data_and_cancelled_ones_are_left_to_a_person(tmp_path: Path) -> None:
    rows = "".join(f"I{i},2026-01-13,C1,{status},5.50\n" for i, status in enumerate(["paid", "failed", "cancelled", "paid"]))
    proposal = proposal_for(tmp_path, "Invoice,Date,Customer,Status,Net\n" + rows)
    assert (proposal.settings["ignore"], proposal.reasons["ignore"]) == ("Status = 'failed'", "1 row of failed sold nothing")
    assert [(each.name, each.value) for each in proposal.undecided] == [("deleted", "Status = 'cancelled'")]


@pytest.mark.parametrize(
    ("header", "rows", "amount"),
    [
        ("id,Date,Customer,amount", ["txn_1a,2026-01-13,C,550", "txn_2b,2026-01-13,C,1000"], "amount / 100"),
        ("id,Date,Customer,amount,currency", ["ch_1,2026-01-13,C,550,eur", "ch_2,2026-01-13,C,500,jpy", "ch_3,2026-01-13,C,500,kwd"],
         "CASE WHEN upper(currency) = 'EUR' THEN amount / 100 WHEN upper(currency) = 'JPY' THEN amount WHEN upper(currency) = 'KWD' THEN amount / 1000 END"),
        ("Invoice,Date,Customer,amount_cents", ["1,2026-01-13,C,550", "2,2026-01-13,C,1000"], "amount_cents / 100"),
        ("Invoice,Date,Customer,amount", ["1,2026-01-13,C,550", "2,2026-01-13,C,1000"], "amount"),
        ("id,Date,Customer,amount", ["txn_1a,2026-01-13,C,5.50", "txn_2b,2026-01-13,C,1000"], "amount"),
    ],
)  # fmt: skip
def test_minor_units_are_divided_where_the_file_shows_them(tmp_path: Path, header: str, rows: list[str], amount: str) -> None:
    assert proposal_for(tmp_path, "\n".join([header, *rows, ""])).columns["amount"] == amount


def test_days_without_a_year_take_that_of_the_period_above_the_header(tmp_path: Path) -> None:
    """A file from December to January: each day is in its own year."""
    text = "EXTF;Buchungen;20261201;20270131\nBetrag;Kunde;Beleg;Belegdatum\n5,50;K1;R1;3112\n6,50;K1;R2;101\n"
    proposal = proposal_for(tmp_path, text)
    (tmp_path / "file.csv").write_text(text, encoding="utf-8")
    trial = try_out(proposal, tmp_path / "file.csv")
    assert (trial.taken, str(trial.last_day)) == (2, "2027-01-01")


def test_no_message_asks_for_a_change_of_the_file(tmp_path: Path) -> None:
    proposal = proposal_for(tmp_path, "a,b\nx,1.5\ny,2.5\n")
    assert proposal.missing == ["date", "partner_id"]
    assert not any("ename" in each.why for each in proposal.undecided)
    with pytest.raises(InputError, match="its header names Net more than once"):
        proposal_for(tmp_path, "Invoice,Date,Customer,Net,Net\nI1,2026-01-13,C1,5.50,6.50\n")

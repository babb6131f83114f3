"""Closing on tables made by hand: what is frozen, what is refused, what a second close adds, and that nothing closed ever moves."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import polars as pl
import pytest

from assets.closing.close import close_periods, list_differences, reopen_period, write_off_payout
from assets.closing.journal_export import as_csv, as_xlsx, read_journal
from assets.closing.load_ledger import load_ledger
from assets.ledger.folder import read_heads, read_ledger
from assets.published.reader import sealed
from models.documents import InputError
from models.records.chain import NO_HASH
from models.records.closing import LedgerRuleViolation, last_closed
from tests.support.ledger_books import HandMade

ACCRUED = {"p1": {"2026-01": "10.00", "2026-02": "25.00", "2026-03": "30.00"}, "p2": {"2026-01": "0.00", "2026-02": "7.50"}}


@pytest.fixture
def book(tmp_path: Path) -> HandMade:
    made = HandMade(tmp_path / "book [1]", {payout: dict(months) for payout, months in ACCRUED.items()})
    made.publish()
    return made


def close(book: HandMade, period: str, **more: object) -> list[str]:
    """Close on what is published now, publish what follows, and name the folders that came."""
    closed = close_periods(book.publish(), period, "J. Doe", **more)  # type: ignore[arg-type]
    book.publish()
    return [each.record.folder for each in closed]


def rows(book: HandMade, folder: str, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((book.folder / "ledger" / folder / name).read_text(), newline="")))


def test_a_close_freezes_accruals_payouts_and_journal(book: HandMade) -> None:
    assert close(book, "2026-02", with_earlier=True) == ["0001-close-2026-01-v1", "0002-close-2026-02-v1"]
    january, february = (rows(book, folder, "accruals.csv") for folder in ("0001-close-2026-01-v1", "0002-close-2026-02-v1"))
    assert [(row["payout_id"], row["accrual"]) for row in january] == [("p1", "10.0000"), ("p2", "0.0000")]
    assert [(row["payout_id"], row["accrued_to_date"], row["accrued_before"], row["accrual"]) for row in february] == [
        ("p1", "25.0000", "10.0000", "15.0000"),
        ("p2", "7.5000", "0.0000", "7.5000"),
    ]
    assert january[0]["agreement_id"] == '=A, "1"', "the ledger keeps texts as they are"
    assert rows(book, "0001-close-2026-01-v1", "payouts.csv") == []
    assert [(row["payout_id"], row["payout"]) for row in rows(book, "0002-close-2026-02-v1", "payouts.csv")] == [("p2", "7.5000")]
    assert len(rows(book, "0002-close-2026-02-v1", "journal.csv")) == 4
    record = read_ledger(book.folder / "ledger").records[1]
    assert (record.closed_by, record.run_id, record.arrivals, record.agreements) == ("J. Doe", "r1", {"transactions": 1}, {'=A, "1"/1': "c1"})


def test_closing_twice_does_nothing(book: HandMade) -> None:
    close(book, "2026-01")
    before = {path: path.read_bytes() for path in (book.folder / "ledger").rglob("*") if path.is_file()}
    assert close(book, "2026-01") == []
    assert {path: path.read_bytes() for path in (book.folder / "ledger").rglob("*") if path.is_file()} == before


def test_what_changes_later_is_posted_in_the_first_open_period(book: HandMade) -> None:
    close(book, "2026-02", with_earlier=True)
    book.accrued["p1"]["2026-01"] = "12.00"
    book.accrued["p2"]["2026-02"] = "9.00"
    context = book.publish()
    (later,) = list_differences(context, "2026-02")
    assert (later["period"], later["reason"], later["accrual"]) == ("2026-03", "late", Decimal("-0.50"))  # p1 −2.00, p2 +1.50
    close(book, "2026-03")
    posted = rows(book, "0003-close-2026-03-v1", "accruals.csv")
    assert [(row["payout_id"], row["origin_period"], row["reason"], row["accrual"]) for row in posted] == [
        ("p1", "2026-01", "late", "2.0000"),
        ("p1", "2026-02", "late", "-2.0000"),
        ("p1", "2026-03", "", "5.0000"),
        ("p2", "2026-02", "late", "1.5000"),
    ]
    assert [(row["payout_id"], row["payout"]) for row in rows(book, "0003-close-2026-03-v1", "payouts.csv")] == [("p1", "30.0000"), ("p2", "9.0000")]
    posted_in_all = book.posted()
    assert sum(amount for (payout, _), amount in posted_in_all.items() if payout == "p1") == Decimal("30")
    assert sum(amount for (payout, _), amount in posted_in_all.items() if payout == "p2") == Decimal("9")


def test_a_change_that_is_taken_back_adds_up_to_nothing(book: HandMade) -> None:
    close(book, "2026-02", with_earlier=True)
    book.accrued["p2"]["2026-02"] = "9.00"
    close(book, "2026-03")
    book.accrued["p2"]["2026-02"] = "7.50"
    close(book, "2026-04")
    assert book.posted()["p2", "2026-02"] == Decimal("7.50")
    assert [row["accrual"] for row in rows(book, "0004-close-2026-04-v1", "accruals.csv")] == ["-1.5000"]


def test_a_payout_that_is_gone_is_taken_back(book: HandMade) -> None:
    close(book, "2026-02", with_earlier=True)
    book.gone.add("p2")
    close(book, "2026-03")
    (row,) = (row for row in rows(book, "0003-close-2026-03-v1", "accruals.csv") if row["payout_id"] == "p2")
    assert (row["accrual"], row["direction"], row["currency"], row["agreement_version"]) == ("-7.5000", "payable", "EUR", "1")
    assert [(row["payout_id"], row["payout"]) for row in rows(book, "0003-close-2026-03-v1", "payouts.csv")] == [("p1", "30.0000"), ("p2", "0.0000")]
    assert book.posted()["p2", "2026-02"] == 0


def test_a_reopened_period_is_closed_again_with_the_differences_alone(book: HandMade) -> None:
    close(book, "2026-02", with_earlier=True)
    reopened = reopen_period(book.publish(), "2026-02", "wrong price list", "J. Doe", "A. Roe")
    assert (reopened.folder, reopened.version) == ("0003-reopen-2026-02-v1", 1)
    assert last_closed(read_ledger(book.folder / "ledger").records) == "2026-01"
    book.accrued["p2"]["2026-02"] = "8.00"
    assert close(book, "2026-02") == ["0004-close-2026-02-v2"]
    assert [(row["payout_id"], row["accrual"]) for row in rows(book, "0004-close-2026-02-v2", "accruals.csv")] == [("p2", "0.5000")]
    assert len(rows(book, "0002-close-2026-02-v1", "accruals.csv")) == 2, "the first version stays"
    with pytest.raises(LedgerRuleViolation, match="only the last closed period"):
        reopen_period(book.publish(), "2026-01", "x", "a", "b")


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ("2026-07", "ends on 2026-07-31, and the book is as of 2026-06-30"),
        ("2026-02", "2026-01 before 2026-02 is still open"),
        ("2026-03", "2026-01 to 2026-02"),
    ],
)
def test_refused_in_the_wrong_order(book: HandMade, period: str, message: str) -> None:
    with pytest.raises(LedgerRuleViolation, match=message):
        close(book, period)
    assert not (book.folder / "ledger").exists()


def test_a_book_set_back_in_time_adds_nothing_to_its_ledger(book: HandMade) -> None:
    close(book, "2026-02", with_earlier=True)
    book.as_of = "2026-05-31"
    with pytest.raises(LedgerRuleViolation, match=r"the book is as of 2026-05-31, and its ledger was last written as of 2026-06-30"):
        close(book, "2026-03")


@pytest.mark.parametrize(("period", "message"), [("march", "is not a period"), ("2026-13", "has no period 2026-13"), ("1980-01", "has no period")])
def test_a_name_that_is_no_period_is_wrong_input(book: HandMade, period: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        close(book, period)


def test_rejects_and_blocked_payouts_refuse_until_somebody_accepts_them(book: HandMade) -> None:
    book.rejects, book.blocked = 7, {"p2"}
    with pytest.raises(LedgerRuleViolation) as refused:
        close(book, "2026-01")
    assert "1 blocked payout: =A" in str(refused.value)
    assert "7 rows rejected since the last close" in str(refused.value)
    assert "f1.csv line 8 (row 7): amount" in str(refused.value)
    close(book, "2026-01", accept_open="old shop system")
    record = read_ledger(book.folder / "ledger").records[0]
    assert [(each.check, each.by, each.reason) for each in record.overrides] == [
        ("no_payout_is_blocked", "J. Doe", "old shop system"),
        ("rejects_are_within_the_limit", "J. Doe", "old shop system"),
    ]
    assert [row["accrual"] for row in rows(book, record.folder, "accruals.csv")] == ["10.0000", "0.0000"], "a blocked payout posts nothing"
    book.blocked = set()
    assert close(book, "2026-02") == ["0002-close-2026-02-v1"], "what was accepted stays accepted"
    book.rejects += 1
    with pytest.raises(LedgerRuleViolation, match="1 rows rejected"):
        close(book, "2026-03")


def test_in_a_book_with_approval_closes_and_write_offs_take_two_people(book: HandMade) -> None:
    book.more = "require_approval: true\n"
    book.settled = {"p1": "29.90"}
    with pytest.raises(InputError, match="a close takes two people; name the second"):
        close(book, "2026-01")
    with pytest.raises(InputError, match=r"a close takes two people, and both are 'J\. Doe'"):
        close(book, "2026-01", approved_by="j. doe")
    with pytest.raises(InputError, match="--approved-by"):
        close(book, "2026-01", approved_by=" ")
    close(book, "2026-01", approved_by="A. Roe")
    with pytest.raises(InputError, match="a write-off takes two people; name the second"):
        write_off_payout(book.publish(), "p1", "bank charge", "J. Doe")
    assert write_off_payout(book.publish(), "p1", "bank charge", "J. Doe", approved_by="A. Roe").approved_by == "A. Roe"
    ledger = read_ledger(book.folder / "ledger")
    assert [record.approved_by for record in ledger.records] == ["A. Roe"]
    assert [line.approved_by for line in ledger.write_offs] == ["A. Roe"]


def test_the_limit_of_rejects_is_the_books(book: HandMade) -> None:
    book.rejects, book.more = 2, "close: {quarantine_limit: 2}\n"
    assert close(book, "2026-01") == ["0001-close-2026-01-v1"]


def test_write_offs_up_to_what_is_open_and_the_limit(book: HandMade) -> None:
    book.settled = {"p1": "29.60", "p2": "9.00"}
    written = write_off_payout(book.publish(), "p1", "bank charge", "J. Doe", Decimal("0.10"))
    assert (written.sequence, written.amount, written.period, written.date.isoformat()) == (1, Decimal("0.1000"), "2026-06", "2026-06-30")
    book.settled["p1"] = "29.70"
    assert write_off_payout(book.publish(), "p1", "the rest", "J. Doe").amount == Decimal("0.3000")
    for wrong in ("1.90", "-1.90", "0", "1e40"):
        with pytest.raises(LedgerRuleViolation, match=r"has -1\.5000 EUR open, so .* cannot be written off"):
            write_off_payout(book.context(), "p2", "x", "y", Decimal(wrong))
    with pytest.raises(LedgerRuleViolation, match=r"book\.yaml allows 1 "):
        write_off_payout(book.context(), "p2", "x", "y")
    assert write_off_payout(book.context(), "p2", "overpaid", "y", Decimal("-0.50")).amount == Decimal("-0.5")
    with pytest.raises(InputError, match="too many decimals: EUR has 2"):
        write_off_payout(book.context(), "p2", "x", "y", Decimal("-0.001"))
    with pytest.raises(InputError, match="--reason"):
        write_off_payout(book.context(), "p2", " ", "y")
    load_ledger(book.context())
    with duckdb.connect(str(book.context().warehouse)) as con:
        assert con.execute("select sequence, payout_id, amount, period from ledger.write_offs order by 1").fetchall() == [
            (1, "p1", Decimal("0.1000"), "2026-06"),
            (2, "p1", Decimal("0.3000"), "2026-06"),
            (3, "p2", Decimal("-0.5000"), "2026-06"),
        ]


def test_a_write_off_in_a_closed_month_is_posted_in_the_next(book: HandMade) -> None:
    book.as_of, book.settled = "2026-03-31", {"p1": "29.99"}
    close(book, "2026-03", with_earlier=True)
    written = write_off_payout(book.publish(), "p1", "rounding", "J. Doe")
    assert (written.date.isoformat(), written.period) == ("2026-03-31", "2026-04")
    assert close(book, "2026-03") == []


def test_a_line_cut_short_is_named_with_the_way_out(book: HandMade) -> None:
    book.settled = {"p1": "29.60"}
    write_off_payout(book.publish(), "p1", "x", "y", Decimal("0.10"))
    file = book.folder / "ledger" / "write_offs.jsonl"
    file.write_bytes(file.read_bytes() + b'{"agreement_id":"')
    with pytest.raises(InputError, match=r"write_offs.jsonl:2: the last line was cut short.*Delete this line, then run the command again"):
        load_ledger(book.context())


def test_every_table_of_the_ledger_is_there_when_nothing_is_closed(book: HandMade) -> None:
    report = load_ledger(book.context())
    names = ("closes", "arrivals", "agreements", "write_offs", "accruals", "payouts", "journal", "payment_batches", "payment_lines")
    assert report.rows == {f"ledger.{name}": 0 for name in names}
    assert report.head == NO_HASH
    assert read_heads(book.folder / "ledger") == dict.fromkeys(("ledger_sha256", "write_offs_sha256", "payments_sha256"), NO_HASH)


def test_the_tables_of_the_ledger_are_what_was_closed(book: HandMade) -> None:
    book.rejects = 1
    close(book, "2026-02", with_earlier=True, accept_open="why not")
    reopen_period(book.publish(), "2026-02", "r", "J. Doe", "A. Roe")
    report = load_ledger(book.context())
    assert report.rows["ledger.closes"] == 3
    with duckdb.connect(str(book.context().warehouse)) as con:
        found = con.execute("select sequence, kind, period, version, is_in_force, closed_by, approved_by from ledger.closes order by 1").fetchall()
        assert found == [
            (1, "close", "2026-01", 1, True, "J. Doe", None),
            (2, "close", "2026-02", 1, False, "J. Doe", None),
            (3, "reopen", "2026-02", 1, False, "J. Doe", "A. Roe"),
        ]
        assert json.loads(con.execute("select overrides from ledger.closes where sequence = 1").fetchall()[0][0])[0]["by"] == "J. Doe"
        assert con.execute("from ledger.arrivals order by all").fetchall() == [(1, "transactions", 2), (2, "transactions", 2)]
        assert con.execute("from ledger.agreements order by all limit 1").fetchall() == [(1, '=A, "1"', 1, "c1")]
        assert con.execute("select sum(accrual), any_value(typeof(accrual)), any_value(reason) from ledger.accruals").fetchall() == [
            (Decimal("32.5"), "DECIMAL(18,4)", None)
        ]
        assert con.execute("select typeof(window_end), typeof(measure) from ledger.payouts").fetchall() == [("DATE", "DECIMAL(38,12)")]


def test_the_ledger_may_not_grow_shorter_than_what_was_published(book: HandMade) -> None:
    close(book, "2026-02", with_earlier=True)
    manifest = book.folder / "published" / "current" / "tables.json"
    manifest.write_text(json.dumps(sealed({**json.loads(manifest.read_text()), "terms": read_heads(book.folder / "ledger")})))
    load_ledger(book.context())
    last = book.folder / "ledger" / "0002-close-2026-02-v1"
    last.rename(book.folder / "away")
    with pytest.raises(InputError, match=r"does not hold the head .* of the published run r1"):
        load_ledger(book.context())


def test_the_journal_leaves_as_csv_and_xlsx_without_formulas(book: HandMade) -> None:
    journal = read_journal(book.folder, "2026-01")
    assert not journal.is_closed
    (total,) = journal.totals
    assert (total["currency"], total["entries"], total["debit"], total["credit"]) == ("EUR", 1, Decimal(10), Decimal(10))
    read = list(csv.DictReader(io.StringIO(as_csv(journal), newline="")))
    assert [(row["agreement_id"], row["participant_id"], row["debit"], row["account"]) for row in read] == [
        ('\'=A, "1"', "'-C1", "10.0000", "4100"),
        ('\'=A, "1"', "'-C1", "0.0000", "2200"),
    ]
    assert as_xlsx(journal) == as_xlsx(journal)
    with zipfile.ZipFile(io.BytesIO(as_xlsx(journal))) as workbook:
        sheet, texts = (workbook.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings"))
    assert [formula.split("(")[0] for formula in re.findall("<f>(.*?)</f>", sheet)] == ["SUMIFS", "SUMIFS"], "texts are no formulas, totals are"
    assert '<t>\'=A, "1"</t>' in texts
    assert "<t>4100</t>" in texts, "an account is a name, not a number"
    assert "<v>10</v>" in sheet
    close(book, "2026-01")
    assert read_journal(book.folder, "2026-01").is_closed


def test_entries_of_a_kind_are_left_out_with_their_sums(book: HandMade) -> None:
    whole = read_journal(book.folder, "2026-01")
    kinds = set(whole.lines["kind"])
    assert kinds == {"accrual"}
    assert read_journal(book.folder, "2026-01", ["settlement"]).lines.equals(whole.lines)
    without = read_journal(book.folder, "2026-01", ["settlement", "accrual"])
    assert (without.lines.height, without.totals) == (0, [])
    with pytest.raises(InputError, match="there is no kind settlements; the kinds of entries are accrual, true_up, settlement"):
        read_journal(book.folder, "2026-01", ["settlements"])


def test_the_worksheet_is_one_that_an_accountant_can_use(book: HandMade) -> None:
    journal = read_journal(book.folder, "2026-01")
    in_yen = journal.lines.with_columns(pl.lit("JPY").alias("currency"))
    total = {**journal.totals[0], "currency": "JPY"}
    lines = pl.concat([journal.lines, in_yen]).with_columns(pl.when(pl.col("line_no") == 1).then("debit").alias("debit_reporting"))
    both = replace(journal, lines=lines, totals=[*journal.totals, total])
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx(both)))["2026-01"]
    debit = both.lines.columns.index("debit") + 1
    assert all(cell.font.b for cell in sheet[1])
    assert [sheet.cell(row, debit).number_format for row in (2, 4)] == ["#,##0.00", "#,##0"], "the decimals of each currency"
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:T5")
    reported = [sheet.cell(row, 20) for row in range(2, 6)]
    assert {(cell.value is None, cell.number_format) for cell in reported} == {(False, "#,##0.00"), (True, "General")}, "the decimals of the book's currency"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage, "as wide as a page, and as many pages as it takes"
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight, sheet.print_title_rows) == ("landscape", 0, "$1:$1")
    totals = [(sheet.cell(row, 1).value, sheet.cell(row, debit).value, sheet.cell(row, debit).number_format) for row in (7, 8)]
    assert totals == [
        ("Total EUR", '=SUMIFS($G$2:$G$5,$I$2:$I$5,"EUR")', "#,##0.00"),
        ("Total JPY", '=SUMIFS($G$2:$G$5,$I$2:$I$5,"JPY")', "#,##0"),
    ]
    values = openpyxl.load_workbook(io.BytesIO(as_xlsx(both)), data_only=True)["2026-01"]
    assert [values.cell(row, debit).value for row in (7, 8)] == [10, 10], "readers that compute nothing see them too"


def test_a_spreadsheet_keeps_ids_that_look_like_numbers_or_days(book: HandMade) -> None:
    journal = read_journal(book.folder, "2026-01")
    ids = ["0042", "12345678901234567", "1E5", "2026-03", "1/2", "4100", "ID-01"]
    lines = pl.concat([journal.lines] * 4)[: len(ids)].with_columns(pl.Series("participant_id", ids))
    read = list(csv.DictReader(io.StringIO(as_csv(replace(journal, lines=lines), is_for_spreadsheet=True), newline="")))
    assert [row["participant_id"] for row in read] == ['="0042"', '="12345678901234567"', '="1E5"', '="2026-03"', '="1/2"', "4100", "ID-01"]
    assert {row["period"] for row in read} == {'="2026-01"'}
    plain = list(csv.DictReader(io.StringIO(as_csv(replace(journal, lines=lines)), newline="")))
    assert [row["participant_id"] for row in plain] == ids, "what an import reads is as it is"


def test_an_amount_that_a_worksheet_would_round_is_refused(book: HandMade) -> None:
    journal = read_journal(book.folder, "2026-01")
    for amount, fits in (("99999999999999.0000", True), ("9999999999999.99", True), ("99999999999999.99", False), ("-12345678901234.05", False)):
        large = replace(journal, lines=journal.lines.with_columns(pl.lit(Decimal(amount)).cast(pl.Decimal(18, 4)).alias("debit")))
        if fits:
            assert as_xlsx(large)
            continue
        with pytest.raises(InputError, match="has more than the 15 digits that a worksheet keeps; use --format csv"):
            as_xlsx(large)

"""audit_line and `why-not`: every row of a file has a verdict, what pays is counted, and the reason named is the first that fails.

Belongs here: what holds of the demo book, edges of one reason, the words of the command. Does not belong here: random books (tests/torture/test_torture.py).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets.published.marts import tables_of_view, view_query
from pipelines.cli.main import main

REASONS = {"counted", "rejected", "superseded", "duplicate", "waiting", "partner", "assignment", "term", "type", "product", "where", "original", "exclusive"}


@pytest.fixture(scope="module")
def published(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        con.execute("create temp table audited as from audit_line")
        yield con


@pytest.fixture
def changed(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """What the view reads, as tables that a test may change, for the lines of one day of one partner that is assigned."""
    with duckdb.connect() as con:
        for table in tables_of_view("audit_line"):
            con.execute(f"create table {table} as from '{demo_book}/published/current/{table}.parquet'")
        con.execute("delete from fct_transaction where not (transaction_id = 'INV-011437' and line = 3)")
        yield con


ASSIGNED = "SERVICE-MATRIX-2526"
NAMED = """
    insert into dim_credit by name select 7 as credit_no, 'INV-011437' as transaction_id, 'X' as participant_id, {share} as share, '1' as share_written;
    update fct_transaction set credit_no = 7;
    insert into audit_named_road by name
        select agreement_id, agreement_version, 'X' as member_id, 'X' as participant_id, valid_from, valid_to, takes_part_from, takes_part_to
        from audit_road where is_assigned and agreement_id = '{agreement}'"""


def reason_of(con: duckdb.DuckDBPyConnection, agreement: str) -> str:
    ((reason,),) = con.execute(f"select reason from ({view_query('audit_line')}) where agreement_id = ?", [agreement]).fetchall()
    return str(reason)


def test_every_row_of_every_file_has_a_verdict_per_agreement_once(published: duckdb.DuckDBPyConnection) -> None:
    assert {reason for (reason,) in published.sql("select distinct reason from audited").fetchall()} == REASONS
    assert published.sql("from fct_transaction anti join audited using (source_sha256, source_row)").fetchall() == []
    assert published.sql("select source_sha256, source_row, agreement_id from audited group by all having count(*) > 1").fetchall() == []


def test_dispositions_are_those_that_the_files_are_counted_by(published: duckdb.DuckDBPyConnection) -> None:
    of_rows = """
        select source_sha256, count(*) filter (disposition in ('loaded', 'waiting')), count(*) filter (disposition = 'duplicate'),
            count(*) filter (disposition = 'superseded'), count(*) filter (disposition = 'rejected')
        from fct_transaction group by all order by all"""
    of_files = """
        select sha256, rows_loaded, rows_duplicate, rows_superseded, rows_rejected from audit_feed_file
        where feed = 'transactions' and status = 'loaded' order by all"""
    assert published.sql(of_rows).fetchall() == published.sql(of_files).fetchall()


def test_what_a_payout_has_as_its_line_is_counted(published: duckdb.DuckDBPyConnection) -> None:
    lines = "select distinct agreement_id, source_sha256, source_row from fct_payout_line join fct_payout using (payout_id) where source_row is not null"
    assert published.sql(f"select count(*) > 10000 from ({lines})").fetchall() == [(True,)]
    lost = f"from ({lines}) anti join (from audited where reason = 'counted') using (agreement_id, source_sha256, source_row) limit 3"
    assert published.sql(lost).fetchall() == []


@pytest.mark.parametrize(
    ("change", "agreement", "reason"),
    [
        ("select 1", "SERVICE-MATRIX-2526", "counted"),
        ("update audit_road set share_to = share_from where is_assigned", "SERVICE-MATRIX-2526", "share 0"),
        ("update audit_road set valid_to = date '2025-10-02' where is_assigned", "SERVICE-MATRIX-2526", "counted"),
        ("update audit_road set valid_to = date '2025-10-01' where is_assigned", "SERVICE-MATRIX-2526", "assignment"),
        ("update audit_road set valid_from = date '2025-10-03', is_assigned = false", "SERVICE-MATRIX-2526", "partner"),
        ("update dim_scope set counts_to = date '2025-10-02'", "SERVICE-MATRIX-2526", "counted"),
        ("update dim_scope set counts_to = date '2025-10-01'", "SERVICE-MATRIX-2526", "term"),
        ("update dim_scope set counts_to = null", "SERVICE-MATRIX-2526", "term"),
        ("update dim_scope set counts_sale = false", "SERVICE-MATRIX-2526", "type"),
        ("update audit_product_scope set scopes = replace(scopes, '1', '0')", "SERVICE-MATRIX-2526", "product"),
        ("update dim_scope set condition_no = 0; update fct_transaction set conditions_held = '0'", "SERVICE-MATRIX-2526", "where"),
        ("update dim_scope set condition_no = 0; update fct_transaction set conditions_held = '1'", "SERVICE-MATRIX-2526", "counted"),
        ("update dim_scope set condition_no = 1; update fct_transaction set conditions_held = '10'", "SERVICE-MATRIX-2526", "where"),
        (
            "update dim_agreement set returns = 'original'; update fct_transaction set original_date = date '2025-06-30'",
            "SERVICE-MATRIX-2526",
            "original",
        ),
        (
            "update dim_agreement set returns = 'original'; update fct_transaction set original_date = date '2025-09-30';"
            "update audit_road set valid_from = date '2025-10-01'",
            "SERVICE-MATRIX-2526",
            "original",
        ),
        ("select 1", "DACH-RETAIL-2025", "exclusive"),
        ("update dim_agreement set priority = 0 where agreement_id = 'DACH-RETAIL-2025'", "DACH-RETAIL-2025", "counted"),
        ("update dim_agreement set priority = 0 where agreement_id = 'DACH-RETAIL-2025'", "WINE-PROMOTION-2025", "exclusive"),
        ("delete from dim_scope where is_claim and agreement_id = 'WINE-PROMOTION-2025'", "DACH-RETAIL-2025", "counted"),
        ("update fct_transaction set disposition = 'waiting'", "DACH-RETAIL-2025", "waiting"),
        # who takes part on some days only
        ("update audit_road set takes_part_from = date '2025-10-02', takes_part_to = date '2025-10-02'", ASSIGNED, "counted"),
        ("update audit_road set takes_part_from = date '2025-10-03'", ASSIGNED, "term"),
        ("update audit_road set takes_part_to = date '2025-10-01'", ASSIGNED, "term"),
        ("update audit_road set takes_part_to = date '2025-10-01'; update dim_scope set counts_to = null", ASSIGNED, "term"),
        (
            "update dim_agreement set returns = 'original'; update fct_transaction set original_date = date '2025-10-01';"
            "update audit_road set takes_part_from = date '2025-10-02'",
            ASSIGNED,
            "original",
        ),
        # who is named for the line
        ("update fct_transaction set credit_no = 7", ASSIGNED, "assignment"),
        (NAMED.format(share=1, agreement=ASSIGNED), ASSIGNED, "counted"),
        (NAMED.format(share=0, agreement=ASSIGNED), ASSIGNED, "share 0"),
        (f"{NAMED.format(share=1, agreement=ASSIGNED)}; update audit_named_road set valid_to = date '2025-10-01'", ASSIGNED, "assignment"),
        (f"{NAMED.format(share=1, agreement=ASSIGNED)}; update audit_named_road set takes_part_from = date '2025-10-03'", ASSIGNED, "term"),
        (f"{NAMED.format(share=1, agreement=ASSIGNED)}; delete from audit_road", ASSIGNED, "counted"),
    ],
)
def test_the_first_thing_that_fails_is_the_reason(changed: duckdb.DuckDBPyConnection, change: str, agreement: str, reason: str) -> None:
    changed.execute(change)
    assert reason_of(changed, agreement) == reason


def test_a_row_that_reaches_no_agreement_has_a_row_without_one(changed: duckdb.DuckDBPyConnection) -> None:
    changed.execute("delete from audit_road")
    assert changed.execute(f"select agreement_id, reason from ({view_query('audit_line')})").fetchall() == [(None, "partner")]


def test_the_view_works_where_the_database_was_copied_to(demo_book: Path, tmp_path: Path) -> None:
    copy = shutil.copy(demo_book / "published" / "tierledger.duckdb", tmp_path / "other.duckdb")
    with duckdb.connect() as con:
        con.execute(f"attach '{copy}' as elsewhere (read_only)")
        assert con.sql("select count(*) > 0 from elsewhere.audit_line where reason = 'exclusive'").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("INV-011437/3", "counted  SERVICE-MATRIX-2526  sales-and-service (clause 1) for SP-04, 2025-07-01 to 2025-12-31: brings 145.23, pays 0.92 EUR"),
        ("INV-011437/3", "exclusive  DACH-RETAIL-2025  agreement WINE-PROMOTION-2025 of the group DACH-GOODS keeps the line"),
        ("INV-011437/3", "term  PRESIDENTS-CLUB-2026  the day 2025-10-02 is not in its term, 2026-01-01 to 2026-06-30"),
        ("INV-009142", "where  CIDER-CONTEST-2025  the condition of contest (clause 1) does not hold: quantity >= 2"),
        ("CRN-008335", "original  AGENT-COMMISSION-2526  it counts on the day of its original INV-008335, 2025-06-18"),
        ("CRN-008267", "type  CIDER-CONTEST-2025  contest (clause 1) counts sale, and this is a return"),
        ("CRN-008267", "assignment  UK-SALES-BONUS-2526  partner IU-07 is assigned to SP-06 from 2025-10-01 to 9999-12-31, and the day is 2025-07-03"),
        ("INV-E0001", "waiting: its day, 2026-07-01, is after the day up to which the run counts"),
        ("ERR-001", "rejected: product 014-KEG-50L is not in the feed products on 2024-09-12; the row counts once it arrives there"),
        ("INV-007519/2", "superseded: replaced by feeds/transactions/2025-05_corrections.csv, row 6"),
        ("INV-007519/3", "duplicate: it repeats a row that came before: feeds/transactions/2025-05.csv, row 412"),
        ("PUR-00054", "No agreement can be reached from partner VE-08."),
    ],
)
def test_why_not_says_it_in_words(demo_book: Path, capsys: pytest.CaptureFixture[str], asked: str, words: str) -> None:
    assert main(["why-not", asked, "--book", str(demo_book)]) == 0
    assert words in capsys.readouterr().out


def test_why_not_of_one_agreement_as_json(demo_book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why-not", "INV-011437/3", "--agreement", "DACH-RETAIL-2025", "--json", "--book", str(demo_book)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert [(each["agreement_id"], each["reason"]) for each in row["verdicts"]] == [("DACH-RETAIL-2025", "exclusive")]
    assert row["counted"] == []


@pytest.mark.parametrize(
    ("asked", "words"), [(["INV-NONE"], "no row of a file of transactions has"), (["INV-011437", "-a", "X"], "no agreement is called 'X'")]
)
def test_what_is_not_there_is_said(demo_book: Path, capsys: pytest.CaptureFixture[str], asked: list[str], words: str) -> None:
    assert main(["why-not", *asked, "--book", str(demo_book)]) == 2
    assert words in capsys.readouterr().err

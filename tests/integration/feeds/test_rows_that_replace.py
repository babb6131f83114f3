"""What rows take back of earlier ones, through the whole program: published, verified, and the same from the archive.

Belongs here: one story per setting. Does not belong here: what one load records of it (the other modules of this folder).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.archive.manifest import read_manifest
from assets.verification.second_reading import read_again
from models.book.settings import parse_book
from pipelines.cli.main import main
from pipelines.run import run_book

BOOK = """book: small
currency: EUR
as_of: 2026-12-31
feeds:
  transactions: {files: "feeds/transactions/*", defaults: {currency: EUR}, SETTINGS}
"""
AGREEMENT = """agreement: A
title: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [P]
benefits: [{id: b, clause: "1", window: month, tiers: [{from: 0, rate: 1}]}]
"""


class Story:
    """A book that files arrive in, one after the other."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        (folder / "agreements").mkdir(parents=True)
        (folder / "agreements/a.yaml").write_text(AGREEMENT)
        (folder / "book.yaml").write_text(BOOK.replace("SETTINGS", settings))
        (folder / "feeds/transactions").mkdir(parents=True)

    def deliver(self, name: str, *rows: str) -> list[str]:
        """The warnings of the run that takes the file in."""
        (self.folder / "feeds/transactions" / name).write_text("\n".join(rows) + "\n")
        return run_book(self.folder).warnings

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "published/tierledger.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def months(self) -> dict[int, Decimal]:
        """What each month pays, where it pays."""
        return dict(self.query("select month(window_start), payout from fct_payout where payout <> 0 order by 1"))

    def is_proved(self) -> bool:
        """`verify` builds the same tables from the archive and reads the files a second way."""
        return main(["verify", "--book", str(self.folder)]) == 0


@pytest.mark.long
@pytest.mark.parametrize("key", ["", pytest.param("key: [transaction_id], deleted: \"note = 'gone'\", ", marks=pytest.mark.long)])
def test_corrections_of_a_file_go_with_it_where_a_file_replaces_all_rows(tmp_path: Path, key: str) -> None:
    story = Story(tmp_path / "book", f"{key}replace: file")
    header = "transaction_id,date,partner_id,amount,note"
    story.deliver("a.csv", header, "A,2026-01-05,P,1.50,", "B,2026-01-06,P,much,", "C,2026-02-06,P,more,")
    story.deliver("b.csv", header, "X,2026-03-05,P,0.50,", "Y,2026-03-06,P,less,")
    assert main(["rejects", "--export", str(tmp_path / "out"), "--book", str(story.folder)]) == 0
    exported = (tmp_path / "out/transactions.csv").read_text()
    story.deliver("fix.csv", exported.replace(",much,", ",2.00,").replace(",more,", ",4.00,").replace(",less,", ",8.00,"))
    assert story.months() == {1: Decimal("3.50"), 2: 4, 3: Decimal("8.50")}
    story.deliver("a.csv", header, "A,2026-01-05,P,1.50,", "B,2026-01-06,P,16.00,")
    assert story.months() == {1: Decimal("17.50"), 3: Decimal("8.50")}
    assert story.query("select rows_loaded, rows_superseded from audit_feed_file where file_name like '%fix.csv'") == [(1, 2)]
    assert story.is_proved()


@pytest.mark.long
@pytest.mark.parametrize("settings", ["", pytest.param("key: [transaction_id]", marks=pytest.mark.long)])
def test_corrections_of_a_withdrawn_file_go_with_it(tmp_path: Path, settings: str) -> None:
    """What they had replaced counts again, and corrections of other files stay."""
    story = Story(tmp_path / "book", settings)
    header = "transaction_id,date,partner_id,amount,note"
    story.deliver("a.csv", header, "B,2026-01-05,P,1.00,", "C,2026-02-06,P,more,")
    story.deliver("wrong.csv", header, "A,2026-01-05,P,2.00,", "B,2026-01-06,P,much,")
    assert main(["rejects", "--export", str(tmp_path / "out"), "--book", str(story.folder)]) == 0
    exported = (tmp_path / "out/transactions.csv").read_text()
    story.deliver("still_wrong.csv", exported.replace(",much,", ",four,").replace(",more,", ",eight,"))
    again = exported
    for number, line in enumerate(exported.splitlines()[1:], 1):
        sha256 = story.query("select sha256 from audit_feed_file where file_name like '%still_wrong.csv'")[0][0]
        _, _, _, _, _, corrects_file, corrects_row, *_ = line.split(",")
        again = again.replace(f"{corrects_file},{corrects_row},", f"{sha256},{number},") if settings else again
    story.deliver("fix.csv", again.replace(",much,", ",4.00,").replace(",more,", ",8.00,"))
    assert story.months() == {1: Decimal(6 if settings else 7), 2: 8}
    assert main(["withdraw", "wrong.csv", "--reason", "test data", "--by", "J. Doe", "--book", str(story.folder)]) == 0
    run_book(story.folder)
    assert story.months() == {1: 1, 2: 8}
    assert story.query("select rows_loaded, rows_superseded from audit_feed_file where file_name like '%fix.csv'") == [(1, 1)]
    assert story.is_proved()
    story.deliver("again.csv", header, "A,2026-01-05,P,2.00,", "B,2026-01-06,P,much,")
    assert story.months() == {1: Decimal(6 if settings else 7), 2: 8}, "the same bytes, no mistake this time"


@pytest.mark.long
def test_a_row_that_takes_its_key_back_counts_for_nothing_until_a_newer_one_brings_it(tmp_path: Path) -> None:
    story = Story(tmp_path / "book", "key: [transaction_id], deleted: \"cancelled = '1'\"")
    header = "transaction_id,date,partner_id,amount"
    story.deliver("1.csv", header, "A,2026-01-05,P,100.00", "B,2026-01-06,P,200.00", "C,2026-02-06,P,7.00")
    assert story.months() == {1: 300, 2: 7}
    story.deliver("2.csv", f"{header},cancelled", "A,2026-01-05,P,100.00,0", "B,,,,1", "C,2026-02-06,P,7.00,1", "D,2026-02-07,P,9.00,1")
    assert story.months() == {1: 100}
    counts = "select rows_read, rows_loaded, rows_superseded, rows_rejected from audit_feed_file order by arrival_no"
    assert story.query(counts) == [(3, 0, 3, 0), (4, 1, 3, 0)]
    story.deliver("3.csv", f"{header},cancelled", "B,2026-01-06,P,50.00,")
    assert story.months() == {1: 150}
    assert story.is_proved()


@pytest.mark.long
def test_a_row_that_takes_its_key_back_may_repeat_it(tmp_path: Path) -> None:
    story = Story(tmp_path / "book", 'key: [transaction_id], deleted: "cancelled = \'1\'", columns: {cancelled: "NULL"}')
    header = "transaction_id,date,partner_id,amount,cancelled"
    story.deliver("1.csv", header, "A,2026-01-05,P,100.00,0", "B,2026-01-06,P,200.00,0")
    story.deliver("2.csv", header, "B,2026-01-06,P,200.00,1", "C,2026-01-07,P,1.00,0")
    assert story.months() == {1: 101}
    assert story.is_proved()


def read_a_second_way(story: Story, changed: str, to: str) -> str:
    """What the second reading finds wrong with the published lines under other settings."""
    settings = parse_book((story.folder / "book.yaml").read_text().replace(changed, to)).feeds["transactions"]
    archive = story.folder / "archive"
    with duckdb.connect() as con:
        con.execute("create schema published")
        con.execute(f"create view published.fct_payout_line as from '{story.folder}/published/current/fct_payout_line.parquet'")
        return read_again(con, archive, read_manifest(archive), settings).wrong


def test_the_second_reading_names_a_line_of_a_row_that_was_taken_back(tmp_path: Path) -> None:
    story = Story(tmp_path / "book", "key: [transaction_id], deleted: \"cancelled = '1'\"")
    story.deliver("1.csv", "transaction_id,date,partner_id,amount,cancelled", "A,2026-01-05,P,100.00,0", "B,2026-01-06,P,200.00,")
    assert read_a_second_way(story, "", "") == ""
    wrong = read_a_second_way(story, "cancelled = '1'", "cancelled = '0'")
    assert wrong.endswith("1.csv, line 2 (row 1): a published line comes from it, and the file says that the row takes its key back")


@pytest.mark.long
def test_the_newest_file_of_a_month_says_all_there_is_of_it(tmp_path: Path) -> None:
    story = Story(tmp_path / "book", "key: [transaction_id], snapshot: {per: month}")
    header = "transaction_id,date,partner_id,amount"
    story.deliver("1.csv", header, "A,2026-01-05,P,100.00", "B,2026-01-31,P,200.00", "C,2026-02-01,P,7.00")
    story.deliver("2.csv", header, "A,2026-01-05,P,100.00", "D,2026-01-07,P,bad", "E,2026-01-08,P,1.00")
    assert story.months() == {1: 101, 2: 7}
    sha256 = story.query("select sha256 from audit_feed_file where arrival_no = 2")[0][0]
    story.deliver("fixed.csv", f"{header},corrects_file,corrects_row", f"D,2026-01-07,P,50.00,{sha256},2")
    assert story.months() == {1: 151, 2: 7}
    story.deliver("3.csv", header, "A,2026-01-05,P,100.00", "D,2026-01-07,P,50.00")
    assert story.months() == {1: 150, 2: 7}
    assert story.is_proved()


@pytest.mark.long
def test_the_newest_file_says_all_there_is_where_rows_have_no_key(tmp_path: Path) -> None:
    story = Story(tmp_path / "book", "snapshot: true")
    header = "transaction_id,date,partner_id,amount"
    story.deliver("1.csv", header, "A,2026-01-05,P,100.00", "A,2026-01-05,P,100.00")
    story.deliver("2.csv", header, "A,2026-01-05,P,100.00", "B,2026-02-05,P,20.00")
    assert story.months() == {1: 100, 2: 20}
    assert story.is_proved()


@pytest.mark.long
def test_amounts_that_are_turned_by_type_are_proved(tmp_path: Path) -> None:
    story = Story(tmp_path / "book", "signs: by_type, columns: {type: \"CASE WHEN doc = 'KG' THEN 'credit' ELSE 'sale' END\"}")
    story.deliver("1.csv", "transaction_id,date,partner_id,amount,doc", "A,2026-01-05,P,100.00,KR", "B,2026-01-06,P,20.00,KG")
    assert story.months() == {1: 80}
    assert story.is_proved()
    assert "published amount is -20, and the file says 20" in read_a_second_way(story, "signs: by_type", "signs: as_given")


@pytest.mark.long
def test_rows_of_a_key_with_a_column_of_ones_own_replace_each_other(tmp_path: Path) -> None:
    """A rejected row is resolved by a later one of its key, and not by one before it in its file."""
    story = Story(tmp_path / "book", "key: [transaction_id, store/1]")
    header = "transaction_id,date,partner_id,amount,store/1"
    story.deliver("1.csv", header, "A,2026-01-05,P,90.00,", "A,2026-01-05,P,5.00,S1", "B,2026-01-05,P,bad,S2")
    assert story.months() == {1: 95}
    story.deliver("2.csv", header, "A,2026-01-05,P,100.00,", "B,2026-01-05,P,7.00,S1", "B,2026-01-05,P,bad,S1")
    assert story.months() == {1: 112}
    assert story.query("select count(*) from audit_reject_resolved") == [(0,)]
    story.deliver("3.csv", header, "B,2026-01-05,P,1.00,S2")
    assert story.query("select row_number, resolved_by_row, how from audit_reject_resolved") == [(3, 1, "key")]
    assert story.is_proved()

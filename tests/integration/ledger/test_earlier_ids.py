"""A ledger whose ids were recorded before ids began with a letter, and its entries without roles: its payouts are the same, and nothing is posted twice.

Belongs here: ids of earlier versions. Does not belong here: what a close freezes (test_closing.py), the chain (tests/unit/records/test_ledger.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from models.records.chain import ADDED, RECORD, TABLES, Record, seal
from pipelines.cli.main import main
from tests.histories.accounts import open_tables
from tests.support.bonus_book import BOOK, write_book

_ADDED_BY_SEAL = ("sequence", "files", "content_sha256", "previous_sha256", "chain_sha256")


#: The ledger is an input of the run, so that the name of the run changes with it.
UNNAMED = [
    "select * from fct_accrual order by all",
    "select * exclude run_id from fct_payout order by all",
    "select * exclude (entry_id, cost_centre, document_no, text) from fct_journal order by all",
]


def published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with open_tables(book) as con:
        return con.execute(query).fetchall()


def record_as_before(book: Path) -> None:
    """Seal the closes again with ids without their letter, as the first versions did, and forget what knew the newer chain."""
    folders = sorted((book / "ledger").glob("[0-9]*-v*"), key=lambda path: int(path.name.split("-")[0]))
    records: list[Record] = []
    con = duckdb.connect()
    for folder in folders:
        fields = Record.model_validate_json((folder / RECORD).read_bytes()).model_dump(exclude=set(_ADDED_BY_SEAL))
        columns = {table: con.sql(f"select * from read_csv('{folder}/{table}.csv', columns = {kinds})").pl() for table, kinds in TABLES.items()}
        without = {table: frame.with_columns(pl.col("^(payout|entry)_id$").str.slice(1)) for table, frame in columns.items()}
        without["journal"] = without["journal"].select(list(TABLES["journal"])[: -ADDED["journal"]])
        record, files = seal(fields, without, records)
        records.append(record)
        folder.chmod(0o755)
        for name, content in files.items():
            (folder / name).chmod(0o644)
            (folder / name).write_bytes(content)
    shutil.rmtree(book / "published")
    (book / "archive/receipt.json").unlink()


@pytest.mark.long
def test_a_ledger_of_ids_without_a_letter_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write_book(tmp_path / "book")
    (book / "book.yaml").write_text(BOOK)
    assert main(["close", "2026-02", "--by", "J. Doe", "--with-earlier", "--accept-open", "one line", "--book", str(book)]) == 0
    accruals, payouts, entries = (published(book, query) for query in UNNAMED)
    assert published(book, "select count(*) from fct_journal where entry_id like 'e%' and payout_id like 'p%'") == [(len(entries),)]
    record_as_before(book)
    assert main(["run", "--rebuild", "--book", str(book)]) == 0
    assert [published(book, query) for query in UNNAMED] == [accruals, payouts, entries]
    kept = published(book, "select distinct period, entry_id like 'e%' from fct_journal order by all")
    assert {period for period, has_letter in kept if not has_letter} == {"2026-01", "2026-02"}
    assert not {"2026-01", "2026-02"} & {period for period, has_letter in kept if has_letter}
    assert main(["close", "2026-03", "--by", "J. Doe", "--accept-open", "one line", "--book", str(book)]) == 0
    assert main(["verify", "--book", str(book)]) == 0
    (book / "book.yaml").write_text(BOOK + 'accounts: {payable_liability: "2201"}\n')
    capsys.readouterr()
    assert main(["run", "--quiet", "--book", str(book)]) == 2
    assert "account 2200 is not among them, but entries of closed periods use it, the last in 2026-02" in capsys.readouterr().err

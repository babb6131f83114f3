"""Files one after another: the same once more, a corrected one, day by day or all at once, from the archive.

Belongs here: what a second run of the feeds step does. Does not belong here: what one file comes to (test_feed_files.py).
"""

from __future__ import annotations

import os
import shutil
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from models.documents import InputError
from tests.support.feed_books import HEADER, PLAIN, ROW, add_file, csv, load, query, rejects, tables, write_book


def test_every_feed_has_a_table(tmp_path: Path) -> None:
    book = write_book(tmp_path)
    load(book)
    found = {name for (name,) in query(book, "select table_name from duckdb_tables() where schema_name = 'raw'")}
    assert {"transactions", "partners", "products", "targets", "metrics", "fx_rates", "payments", "assignments", "feed_files", "rejects", "feed_keys"} <= found


def test_the_same_bytes_load_once_per_feed(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(ROW)})
    load(book)
    assert query(book, "select arrival_no, status, rows_read from raw.feed_files order by 1") == [(1, "loaded", 1), (2, "duplicate", 0)]
    before = tables(book)
    report = load(book)
    assert report.files_new == 0
    assert tables(book) == before
    assert len((book / "archive" / "manifest.jsonl").read_text().splitlines()) == 2


def test_one_file_may_serve_several_feeds(tmp_path: Path) -> None:
    feeds = 'transactions: {files: "feeds/all/*.csv"}\npartners: {files: "feeds/all/*.csv", columns: {channel: channel, line: "NULL"}}'
    book = write_book(tmp_path, feeds, {"all/a.csv": csv(ROW)})
    load(book)
    assert query(book, "select count(*) from raw.transactions") == [(1,)]
    described = [name for (name, *_) in query(book, "describe raw.partners")]
    assert "attribute:line" not in described
    assert "attribute:channel" in described
    assert sorted(path.name for path in (book / "archive").iterdir() if len(path.name) < 64) == ["manifest.jsonl", "receipt.json"]
    assert len(list((book / "archive").iterdir())) == 3


def test_a_corrected_file_of_the_same_name_is_a_new_arrival(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    add_file(book, "transactions/a.csv", csv(ROW.replace("12.50", "13.00")))
    load(book)
    assert query(book, "select file_no, amount from raw.transactions order by 1") == [(1, Decimal("12.5")), (2, Decimal("13"))]


def test_all_at_once_day_by_day_and_from_the_archive_are_the_same(tmp_path: Path) -> None:
    feeds = PLAIN + '\npartners: {files: "feeds/partners/*"}'
    days = [
        (f"transactions/{day}.csv", csv(ROW.replace("A-1", f"A-{day}"), "bad")) if day % 3 else (f"transactions/{day}.csv", f"{HEADER},extra{day}\n{ROW},x\n")
        for day in range(10, 19)
    ]
    days += [(f"partners/{day}.csv", f"partner_id,region\nP-{day},north\n") for day in range(10, 19)]
    at_once = write_book(tmp_path / "once", feeds, dict(days))
    load(at_once)
    daily = write_book(tmp_path / "daily", feeds)
    for name, content in sorted(days, key=lambda each: each[0][-6:]):
        add_file(daily, name, content)
        load(daily)
    assert tables(daily) == tables(at_once)
    shutil.rmtree(daily / "feeds")
    (daily / "warehouse.duckdb").unlink()
    load(daily)
    assert tables(daily) == tables(at_once)


def test_other_settings_load_the_feed_again_from_the_archive(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW, ROW.replace("EUR", ""))})
    load(book)
    assert rejects(book) == [(2, "missing_value", "currency")]
    shutil.rmtree(book / "feeds")
    write_book(book, 'transactions: {files: "feeds/transactions/*", columns: {amount: "-amount"}, defaults: {currency: GBP}}')
    load(book)
    assert query(book, "select amount, currency from raw.transactions order by row_no") == [(Decimal("-12.5"), "EUR"), (Decimal("-12.5"), "GBP")]
    assert rejects(book) == []


@pytest.mark.parametrize("damage", ["flip", "missing"])
def test_a_damaged_archive_is_noticed_when_it_is_read(tmp_path: Path, damage: str) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    shutil.rmtree(book / "feeds")
    (book / "warehouse.duckdb").unlink()
    archived = next(path for path in (book / "archive").iterdir() if len(path.name) == 64)
    if damage == "flip":
        archived.write_bytes(archived.read_bytes().replace(b"12.50", b"92.50"))
    else:
        archived.unlink()
    with pytest.raises(InputError, match=archived.name):
        load(book)


def test_a_manifest_line_without_its_rows_is_loaded_by_the_next_run(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    before = tables(book)
    with duckdb.connect(str(book / "warehouse.duckdb")) as con:
        con.execute("delete from raw.feed_files")
        con.execute("delete from raw.transactions")
    manifest = book / "archive" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes() + b'{"feed": "transactions", "cut')
    load(book)
    assert tables(book) == before
    add_file(book, "transactions/b.csv", csv(ROW, ROW))
    load(book)
    assert len(manifest.read_bytes().splitlines()) == 2


def test_a_file_whose_time_lies_ahead_of_the_clock_is_named(tmp_path: Path) -> None:
    book = write_book(tmp_path, 'transactions: {files: "feeds/transactions/*", settle_seconds: 5}', {"transactions/a.csv": csv(ROW)})
    ahead = time.time() + 86_400
    os.utime(book / "feeds/transactions/a.csv", (ahead, ahead))
    report = load(book)
    assert report.files_still_written == 1
    assert any("feeds/transactions/a.csv waits until " in warning and "lies ahead of the clock" in warning for warning in report.warnings)


def test_a_clock_that_was_set_back_is_named_and_hides_nothing(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(ROW, ROW)})
    assert load(book, day=30).warnings == ()
    add_file(book, "transactions/c.csv", csv(ROW.replace("A-1", "A-2")))
    (warning,) = load(book, day=1).warnings
    assert warning.startswith("the clock says 2026-06-01 12:00:00 UTC, but feeds/transactions/a.csv arrived on 2026-06-30 12:00:00, and 1 more files arrived")
    assert "as_of, which book.yaml does not set, is 2026-12-31: later lines wait" in warning
    assert query(book, "select count(*) from raw.transactions") == [(4,)]
    assert load(book, day=30).warnings == ()

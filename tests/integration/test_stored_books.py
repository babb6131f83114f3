"""Books whose archive and published sets are in a store, by file:// URLs: a store without a server.

Belongs here: what comes of a store that was emptied, damaged, copied or shared. Does not belong here: races and writers that are killed
(test_object_stores.py), what URLs and settings may say (tests/unit/test_storage_settings.py).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.archive import stored_archive
from assets.archive.manifest import read_manifest
from assets.published.reader import DATABASE
from assets.publishing import duckdb_file, parquet_set
from assets.runtime.book_folder import Overtaken, lock_book
from assets.runtime.context import no_secret
from assets.runtime.stores import open_store, refuse_without_conditions
from models.book.storage_settings import StorageSettings
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.landing import find_landed, hash_of
from pipelines.run import run_book
from pipelines.stores import pull_all
from tests.support.bonus_book import BOOK, DAYS, HEADER, published_tables, write_book
from tests.support.feed_books import ROW, csv, load
from tests.support.feed_books import write_book as write_small_book
from tests.support.once import make_once

NEW = "T9,1,2026-04-02,C2,100.00,EUR\n"


@dataclass(frozen=True)
class Stored:
    """A book in a folder, and the store that it is kept in."""

    book: Path
    store: Path

    @property
    def current(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.store / "published" / "current.json").read_bytes())
        return content

    def object_of(self, table: str) -> Path:
        """The object of a table of the set that readers see."""
        return self.store / "published" / self.current["objects"][table]

    def another(self, name: str) -> Path:
        """A folder with the same book that nothing was fetched to yet."""
        folder = self.book.with_name(name)
        folder.mkdir()
        shutil.copy(self.book / "book.yaml", folder)
        shutil.copytree(self.book / "agreements", folder / "agreements")
        return folder


def keep_in(book: Path, store: Path) -> None:
    (book / "book.yaml").write_text(f"{BOOK}storage:\n  archive: file://{store}/archive\n  published: file://{store}/published\n")


def deliver(book: Path, rows: str = NEW, name: str = "new.csv") -> None:
    (book / "feeds" / "transactions").mkdir(parents=True, exist_ok=True)
    (book / "feeds" / "transactions" / name).write_text(HEADER + rows)


@pytest.fixture
def stored(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Stored:
    """A book after its first run."""

    def make(folder: Path) -> None:
        write_book(folder / "book")
        keep_in(folder / "book", folder / "store")
        run_book(folder / "book")

    made = make_once(tmp_path_factory, "stored", make)
    found = Stored(tmp_path / "book", tmp_path / "store")
    shutil.copytree(made / "book", found.book, symlinks=True)
    shutil.copytree(made / "store", found.store)
    keep_in(found.book, found.store)
    return found


def test_a_mounted_folder_is_a_store(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store", StorageSettings(), no_secret)
    assert store.create("a/b", b"1")
    assert not store.create("a/b", b"2")
    content, seen = store.read("a/b") or (b"", None)
    assert content == b"1"
    assert store.replace_if("a/b", b"3", seen)
    assert not store.replace_if("a/b", b"4", seen)
    assert not store.replace_if("a/b", b"4", None)
    assert not store.replace_if("nothing", b"4", seen)
    assert (store.read("a/b") or (b"",))[0] == b"3"
    assert not store.fetch("a/b", tmp_path / "c", seen)
    refuse_without_conditions(store, replaces=True)


def test_a_store_changes_nothing_that_is_computed(stored: Stored, ran_book: Path) -> None:
    """Not even what the run is called."""
    assert published_tables(stored.book) == published_tables(ran_book)
    assert sorted(path.name for path in stored.store.joinpath("archive").iterdir() if len(path.name) == 64) == sorted(
        arrival.sha256 for arrival in read_manifest(ran_book / "archive")
    )


@pytest.mark.long
def test_another_folder_has_everything_from_the_store(stored: Stored) -> None:
    second = stored.another("second")
    assert run_book(second).status == "nothing_new"
    assert published_tables(second) == published_tables(stored.book)
    with duckdb.connect(str(second / "published" / DATABASE), read_only=True) as con:
        assert con.execute("select count(*) from fct_payout").fetchall() == [(4,)]
    assert main(["verify", "--quiet", "--book", str(second)]) == 0


@pytest.mark.long
def test_what_one_folder_takes_in_the_other_has_too(stored: Stored) -> None:
    second = stored.another("second")
    deliver(second)
    assert run_book(second).status == "published"
    assert run_book(stored.book).status == "nothing_new"
    assert published_tables(stored.book) == published_tables(second)
    deliver(stored.book, "T10,1,2026-04-02,C1,50.00,EUR\n", "newer.csv")
    assert run_book(stored.book).status == "published"
    assert [arrival.arrival_no for arrival in read_manifest(stored.book / "archive")] == [1, 2, 3, 4, 5]
    assert main(["verify", "--quiet", "--book", str(stored.book)]) == 0


def test_a_book_moves_into_a_store(ran_book: Path, tmp_path: Path) -> None:
    book, store = shutil.copytree(ran_book, tmp_path / "book", symlinks=True), tmp_path / "store"
    keep_in(book, store)
    assert run_book(book).status == "nothing_new"
    shutil.rmtree(book / "feeds")
    second = Stored(book, store).another("second")
    assert run_book(second).status == "nothing_new"
    assert published_tables(second) == published_tables(ran_book)
    with duckdb.connect(str(second / "published" / DATABASE), read_only=True) as con:
        assert con.execute("select count(*) from fct_payout").fetchall() == [(4,)]


def test_copies_of_archived_files_are_never_believed(stored: Stored) -> None:
    first, second, *_ = [stored.book / "archive" / arrival.sha256 for arrival in read_manifest(stored.book / "archive")]
    first.write_bytes(first.read_bytes().replace(b"600.00", b"900.00"))
    second.unlink()
    before = published_tables(stored.book)
    run_book(stored.book, rebuild=True, force=True)
    assert published_tables(stored.book) == before
    assert b"600.00" in first.read_bytes()
    first.write_bytes(b"damaged")
    with lock_book(stored.book):
        pull_all(stored.book)  # as `verify` does
    assert b"600.00" in first.read_bytes()


def test_an_archived_file_that_the_store_lost_is_sent_again_or_named(stored: Stored) -> None:
    sha256 = read_manifest(stored.book / "archive")[0].sha256
    lost = stored.store / "archive" / sha256
    lost.unlink()
    run_book(stored.book)
    assert lost.exists()
    lost.unlink()
    with pytest.raises(InputError, match=f"{sha256}.*is missing; it is .*2026-01-05.csv"):
        run_book(stored.another("second"))


def test_a_damaged_object_of_the_archive_is_named(stored: Stored) -> None:
    sha256 = read_manifest(stored.book / "archive")[0].sha256
    damaged = stored.store / "archive" / sha256
    damaged.write_bytes(damaged.read_bytes().replace(b"600.00", b"900.00"))
    with pytest.raises(InputError, match=f"{sha256}.*is damaged: its bytes do not have the hash in its name"):
        run_book(stored.another("second"))
    assert main(["verify", "--quiet", "--book", str(stored.book)]) == 1
    damaged.write_bytes(b"short")
    with pytest.raises(InputError, match=f"{sha256}.*has 5 bytes instead of"):
        run_book(stored.book)


def test_a_published_object_that_was_lost_is_sent_again(stored: Stored, caplog: pytest.LogCaptureFixture) -> None:
    stored.object_of("fct_payout").unlink()
    with caplog.at_level(logging.WARNING):
        assert run_book(stored.book).status == "nothing_new"
    assert "it was sent again" in caplog.text
    assert stored.object_of("fct_payout").exists()


@pytest.mark.long
def test_another_folder_publishes_what_the_store_has_lost(stored: Stored) -> None:
    stored.object_of("fct_payout").unlink()
    second = stored.another("second")
    assert run_book(second).status == "published"
    assert stored.object_of("fct_payout").exists()
    assert run_book(stored.book).status == "nothing_new"


def test_a_damaged_published_object_is_not_read(stored: Stored) -> None:
    stored.object_of("fct_payout").write_bytes(b"PAR1")
    assert main(["verify", "--quiet", "--book", str(stored.book)]) == 1
    with pytest.raises(InputError, match=r"fct_payout.parquet.*other bytes than were published"):
        run_book(stored.another("second"))


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", None])
def test_a_damaged_current_json_is_named(stored: Stored, content: bytes | None) -> None:
    path = stored.store / "published" / "current.json"
    path.write_bytes(path.read_bytes().replace(b"fct_payout", b"fct_payouf", 1) if content is None else content)
    with pytest.raises(InputError, match=r"current.json.*is damaged"):
        run_book(stored.book)
    path.unlink()
    assert run_book(stored.book).status == "nothing_new"
    assert path.exists()


def test_the_archive_of_another_book_is_refused(stored: Stored, tmp_path: Path) -> None:
    other = write_book(tmp_path / "other", {"2026-01-06.csv": DAYS["2026-01-05.csv"]})
    run_book(other)
    keep_in(other, stored.store)
    with pytest.raises(InputError, match=r"has other lines than file://.*another book"):
        run_book(other)


def test_a_gap_in_the_manifest_is_named(stored: Stored) -> None:
    (piece,) = (stored.store / "archive" / "manifest.jsonl").iterdir()
    piece.rename(piece.with_name("000000000000007"))
    with pytest.raises(InputError, match=r"manifest.jsonl.*has a gap"):
        run_book(stored.another("second"))


def test_a_run_that_another_overtakes_takes_nothing_in(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    second = stored.another("second")
    deliver(second, "T10,1,2026-04-02,C1,50.00,EUR\n", "other.csv")
    deliver(stored.book)
    taken = "assets.feeds.load.share_archived"

    def overtake(*arguments: object) -> None:
        monkeypatch.setattr(taken, stored_archive.share_archived)
        run_book(second)

    monkeypatch.setattr(taken, overtake)
    with pytest.raises(Overtaken, match="another run has taken in or withdrawn files"):
        run_book(stored.book)
    assert run_book(stored.book).status == "published"
    assert run_book(second).status == "nothing_new"
    assert [(arrival.file_name, arrival.arrival_no) for arrival in read_manifest(second / "archive")[3:]] == [
        ("feeds/transactions/other.csv", 4),
        ("feeds/transactions/new.csv", 5),
    ]


def test_a_file_is_withdrawn_for_all_folders(stored: Stored) -> None:
    second = stored.another("second")
    arguments = ["--reason", "test data", "--by", "J. Doe", "--quiet", "--book", str(second)]
    assert main(["withdraw", "2026-04-01.csv", *arguments]) == 0
    assert run_book(stored.book).status == "published"
    assert run_book(second).status == "nothing_new"
    assert len(published_tables(second)["fct_payout_line"]) < 7


def test_what_was_known_on_a_day_is_known_in_another_folder(stored: Stored) -> None:
    second = stored.another("second")
    day = read_manifest(stored.book / "archive")[0].arrived_at[:10]
    assert main(["run", "--known-at", day, "--quiet", "--book", str(second)]) == 0
    known = second / "published-known-at" / day
    assert (known / "current" / "fct_payout.parquet").read_bytes() == stored.object_of("fct_payout").read_bytes()


def test_a_set_with_closes_that_the_ledger_lacks_is_refused(stored: Stored) -> None:
    second = stored.another("second")
    assert main(["close", "2026-01", "--by", "J. Doe", "--accept-open", "bad row", "--quiet", "--book", str(stored.book)]) == 0
    run_book(stored.book)
    with pytest.raises(InputError, match="ledger"):
        run_book(second)


def test_large_tables_of_the_stored_database_are_read_where_they_are(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (duckdb_file, parquet_set):
        monkeypatch.setattr(module, "COPIED_UP_TO_ROWS", 4)
    run_book(stored.book, force=True)
    database = stored.store / "published" / stored.current["database"]["object"]
    with duckdb.connect(str(database), read_only=True) as con:
        (sql,) = con.execute("select sql from duckdb_views() where view_name = 'fct_payout_line'").fetchall()[0]
        assert f"file://{stored.store}/published" in sql
        con.execute(f"set variable tierledger = '{stored.store}/published'")
        assert con.execute("select count(*) from fct_payout_line").fetchall() == [(5,)]


def test_doctor_says_whether_the_stores_can_be_listed(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--book", str(stored.book)]) == 0
    book = json.loads(capsys.readouterr().out)["book"]
    assert book["storage.archive"] == f"file://{stored.store}/archive: can be listed, and has objects"


def test_files_of_one_name_in_several_folders_are_several(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    files = {"transactions": csv(ROW), "partners": "partner_id,name\nP-1,One\n"}
    for feed, content in files.items():
        (landing / feed).mkdir(parents=True)
        (landing / feed / "data.csv").write_text(content)
    feeds = "\n".join(f'{feed}: {{files: "file://{landing}/{feed}/*.csv"}}' for feed in files)
    report = load(write_small_book(tmp_path / "book", feeds))
    assert (report.rows["raw.transactions"], report.rows["raw.partners"]) == (1, 1)


def test_a_sensor_knows_an_object_by_its_bytes(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    book = write_small_book(tmp_path / "book", f'transactions: {{files: "file://{landing}/*.csv"}}')
    for content in ("one", "two"):
        (landing / "a.csv").write_text(content)
        (file,) = find_landed(book)["transactions"]
        assert file.is_settled
        assert hash_of(file) == hashlib.sha256(content.encode()).hexdigest()
    (landing / "a.csv").unlink()
    with pytest.raises(FileNotFoundError, match="was replaced while it was read"):
        hash_of(replace(file, stored=replace(file.stored, entry=replace(file.stored.entry, size=7))) if file.stored else file)


@pytest.mark.long
def test_feeds_of_a_mounted_disk_are_named_by_their_place(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    book = write_book(tmp_path / "book", {})
    text = BOOK.replace('"feeds/transactions/*.csv"', f'"file://{landing}/**/*.csv"').replace("    key:", "    done: true\n    totals: json\n    key:")
    (book / "book.yaml").write_text(text)
    for number, (day, rows) in enumerate(DAYS.items()):
        folder = landing / f"part={number}"
        folder.mkdir(parents=True)
        (folder / day).write_text(HEADER + rows)
        (folder / f"{day}.totals.json").write_text(json.dumps({"rows": len(rows.splitlines())}))
        if number < 2:
            (folder / f"{day}.done").touch()
    summary = run_book(book)
    assert [(row["feed"], row["files"], row["rows_read"]) for row in summary.feeds] == [("transactions", 2, 5)]
    assert any("waits for 2026-04-01.csv.done" in warning for warning in summary.warnings)
    names = [arrival.file_name for arrival in read_manifest(book / "archive")]
    assert names == [f"{landing}/part={number}/{day}".lstrip("/") for number, day in enumerate([*DAYS][:2])]
    (landing / "part=2" / "2026-04-01.csv.done").touch()
    assert run_book(book).status == "published"
    before = os.stat(landing / "part=0" / "2026-01-05.csv")
    (landing / "part=0" / "2026-01-05.csv").write_text(HEADER + DAYS["2026-01-05.csv"].replace("600.00", "700.00"))
    assert before.st_size == os.stat(landing / "part=0" / "2026-01-05.csv").st_size
    assert run_book(book).status == "published"
    assert len(read_manifest(book / "archive")) == 4

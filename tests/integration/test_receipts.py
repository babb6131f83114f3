"""Receipts: a book whose warehouse or archive is not what a run left is refused with one message, and made again with one command.

Belongs here: what a run finds before its first step. Does not belong here: many kinds of damage (tests/faults/corruption.py), proofs (test_rebuilding.py).
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import assets.feeds.load
from assets.archive import receipts
from assets.archive.receipts import REBUILT_MISSING
from assets.archive.run_history import read_receipt
from assets.closing.load_ledger import load_ledger
from assets.feeds.load import load_feeds
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from assets.runtime.warehouse import open_warehouse
from models.documents import InputError
from models.records.receipt import Receipt, as_bytes, parse_receipt
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.bonus_book import deliver, published_bytes, published_tables, write_book

NEW = {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book after two runs, with a copy of the warehouse as the first left it. Tests leave both as they are."""
    book = write_book(tmp_path_factory.mktemp("ran") / "book")
    run_book(book)
    shutil.copy(book / "warehouse.duckdb", book.parent / "older.duckdb")
    deliver(book, NEW)
    run_book(book)
    return book


@pytest.fixture
def book(ran: Path, tmp_path: Path) -> Path:
    """A copy of that book to do things to, with the times of its files."""
    return shutil.copytree(ran, tmp_path / "book", symlinks=True)


def test_a_receipt_says_what_was_loaded(ran: Path) -> None:
    receipt = read_receipt(ran / "archive")
    assert receipt is not None
    assert receipt.contents is not None
    assert (receipt.load_no, receipt.contents.files, receipt.contents.arrivals) == (2, 4, {"transactions": 4})
    assert {table: rows for table, rows in receipt.contents.rows.items() if rows} == {"transactions": 7, "rejects": 1}
    assert receipt.contents.amounts == {"EUR": "1258.870000"}  # 600 + 33.33 + 500 + 10.10 + 70 + 44.44 + 1
    assert receipt.run_id == json.loads((ran / "published/current/tables.json").read_bytes())["run_id"]
    assert receipt.kept["manifest.jsonl"].bytes == (ran / "archive/manifest.jsonl").stat().st_size
    assert receipt.kept["runs.jsonl"].bytes == (ran / "archive/runs.jsonl").stat().st_size


def test_a_run_with_nothing_new_leaves_the_receipt_alone(book: Path) -> None:
    before = (book / "archive/receipt.json").stat()
    assert run_book(book).status == "nothing_new"
    after = (book / "archive/receipt.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("size", [6144, *(pytest.param(size, marks=pytest.mark.long) for size in (0, 10240))])
def test_a_warehouse_that_was_never_whole_is_made_anew(tmp_path: Path, ran: Path, size: int) -> None:
    """A first run died, or had no room, while the engine made the file: nobody has to give another command."""
    book = write_book(tmp_path / "book")
    (book / "warehouse.duckdb").write_bytes((ran / "warehouse.duckdb").read_bytes()[:size])
    assert run_book(book).status == "published"
    (book / "archive/receipt.json").unlink()
    (book / "warehouse.duckdb").write_bytes((ran / "warehouse.duckdb").read_bytes()[:size])
    if size:
        with pytest.raises(InputError, match="run --rebuild"):
            run_book(book)


def older_warehouse(book: Path, ran: Path) -> None:
    shutil.copy(ran.parent / "older.duckdb", book / "warehouse.duckdb")


def flipped_bit(book: Path, ran: Path) -> None:
    with (book / "warehouse.duckdb").open("r+b") as file:
        file.seek(100)
        byte = file.read(1)[0]
        file.seek(100)
        file.write(bytes([byte ^ 4]))


def cut_warehouse(book: Path, ran: Path) -> None:
    os.truncate(book / "warehouse.duckdb", (book / "warehouse.duckdb").stat().st_size // 2)


def lost_rows(book: Path, ran: Path) -> None:
    with duckdb.connect(str(book / "warehouse.duckdb")) as con:
        con.execute("delete from raw.transactions where row_no = 1")


def changed_amount(book: Path, ran: Path) -> None:
    with duckdb.connect(str(book / "warehouse.duckdb")) as con:
        con.execute("update raw.transactions set amount = amount + 1 where transaction_id = 'T5'")


def damaged_receipt(book: Path, ran: Path) -> None:
    path = book / "archive/receipt.json"
    path.write_bytes(path.read_bytes().replace(b'"load_no":2', b'"load_no":1'))


def lost_receipt(book: Path, ran: Path) -> None:
    (book / "archive/receipt.json").unlink()


@pytest.mark.parametrize("damage", [older_warehouse, flipped_bit, cut_warehouse, lost_rows, changed_amount, damaged_receipt, lost_receipt])
def test_a_warehouse_that_cannot_be_trusted_is_refused_and_made_again(
    book: Path, ran: Path, damage: Callable[[Path, Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(book, ran)
    before = published_bytes(book)
    assert main(["run", "--book", str(book)]) == 2
    message = capsys.readouterr().err.strip()
    assert len(message.splitlines()) == 1
    assert message.startswith("warehouse.duckdb: cannot be trusted: ")
    assert f"`tierledger run --rebuild --book {book}`" in message
    assert published_bytes(book) == before
    if damage not in (older_warehouse, damaged_receipt):
        return  # the way out is the same
    assert main(["run", "--rebuild", "--book", str(book)]) == 0
    assert "rebuilt from the archive" in capsys.readouterr().out
    assert published_bytes(book) == before
    assert main(["run", "--book", str(book), "--quiet"]) == 0


def test_a_missing_warehouse_is_made_again_and_said(book: Path, ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (book / "warehouse.duckdb").unlink()
    (book / "warehouse.duckdb.wal").write_bytes(b"left over")
    assert main(["run", "--book", str(book), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"][0] == REBUILT_MISSING
    assert main(["run", "--book", str(book), "--force", "--quiet"]) == 0
    assert published_tables(book) == published_tables(ran)


def test_a_crash_between_a_load_and_its_receipt_is_no_damage(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the load leaves less behind than there was: the feed it emptied is loaded again under other settings."""
    (book / "book.yaml").write_text((book / "book.yaml").read_text().replace("key: [transaction_id, line]", "key: [transaction_id, line]\n    non_empty: true"))
    deliver(book, {"2026-05-02.csv": "T10,1,2026-05-02,C1,2.00,EUR\n"})

    class Killed(BaseException):
        """As a kill: nothing in the program expects it."""

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(assets.feeds.load, "write_receipt", killed)
    with pytest.raises(Killed):
        run_book(book)
    monkeypatch.undo()
    receipt = read_receipt(book / "archive")
    assert receipt is not None
    assert receipt.load_no == 2
    assert run_book(book).status == "published"
    receipt = read_receipt(book / "archive")
    assert receipt is not None
    assert receipt.load_no == 3


def test_what_a_receipt_promises_is_in_the_database_file_without_its_log(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may lose the engine's log the moment after a receipt is written."""
    deliver(book, {"2026-05-02.csv": "T10,1,2026-05-02,C1,2.00,EUR\n"})
    write, promised = receipts._write, []

    def write_and_look(archive: Path, receipt: Receipt) -> None:
        write(archive, receipt)
        shutil.copy(book / "warehouse.duckdb", tmp_path / "without_log.duckdb")
        with duckdb.connect(str(tmp_path / "without_log.duckdb")) as con:
            promised.append((receipt.load_no, receipt.load_sha256) in con.execute("from receipts.loads").fetchall())

    monkeypatch.setattr(receipts, "_write", write_and_look)
    context = open_run(book, None, dt.datetime.now(dt.UTC))
    with open_warehouse(context):  # as a run holds it, so that nothing is written by closing it
        load_ledger(context)
        load_feeds(context)
    assert promised == [True]


def lost_file(book: Path) -> str:
    path = archived(book)
    path.unlink()
    return f"archive/{path.name}: is missing; it is feeds/transactions/2026-01-05.csv of feed transactions: restore it from a backup"


def shorter_file(book: Path) -> str:
    path = archived(book)
    os.truncate(path, 10)
    return f"archive/{path.name}: is damaged"


def changed_file(book: Path) -> str:
    path = archived(book)
    path.write_bytes(path.read_bytes().replace(b"600.00", b"900.00"))
    return f"archive/{path.name}: is damaged"


def shorter_manifest(book: Path) -> str:
    path = book / "archive/manifest.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    return "archive/manifest.jsonl: is shorter than it was, or its lines were changed; restore it from a backup"


def changed_history(book: Path) -> str:
    path = book / "archive/runs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"payouts":4', b'"payouts":5'))
    return "archive/runs.jsonl: is shorter than it was, or its lines were changed; restore it from a backup"


def archived(book: Path) -> Path:
    return book / "archive" / json.loads((book / "archive/manifest.jsonl").read_text().splitlines()[0])["sha256"]


@pytest.mark.parametrize("damage", [lost_file, shorter_file, changed_file, shorter_manifest, changed_history])
def test_an_archive_that_was_changed_is_refused_by_name(book: Path, damage: Callable[[Path], str], capsys: pytest.CaptureFixture[str]) -> None:
    before = published_bytes(book)
    message = damage(book)
    for arguments in ([], ["--rebuild"]):
        assert main(["run", "--book", str(book), *arguments]) == 2
        assert message in capsys.readouterr().err
    assert published_bytes(book) == before
    assert (book / "warehouse.duckdb").exists()


def test_a_published_file_with_other_bytes_is_published_anew(book: Path, ran: Path) -> None:
    path = book / "published/current/fct_payout.parquet"
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run_book(book).status == "published"
    assert published_tables(book) == published_tables(ran)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.parquet"), "x.parquet: the disk is full"),
        (duckdb.IOException('IO Error: Could not write file "x": No space left on device'), "the disk is full"),
        (OSError(errno.EMFILE, "Too many open files", "x"), "`ulimit -n 1024`"),
        (PermissionError(errno.EACCES, "Permission denied", "archive"), "archive: the run is not permitted to read or write it"),
    ],
)
def test_what_the_machine_refuses_is_told_with_the_way_out(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, message: str
) -> None:
    def refuse(context: RunContext) -> None:
        raise error

    monkeypatch.setattr("assets.feeds.load.load_feeds", refuse)
    assert main(["run", "--book", str(book)]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "What readers of published/ see is complete" in said
    assert "run again" in said
    assert len(said.splitlines()) == 1


def test_a_warehouse_from_before_a_feed_was_known_holds_what_was_loaded(book: Path) -> None:
    with duckdb.connect(str(book / "warehouse.duckdb")) as con:
        before = receipts.read_contents(con)
        con.execute("drop table raw.disputes")
        assert receipts.read_contents(con).rows == {name: rows for name, rows in before.rows.items() if name != "disputes"}


def test_a_receipt_is_only_what_was_written() -> None:
    data = as_bytes(Receipt(run_id="r"))
    assert parse_receipt(data) == Receipt(run_id="r")
    for damage in (b"", data[:-10], data.replace(b'"r"', b'"s"'), b"[]", b"{}", b"\xff"):
        with pytest.raises(InputError, match="is damaged"):
            parse_receipt(damage)

"""A book with a history: `verify` proves it, and finds whatever was changed since.

Belongs here: verify on a whole book, and each of its statements. Does not belong here: the chain of closes (tests/unit/records/test_ledger.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.archive.run_history import RECEIPT, RUNS
from assets.ledger.folder import read_ledger
from assets.published.reader import sealed
from assets.publishing import line_parts
from assets.runtime.context import silent
from assets.verification.rebuild import materialize_snapshot
from assets.verification.reconciliations import RECONCILIATIONS
from assets.verification.verify import check_kept, open_evidence, reconcile, snapshot_published, view_published
from models.records.chain import head
from pipelines.cli.main import main
from pipelines.run import run_book, run_steps
from tests.support.once import make_once
from tests.support.story_book import Story, command, make_story, open_story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Tests leave the book as it is."""
    return open_story(make_once(tmp_path_factory, "story", make_story))


@pytest.fixture
def book(story: Story, tmp_path: Path) -> Path:
    """A copy of the book to do things to."""
    return shutil.copytree(story.folder, tmp_path / "book", symlinks=True)


def verified(book: Path, capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["verify", *arguments, "--book", str(book), "--json"]) == code
    message = json.loads(capsys.readouterr().out)
    assert message["status"] == ("failed" if code else "ok")
    statements: list[dict[str, Any]] = message["statements"]
    return statements


def test_a_book_with_a_history_is_proved(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in story.folder.rglob("*") if path.is_file()}
    kept = head(read_ledger(story.folder / "ledger").records)
    statements = verified(story.folder, capsys, 0, "--head", kept)
    assert [each["id"] for each in statements if each["status"] != "ok"] == []
    assert {each["id"] for each in statements} >= {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I16", "I17"}
    figures = {each["id"]: each["compared"] for each in statements if each["id"] in ("I1", "I9", "I12")}
    assert (figures["I1"]["rows"], figures["I1"]["rejected"]) == (8, 1)
    assert figures["I9"]["paid"] == "22.4000 EUR"
    assert figures["I9"]["written_off"] == "0.1000 EUR"
    assert figures["I12"]["differences"] > 0
    assert {path: path.read_bytes() for path in story.folder.rglob("*") if path.is_file()} == before


def one_cent(book: Path) -> None:
    file = book / "ledger" / "0001-close-2026-01-v1" / "accruals.csv"
    file.chmod(0o644)
    file.write_text(file.read_text().replace("6.3300", "6.3400"))


def dropped_file(book: Path) -> None:
    (book / "ledger" / "0003-close-2026-03-v1" / "journal.csv").unlink()


def dropped_close(book: Path) -> None:
    shutil.rmtree(sorted((book / "ledger").glob("0*"))[-1])


def dropped_write_off(book: Path) -> None:
    (book / "ledger" / "write_offs.jsonl").unlink()


def one_byte(book: Path) -> None:
    line = json.loads((book / "archive" / "manifest.jsonl").read_text().splitlines()[0])
    file = book / "archive" / line["sha256"]
    file.write_bytes(file.read_bytes().replace(b"600.00", b"600.01"))


def lost_file(book: Path) -> None:
    line = json.loads((book / "archive" / "manifest.jsonl").read_text().splitlines()[-1])
    (book / "archive" / line["sha256"]).unlink()


def shorter_manifest(book: Path) -> None:
    file = book / "archive" / "manifest.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))


def older_set(book: Path) -> None:
    link = book / "published" / "current"
    older = next(path for path in (book / "published" / "runs").iterdir() if path != link.resolve() and (path / "tables.json").exists())
    link.unlink()
    link.symlink_to(older.relative_to(book / "published"))


def other_database(book: Path) -> None:
    file = book / "published" / "tierledger.duckdb"
    file.chmod(0o644)
    with duckdb.connect(str(file)) as con:
        con.execute("update fct_payout set payout = payout + 0.01 where participant_id = 'C1' and window_start = '2026-01-01'")


@pytest.mark.parametrize(
    ("damage", "statement", "message"),
    [
        (one_cent, "I11", ["ledger/0001-close-2026-01-v1/accruals.csv:3", "row 2 was changed after the close of 2026-01", "6.3400"]),
        (dropped_file, "I11", ["ledger/0003-close-2026-03-v1/journal.csv", "is missing"]),
        (dropped_close, "I11", ["does not hold the head", "the published run"]),
        (dropped_write_off, "I11", ["ledger/write_offs.jsonl"]),
        (one_byte, "I3", ["is damaged", "feeds/transactions/2026-01-05.csv, arrival 1 of feed transactions"]),
        (lost_file, "I3", ["is missing", "feeds/transactions/2026-04-01.csv"]),
        (shorter_manifest, "I3", ["archive/manifest.jsonl is shorter than when the published run read it", "transactions: 3 arrivals were known, 2 are left"]),
        (older_set, "I17", ["was published after it", "an older copy was restored"]),
        (other_database, "I17", ["published/tierledger.duckdb, table fct_payout", "participant_id=C1, window_start=2026-01-01"]),
    ],
)
def test_what_was_changed_is_found_before_anything_is_made_again(
    book: Path, capsys: pytest.CaptureFixture[str], damage: Any, statement: str, message: list[str]
) -> None:
    damage(book)
    last = verified(book, capsys, 1)[-1]
    assert (last["id"], last["status"]) == (statement, "failed")
    assert [words for words in message if words not in last["message"]] == []
    assert last["way_out"]


def test_a_quiet_proof_still_tells_what_failed(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost_file(book)
    assert main(["verify", "--book", str(book), "--quiet"]) == 1
    assert "I3 FAILED" in capsys.readouterr().err


def test_a_head_that_the_chain_does_not_hold(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    kept = head(read_ledger(story.folder / "ledger").records)
    other = f"{'0' if kept[0] != '0' else '1'}{kept[1:]}"
    (finding,) = verified(story.folder, capsys, 1, "--head", other)
    assert finding["id"] == "I11"
    assert f"does not hold the head {other} of --head" in finding["message"]
    assert main(["verify", "--head", kept[:12], "--book", str(story.folder)]) == 2


def change_payout(book: Path, keeps_hash: bool) -> None:
    """One cent in a published file; with its hash in tables.json too, where the one who did it knows of it. The DuckDB file follows."""
    from assets.published.reader import DATABASE
    from assets.runtime.file_hashes import file_sha256

    run = (book / "published" / "current").resolve()
    file = run / "fct_payout.parquet"
    query = f"select * replace (case when participant_id = 'C1' and window_start = '2026-01-01' then payout + 0.01 else payout end as payout) from '{file}'"
    duckdb.sql(f"copy ({query}) to '{book / 'changed'}' (format parquet)")
    (book / "changed").rename(file)
    (book / "published" / DATABASE).unlink()
    if keeps_hash:
        manifest = json.loads((run / "tables.json").read_text())
        manifest["sha256"]["fct_payout"] = file_sha256(file)
        (run / "tables.json").write_text(json.dumps(sealed(manifest)))


@pytest.mark.parametrize("keeps_hash", [True, pytest.param(False, marks=pytest.mark.long)])
def test_one_value_of_a_published_table(book: Path, capsys: pytest.CaptureFixture[str], keeps_hash: bool) -> None:
    change_payout(book, keeps_hash)
    last = verified(book, capsys, 1)[-1]
    assert last["id"] == "I13"
    assert "published/current/fct_payout.parquet: row " in last["message"]
    assert "participant_id=C1, window_start=2026-01-01" in last["message"]
    assert "payout is 34.3400 and should be 34.3300" in last["message"]


@pytest.mark.long
def test_a_book_in_parts_is_proved_and_a_value_is_found(
    ran_book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 0)
    book = shutil.copytree(ran_book, tmp_path / "parts", symlinks=True)
    run_book(book, force=True)
    proved = {each["id"]: each for each in verified(book, capsys, 0)}
    files = sorted((book / "published" / "current").glob("*.parquet"))
    assert proved["I14"]["compared"] == {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}
    part = next(path for path in files if path.name.startswith("fct_payout_line."))
    duckdb.sql(f"copy (select * replace (line_payout + 1 as line_payout) from '{part}') to '{book / 'changed'}' (format parquet)")
    (book / "changed").rename(part)
    (book / "published" / "tierledger.duckdb").unlink()
    last = verified(book, capsys, 1)[-1]
    assert last["id"] == "I13"
    assert last["message"].startswith(f"published/current/{part.name}: row 1 (")


@pytest.mark.long
def test_a_book_that_closed_nothing_says_so(book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(book / "ledger")
    shutil.rmtree(book / "published")
    (book / "archive" / RUNS).unlink()
    (book / "archive" / RECEIPT).unlink()
    (book / "warehouse.duckdb").unlink()
    assert main(["verify", "--book", str(book)]) == 2
    assert "no complete set is published" in capsys.readouterr().err
    assert command(book, "run") == 0
    assert main(["verify", "--book", str(book)]) == 0
    said = capsys.readouterr().out
    assert "I11 –  Closed periods are as they were closed, chained to the head  nothing closed" in said
    assert "statements hold" in said


def test_what_came_since_the_run_is_no_fault(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bonus = book / "agreements" / "bonus.yaml"
    bonus.write_text(bonus.read_text().replace("rate: 0.03", "rate: 0.04"))
    statements = {each["id"]: each for each in verified(book, capsys, 0)}
    assert statements["I17"]["message"] == "changed since then, to be published by the next run: agreements"


# -- reconciliations: each finds what breaks it -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_again(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the book made again, with the published tables beside."""
    folder = tmp_path_factory.mktemp("again")
    evidence = open_evidence(story.folder, None, silent)
    list(check_kept(evidence))
    context = materialize_snapshot(story.folder, snapshot_published(evidence), folder)
    run_steps(context, force=True)
    with duckdb.connect(str(context.warehouse)) as con:
        view_published(con, evidence)
        assert [each.id for each in RECONCILIATIONS if reconcile(con, each).status != "ok"] == []
    return context.warehouse


OPEN = "participant_id = 'C2' and window_start = '2026-04-01'"
ENDED = "participant_id = 'C1' and window_start = '2026-01-01'"
ENTRY = "(select min(entry_id) from made)"


@pytest.mark.parametrize(
    ("table", "change", "statement"),
    [
        ("published.audit_feed_file", "update made set rows_loaded = rows_loaded + 1 where arrival_no = 1", "I1"),
        ("published.audit_reject", "delete from made", "I1"),
        ("published.audit_feed_file", "update made set status = 'duplicate' where arrival_no = 2", "I3"),
        ("published.audit_feed_file", "insert into made from (from made limit 1)", "I3"),
        ("raw.declared_totals", "update made set said = '22.41' where total = 'amount'", "I4"),
        ("raw.payments", "update made set amount = amount + 0.01", "I4"),
        ("raw.transactions", "update made set row_no = 7 where row_no = 1", "I1"),
        ("staging.stg_transactions", "update made set amount = amount + 0.01 where transaction_id = 'T2'", "I2"),
        ("published.fct_payout_line", "insert into made from (from made limit 1)", "I5"),
        ("staging.stg_transactions", "delete from made where transaction_id = 'T2'", "I5"),
        ("published.fct_payout_line", "update made set line_payout = line_payout + 0.01 where transaction_id = 'T2'", "I6"),
        ("published.fct_payout_line", "update made set credited_measure = credited_measure + 1 where transaction_id = 'T2'", "I6"),
        ("published.fct_payout", f"update made set payout = payout + 0.001 where {ENDED}", "I7"),
        ("published.fct_journal", f"update made set credit = credit + 0.01 where credit <> 0 and entry_id = {ENTRY}", "I8"),
        ("published.fct_journal", f"delete from made where line_no = 1 and entry_id = {ENTRY}", "I8"),
        ("published.fct_journal", f"delete from made where entry_id = {ENTRY}", "I9"),
        ("published.fct_payout", f"update made set settled = settled + 0.01 where {ENDED}", "I9"),
        ("published.fct_payout", f"update made set open_amount = open_amount + 0.01 where {ENDED}", "I9"),
        ("published.fct_payout", f"insert into made from (from made where {OPEN})", "I10"),
        ("published.fct_accrual", f"update made set accrual = accrual - 0.01 where {ENDED} and period = '2026-03'", "I10"),
        ("published.fct_accrual", f"update made set accrual = accrual - 0.01 where {ENDED} and is_posted and period = '2026-02'", "I11"),
        ("published.fct_payout", f"update made set closed_payout = 1 where {ENDED}", "I11"),
        ("published.fct_accrual", f"update made set accrual = accrual + 0.01 where {OPEN}", "I12"),
        ("published.fct_payout_line", "update made set source_row = source_row + 1 where transaction_id = 'T2'", "I16"),
        ("published.dim_benefit", "update made set clause = '9'", "I16"),
        ("published.fct_calculation_step", "delete from made", "I16"),
        ("published.audit_run", "delete from made", "I16"),
    ],
)
def test_a_reconciliation_finds_what_breaks_it(made_again: Path, tmp_path: Path, table: str, change: str, statement: str) -> None:
    shutil.copyfile(made_again, tmp_path / made_again.name)
    with duckdb.connect(str(tmp_path / made_again.name)) as con:
        con.execute(f"create table made as from {table}")
        before = con.execute("from made").fetchall()
        con.execute(change)
        assert con.execute("from made").fetchall() != before
        (kind,) = con.execute("select table_type from information_schema.tables where table_schema || '.' || table_name = ?", [table]).fetchone() or ("",)
        con.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {table}")
        con.execute(f"create view {table} as from made")
        failed = {each.id for each in RECONCILIATIONS if reconcile(con, each).is_failed}
    assert statement in failed

"""A book with a history: what was published on each day comes out again, and `verify` finds whatever was changed since.

Belongs here: known-at and verify on a whole book. Does not belong here: lines of the history (tests/unit/records/test_history.py), the chain of closes
(tests/unit/records/test_ledger.py).
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.archive.run_history import RECEIPT, RUNS, TERMS, read_receipt, read_runs
from assets.ledger.folder import read_ledger
from assets.published.reader import open_published, sealed
from assets.runtime.context import silent
from assets.verification.rebuild import materialize_snapshot
from assets.verification.reconciliations import RECONCILIATIONS
from assets.verification.verify import check_kept, open_evidence, reconcile, snapshot_published, view_published
from models.records.chain import head, sha256
from models.records.receipt import Kept, Receipt, as_bytes
from pipelines.cli.main import main
from pipelines.rebuild import KNOWN_AT, run_known_at
from pipelines.run import run_steps
from tests.integration.test_run import BOOK, DAYS, deliver, published_bytes, write_book

PAYMENTS = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\nBONUS,volume,C1,2026-01-01,22.40,2026-04-20,PAY-1\n"
FIRST, SECOND, CLOSED, LATER, LAST = (f"2024-07-0{day}" for day in (1, 2, 4, 5, 8))

Set = dict[str, bytes]


@dataclass(frozen=True)
class Story:
    """A book after its last day, and the sets that readers saw at the end of each day. `earlier`: the set of a run as of an earlier day, on the first."""

    folder: Path
    sets: dict[str, Set]
    earlier: Set


class _Clock(dt.datetime):
    """The machine's clock, set by the tests."""

    shows = FIRST

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return dt.datetime.fromisoformat(f"{cls.shows}T10:00:00+00:00")


def current(folder: Path) -> Set:
    return {path.name: path.read_bytes() for path in (folder / "current").resolve().iterdir()}


def command(book: Path, *arguments: str) -> int:
    return main([*arguments, "--book", str(book), "--quiet"])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Tests leave the book as it is."""
    book = write_book(tmp_path_factory.mktemp("story") / "book", {})
    (book / "book.yaml").write_text(BOOK + '  payments: {files: "feeds/payments/*.csv", totals: json}\nclose: {write_off_limit: 0.50}\n')
    names = list(DAYS)
    sets: dict[str, Set] = {}
    with pytest.MonkeyPatch.context() as patch:
        clock = types.SimpleNamespace(**{name: getattr(dt, name) for name in ("UTC", "date", "timedelta")}, datetime=_Clock)
        patch.setattr("assets.runtime.context.dt", clock)
        deliver(book, {names[0]: DAYS[names[0]]})
        assert command(book, "run", "--as-of", "2026-03-31") == 0
        earlier = current(book / "published")
        assert command(book, "run") == 0
        sets[FIRST], _Clock.shows = current(book / "published"), SECOND
        deliver(book, {names[1]: DAYS[names[1]]})
        (book / "feeds" / "payments").mkdir()
        (book / "feeds" / "payments" / "april.csv").write_text(PAYMENTS)
        (book / "feeds" / "payments" / "april.csv.totals.json").write_text('{"rows": 1, "amount": "22.40"}')
        assert command(book, "run") == 0
        sets[SECOND], _Clock.shows = current(book / "published"), CLOSED
        assert command(book, "close", "2026-03", "--by", "J. Doe", "--with-earlier", "--accept-open", "one line of the old shop") == 0
        sets[CLOSED], _Clock.shows = current(book / "published"), LATER
        deliver(book, {names[2]: DAYS[names[2]]})  # a line of January, corrected
        bonus = book / "agreements" / "bonus.yaml"
        bonus.write_text(bonus.read_text().replace("rate: 0.02", "rate: 0.03"))
        assert command(book, "run") == 0
        sets[LATER], _Clock.shows = current(book / "published"), LAST
        assert command(book, "reopen", "2026-03", "--reason", "wrong rate", "--by", "J. Doe", "--approved-by", "A. Roe") == 0
        assert command(book, "close", "2026-03", "--by", "J. Doe") == 0
        assert command(book, "write-off", "BONUS/volume/C1/2026-01-01", "--amount", "0.10", "--reason", "bank charge", "--by", "J. Doe") == 0
        sets[LAST] = current(book / "published")
    return Story(book, sets, earlier)


@pytest.fixture
def book(story: Story, tmp_path: Path) -> Path:
    """A copy of the book to do things to."""
    return shutil.copytree(story.folder, tmp_path / "book", symlinks=True)


@pytest.mark.parametrize(
    ("day", "published_on"),
    [
        ("2024-07-03", SECOND),
        (LAST, LAST),
        *(pytest.param(day, day, marks=pytest.mark.long) for day in (FIRST, CLOSED, LATER)),
    ],
)
def test_what_was_published_on_a_day_comes_out_again_to_the_byte(story: Story, book: Path, day: str, published_on: str) -> None:
    before = {path: path.read_bytes() for path in book.rglob("*") if path.is_file() and path.name != ".lock"}
    shutil.rmtree(book / "feeds")  # what it knew then is in the archive
    result = run_known_at(book, dt.date.fromisoformat(day))
    assert result.snapshot.is_same
    assert current(book / KNOWN_AT / day) == story.sets[published_on]
    with duckdb.connect(str(book / KNOWN_AT / day / "tierledger.duckdb"), read_only=True) as con:
        assert con.execute("select distinct run_id from fct_payout").fetchall() == [(result.summary.run_id,)]
    kept = {path: data for path, data in before.items() if "feeds" not in path.parts}
    assert {path: path.read_bytes() for path in kept} == kept


def test_known_on_a_day_as_of_an_earlier_one(story: Story, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--known-at", FIRST, "--as-of", "2026-03-31", "--book", str(book), "--json"]) == 0
    message = json.loads(capsys.readouterr().out)
    assert (message["known_at"], message["as_of"], message["is_same"]) == (FIRST, "2026-03-31", False)
    assert message["published"]["folder"] == str(book.resolve() / KNOWN_AT / FIRST / "current")
    tables = {name: data for name, data in story.earlier.items() if name not in ("audit_run.parquet", "tables.json")}
    assert current(book / KNOWN_AT / FIRST).items() >= tables.items()
    assert main(["run", "--known-at", FIRST, "--as-of", "2026-03-31", "--book", str(book)]) == 0
    said = capsys.readouterr().out
    assert "As known at the end of 2024-07-01 (UTC): 1 files, 0 closes" in said
    assert "nothing new" in said
    assert "differs in its as_of" in said


@pytest.mark.parametrize(
    ("day", "message"), [("2024-06-30", "nothing was known on 2024-06-30: the first file arrived on 2024-07-01"), ("2099-01-01", "is in the future")]
)
def test_a_day_without_knowledge_is_refused(story: Story, capsys: pytest.CaptureFixture[str], day: str, message: str) -> None:
    assert command(story.folder, "run", "--known-at", day) == 2
    assert message in capsys.readouterr().err
    assert not (story.folder / KNOWN_AT / day).exists()


def test_terms_are_kept_once_and_told_when_changed(story: Story, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terms = sorted((book / "archive" / TERMS).iterdir())
    assert len(terms) == 2, "runs with the same terms share them"
    used = read_runs(book / "archive")[0].terms_sha256
    path = book / "archive" / TERMS / f"{used}.json"
    path.write_text(path.read_text().replace("0.01", "0.05"))
    assert command(book, "run", "--known-at", FIRST) == 2
    assert f"archive/terms/{used}.json: was changed" in capsys.readouterr().err
    path.unlink()
    assert command(book, "run", "--known-at", FIRST) == 2
    assert "is missing" in capsys.readouterr().err


@pytest.mark.parametrize("left", [40, pytest.param(0, marks=pytest.mark.long)])
def test_a_run_that_a_crash_kept_out_of_the_history_is_entered_by_the_next(story: Story, book: Path, left: int) -> None:
    file = book / "archive" / RUNS
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
    receipt = read_receipt(book / "archive") or Receipt()
    kept = Kept(bytes=len(b"".join(lines[:-1])), sha256=sha256(b"".join(lines[:-1])))  # the receipt follows the line
    (book / "archive" / RECEIPT).write_bytes(as_bytes(receipt.model_copy(update={"kept": receipt.kept | {RUNS: kept}})))
    before = published_bytes(book)
    run_known_at(book, dt.date.fromisoformat(LAST))
    assert current(book / KNOWN_AT / LAST) == story.sets[LAST]
    assert command(book, "run") == 0
    assert file.read_bytes() == whole
    assert published_bytes(book) == before


def test_a_lost_warehouse_keeps_its_history(story: Story, book: Path) -> None:
    (book / "warehouse.duckdb").unlink()
    assert command(book, "run", "--force") == 0
    with open_published(book) as con:
        runs = con.execute("select run_id, status from audit_run order by all").fetchall()
    assert runs == sorted((run.run_id, run.status) for run in read_runs(book / "archive"))
    assert len(runs) == len(read_runs(story.folder / "archive")) + 1


# -- verify -----------------------------------------------------------------------------------------------------------


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

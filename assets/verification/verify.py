"""Proving a book: every statement about it in turn, from what it keeps to what readers see.

Belongs here: the statements that are not queries, their order, and the text of findings. Does not belong here: the queries
(assets/verification/reconciliations.py), rebuilding the book (assets/verification/rebuild.py, pipelines/rebuild.py), printing
(pipelines/cli/commands/verify.py).
"""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from assets.archive.manifest import Arrival, count_withdrawals
from assets.archive.manifest import read_manifest as read_arrivals
from assets.archive.run_history import TERMS, published_line, read_runs, read_terms, torn_line
from assets.archive.run_identity import describe_terms
from assets.archive.stored_archive import differing_object
from assets.ledger.folder import Ledger, holds_payment_head, read_ledger
from assets.published.reader import DATABASE, MANIFEST, fetch, files_of, hashes_of, read_manifest
from assets.publishing.duckdb_file import FOLDER_VARIABLE
from assets.publishing.pulled_set import first_difference_in_store
from assets.runtime.book_folder import open_run
from assets.runtime.context import CheckFailed, RunContext
from assets.runtime.errors import SqlError
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import scan
from assets.runtime.warehouse import open_warehouse
from assets.verification.comparison import first_difference, name_row
from assets.verification.rebuild import Snapshot, has_same_code_and_engines, snapshot_of_run
from assets.verification.reconciliations import RECONCILIATIONS, RUN_AGAIN, Reconciliation
from assets.verification.second_reading import read_again
from models.documents import InputError, Problem
from models.records.chain import NO_HASH, head
from models.records.run_history import EndedRun
from models.sql_text import identifier, literal

Progress = Callable[[str, int, int], None]
#: Names of the two stages that are not steps of a run, for progress bars.
HASHING, COMPARING = "hashing", "comparing"


@dataclass(frozen=True)
class Finding:
    """The result of one statement. `compared`: the numbers that were compared, by name. `message`: what is wrong, or why it cannot be checked."""

    id: str
    holds: str
    status: Literal["ok", "failed", "not_checked"]
    compared: dict[str, Any] = dataclasses.field(default_factory=dict)
    message: str = ""
    way_out: str = ""

    @property
    def is_failed(self) -> bool:
        return self.status == "failed"


@dataclass
class Evidence:
    """What is verified. `head`: the one that the user kept elsewhere. `ledger` is set once it has been found intact.

    `context`: with which the stores of the book are read; None: they are not.
    """

    folder: Path
    head: str | None
    progress: Progress
    manifest: dict[str, Any]
    run: EndedRun
    ledger: Ledger = dataclasses.field(default_factory=lambda: Ledger([], []))
    context: RunContext | None = None

    @property
    def current(self) -> Path:
        return (self.folder / "published" / "current").resolve()

    @property
    def files(self) -> dict[str, list[Path]]:
        return files_of(self.current, self.manifest)


def open_evidence(folder: Path, head: str | None, progress: Progress, context: RunContext | None = None) -> Evidence:
    """Raises InputError when nothing is published, or it was published by a version of the program that kept no history of runs."""
    manifest = read_manifest(folder / "published")
    run = published_line(folder / "published")
    if manifest is None or run is None or "sha256" not in manifest:
        message = "no complete set is published, or it was published by a version of the program that kept no history of runs"
        way_out = f"run `tierledger run --book {shlex.quote(str(folder))} --force` once, then verify"
        raise InputError([Problem(str(folder / "published"), 0, "", f"{message}; {way_out}")])
    return Evidence(folder, head, progress, manifest, run, context=context)


def snapshot_published(evidence: Evidence) -> Snapshot:
    """What the published run knew."""
    return snapshot_of_run(evidence.folder, evidence.ledger, evidence.run)


_LEDGER = ("I11", "Closed periods are as they were closed, chained to the head")
_ARCHIVE = ("I3", "Every file that arrived is in the archive once, with the bytes that arrived")
_HISTORY = ("I17", "Readers see one run in every medium, the last that was published")
_REBUILT = ("I13", "Archive, agreements and ledger give the published tables, row by row")
_SAME_BYTES = ("I14", "The published files are byte for byte those that the same inputs give")


def check_kept(evidence: Evidence) -> Iterator[Finding]:
    """The statements about what the book keeps: ledger, archive, which run is published."""
    yield _check_ledger(evidence)
    yield _check_archive(evidence)
    yield _check_media(evidence)


def check_rebuilt(evidence: Evidence, context: RunContext) -> Iterator[Finding]:
    """The statements that need the rebuilt book, which `context` has just run."""
    with open_warehouse(context) as con:
        view_published(con, evidence)
        for check in (_check_tables, _check_bytes):
            yield check(evidence, context, con)
        for done, each in enumerate(RECONCILIATIONS):
            evidence.progress(COMPARING, done, len(RECONCILIATIONS))
            yield reconcile(con, each)
        yield check_lines(con, evidence, context)
        evidence.progress(COMPARING, 1, 1)


def view_published(con: duckdb.DuckDBPyConnection, evidence: Evidence) -> None:
    """Schema `published`, as the reconciliations read it."""
    con.execute("create schema published")
    for table, files in evidence.files.items():
        con.execute(f"create view published.{table} as from {scan(files)}")


def catch(work: Callable[[], object]) -> Exception | None:
    """The error that says why the book cannot be rebuilt. Any other error is a bug and is not caught."""
    try:
        work()
    except (InputError, CheckFailed, SqlError, duckdb.Error) as error:
        return error
    return None


def report_rebuild_failure(error: Exception) -> Finding:
    """The finding that the book cannot be rebuilt from what it keeps."""
    return Finding(*_REBUILT, "failed", message=f"the book cannot be rebuilt: {error}", way_out="Correct what is named, or restore it from a backup")


def _check_ledger(evidence: Evidence) -> Finding:
    heads = {evidence.run.ledger_sha256: f"the published run {evidence.run.run_id}"}
    if evidence.head and not holds_payment_head(evidence.folder / "ledger", evidence.head):
        heads[evidence.head] = "--head"
    try:
        ledger = read_ledger(evidence.folder / "ledger", heads, {evidence.run.payments_sha256: f"the published run {evidence.run.run_id}"})
    except InputError as error:
        shown = "\n".join(map(str, error.problems))
        return Finding(*_LEDGER, "failed", message=shown, way_out="Restore ledger/ from a backup; until then trust no amount of a closed period")
    evidence.ledger = ledger
    written = {NO_HASH, *(each.sha256 for each in ledger.write_offs)}
    if evidence.run.write_offs_sha256 not in written:
        message = "ledger/write_offs.jsonl: write-offs that the published run knew are missing or were rewritten"
        return Finding(*_LEDGER, "failed", message=message, way_out="Restore the file from a backup")
    if not ledger.records and not ledger.write_offs and not ledger.payments:
        return Finding(*_LEDGER, "not_checked", message="nothing closed")
    files = [facts for record in ledger.records for facts in record.files.values()]
    compared = {"closes": len(ledger.records), "files": len(files), "rows": sum(f.rows for f in files), "write_offs": len(ledger.write_offs)}
    compared |= {"payments": len(ledger.payments)} if ledger.payments else {}
    return Finding(*_LEDGER, "ok", {**compared, "head": head(ledger.records)})


def _check_archive(evidence: Evidence) -> Finding:
    archive = evidence.folder / "archive"

    def failed(message: str, way_out: str) -> Finding:
        return Finding(*_ARCHIVE, "failed", message=message, way_out=way_out)

    try:
        arrivals = read_arrivals(archive)
        runs = read_runs(archive)
        terms = sorted({each.terms_sha256 for each in [*runs, evidence.run]})
        for name in terms:
            read_terms(archive, name)
    except InputError as error:
        return failed("\n".join(map(str, error.problems)), "Restore the file from a backup")
    latest: dict[tuple[str, str], str] = {}
    for each in arrivals:  # a name may bring back earlier bytes after others, but not the same bytes twice in a row
        if latest.get((each.feed, each.file_name)) == each.sha256:
            return failed(f"archive/manifest.jsonl: {each.file_name} of feed {each.feed} is listed more than once", "Restore the manifest from a backup")
        latest[each.feed, each.file_name] = each.sha256
    last: Counter[str] = Counter()
    for each in arrivals:
        last[each.feed] += 1
        if each.arrival_no != last[each.feed]:
            message = f"archive/manifest.jsonl: {each.file_name} is arrival {each.arrival_no} of feed {each.feed}, and should be {last[each.feed]}"
            return failed(f"{message}: lines were removed, added or moved", "Restore the manifest from a backup")
    short = [f"{feed}: {no} arrivals were known, {last[feed]} are left" for feed, no in evidence.run.arrivals.items() if last[feed] < no]
    if short:
        return failed(f"archive/manifest.jsonl is shorter than when the published run read it ({short[0]})", "Restore the manifest from a backup")
    damaged = _first_damaged(evidence, arrivals)
    if damaged:
        message, arrival = damaged
        way_out = "Restore it from a backup, or copy the delivered file to this name"
        return failed(f"archive/{arrival.sha256} {message}; it is {arrival.file_name}, arrival {arrival.arrival_no} of feed {arrival.feed}", way_out)
    if evidence.context and (found := differing_object(evidence.context, arrivals)):
        return failed(found, "Copy the file of that name in archive/ there")
    size = sum({each.sha256: each.bytes for each in arrivals}.values())
    compared = {"arrivals": len(arrivals), "bytes": size, TERMS: len(terms), "runs": len(runs)}
    torn = "the last line of archive/runs.jsonl was cut short by a crash; the next run completes it" if torn_line(archive) else ""
    return Finding(*_ARCHIVE, "ok", compared, torn)


def _first_damaged(evidence: Evidence, arrivals: list[Arrival]) -> tuple[str, Arrival] | None:
    """The first archived file that is missing or has other bytes. Each file is read once."""
    files = list({each.sha256: each for each in reversed(arrivals)}.values())[::-1]

    def look(arrival: Arrival) -> str | None:
        path = evidence.folder / "archive" / arrival.sha256
        if not path.is_file():
            return "is missing"
        return None if file_sha256(path) == arrival.sha256 else "is damaged: its bytes are not those that arrived"

    with ThreadPoolExecutor(2) as pool:
        for done, (arrival, message) in enumerate(zip(files, pool.map(look, files), strict=True), 1):
            evidence.progress(HASHING, done, len(files))
            if message:
                return message, arrival
    return None


def _check_media(evidence: Evidence) -> Finding:
    """Parquet set and DuckDB file hold the same rows of the same run, the last one that was published."""
    again = "Run `tierledger run --force`, which publishes all of them again"
    run_id = evidence.run.run_id
    published = [each for each in read_runs(evidence.folder / "archive") if each.status == "published"]
    if evidence.run in published and published[-1] != evidence.run:
        message = f"published/ holds run {run_id} of {evidence.run.started_at:%Y-%m-%d %H:%M:%S}, and {published[-1].run_id} was published after it"
        return Finding(*_HISTORY, "failed", message=f"{message}: an older copy was restored", way_out=again)
    database = evidence.folder / "published" / DATABASE
    try:
        with duckdb.connect() as con:
            con.execute("create view parquet_payout as from " + scan(evidence.files["fct_payout"]))
            shown = {"the Parquet set": [row[0] for row in con.execute("select distinct run_id from parquet_payout").fetchall()]}
            tables = 0
            if database.is_file():
                con.execute(f"set variable {FOLDER_VARIABLE} = {literal(database.parent.resolve())}")  # for a book that was moved
                con.execute(f"attach {literal(str(database))} as copy (read_only)")
                shown["tierledger.duckdb"] = [row[0] for row in con.execute("select distinct run_id from copy.fct_payout").fetchall()]
            for medium, ids in shown.items():
                if ids not in ([], [run_id]):
                    message = f"{medium} shows run {', '.join(map(str, ids))}, and {MANIFEST} names {run_id}"
                    return Finding(*_HISTORY, "failed", message=message, way_out=again)
            if database.is_file():
                for table, files in evidence.files.items():
                    differing = _difference_of_copy(con, table, files)
                    if differing:
                        message = f"published/{DATABASE}, table {table}: its rows are not those of {_named(files)} ({differing})"
                        return Finding(*_HISTORY, "failed", message=message, way_out=again)
                    tables += 1
    except duckdb.Error as error:
        return Finding(*_HISTORY, "failed", message=f"published/ cannot be read: {str(error).splitlines()[0]}", way_out=again)
    if evidence.context and (found := first_difference_in_store(evidence.context, evidence.manifest)):
        return Finding(*_HISTORY, "failed", message=found, way_out=again)
    return Finding(*_HISTORY, "ok", {"run": run_id, "media": len(shown), "tables": tables or len(evidence.manifest["rows"])}, _describe_changes_since(evidence))


def _describe_changes_since(evidence: Evidence) -> str:
    """What has changed in the book since the published run. Nothing is wrong with it; the next run publishes it."""
    run = evidence.run
    now = describe_terms(open_run(evidence.folder, run.as_of, run.started_at))
    named = {
        "agreements_sha256": "agreements",
        "settings_sha256": "book.yaml",
        "ledger_sha256": "closes",
        "write_offs_sha256": "write-offs",
        "payments_sha256": "payments",
    }
    changed = [words for key, words in named.items() if now[key] != getattr(run, key)]
    if any(each.feed in run.arrivals and each.arrival_no > run.arrivals[each.feed] for each in read_arrivals(evidence.folder / "archive")):
        changed.append("files")
    if count_withdrawals(read_arrivals(evidence.folder / "archive")) > run.withdrawals:
        changed.append("withdrawn files")
    return f"changed since then, to be published by the next run: {', '.join(changed)}" if changed else ""


def _difference_of_copy(con: duckdb.DuckDBPyConnection, table: str, files: list[Path]) -> str | None:
    """A row that only one of them has. A view on the set's files has the same rows by definition."""
    found = con.execute("select table_type from information_schema.tables where table_catalog = 'copy' and table_name = ?", [table]).fetchone()
    if found is None:
        return "the table is missing"
    if found[0] == "VIEW":
        return None
    copy, written = f"copy.{identifier(table)}", scan(files)
    rows = fetch(con, f"(from {copy} except all from {written}) union all (from {written} except all from {copy}) limit 1")
    return name_row(rows[0]) if rows else None


def _check_tables(evidence: Evidence, context: RunContext, con: duckdb.DuckDBPyConnection) -> Finding:
    """EXCEPT ALL both ways, for every file that is not identical to the byte."""
    made = read_manifest(context.published) or {}
    made_again = files_of((context.published / "current").resolve(), made)
    is_same_code = has_same_code_and_engines(evidence.run)
    if set(made["rows"]) != set(evidence.manifest["rows"]) and is_same_code:
        odd = ", ".join(sorted(set(made["rows"]) ^ set(evidence.manifest["rows"])))
        return Finding(*_REBUILT, "failed", message=f"published/current has tables missing or too many: {odd}", way_out="Run `tierledger run --force`")
    compared = {"tables": len(made["rows"]), "rows": sum(made["rows"].values())}
    for done, table in enumerate(made["rows"]):
        evidence.progress(COMPARING, done, len(made["rows"]))
        if table == "audit_run" and not is_same_code:
            continue
        ours, again = _those_that_differ(evidence.files.get(table, []), made_again[table])
        try:
            found = first_difference(con, ours, again, () if is_same_code else ("run_id", "code_version")) if again else None
        except duckdb.Error as error:
            found = f"cannot be read: {str(error).splitlines()[0]}"
        if found:
            way_out = "Run `tierledger run --force`, which publishes the tables again" if is_same_code else _OTHER_VERSION.format(run=evidence.run)
            return Finding(*_REBUILT, "failed", message=f"published/current/{_named(ours or again)}: {found}", way_out=way_out)
    return Finding(*_REBUILT, "ok", {**compared, "run": made["run_id"]})


def _those_that_differ(ours: list[Path], again: list[Path]) -> tuple[list[Path], list[Path]]:
    """Of two lists of a table's files those with other bytes. All of them where another version cut the table in other parts."""
    if [path.name for path in ours] != [path.name for path in again]:
        return ours, again
    differing = [pair for pair in zip(ours, again, strict=True) if file_sha256(pair[0]) != file_sha256(pair[1])]
    return [path for path, _ in differing], [path for _, path in differing]


def _named(files: list[Path]) -> str:
    """A table's file in words, or its parts by a pattern."""
    return files[0].name if len(files) == 1 else f"{files[0].name.split('.')[0]}.*.parquet"


_OTHER_VERSION = "Published by version {run.code_version}: verify with that version, or run with this one and compare"


def _check_bytes(evidence: Evidence, context: RunContext, con: duckdb.DuckDBPyConnection) -> Finding:
    """Compare hashes of the published files with the set's manifest and with the rebuilt files."""
    made = read_manifest(context.published) or {}
    published = hashes_of(evidence.current, evidence.manifest)
    for path, sha256 in published.items():
        if file_sha256(path) != sha256:
            message = f"published/current/{path.name} has other bytes than {MANIFEST} says"
            return Finding(*_SAME_BYTES, "failed", message=message, way_out="Run `tierledger run --force`, which publishes the tables again")
    if not has_same_code_and_engines(evidence.run):
        return Finding(*_SAME_BYTES, "not_checked", message="published by another version of the program or its engines")
    for path, sha256 in hashes_of(evidence.current, made).items():
        if published.get(path) != sha256:
            message = f"published/current/{path.name} holds the rows that the same inputs give, in other bytes"
            return Finding(*_SAME_BYTES, "failed", message=message, way_out="Run `tierledger run --force`, which publishes the tables again")
    return Finding(*_SAME_BYTES, "ok", {"files": len(made["sha256"]), "bytes": sum(path.stat().st_size for path in published)})


_READ_AGAIN = ("I16", "Every payout line shows the transaction, partner, product and amount of its row in the archived file, read a second way")


def check_lines(con: duckdb.DuckDBPyConnection, evidence: Evidence, context: RunContext) -> Finding:
    """Compare the lines with the archived files, without the SQL that every other statement relies on."""
    settings = context.book.feeds.get("transactions")
    if settings is None:
        return Finding(*_READ_AGAIN, "not_checked", message="no transactions")
    archive = evidence.folder / "archive"
    reading = read_again(con, archive, read_arrivals(archive), settings, context.book.rounding)
    if reading.wrong:
        return Finding(*_READ_AGAIN, "failed", message=reading.wrong, way_out=RUN_AGAIN)
    return Finding(*_READ_AGAIN, "ok", {"lines": reading.lines, "files": reading.files, "with a formula": reading.computed})


def reconcile(con: duckdb.DuckDBPyConnection, each: Reconciliation) -> Finding:
    """Run the queries of one statement."""
    if each.absent and con.execute(each.absent[0]).fetchall()[0][0]:
        return Finding(each.id, each.holds, "not_checked", message=each.absent[1])
    for query in each.broken:
        rows = fetch(con, f"from ({query}) order by all limit 1")
        if rows:
            shown = ", ".join(f"{name}={value}" for name, value in rows[0].items())
            return Finding(each.id, each.holds, "failed", message=shown, way_out=each.way_out)
    return Finding(each.id, each.holds, "ok", fetch(con, each.compared)[0])

"""What only files and other computations can tell: the chain, folders that never change, reruns byte for byte, a fresh book, the reference, `verify`.

Belongs here: checks that are no query over one set of tables. Does not belong here: queries (accounts.py), playing (simulation.py).
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from tests.torture.compare import CALCULATED, OF_BLOCKED, PAYOUT_KEY, reference_results, same

#: Columns of fct_payout that say what was closed, paid or which run it was: a book without a ledger says otherwise.
OF_THE_LEDGER = ("closed_payout", "open_amount", "written_off", "run_id")
#: Published tables that tell of runs and closes rather than of results.
OF_THE_RUN = ("audit_run", "audit_close", "fct_accrual", "fct_journal", "fct_payout")
SHOWN = 4


@dataclass
class Kept:
    """The ledger as it was seen after the step before: file to hash, and its records in order."""

    files: dict[str, str] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)

    def last_closed(self) -> str | None:
        reopened = {(r["period"], r["version"]) for r in self.records if r["kind"] == "reopen"}
        return max((r["period"] for r in self.records if r["kind"] == "close" and (r["period"], r["version"]) not in reopened), default=None)


def check_kept(folder: Path, kept: Kept) -> list[str]:
    """The ledger grew at its end or not at all, and its chain holds; `kept` is brought up to date."""
    ledger = folder / "ledger"
    files = {str(path.relative_to(ledger)): _sha256(path.read_bytes()) for path in ledger.glob("[0-9]*/*")} if ledger.exists() else {}
    findings = [f"ledger/{name} {'is gone' if name not in files else 'was changed'}" for name, sha in kept.files.items() if files.get(name) != sha]
    known = {name.split("/")[0] for name in kept.files}
    findings += [f"ledger/{name} came into a folder that was closed" for name in files.keys() - kept.files.keys() if name.split("/")[0] in known]
    records = [(path.parent.name, json.loads(path.read_bytes())) for path in sorted(ledger.glob("[0-9]*/close.json"))] if ledger.exists() else []
    findings += _check_chain(ledger, records)
    kept.files, kept.records = files, [record for _, record in records]
    return findings


def _check_chain(ledger: Path, records: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """As docs/closing.md says it can be done by hand."""
    findings, before = [], "0" * 64
    for number, (name, record) in enumerate(records, 1):
        rest = {key: value for key, value in record.items() if key != "chain_sha256"}
        canonical = (json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
        if (record["sequence"], record["previous_sha256"], record["chain_sha256"]) != (number, before, _sha256(canonical)):
            findings.append(f"ledger/{name}: the chain does not hold")
        if (ledger / name / "close.json").read_bytes() != (json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode():
            findings.append(f"ledger/{name}/close.json is not canonical")
        for file, facts in record["files"].items():
            data = (ledger / name / file).read_bytes()
            if facts["sha256"] != _sha256(data):
                findings.append(f"ledger/{name}/{file} is not what close.json says")
        before = record["chain_sha256"]
    return findings


def count_posted(folder: Path) -> dict[str, int]:
    """Rows of accruals and entries that the ledger holds, by reason (`accrued` for those of their own period) and kind."""
    counts: Counter[str] = Counter()
    for table, column in (("accruals", "reason"), ("journal", "kind")):
        for path in (folder / "ledger").glob(f"[0-9]*/{table}.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                counts.update(f"{table} {row[column] or 'accrued'}" for row in csv.DictReader(file))
    return dict(counts)


def check_rerun(folder: Path, kept: Kept) -> list[str]:
    """A plain rerun does nothing; one that computes everything writes the same bytes as those that computed what had changed."""
    from pipelines.run import run_book

    before, ledger = _published(folder), dict(kept.files)
    run_id = json.loads((folder / "published" / "current" / "tables.json").read_bytes())["run_id"]
    first = run_book(folder)
    findings = [] if (first.status, first.run_id) == ("nothing_new", run_id) else [f"a rerun was {first.status} as {first.run_id}, after {run_id}"]
    if _published(folder) != before:
        findings.append("a rerun with nothing new changed what is published")
    again = run_book(folder, full=True)
    if again.run_id != run_id:
        findings.append(f"a full rerun is {again.run_id}, after {run_id}")
    after = _published(folder)
    findings += [
        f"{name} differs after a full rerun" for name in before if before[name] != after.get(name) and name not in ("audit_run.parquet", "tables.json")
    ]
    return findings + [finding for finding in check_kept(folder, kept) if finding] + ([] if kept.files == ledger else ["a rerun wrote into the ledger"])


def check_verify(folder: Path) -> list[str]:
    """The program's own proof, with the head it printed."""
    from pipelines.rebuild import verify_book

    records = sorted((folder / "ledger").glob("[0-9]*/close.json"))
    head = json.loads(records[-1].read_bytes())["chain_sha256"] if records else None
    return [f"verify: {finding.id} {finding.holds}: {finding.message}" for finding in verify_book(folder, head) if finding.is_failed]


def check_reference(folder: Path) -> list[str]:
    """Payouts, and per payout and period what was accrued over all closes, are the reference's."""
    results = reference_results(folder)
    findings = []
    with duckdb.connect(config={"threads": 1}) as con:
        current = folder / "published" / "current"
        con.execute(f"create view fct_payout as from '{current}/fct_payout.parquet'; create view fct_accrual as from '{current}/fct_accrual.parquet'")
        rows = con.sql(f"select {PAYOUT_KEY}, {', '.join(CALCULATED)} from fct_payout").fetchall()
        path = con.sql(f"""
            select {PAYOUT_KEY}, origin_period, sum(sum(accrual)) over (partition by {PAYOUT_KEY} order by origin_period)
            from fct_accrual group by {PAYOUT_KEY}, origin_period""").fetchall()
    found = {row[:4]: dict(zip(CALCULATED, row[4:], strict=True)) for row in rows}
    findings += [f"{_named(key)} is {'published' if key in found else 'in the reference'} only" for key in sorted(found.keys() ^ results.payouts.keys())]
    for key in sorted(found.keys() & results.payouts.keys()):
        program, reference = found[key], results.payouts[key]
        program["status"] = "final" if program["status"] == "closed" else program["status"]
        columns = OF_BLOCKED if "blocked" in (program["status"], reference["status"]) else CALCULATED
        findings += [
            f"{_named(key)}: {column} is {program[column]}, in the reference {reference[column]}"
            for column in columns
            if column in reference and not same(program[column], reference[column])
        ]
    accrued = {row[:5]: Fraction(row[5]) for row in path}
    standing: dict[tuple[Any, ...], Fraction] = {}  # a period of which nothing differs has no row: what the one before came to still stands
    for key5 in sorted(accrued.keys() | results.accruals.keys()):
        found_here = standing[key5[:4]] = accrued.get(key5, standing.get(key5[:4], Fraction(0)))
        wanted = Fraction(results.accruals.get(key5, 0))
        if found_here != wanted and key5[:4] in results.payouts:
            findings.append(f"{_named(key5)}: accrued to date {float(found_here)}, in the reference {float(wanted)}")
    return findings[: SHOWN * 3]


def _named(key: tuple[Any, ...]) -> str:
    return " ".join(map(str, key))


def check_fresh(folder: Path) -> list[str]:
    """A book without a ledger, given the same files at once, publishes the same results, and accrues period by period what was posted in all."""
    from pipelines.run import run_book

    with tempfile.TemporaryDirectory(prefix="histories") as scratch:
        fresh = Path(scratch) / "book"
        fresh.mkdir()
        for name in ("agreements", "feeds"):
            shutil.copytree(folder / name, fresh / name)
        shutil.copy(folder / "book.yaml", fresh)
        if (batches := folder / "ledger" / "payments").exists():
            shutil.copytree(batches, fresh / "ledger" / "payments")  # payments name their lines
        run_book(fresh)
        with duckdb.connect(config={"threads": 1}) as con:
            findings = []
            for path in sorted((folder / "published" / "current").glob("*.parquet")):
                con.execute(f"create view lived_{path.stem} as from '{path}'; create view fresh_{path.stem} as from '{fresh}/published/current/{path.name}'")
                if path.stem not in (*OF_THE_RUN, "audit_feed_file"):
                    # of payouts that are gone the ledger still knows what was paid; without one, the payments name nothing
                    known = " where reason <> 'unknown_payout'" if path.stem == "audit_reject" else ""
                    findings += _compare(con, path.stem, f"from {{}}_{path.stem}{known}")
            closed = "if(status = 'closed', 'final', status) as status"
            findings += _compare(con, "fct_payout", f"select * exclude ({', '.join(OF_THE_LEDGER)}) replace ({closed}) from {{}}_fct_payout")
            findings += _compare(
                con, "accruals by origin", "select payout_id, origin_period, sum(accrual) as accrual from {}_fct_accrual group by all having sum(accrual) <> 0"
            )
            return findings


def _compare(con: duckdb.DuckDBPyConnection, name: str, query: str) -> list[str]:
    lived, fresh = query.format("lived"), query.format("fresh")
    findings = []
    for place, one, other in (("the lived book", lived, fresh), ("the fresh book", fresh, lived)):
        rows = con.sql(f"from (({one}) except all ({other})) limit {SHOWN}").fetchall()
        findings += [f"{name}: only in {place}: {', '.join(map(str, row))[:300]}" for row in rows]
    return findings


def _published(folder: Path) -> dict[str, str]:
    return {path.name: _sha256(path.read_bytes()) for path in (folder / "published" / "current").iterdir() if path.is_file()}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

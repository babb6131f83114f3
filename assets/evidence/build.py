"""The evidence of one period as one file, for an auditor who does not trust the program.

Belongs here: what is in a pack and in which order it is made. Does not belong here: any of its parts (one module each), checking a pack (verify_pack.py).

Everything is read from what the book keeps: the published set, the archive, the ledger. The same book and the same request give the same bytes.
A pack that cannot be proved is not written: its checks must hold, and recompute.py must agree on every payout that it is asked for.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.evidence import checks, data_package, digests, exceptions, reconciliation, source_rows
from assets.evidence.container import COMPRESSED_BY, write_container
from assets.evidence.readme import write_readme
from assets.evidence.recomputed import PROGRAM, run_recompute
from assets.evidence.sampling import Sample
from assets.evidence.selection import named_payouts, sample_period, select_dependencies, select_period
from assets.evidence.sheets import write_sheets
from assets.evidence.tables import PackedTable, write_tables
from assets.evidence.terms import check_terms, make_net_of, read_pack_terms, settings_of, write_terms
from assets.evidence.warehouse_lines import add_unpublished
from assets.ledger.folder import Ledger, read_ledger
from assets.published.reader import fetch, files_of, hashes_of, open_published, read_manifest
from assets.runtime.context import CheckFailed
from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection
from assets.runtime.file_hashes import file_sha256
from models.calendars import make_periods
from models.records import payment_batches, write_offs
from models.records.closing import closes_in_force, find_period

PACK, CHECKS, RECOMPUTED = "pack.json", "checks.json", "recomputed.json"


@dataclass(frozen=True)
class Request:
    """What a pack is asked for: a period, and which of its payouts to look at. `of_sample_only`: lines of these payouts alone."""

    period: str
    size: int = 25
    seed: int = 1
    payouts: tuple[str, ...] = ()
    of_sample_only: bool = False


@dataclass(frozen=True)
class Built:
    """A pack that was written. `recomputed`: how many payouts agreed."""

    file: Path
    sha256: str
    files: int
    about: dict[str, Any]
    recomputed: int


def build_pack(book: Path, request: Request, target: Path) -> Built:
    """Write the pack to `target`, in one step. Raises InputError for what cannot be asked, CheckFailed for what cannot be proved."""
    if not target.parent.is_dir():
        raise rejection(str(target), f"there is no folder {target.parent}; make it first")
    with tempfile.TemporaryDirectory(prefix="tierledger-evidence-") as scratch:
        folder = Path(scratch) / "pack"
        folder.mkdir()
        about, tables = _collect(book, request, folder)
        recomputed = _recompute(folder, every=not request.of_sample_only)
        _describe(book, folder, about, tables)
        names = _names(folder)
        staged = target.with_name(f".{target.name}.tmp")
        try:
            with staged.open("wb") as out:
                write_container(folder, names, out)
            flush(staged)
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)
    return Built(target, file_sha256(target), len(names), about, recomputed)


def _collect(book: Path, request: Request, folder: Path) -> tuple[dict[str, Any], list[PackedTable]]:
    """Write everything that is taken from the book, and pack.json, which says what it is."""
    terms, ledger = read_pack_terms(book), read_ledger(book / "ledger")
    with open_published(book) as con:
        check_terms(con, terms)
        days = fetch(con, "select min(first_day) as first, max(last_day) as last from dim_period")[0]
        period = find_period(request.period, make_periods(terms.book.calendar, days["first"], days["last"]))
        select_period(con, period.name)
        sample = None if request.payouts else sample_period(con, request.size, request.seed)
        chosen = sample.payouts if sample else named_payouts(con, request.payouts, period.name)
        select_dependencies(con, chosen, request.of_sample_only)
        unpublished = add_unpublished(con, book, terms.run.run_id)
        make_net_of(con, terms)
        tables = write_tables(con, folder, period.name, unpublished)
        source_count = source_rows.write_source_rows(con, book / "archive", terms.book.feeds["transactions"], folder)
        reconciliation.write_reconciliation(con, folder, period.name)
        files = reconciliation.write_inputs(con, book / "archive", folder)
        exception_counts = exceptions.write_exceptions(con, ledger, period.name, folder)
    write_terms(terms, folder)
    _copy_ledger(book / "ledger", ledger, folder)
    for program in PROGRAM:
        shutil.copyfile(program, folder / program.name)
    about = {
        "pack": "tierledger evidence", "format": 1, "book": terms.book.book,
        "period": {"name": period.name, "first_day": period.first_day.isoformat(), "last_day": period.last_day.isoformat()},
        "as_of": terms.run.as_of.isoformat(), "run": terms.run.model_dump(mode="json"), "close": _close_of(ledger, period.name),
        "settings": settings_of(terms), "sample": _sample_in_words(sample, chosen), "lines_of": "sample" if request.of_sample_only else "period",
        "source_rows": source_count, "input_files": files, "exceptions": exception_counts, "compressed_by": COMPRESSED_BY,
    }  # fmt: skip
    write_json(folder / PACK, about)
    return about, tables


def _recompute(folder: Path, every: bool) -> int:
    """Run recompute.py as the auditor will, and keep its answer. Raises CheckFailed with the payouts that it does not prove."""
    try:
        found = run_recompute(folder, every)
    except ValueError as error:
        raise CheckFailed("recompute_agrees", str(error)) from None
    if bad := [each for each in found["payouts"] if each["outcome"] != "agrees"]:
        listed = "\n  ".join(f"{each['payout_id']} {each['name']} {each['outcome']}: {'; '.join(each['problems'][:3])}" for each in bad[:10])
        raise CheckFailed("recompute_agrees", f"recompute.py does not prove {len(bad)} of {len(found['payouts'])} payouts:\n  {listed}")
    write_json(folder / RECOMPUTED, found)
    return int(found["agrees"])


def _describe(book: Path, folder: Path, about: dict[str, Any], tables: list[PackedTable]) -> None:
    """Check the tables as they are in the pack, and write what says of them what they are and that they have not changed."""
    with checks.open_tables(folder, checks.columns_of(tables)) as packed:
        results = checks.evaluate(packed, about["period"]["name"])
        if broken := next((result for result in results if result["broken"]), None):
            raise CheckFailed(broken["check"], "; ".join(broken["broken"]))
        write_json(folder / CHECKS, results)
        hashes = digests.hash_files(folder, [table.path for table in tables])
        write_sheets(packed, folder, tables, hashes, _published_hashes(book), results, about)
    write_readme(folder, about, {table.name: table.rows for table in tables})
    data_package.write_data_package(folder, tables, digests.hash_files(folder, _names(folder)), about)
    digests.write_digests(folder, _names(folder), {key: about[key] for key in ("book", "period", "as_of", "run", "close", "sample")})


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that people read too."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="")


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _published_hashes(book: Path) -> dict[str, list[str]]:
    """Table to the hashes of its published files."""
    current = (book / "published" / "current").resolve()
    manifest = read_manifest(book / "published") or {}
    hashes = hashes_of(current, manifest)
    return {table: [hashes[path] for path in paths] for table, paths in files_of(current, manifest).items()}


def _copy_ledger(ledger: Path, read: Ledger, folder: Path) -> None:
    """The closes and the payment batches as they are, whole: the chains of hashes cover every file."""
    batches = [f"{payment_batches.FOLDER}/{record.folder}" for record in read.payments]
    for name in [*(record.folder for record in read.records), *batches]:
        (folder / "ledger" / name).mkdir(parents=True)
        for path in sorted((ledger / name).iterdir()):
            shutil.copyfile(path, folder / "ledger" / name / path.name)
    if read.write_offs:
        (folder / "ledger").mkdir(exist_ok=True)
        shutil.copyfile(ledger / write_offs.FILE, folder / "ledger" / write_offs.FILE)


def _close_of(ledger: Ledger, period: str) -> dict[str, Any] | None:
    record = next((each for each in closes_in_force(ledger.records) if each.period == period), None)
    return record.model_dump(mode="json") if record else None


def _sample_in_words(sample: Sample | None, chosen: Collection[str]) -> dict[str, Any]:
    return {"method": "monetary unit", **dataclasses.asdict(sample)} if sample else {"method": "named", "payouts": sorted(chosen)}

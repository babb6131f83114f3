"""Making the report of a published set.

Belongs here: the folder and the set it is made from. Does not belong here: the pages (one module each), switching (switch.py).
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import duckdb

from assets.published.reader import connect_set, fetch, read_manifest_of, refusing_other_versions
from assets.report.agreements import write_agreements
from assets.report.closes import write_closes
from assets.report.lineage import write_lineage
from assets.report.overview import write_overview
from assets.report.participants import write_participants
from assets.report.payouts import write_payouts
from assets.report.quality import write_quality
from assets.report.review import write_review
from assets.report.site import Site
from assets.report.switch import REPORT, REPORTS, clear_unfinished_reports, switch_report
from assets.report.tables import slug
from assets.runtime.context import RunContext
from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection
from assets.runtime.limits import limits_of
from assets.runtime.sql import scan
from models.book.limit_settings import LEAST_MEMORY
from models.book.settings import Book
from models.sql_text import literal


def write_report(context: RunContext) -> Path:
    """Write the report of the current set and switch to it. Raises InputError when nothing is published, or another version wrote it."""
    published = context.published
    current = (published / "current").resolve()
    with refusing_other_versions(published):
        switch_report(published, build_report(context, current, find_before(published, current)))
    return published / REPORT


def build_report(context: RunContext, folder: Path, before: Path | None) -> Path:
    """Write the report of the set in `folder` beside the others. Readers do not see it yet. `before`: the set that changes are told against."""
    published = context.published
    clear_unfinished_reports(published)
    manifest = read_manifest_of(folder)
    if manifest is None:
        raise rejection(str(published.parent), "nothing complete is published yet; run `tierledger run` first")
    staged = published / REPORTS / f"{folder.name}.tmp"
    staged.mkdir(parents=True)
    with connect_set(folder, manifest) as con:
        _limit(con, context)
        _write_pages(staged, con, before, manifest, context.book)
    os.sync()  # thousands of small files: one by one they would take longer than their pages
    target = next(name for name in _names(published / REPORTS / folder.name) if not name.exists())
    staged.rename(target)
    flush(target.parent)
    return target


def find_before(published: Path, current: Path) -> Path | None:
    """The newest complete set besides this one."""
    sets = sorted((path for path in (published / "runs").iterdir() if path != current), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return next((path for path in sets if read_manifest_of(path) is not None), None)


def _limit(con: duckdb.DuckDBPyConnection, context: RunContext) -> None:
    """Half of the engine's memory, because a run has its warehouse open, and a spill folder of its own, which the next run clears."""
    limits = limits_of(context)
    con.execute(f"set memory_limit = '{max(LEAST_MEMORY, limits.memory // 2) // 10**6}MB'")
    con.execute(f"set temp_directory = {literal(f'{limits.spill}-report')}")


def _names(first: Path) -> itertools.chain[Path]:
    return itertools.chain([first], (first.with_name(f"{first.name}.{n}") for n in itertools.count(2)))


def _write_pages(folder: Path, con: duckdb.DuckDBPyConnection, before: Path | None, manifest: dict[str, Any], book: Book) -> None:
    run = manifest["run"]
    con.execute("create temp table run as select ?::date as as_of", [run["as_of"]])
    if before is not None:
        con.execute(f"create view before_fct_payout as from {scan(before / 'fct_payout.parquet')}")
    facts = {"book": book.book, "run": run, "currency": book.currency}
    site = Site(folder, facts)
    site.copy_static()
    write_overview(site, con, book.currency, before is not None)
    write_agreements(site, con)
    write_participants(site, con)
    write_payouts(site, con)
    write_closes(site, con)
    write_review(site, con)
    write_quality(site, con)
    write_lineage(site, con)
    _write_search(site, con)


def _write_search(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """What the search box finds, as a script that it loads at first use."""
    agreements = fetch(con, "select agreement_id as id, arg_max(title, agreement_version) as name from dim_agreement group by all order by all")
    participants = fetch(con, "select distinct participant_id as id, participant_name as name from fct_payout order by all")
    payouts = fetch(con, "select agreement_id, list(payout_id order by payout_id) as ids from fct_payout group by all order by all")
    found = [["agreement", row["id"], row["name"] or "", f"agreements/{slug(row['id'])}.html"] for row in agreements]
    found += [["participant", row["id"], row["name"] or "", f"participants/{slug(row['id'])}.html"] for row in participants]
    site.script("data/search.js", found)
    site.script("data/payout-ids.js", {f"payouts/{slug(row['agreement_id'])}.html": "".join(row["ids"]) for row in payouts})

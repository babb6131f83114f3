"""The files of a large book's payout lines: its parts, and which of them are linked from the set before because their lines cannot have changed.

Belongs here: when lines are cut into parts, what makes a part dirty, taking over a file. Does not belong here: which part a payout is in
(dbt_project/models/intermediate/payouts/int_payouts_to_allocate.sql), writing a file (assets/publishing/parquet_set.py).

    calc.changed_sums            (line_set_key, participant_key, period_no) whose credited lines are others than those of the published set. Made by a
                                 run that carries on from that set, dropped when it publishes; without the table every part is written
    previous.payouts_allocated   the payouts of the published set with what they were allocated by
    previous.tier_slices         the slices of its graduated payouts
    previous.published_set       which set that is
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from assets.published.reader import hashes_of, read_manifest, seal_of
from assets.runtime.durable_files import flush
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import table_exists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import duckdb

    from models.records.run_history import EndedRun

#: The table that is cut into parts.
LINES = "fct_payout_line"
#: The part that is all lines.
ONE_PART = ""
#: The lines of a book with no more lines are one file.
ONE_FILE_UP_TO_LINES = 1_000_000
#: What two runs must have in common so that equal payouts of equal lines give equal bytes.
_SAME_PROGRAM = ("code_version", "engine_versions", "settings_sha256")

_PARTS = "select part, sum(line_count) from intermediate.int_payouts_to_allocate group by part order by sum(line_count) desc, part"
_ALLOCATED = "select * exclude (payout_key, payout_no) from intermediate.int_payouts_to_allocate"
_SLICES = """
    select payouts.payout_id, payouts.part, payouts.measure_line_set_key, payouts.participant_key, slices.* exclude (payout_key)
    from intermediate.int_payout_tier_slices as slices join intermediate.int_payouts_to_allocate as payouts using (payout_key)"""
#: What the lines of a payout show besides: names of partners, products and files by key, the rate of a day. Where one of them is another, lines were
#: credited anew and are in calc.changed_sums.
_OF_CHANGED_LINES = """
    select payouts.* exclude (line_set_key)
    from (
        select *, unnest(list_distinct([measure_line_set_key, own_line_set_key, base_line_set_key])) as line_set_key
        from intermediate.int_payouts_to_allocate
    ) as payouts
    join calc.changed_sums as changed on payouts.line_set_key = changed.line_set_key and payouts.participant_key = changed.participant_key
        and changed.period_no between payouts.first_period and payouts.last_period
    union all
    -- where terms change within a window, the lines are those of each version
    select payouts.* from intermediate.int_payouts_to_allocate as payouts
    join terms.window_parts as parts on payouts.benefit_key = parts.benefit_key and payouts.window_no = parts.window_no
    join terms.benefits as benefits on parts.part_benefit_key = benefits.benefit_key
    join calc.changed_sums as changed on changed.participant_key = payouts.participant_key
        and changed.line_set_key in (benefits.share_line_set_key, benefits.line_set_key, benefits.base_line_set_key)
        and changed.period_no between parts.first_period and parts.last_period"""
#: Lines of agreements that are net of others change with what those pay, which calc.changed_sums does not say.
_OF_NET_AGREEMENTS = """
    select * from intermediate.int_payouts_to_allocate
    where agreement_id in (select agreement_id from terms.agreements where net_level > 0)"""


def list_parts(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The parts of the book's lines, the largest first. None where they are one file."""
    lines = dict(con.execute(_PARTS).fetchall())
    return list(lines) if sum(lines.values()) > ONE_FILE_UP_TO_LINES else []


def find_unchanged_parts(
    con: duckdb.DuckDBPyConnection, published: Path, run: EndedRun, parts: list[str], part_of: str = "part"
) -> dict[str, tuple[Path, str]]:
    """The parts whose lines are those of the published set: its file, and the sha256 that the file should have.

    `part_of`: SQL of the part of a payout, called `lines`.
    """
    before = read_manifest(published)
    if not parts or before is None or not _carries_on(con, before, run):
        return {}
    queries = (_OF_CHANGED_LINES, _OF_NET_AGREEMENTS, _differing(_ALLOCATED, "previous.payouts_allocated"), _differing(_SLICES, "previous.tier_slices"))
    dirty = {part for query in queries for (part,) in con.execute(f"select distinct {part_of} from ({query}) as lines").fetchall()}
    files = {path.stem: (path, sha256) for path, sha256 in hashes_of((published / "current").resolve(), before).items()}
    return {part: files[name] for part in parts if part not in dirty and (name := file_name(part)) in files}


def take_over(before: Path, sha256: str, target: Path) -> bool:
    """Make a file of the set before one of the new set too. False where it has other bytes than its set says; then there is no file."""
    try:
        os.link(before, target)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without hard links
        shutil.copyfile(before, target)
        flush(target)
    if file_sha256(target) == sha256:
        return True
    target.unlink()
    return False


def remember_payouts(con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], parts: list[str]) -> None:
    """Keep what the next run compares its payouts with, in the transaction that publishes the set of this manifest.

    What changed since the set before is no longer true then, and goes.
    """
    for table in ("calc.changed_sums", "previous.payouts_allocated", "previous.tier_slices", "previous.published_set"):
        con.execute(f"drop table if exists {table}")
    if parts:
        con.execute("create schema if not exists previous")
        con.execute(f"create table previous.payouts_allocated as {_ALLOCATED}")
        con.execute(f"create table previous.tier_slices as {_SLICES}")
        con.execute("create table previous.published_set as select ? as manifest_sha256", [seal_of(manifest)])


def file_name(part: str) -> str:
    """The name, without `.parquet`, of the file that holds a part of the lines."""
    return f"{LINES}.{part}" if part else LINES


def _carries_on(con: duckdb.DuckDBPyConnection, before: Mapping[str, Any], run: EndedRun) -> bool:
    """Whether it is known what has changed since the published set."""
    if not table_exists(con, "calc", "changed_sums") or not table_exists(con, "previous", "published_set"):
        return False
    return con.execute("from previous.published_set").fetchall() == [(seal_of(before),)] and is_same_program(before, run)


def is_same_program(before: Mapping[str, Any], run: EndedRun) -> bool:
    """Whether a run of the same program, with the same settings, made the set of this manifest."""
    return all(before["run"][name] == getattr(run, name) for name in _SAME_PROGRAM)


def _differing(now: str, before: str) -> str:
    """Rows that are new, gone, or other than they were."""
    return f"(({now}) except from {before}) union all (from {before} except ({now}))"

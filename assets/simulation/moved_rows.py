"""Targets and participations of agreements whose term is moved, or whose place a plan takes: a file with all rows of the feed, theirs moved too.

Belongs here: rows of feeds that name an agreement and its days. Does not belong here: texts of agreements (plans.py).
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assets.archive.manifest import Arrival
from assets.differences.states import State
from assets.published.reader import files_of, read_manifest_of
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import scan
from models.feeds.settings import FeedSettings
from models.sql_text import literal

_NAME = "moved.csv"
#: Feeds: the table that publishes their rows, and the file's columns from it.
_FEEDS = {
    "targets": (
        "dim_target",
        "benefit_id as benefit, participant_id, (window_start + to_years(years))::date as window_start, target, incentive, baseline",
        "agreement, benefit, participant_id, window_start",
    ),
    "participations": (
        "dim_participation",
        'participant_id, (valid_from + to_years(years))::date as "from", (valid_to + to_years(years))::date as "to", factor',
        'agreement, participant_id, "from"',
    ),
}
TABLES = frozenset(table for table, _, _ in _FEEDS.values())


@dataclass(frozen=True)
class Move:
    """The agreement has the rows of `source`, so many years later."""

    agreement: str
    source: str
    years: int


def agreements_with_rows(folder: Path) -> set[str]:
    """The agreements that rows of these feeds name, in the set in the folder."""
    with duckdb.connect(config={"threads": 2}) as con:
        queries = [f"select agreement_id from {each}" for each in _tables(folder).values()]
        return {row[0] for query in queries for row in con.execute(query).fetchall()}


def move_rows(state: State, folder: Path, moves: Sequence[Move]) -> State:
    """The state with the rows of these agreements moved; all other rows are as the set in the folder has them, which is of a run of the state."""
    tables = _tables(folder)
    for feed, (table, columns, key) in _FEEDS.items():
        if feed not in state.book.feeds:
            continue
        target = state.archive / f"{feed}-{_NAME}"
        with duckdb.connect(config={"threads": 2}) as con:
            con.execute("create table moves (agreement varchar, source varchar, years integer)")
            con.executemany("insert into moves values (?, ?, ?)", [(each.agreement, each.source, each.years) for each in moves])
            rows = f"""
                select coalesce(moves.agreement, agreement_id) as agreement, {columns.replace("to_years(years)", "to_years(coalesce(years, 0))")}
                from {tables[table]} as rows left join moves on moves.source = agreement_id
                where moves.source is not null or agreement_id not in (select agreement from moves)"""
            con.execute(f"copy ({rows} order by {key}) to {literal(str(target))} (format csv, header)")
        sha256 = file_sha256(target)
        os.replace(target, state.archive / sha256)
        size = (state.archive / sha256).stat().st_size
        arrival = Arrival(feed, _NAME, sha256, 1, dt.datetime(2000, 1, 1).isoformat(sep=" ", timespec="microseconds"), size, ".csv")
        settings = FeedSettings(files=f"feeds/{feed}/{_NAME}", key=key.replace('"', "").split(", "))
        state = replace(
            state,
            book=state.book.model_copy(update={"feeds": {**state.book.feeds, feed: settings}}),
            arrivals=[*(each for each in state.arrivals if each.feed != feed), arrival],
        )
    return state


def _tables(folder: Path) -> dict[str, str]:
    manifest = read_manifest_of(folder)
    assert manifest is not None, "a run has just written it"
    files = files_of(folder, manifest)
    return {table: scan(files[table]) for table in TABLES}

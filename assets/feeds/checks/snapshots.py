"""Snapshots that drop too much of what they replace: a file that was cut off would take back what it does not hold.

Belongs here: what a snapshot drops, and the refusal. Does not belong here: which rows it takes out (int_rows_replaced in dbt_project/), files that are
smaller than usual (assets/feeds/checks/unusual_files.py).
"""

from __future__ import annotations

from decimal import Decimal

import duckdb

from models.documents import Problem
from models.feeds.attributes import shown_name
from models.feeds.columns import Feed
from models.feeds.settings import FeedSettings, SnapshotSettings, key_columns
from models.sql_text import identifier, literal

#: A file of corrections says nothing of the rows that it does not hold.
_NO_CORRECTION = "file_no not in (select file_no from raw.corrections)"


def judged_anew(con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings | None) -> dict[int, str]:
    """The files that say all there is of a span, with their names, if the feed has become a snapshot, or one of another span, since they were loaded.

    Call it before the register of snapshots is made anew.
    """
    before = con.execute("select per from raw.feed_snapshots where feed = ?", [feed.name]).fetchall()
    if settings is None or settings.snapshot is None or before == [(settings.snapshot.per,)]:
        return {}
    newest = f"select max(file_no) from raw.{feed.name} where {_NO_CORRECTION} group by {_span(feed, settings.snapshot)}"
    return dict(con.execute(f"select distinct file_no, file_name from raw.feed_files where file_no in ({newest})").fetchall())


def shrunken_snapshots(con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings, names: dict[int, str]) -> list[Problem]:
    """Files that drop more than `max_drop` of the rows that they replace. `names`: the files to judge, by file_no."""
    if settings.snapshot is None:
        return []
    problems = []
    for file_no, name in sorted(names.items()):
        replaced, dropped, example = _dropped_by(con, feed, settings.snapshot, key_columns(feed, settings), file_no)
        if dropped <= replaced * settings.snapshot.max_drop:
            continue
        such = f", such as {example}" if example else ""
        share = (Decimal(dropped) / replaced).quantize(Decimal("0.01"), rounding="ROUND_UP")
        more = f"feeds.{feed.name}.snapshot: {{per: {settings.snapshot.per}, max_drop: {share}}}"
        rejected = con.execute("select count(*) from raw.rejects where file_no = ?", [file_no]).fetchall()[0][0]
        remark = f" ({rejected:,} of its rows are rejected)" if rejected else ""
        message = f"drops {dropped:,} of the {replaced:,} rows that it replaces{such}{remark}: is it complete? Deliver the whole file, or remove it; "
        problems.append(Problem(name, 0, "", f"{message}if so many rows are gone, set {more} in book.yaml for the run that takes it in"))
    return problems


def _span(feed: Feed, snapshot: SnapshotSettings) -> str:
    """SQL of the span that a row is in."""
    return "true" if snapshot.per == "whole" else f"date_trunc({literal(snapshot.per)}, {identifier(str(feed.day))})"


def _dropped_by(con: duckdb.DuckDBPyConnection, feed: Feed, snapshot: SnapshotSettings, key: tuple[str, ...], file_no: int) -> tuple[int, int, str | None]:
    """How many rows a snapshot replaces, how many of them it does not have any more, and the key of one. Without a key, rows are counted."""
    columns = ", ".join(map(identifier, key))
    shown = " || ', ' || ".join(f"coalesce({identifier(column)}::varchar, '')" for column in key) or "null"
    same_key = " and ".join(f"replaced.{identifier(column)} is not distinct from mine.{identifier(column)}" for column in key)
    rows = f"select *, {_span(feed, snapshot)} as span from raw.{feed.name}"
    dropped = f"(select count(*), min({shown}) from replaced anti join mine on {same_key})"
    if not key:
        dropped = "(select greatest(0, (select count(*) from replaced) - (select count(*) from mine)), null)"
    query = f"""
        with mine as ({rows} where file_no = $file_no),
        complete as (
            select span, max(file_no) as file_no
            from ({rows} where file_no between 0 and $file_no - 1 and {_NO_CORRECTION})
            where span in (select span from mine) group by span
        ),
        replaced as (
            select {f"distinct {columns}" if key else "1 as row"} from ({rows} where not is_deleted) join complete using (file_no, span)
        )
        select (select count(*) from replaced), found.* from {dropped} as found"""
    replaced, missing, example = con.execute(query, {"file_no": file_no}).fetchall()[0]
    return replaced, missing, f"{', '.join(map(shown_name, key))} {example}" if example else None

"""quality.html: the files of each feed, how fresh they are, rejected rows with the remedy, and the checks that held.

Belongs here: figures of the feeds. Does not belong here: reading them (assets/feeds/).
"""

from __future__ import annotations

import duckdb

from assets.published.formatting import number
from assets.published.reader import count_feeds, fetch
from assets.report.site import Site
from assets.report.tables import Cell, Column, Table
from models.feeds.reject_reasons import REASONS

#: Rejected rows on the page; `tierledger rejects --export` has them all.
SHOWN = 1000
_PATH = "quality.html"
#: What a published set has passed, in the words of a reader.
CHECKS = (
    ("Every row of every file is accounted for", "loaded, duplicate, superseded, rejected or ignored; the counts of each file add up to its rows"),
    ("Each payout is published once", "no two rows have the same payout id"),
    ("Lines add up to payouts", "the shares of the lines of each payout are its amount, to the last minor unit"),
    ("No line counts twice for a participant", "memberships of one participant do not overlap"),
    ("Debits equal credits", "in every entry of the journal"),
    ("The chain of closes is whole", "each close names the hash of the one before, and its files have theirs"),
)


def write_quality(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """quality.html."""
    files = fetch(con, "from audit_feed_file order by feed = 'transactions' desc, feed, arrival_no desc")
    rejects = fetch(con, "from audit_reject order by feed, file_name, row_number, reason limit ?", [SHOWN])
    counts = {row["feed"]: row for row in count_feeds(con)}
    fresh = fetch(con, _FRESH)
    site.page(
        _PATH,
        "quality.html.j2",
        feeds=site.table(_PATH, _feeds(counts, fresh), "Feeds"),
        reasons=site.table(_PATH, _reasons(con), "Rejected rows by reason"),
        more_rejects=len(rejects) == SHOWN,
        rejects=site.table(_PATH, _rejects(rejects), "Rejected rows"),
        files=site.table(_PATH, _files(files), "Files"),
        dispositions=fetch(con, "select disposition, count(*) as rows from fct_transaction group by all order by rows desc, disposition"),
        checks=CHECKS,
    )


def _feeds(counts: dict[str, dict[str, object]], fresh: list[dict[str, object]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in fresh:
        of = counts[str(row["feed"])]
        names = ("files", "rows_read", "rows_loaded", "rows_duplicate", "rows_superseded", "rows_rejected", "rows_ignored")
        rows.append((str(row["feed"]), *(number(of[name]) for name in names), str(row["arrived"] or "–"), str(row["last_day"] or "–")))
    labels = ("Files", "Rows", "Loaded", "Duplicate", "Superseded", "Rejected", "Ignored")
    columns = (Column("Feed"), *(Column(label, "number") for label in labels), Column("Last file (UTC)", "day"), Column("Newest day", "day"))
    return Table("feeds", columns, rows)


def _reasons(con: duckdb.DuckDBPyConnection) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in fetch(con, "select feed, reason, count(*) as rows from audit_reject group by all order by rows desc, feed, reason"):
        known = REASONS.get(row["reason"])
        rows.append((row["reason"], row["feed"], number(row["rows"]), known.cause if known else "–", known.remedy if known else "–"))
    columns = (Column("Reason", "code"), Column("Feed"), Column("Rows", "number"), Column("What is wrong", "sentence"), Column("What to do", "sentence"))
    return Table("rejects-by-reason", columns, rows, empty="No row is rejected.")


def _rejects(rejects: list[dict[str, object]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            str(row["file_name"]).rsplit("/", 1)[-1],
            number(row["line_number"] if row["line_number"] is not None else row["row_number"]),
            str(row["reason"]),
            str(row["column_name"] or "–"),
            str(row["message"]),
        )
        for row in rejects
    ]
    columns = (Column("File"), Column("Line", "number"), Column("Reason", "code"), Column("Column", "code"), Column("Message", "sentence"))
    return Table("rejects", columns, rows)


def _files(files: list[dict[str, object]]) -> Table:
    names = ("rows_read", "rows_loaded", "rows_duplicate", "rows_superseded", "rows_rejected", "rows_ignored")
    rows: list[tuple[Cell, ...]] = [
        (
            str(row["file_name"]).removeprefix("feeds/"),
            str(row["status"]),
            *(number(row[name]) for name in names),
            f"{row['arrived_at']:%Y-%m-%d %H:%M}",
            str(row["sha256"])[:12],
        )
        for row in files
    ]
    labels = ("Rows", "Loaded", "Duplicate", "Superseded", "Rejected", "Ignored")
    columns = (
        Column("File"),
        Column("Status", "status"),
        *(Column(label, "number") for label in labels),
        Column("Arrived (UTC)", "day"),
        Column("SHA-256", "code"),
    )
    return Table("files", columns, rows)


_FRESH = """
    with newest as (
        select 'transactions' as feed, max(date) filter (disposition in ('loaded', 'waiting')) as last_day from fct_transaction
        union all select 'fx_rates', max(date) from dim_fx_rate
        union all select 'metrics', max(date) from dim_metric
        union all select 'payments', max(paid_on) from fct_payment
    )
    select feed, strftime(max(arrived_at), '%Y-%m-%d %H:%M') as arrived, any_value(last_day)::varchar as last_day
    from audit_feed_file left join newest using (feed) group by feed order by feed = 'transactions' desc, feed
"""

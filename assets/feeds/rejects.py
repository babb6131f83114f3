"""Rejected rows as a person works through them: grouped by reason, and as files to correct.

Belongs here: reading them from the published tables, and the files of corrections. Does not belong here: why a row is rejected (assets/feeds/typing_sql.py),
taking corrections in (assets/feeds/load.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.published.reader import Row, fetch, open_published
from assets.runtime.book_folder import open_book
from models.feeds.columns import FEEDS
from models.feeds.reject_reasons import CORRECTION_COLUMNS, REASONS
from models.spreadsheet_text import neutralize_texts

#: Reasons of rows whose line could not be read, so that they have none of the file's columns.
_UNREADABLE = ("bad_json", "duplicate_key")

_GROUPED = """
    select r.feed, r.reason, r.column_name, count(*) as rows, count(x.row_number) as resolved, count(*) - count(x.row_number) as open,
        count(distinct r.sha256) as files, arg_min(r.file_name, (x.row_number is not null, r.file_name, r.row_number)) as file_name,
        arg_min(r.row_number, (x.row_number is not null, r.file_name, r.row_number)) as row_number,
        arg_min(r.message, (x.row_number is not null, r.file_name, r.row_number)) as message
    from audit_reject as r left join audit_reject_resolved as x using (feed, sha256, file_name, row_number)
    where ($feed is null or r.feed = $feed) and ($reason is null or r.reason = $reason)
    group by all order by open desc, rows desc, r.feed, r.reason, r.column_name"""

_OPEN = """
    select r.* from audit_reject as r anti join audit_reject_resolved as x using (feed, sha256, file_name, row_number)
    where ($feed is null or r.feed = $feed) and ($reason is null or r.reason = $reason)
    order by r.feed, r.file_name, r.sha256, r.row_number"""


@dataclass(frozen=True)
class Exported:
    """A file of corrections to be filled in. `left_out`: rejected rows that are not in it, because they wait or their line could not be read."""

    feed: str
    file: Path
    rows: int
    left_out: int


def group_rejects(folder: Path, feed: str | None = None, reason: str | None = None) -> list[Row]:
    """One row per feed, reason and column: how many rows, resolved, open and files, and an example with its message, cause and remedy."""
    with open_published(folder) as con:
        rows = fetch(con, _GROUPED, {"feed": feed, "reason": reason})
    return [row | {"cause": REASONS[row["reason"]].cause, "remedy": REASONS[row["reason"]].remedy} for row in rows]


def export_rejects(folder: Path, target: Path, feed: str | None = None, reason: str | None = None) -> list[Exported]:
    """Write the open rejected rows of each feed to `target`/<feed>.csv: the file's own columns, then the columns that name the row it corrects.

    When the corrected file is put into the feed's landing folder, each row replaces the row it names.
    """
    feeds = open_book(folder).feeds
    with open_published(folder) as con:
        rows = fetch(con, _OPEN, {"feed": feed, "reason": reason})
    written = []
    for name in FEEDS:
        of_feed = [row for row in rows if row["feed"] == name]
        chosen = [row for row in of_feed if not REASONS[row["reason"]].is_waiting and row["reason"] not in _UNREADABLE]
        if not chosen:
            continue
        records = [json.loads(row["raw"]) for row in chosen]
        columns = [column for column in dict.fromkeys(key for record in records for key in record) if not column.startswith("(")]
        origins = [(row["sha256"], str(row["row_number"]), row["reason"], row["message"]) for row in chosen]
        texts = {column: [None if (cell := record.get(column)) is None else str(cell) for record in records] for column in columns}
        texts |= {column: [each[i] for each in origins] for i, column in enumerate(CORRECTION_COLUMNS)}
        frame = neutralize_texts(pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)), has_written_numbers=True)
        target.mkdir(parents=True, exist_ok=True)
        file = target / f"{name}.csv"
        settings = feeds[name]
        file.write_bytes(frame.write_csv(separator=settings.delimiter).encode(settings.encoding, "strict" if settings.encoding == "utf-16" else "replace"))
        written.append(Exported(name, file, len(chosen), len(of_feed) - len(chosen)))
    return written

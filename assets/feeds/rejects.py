"""Rejected rows as a person works through them: grouped by reason, and as files to correct.

Belongs here: reading them from the published tables, and the files of corrections. Does not belong here: why a row is rejected (assets/feeds/typing_sql.py),
taking corrections in (assets/feeds/load.py).
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.published.reader import Row, fetch, open_published
from assets.runtime.book_folder import open_book
from models.documents import InputError, Problem
from models.feeds.columns import FEEDS
from models.feeds.reject_reasons import CORRECTION_COLUMNS, REASONS, is_correction
from models.feeds.settings import FeedSettings
from models.spreadsheet_text import guard_text, restore_text

#: Reasons of rows whose line could not be read, so that they have none of the file's columns.
_UNREADABLE = ("bad_json", "duplicate_key")

_GROUPED = """
    select r.feed, r.reason, r.column_name, count(*) as rows, count(x.row_number) as resolved, count(*) - count(x.row_number) as open,
        count(distinct r.sha256) as files, arg_min(r.file_name, (x.row_number is not null, r.file_name, r.row_number)) as file_name,
        arg_min(r.row_number, (x.row_number is not null, r.file_name, r.row_number)) as row_number,
        arg_min_null(r.line_number, (x.row_number is not null, r.file_name, r.row_number)) as line_number,
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
        records = [_cells(json.loads(row["raw"])) for row in chosen]
        target.mkdir(parents=True, exist_ok=True)
        file = target / f"{name}.csv"
        file.write_bytes(_as_csv(chosen, records, feeds[name]))
        written.append(Exported(name, file, len(chosen), len(of_feed) - len(chosen)))
    return written


def _cells(raw: dict[str, Any]) -> dict[str, Any]:
    """The cells of a rejected row; of a row that was exported before, without what the export added."""
    if not is_correction(raw):
        return raw
    return {key: restore_text(cell) if isinstance(cell, str) else cell for key, cell in raw.items() if key not in CORRECTION_COLUMNS}


def _as_csv(rows: list[Row], records: list[dict[str, Any]], settings: FeedSettings) -> bytes:
    """The rows in the feed's own format. `records`: their cells by column; a key in parentheses is a field that the header has no column for.

    A row that had another number of fields than its header has too many here, so that it is rejected again until a person corrects it.
    """
    columns = [column for column in dict.fromkeys(key for record in records for key in record) if not column.startswith("(")]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=settings.delimiter, lineterminator="\n")
    writer.writerow(map(guard_text, [*columns, *CORRECTION_COLUMNS]))
    for row, record in zip(rows, records, strict=True):
        surplus = [cell for key, cell in record.items() if key.startswith("(")]
        if row["reason"] == "wrong_field_count" and not surplus:
            surplus = ["(a field is missing)"]
        message = row["message"].encode(settings.encoding, "replace").decode(settings.encoding)
        cells = [*(record.get(column) for column in columns), row["sha256"], row["row_number"], row["line_number"], row["reason"], message, *surplus]
        writer.writerow(["" if cell is None else guard_text(str(cell)) for cell in cells])
    try:
        return text.getvalue().encode(settings.encoding)
    except UnicodeEncodeError as error:
        reason = f"{settings.encoding}, the encoding of the feed, has no {error.object[error.start]!r}, which a rejected row has; correct it in the source"
        raise InputError([Problem("--export", 0, "", reason)]) from None

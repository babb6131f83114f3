"""What became of each file that has arrived, as events of the log.

Belongs here: one event per file, after its rows are there for good. Does not belong here: files refused as a whole, which end the step
(pipelines/logging/run_events.py).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from assets.runtime.events import is_listened_to, log_event

if TYPE_CHECKING:
    import duckdb

    from assets.archive.manifest import Arrival


def tell_files(con: duckdb.DuckDBPyConnection, new: list[Arrival]) -> None:
    """One event per file: taken in, with its rows and why some were refused, or the same bytes as an earlier one."""
    if not new or not is_listened_to():
        return
    refused: dict[int, dict[str, int]] = defaultdict(dict)
    for file_no, reason, rows in con.execute("select file_no, reason, count(*) from raw.rejects group by all order by all").fetchall():
        refused[file_no][reason] = rows
    arrived = {(arrival.feed, arrival.arrival_no) for arrival in new}
    columns = "file_no, feed, arrival_no, file_name, sha256, status, reason, rows_read"
    for file_no, feed, arrival_no, name, sha256, status, reason, rows in con.execute(f"select {columns} from raw.feed_files order by file_no").fetchall():
        if (feed, arrival_no) not in arrived:
            continue
        if status == "duplicate":
            log_event("file_duplicate", f"{name}: {reason}", feed=feed, file=name, sha256=sha256, reason=reason)
            continue
        reasons = refused[file_no]
        message = "".join(f", {count} refused ({why})" for why, count in reasons.items())
        log_event("file_taken_in", f"{name}: {rows} rows of {feed}{message}", feed=feed, file=name, sha256=sha256, rows=rows, rows_refused=reasons)

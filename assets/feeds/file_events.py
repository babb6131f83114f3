"""What happened to each file that arrived, as log events.

Belongs here: one event per file, after its rows are committed. Does not belong here: rejected files, which end the step
(assets/runtime/step_events.py).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from assets.runtime.events import is_logging, log_event

if TYPE_CHECKING:
    import duckdb

    from assets.archive.manifest import Arrival
    from models.documents import Problem


def log_attention(warnings: Iterable[str], unreadable: Iterable[Problem]) -> None:
    """One event per warning, and one per file that could not be read and was skipped."""
    for warning in warnings:
        log_event("warning", warning, logging.WARNING)
    for problem in unreadable:
        log_event("file_rejected", str(problem), logging.ERROR, file=problem.file, reason=problem.message)


def log_files(con: duckdb.DuckDBPyConnection, new: list[Arrival]) -> None:
    """One event per file: taken in, with its rows and its rejected rows by reason, or a duplicate of an earlier one."""
    if not new or not is_logging():
        return
    rejected: dict[int, dict[str, int]] = defaultdict(dict)
    for file_no, reason, rows in con.execute("select file_no, reason, count(*) from raw.rejects group by all order by all").fetchall():
        rejected[file_no][reason] = rows
    arrived = {(arrival.feed, arrival.arrival_no) for arrival in new}
    columns = "file_no, feed, arrival_no, file_name, sha256, status, reason, rows_read"
    for file_no, feed, arrival_no, name, sha256, status, reason, rows in con.execute(f"select {columns} from raw.feed_files order by file_no").fetchall():
        if (feed, arrival_no) not in arrived:
            continue
        if status == "duplicate":
            log_event("file_duplicate", f"{name}: {reason}", feed=feed, file=name, sha256=sha256, reason=reason)
            continue
        if status == "withdrawn":
            continue
        reasons = rejected[file_no]
        message = "".join(f", {count} rejected ({why})" for why, count in reasons.items())
        log_event("file_taken_in", f"{name}: {rows} rows of {feed}{message}", feed=feed, file=name, sha256=sha256, rows=rows, rows_rejected=reasons)

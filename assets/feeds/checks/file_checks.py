"""What a file as a whole says about itself once its rows are typed: how many are rejected, what they repeat, ids that a spreadsheet spoiled.

Belongs here: warnings and refusals that look at all rows of a file. Does not belong here: totals that the sender declares and sizes that are usual
(assets/feeds/checks/control_totals.py), single rows (assets/feeds/typing_sql.py).
"""

from __future__ import annotations

from collections import defaultdict

import duckdb

from assets.feeds.batches import Batch
from assets.feeds.inspection import format_of
from assets.feeds.readers import Source
from assets.runtime.errors import rejection
from models.documents import Problem
from models.feeds.columns import Feed
from models.feeds.reject_reasons import is_correction
from models.feeds.settings import FeedSettings, key_of


def check_rejected(
    con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings, sources: list[Source], rows_read: dict[int, int]
) -> tuple[list[Problem], list[str]]:
    """Files of which every row is rejected, and a warning for each of which more than `max_rejected` are. Both name the most frequent reason.

    A file of corrections only gets the warning: all of its rows were rejected before.
    """
    reasons: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    found = con.execute(_REASONS, [feed.name, [source.file_no for source in sources]]).fetchall()
    for file_no, reason, message, rows in found:
        reasons[file_no].append((rows, reason, message))
    problems, warnings = [], []
    for source in sources:
        rejected, read = sum(rows for rows, _, _ in reasons[source.file_no]), rows_read.get(source.file_no, 0)
        if not rejected or rejected <= read * settings.max_rejected:
            continue
        rows, reason, message = reasons[source.file_no][0]
        top = f"{rows:,} of them: {reason}, such as {message}"
        if rejected < read or is_correction(source.header):
            are = "is" if rejected == 1 else "are"
            warnings.append(f"{source.name}: {rejected:,} of {read:,} rows {are} rejected ({top}); `tierledger rejects` lists them")
            continue
        mistake = "if it was delivered by mistake, remove it from its folder, or `tierledger withdraw` it once a run has taken it in"
        way_out = f"correct feeds.{feed.name} in book.yaml or the file; {mistake}"
        problems.append(Problem(source.name, 0, "", f"all of its rows are rejected ({top}); {way_out}"))
    return problems, warnings


def check_row_counts(batch: Batch, rows_read: dict[int, int]) -> None:
    """In a file without quotes every line is a row, so the reader must have seen each of them."""
    for source in batch.sources:
        facts = source.facts
        if format_of(source.suffix) != ("csv", "none") or facts.has_quote or source.is_rewritten:
            continue
        read = rows_read.get(source.file_no, 0) / batch.rows_per_row
        lines = facts.lines
        if lines - 1 != read:
            with source.path.open("rb") as file:
                lines = sum(1 for line in file if line.strip(b"\r\n"))
            if lines - 1 != read:
                raise rejection(source.name, f"has {lines - 1} rows but {read:g} were read; report this")


def files_without_rows(feed: Feed, settings: FeedSettings, sources: list[Source], rows_read: dict[int, int], is_rebuild: bool) -> list[Problem]:
    """Files without a row where the feed must have some: it is `non_empty`, or a snapshot, which would take back every row. A rebuild repeats those."""
    if settings.non_empty:
        message = f"has no rows, and feeds.{feed.name} is non_empty in book.yaml; deliver it again"
    elif settings.snapshot and not is_rebuild:
        message = f"has no rows, and feeds.{feed.name} is a snapshot: it would take back every row; deliver it again, or remove it"
    else:
        return []
    return [Problem(source.name, 0, "", message) for source in sources if not rows_read.get(source.file_no)]


def repeated_under_one_name(con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings, sources: list[Source]) -> list[str]:
    """One sentence per file of which at least half of the rows were in an earlier file of its name, where nothing says that they replace those."""
    if key_of(feed, settings) or settings.replace or settings.snapshot:
        return []
    warnings = []
    for source in sources:
        earlier = con.execute(_EARLIER, [feed.name, source.file_no]).fetchall()
        if not earlier:
            continue
        rows = f"select * exclude (file_no, row_no) from raw.{feed.name} where file_no = ?"
        same, read = con.execute(
            f"select (select count(*) from ({rows} intersect all {rows})), (select count(*) from raw.{feed.name} where file_no = ?)",
            [source.file_no, earlier[0][0], source.file_no],
        ).fetchall()[0]
        if 2 * same >= read > 0:
            warnings.append(
                f"{source.name}: {same:,} of {read:,} rows were in the earlier file of this name (arrival {earlier[0][1]}) and count twice; "
                f"if the file is a correction, set `replace: file` or a `key` for feeds.{feed.name} in book.yaml, or `tierledger withdraw` the earlier one"
            )
    return warnings


def ids_with_exponents(con: duckdb.DuckDBPyConnection, feed: Feed, sources: list[Source]) -> list[str]:
    """One sentence per file and column with ids such as 8.96529E+19: a spreadsheet has shortened a number, so that different ids may have become one."""
    names = {source.file_no: source.name for source in sources}
    columns = [column.name for column in feed.columns if column.kind == "text" and column.name.endswith("_id")]
    warnings = []
    for column in columns:
        for file_no, example, rows in con.execute(_EXPONENTS.format(feed=feed.name, column=column), [list(names)]).fetchall():
            found = f"{column} is {example} in {rows:,} rows" if rows > 1 else f"{column} is {example} in one row"
            why = "a spreadsheet has shortened a long number, and different ids may have become one"
            warnings.append(f"{names[file_no]}: {found}: {why}; export the column as text and deliver the file again")
    return warnings


def columns_of_single_precision(sources: list[Source]) -> list[str]:
    """One sentence per Parquet file with columns of 32-bit floating-point numbers: their last digits are not those of the sender."""
    found = {source.name: [name for name, kind in source.columns if kind == "FLOAT"] for source in sources}
    why = "which keep about 7 digits, so that larger amounts were rounded before they arrived; export them as DECIMAL or text"
    return [f"{name}: 32-bit floating-point numbers in {', '.join(columns[:20])}, {why}" for name, columns in found.items() if columns]


def positive_credits(con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings, sources: list[Source]) -> list[str]:
    """One sentence per file with credits whose amount is positive: they add to what is measured, which few credit notes mean."""
    if feed.name != "transactions" or settings.signs in ("by_type", "as_given"):
        return []
    names = {source.file_no: source.name for source in sources}
    way_out = f"set `signs: by_type` for feeds.{feed.name} in book.yaml if the file has no signs, `signs: as_given` if they are right"
    return [
        f"{names[file_no]}: {f'{rows:,} credits have' if rows > 1 else '1 credit has'} a positive amount, {amounts} in all, "
        f"and {'add' if rows > 1 else 'adds'} to what is measured; {way_out}"
        for file_no, rows, amounts in con.execute(_POSITIVE_CREDITS, [list(names)]).fetchall()
    ]


_POSITIVE_CREDITS = """
    select file_no, sum(rows)::bigint, string_agg(total || ' ' || currency, ', ' order by currency)
    from (
        select file_no, currency, count(*) as rows, sum(amount)::decimal(38, 2) as total from raw.transactions
        where type = 'credit' and amount > 0 and not is_deleted and list_contains(?::integer[], file_no) group by all
    )
    group by file_no order by file_no"""

_EXPONENTS = r"""
    select file_no, min({column}), count(*) from raw.{feed}
    where contains({column}, 'E+') and regexp_full_match({column}, '[0-9](\.[0-9]+)?E\+[0-9]+') and list_contains(?::integer[], file_no)
    group by file_no order by file_no"""

#: The last file of the same name before this one.
_EARLIER = """
    select earlier.file_no, earlier.arrival_no
    from raw.feed_files as earlier join raw.feed_files as later using (feed, file_name)
    where feed = ? and earlier.status = 'loaded' and earlier.file_no < later.file_no and later.file_no = ?
    order by earlier.file_no desc limit 1"""

_REASONS = """
    select file_no, reason, arg_min(message, row_no), count(*) as rows from raw.rejects
    where feed = ? and list_contains(?::integer[], file_no) group by all order by file_no, rows desc, reason"""

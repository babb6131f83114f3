"""Files that arrive and look wrong as a whole: smaller than usual, or an earlier delivery once more.

Belongs here: these warnings. Does not belong here: totals that the sender declares (assets/feeds/checks/control_totals.py), rows that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from assets.archive.manifest import Arrival
from assets.feeds.checks.control_totals import WITHOUT_IGNORED
from models.documents import InputError, Problem
from models.feeds.columns import Feed
from models.feeds.settings import FeedSettings
from models.sql_text import identifier

#: The usual size of a feed's file is the median of the `_LAST` files before it, once there are `_ENOUGH` of them.
_LAST, _ENOUGH = 12, 3
#: A feed has files for single days if a usual one spans no more days than this. Then Saturdays and Sundays are compared with one another.
_DAYS = 3


def smaller_than_usual(con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings, names: dict[int, str]) -> list[str]:
    """One sentence per file of `names` (by file_no) that has far fewer rows, or a far smaller amount, than earlier files and the file just before it.

    Not for the first delivery of the feed, nor for a file that mainly replaces earlier rows. Raises InputError instead if the feed rejects such files.
    """
    has_amount = feed.name == "transactions" and settings.drop.amount > 0
    con.execute("create or replace temp table landed_now as select unnest(?::integer[]) as file_no", [list(names)])
    found = con.execute(
        f"""
        with ignored as (select file_no, count(*) as ignored_count from raw.ignored_rows group by all),
        contents as (
            select abs(file_no) as file_no, {"sum(amount)" if has_amount else "null"} as amount,
                {f"bool_and(isodow({feed.day}) >= 6)" if feed.day else "false"} as is_weekend,
                {f"max({feed.day}) - min({feed.day}) + 1" if feed.day else "null"} as days
            from raw.{feed.name} {WITHOUT_IGNORED} group by 1
        ),
        files as (
            select file_no, rows_read - coalesce(ignored_count, 0) as rows_read, amount,
                coalesce(is_weekend, isodow(arrived_at) >= 6) and median(days) over () <= {_DAYS} as is_weekend,
                arrived_at = min(arrived_at) over () as is_first_delivery
            from raw.feed_files left join contents using (file_no) left join ignored using (file_no)
            where feed = ? and status = 'loaded'
        ),
        usual as (
            select *, count(*) over before as files, median(rows_read) over before as usual_rows, median(amount) over before as usual_amount,
                last(rows_read) over before as last_rows, last(amount) over before as last_amount
            from files
            window before as (partition by is_weekend order by file_no rows between {_LAST} preceding and 1 preceding)
        ),
        judged as (
            select *, rows_read < least(usual_rows, last_rows) * {settings.drop.rows} as has_few_rows,
                coalesce(amount < least(usual_amount, last_amount) * {settings.drop.amount}, false) as is_cheap
            from usual semi join landed_now using (file_no)
            where files >= {_ENOUGH} and not is_first_delivery
        )
        select file_no, rows_read, usual_rows, amount, usual_amount, has_few_rows from judged where has_few_rows or is_cheap order by file_no""",
        [feed.name],
    ).fetchall()
    con.execute("drop table temp.landed_now")
    messages = []
    for file_no, rows, usual_rows, amount, usual_amount, has_few_rows in found:
        if 2 * _count_rows_of_others(con, feed, file_no, "<") >= rows > 0:
            continue
        what = f"{rows} rows, {usual_rows:g} are usual" if has_few_rows else f"an amount of {amount:.2f}, {usual_amount:.2f} is usual"
        messages.append((names[file_no], f"has {what} for {feed.name}: was it cut off? (feeds.{feed.name}.drop in book.yaml)"))
    if messages and settings.drop.then == "refuse":
        raise InputError([Problem(name, 0, "", message) for name, message in messages])
    return [f"{name} {message}" for name, message in messages]


def delivered_again(con: duckdb.DuckDBPyConnection, feed: Feed, arrivals: list[Arrival], again: Iterable[tuple[Arrival, Arrival, int]]) -> list[str]:
    """One sentence per file that has the bytes of an earlier one, where a file in between has replaced what that one said.

    `arrivals`: all of the feed. `again`: the file, the one with the same bytes, and the number of that one.
    """
    messages = []
    for arrival, original, file_no in again:
        between = [each for each in arrivals if original.arrival_no < each.arrival_no < arrival.arrival_no and each.sha256 != original.sha256]
        same_name = [each.file_name for each in between if each.file_name == arrival.file_name == original.file_name]
        if same_name or (between and _count_rows_of_others(con, feed, file_no, ">")):
            what = f"{arrival.file_name} has the same bytes as {original.file_name}, file {original.arrival_no} of {feed.name}, and loads nothing"
            messages.append(f"{what}: what arrived in between still counts. If the earlier content is right, deliver its rows in a file with different bytes")
    return messages


def _count_rows_of_others(con: duckdb.DuckDBPyConnection, feed: Feed, file_no: int, order: str) -> int:
    """The rows of a file that another file has too: rows that name the row they correct, and rows of one key. `order`: `<` earlier files, `>` later ones."""
    corrections = "select count(*) from raw.corrections where feed = ? and file_no = ?"
    count: int = con.execute(corrections, [feed.name, file_no]).fetchall()[0][0] if order == "<" else 0
    key = [identifier(name) for (name,) in con.execute("select column_name from raw.feed_keys where feed = ? order by position", [feed.name]).fetchall()]
    if key and feed.day and not count:
        same = " and ".join(f"mine.{column} is not distinct from others.{column}" for column in key)
        query = f"select count(*) from raw.{feed.name} as mine semi join raw.{feed.name} as others on {same} and others.file_no {order} mine.file_no"
        count = con.execute(f"{query} where mine.file_no = ?", [file_no]).fetchall()[0][0]
    return count

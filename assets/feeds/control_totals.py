"""What the sender says a file is and adds up to: side-car files beside it, or its last line; held against what was read.

Belongs here: totals and hashes that come with a file, and files that are smaller than usual. Does not belong here: reading the file.
"""

from __future__ import annotations

import csv
import json
import os
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

import duckdb

from assets.feeds.inspection import suffix_of
from assets.feeds.readers import Source
from assets.runtime.errors import refusal
from models.documents import InputError, Problem
from models.feeds.columns import NUMERIC_KINDS, Feed
from models.feeds.settings import FeedSettings
from models.sql_text import identifier

#: What may stand beside a data file: `sales.csv.done`, `sales.csv.totals.json`.
MARKER, HASH = ".done", ".sha256"
SIDE_CARS = (MARKER, HASH, ".totals.json", ".totals.csv")
#: The usual size of a feed's file: the median of this many files before it, once there are as many as `_ENOUGH`.
_LAST, _ENOUGH = 12, 3
_MAX_BYTES = 100_000


def is_side_car(name: str) -> bool:
    """Whether a file says something of the data file whose name it begins with."""
    lower = name.lower()
    return any(lower.endswith(ending) and suffix_of(name[: -len(ending)]) for ending in SIDE_CARS)


def side_car_missing(path: Path, settings: FeedSettings) -> str:
    """The name of a side-car that the feed's files come with and this one does not have yet; empty: all are there."""
    wanted = ([MARKER] if settings.done else []) + ([f".totals.{settings.totals}"] if isinstance(settings.totals, str) else [])
    return next((path.name + ending for ending in wanted if not os.path.isfile(f"{path}{ending}")), "")


def check_hash(path: Path, name: str, sha256: str) -> None:
    """Raise InputError where a `.sha256` beside the file says that its bytes are others."""
    beside = path.with_name(path.name + HASH)
    if not os.path.isfile(beside):
        return
    said = (beside.read_text("utf-8", "replace")[:_MAX_BYTES].split() or [""])[0].lower()
    if said != sha256:
        raise refusal(name, f"has the SHA-256 {sha256}, but {beside.name} says {said[:64] or 'nothing'}: it was changed on its way; deliver both again")


def read_side_car(path: Path, name: str, form: str, feed: Feed) -> dict[str, str]:
    """The totals beside a file: `rows` and numeric columns of the feed, each with its number as text. Raises InputError for anything else."""
    beside = path.with_name(f"{path.name}.totals.{form}")
    shown = f"{name}.totals.{form}"
    text = beside.read_bytes()[:_MAX_BYTES].decode("utf-8-sig", "replace")
    try:
        if form == "json":
            found = json.loads(text, parse_float=str, parse_int=str)
        else:
            header, *rows = [row for row in csv.reader(text.splitlines()) if row]
            (row,) = rows
            found = dict(zip((cell.strip() for cell in header), (cell.strip() for cell in row), strict=True))
    except ValueError as error:
        example = '{"rows": 120, "amount": "1234.50"}' if form == "json" else "a line `rows,amount` and a line `120,1234.50`"
        raise refusal(shown, f"is not understood ({error}); write {example}") from None
    allowed = ["rows", *(column.name for column in feed.columns if column.kind in NUMERIC_KINDS)]
    if not isinstance(found, dict) or not found or any(key not in allowed for key in found):
        raise refusal(shown, f"names no total, or another than these: {', '.join(allowed)}")
    return {key: str(value) for key, value in found.items()}


def check_totals(con: duckdb.DuckDBPyConnection, feed: Feed, sources: list[Source], rows_read: dict[int, int]) -> list[Problem]:
    """What differs between the totals that came with the files and their rows, refused rows included."""
    problems = []
    for source in sources:
        if not source.totals:
            continue
        columns = [name for name in source.totals if name != "rows"]
        sums = ", ".join(["count(*) filter (file_no < 0)", *(f"coalesce(sum({identifier(name)}), 0)" for name in columns)])
        rejected, *found = con.execute(f"select {sums} from raw.{feed.name} where abs(file_no) = ?", [source.file_no]).fetchall()[0]
        read: dict[str, int | Decimal] = {"rows": rows_read.get(source.file_no, 0), **dict(zip(columns, found, strict=True))}
        aside = f" ({rejected} of its rows are refused, and a value that cannot be read is in no sum)" if rejected else ""
        for name, said in source.totals.items():
            if _number(said) != read[name]:
                what = "rows" if name == "rows" else f"a sum of {name} of"
                message = f"its totals say {what} {said}, but {read[name]} were read{aside}: it is not whole or was changed; deliver it again"
                problems.append(Problem(source.name, 0, name, message))
    return problems


def _number(text: str) -> Decimal | None:
    """The number a total is written as: plain, or with a decimal comma."""
    plain = text.strip().replace(",", ".")
    try:
        return Decimal(plain) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", plain) else None
    except InvalidOperation:
        return None


def smaller_than_usual(con: duckdb.DuckDBPyConnection, feed: Feed, settings: FeedSettings, names: dict[int, str]) -> list[str]:
    """One sentence per file of `names` (by file_no) that has far fewer rows, or a far smaller amount, than the files of the feed before it.

    Raises InputError instead where the feed refuses such files.
    """
    if con.execute("select count(*) from raw.feed_files where feed = ? and status = 'loaded'", [feed.name]).fetchall()[0][0] <= _ENOUGH:
        return []
    has_amount = feed.name == "transactions" and settings.drop.amount > 0
    amounts = (
        "select abs(file_no) as file_no, abs(sum(amount)) as amount from raw.transactions group by 1" if has_amount else "select 0 as file_no, null as amount"
    )
    con.execute("create or replace temp table landed_now as select unnest(?::integer[]) as file_no", [list(names)])
    found = con.execute(
        f"""
        with files as (
            select file_no, rows_read, amount
            from raw.feed_files left join ({amounts}) using (file_no)
            where feed = ? and status = 'loaded'
        ),
        usual as (
            select *, count(*) over before as files, median(rows_read) over before as usual_rows, median(amount) over before as usual_amount
            from files
            window before as (order by file_no rows between {_LAST} preceding and 1 preceding)
        )
        select file_no, rows_read, usual_rows, amount, usual_amount,
            rows_read < usual_rows * {settings.drop.rows} as has_few_rows, coalesce(amount < usual_amount * {settings.drop.amount}, false) as is_cheap
        from usual semi join landed_now using (file_no)
        where files >= {_ENOUGH} and (rows_read < usual_rows * {settings.drop.rows} or amount < usual_amount * {settings.drop.amount})
        order by file_no""",
        [feed.name],
    ).fetchall()
    con.execute("drop table temp.landed_now")
    message = []
    for file_no, rows, usual_rows, amount, usual_amount, has_few_rows, _ in found:
        what = f"{rows} rows, {usual_rows:g} are usual" if has_few_rows else f"an amount of {amount:.2f}, {usual_amount:.2f} is usual"
        message.append((names[file_no], f"has {what} for {feed.name}: was it cut off? (feeds.{feed.name}.drop in book.yaml)"))
    if message and settings.drop.then == "refuse":
        raise InputError([Problem(name, 0, "", what) for name, what in message])
    return [f"{name} {what}" for name, what in message]

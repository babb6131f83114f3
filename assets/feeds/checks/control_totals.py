"""Hashes and totals that the sender delivers with a file, in a side-car file or its last line, compared with what was read.

Belongs here: these checks. Does not belong here: reading the file, files that merely look unusual (assets/feeds/checks/unusual_files.py).
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
from assets.runtime.errors import rejection
from models.documents import Problem
from models.feeds.columns import NUMERIC_KINDS, Feed
from models.feeds.settings import FeedSettings
from models.feeds.text_formats import forms_of
from models.sql_text import identifier

#: Side-car files that may accompany a data file: `sales.csv.done`, `sales.csv.totals.json`.
MARKER, HASH = ".done", ".sha256"
SIDE_CARS = (MARKER, HASH, ".totals.json", ".totals.csv")
_MAX_BYTES = 100_000
#: A feed's rows until those that do not count (negative file_no) are deleted: all but those that are no data.
WITHOUT_IGNORED = "anti join (select -file_no as file_no, row_no from raw.ignored_rows) using (file_no, row_no)"


def is_side_car(name: str) -> bool:
    """Whether the file is a side-car of the data file whose name it begins with."""
    lower = name.lower()
    return any(lower.endswith(ending) and suffix_of(name[: -len(ending)]) for ending in SIDE_CARS)


def side_car_missing(path: Path, settings: FeedSettings) -> str:
    """The name of a side-car that the feed requires and this file does not have yet. Empty: none is missing."""
    wanted = ([MARKER] if settings.done else []) + ([f".totals.{settings.totals}"] if isinstance(settings.totals, str) else [])
    return next((path.name + ending for ending in wanted if not os.path.isfile(f"{path}{ending}")), "")


def check_hash(path: Path, name: str, sha256: str) -> None:
    """Raise InputError when the file has a `.sha256` side-car with another hash."""
    side_car = path.with_name(path.name + HASH)
    if not os.path.isfile(side_car):
        return
    declared = (side_car.read_text("utf-8", "replace")[:_MAX_BYTES].split() or [""])[0].lower()
    if declared != sha256:
        message = f"has the SHA-256 {sha256}, but {side_car.name} says {declared[:64] or 'nothing'}: it was changed in transit; deliver both again"
        raise rejection(name, message)


def read_side_car(path: Path, name: str, form: str, feed: Feed) -> dict[str, str]:
    """The totals in a file's side-car: `rows` and numeric columns of the feed, each number as text. Raises InputError for anything else."""
    side_car = path.with_name(f"{path.name}.totals.{form}")
    shown = f"{name}.totals.{form}"
    text = side_car.read_bytes()[:_MAX_BYTES].decode("utf-8-sig", "replace")
    try:
        if form == "json":
            found = json.loads(text, parse_float=str, parse_int=str)
        else:
            header, *rows = [row for row in csv.reader(text.splitlines()) if row]
            (row,) = rows
            found = dict(zip((cell.strip() for cell in header), (cell.strip() for cell in row), strict=True))
    except ValueError as error:
        example = '{"rows": 120, "amount": "1234.50"}' if form == "json" else "a line `rows,amount` and a line `120,1234.50`"
        raise rejection(shown, f"cannot be parsed ({error}); write {example}") from None
    allowed = ["rows", *(column.name for column in feed.columns if column.kind in NUMERIC_KINDS)]
    if not isinstance(found, dict) or not found or any(key not in allowed for key in found):
        raise rejection(shown, f"has no totals, or an unknown one; allowed: {', '.join(allowed)}")
    return {key: str(value) for key, value in found.items()}


def rows_without_ignored(con: duckdb.DuckDBPyConnection, feed: Feed, rows_read: dict[int, int]) -> dict[int, int]:
    """The rows of each file, by file_no, without those that are not data."""
    ignored = dict(con.execute("select file_no, count(*) from raw.ignored_rows where feed = ? group by all", [feed.name]).fetchall())
    return {file_no: rows - ignored.get(file_no, 0) for file_no, rows in rows_read.items()}


def check_totals(con: duckdb.DuckDBPyConnection, feed: Feed, sources: list[Source], rows_read: dict[int, int]) -> list[Problem]:
    """Differences between the declared totals of the files and their rows, rejected rows included."""
    problems = []
    for source in sources:
        if not source.totals:
            continue
        columns = [name for name in source.totals if name != "rows"]
        sums = ", ".join(["count(*) filter (file_no < 0)", *(f"coalesce(sum({identifier(name)}), 0)" for name in columns)])
        rejected, *found = con.execute(f"select {sums} from raw.{feed.name} {WITHOUT_IGNORED} where abs(file_no) = ?", [source.file_no]).fetchall()[0]
        read: dict[str, int | Decimal] = {"rows": rows_read.get(source.file_no, 0), **dict(zip(columns, found, strict=True))}
        remark = f" ({rejected} of its rows are rejected, and no sum includes a value that cannot be read)" if rejected else ""
        for name, declared in source.totals.items():
            if _number(declared) != read[name]:
                what = "rows" if name == "rows" else f"a sum of {name} of"
                message = f"its totals say {what} {declared}, but {read[name]} were read{remark}: it is incomplete or was changed; deliver it again"
                problems.append(Problem(source.name, 0, name, message))
    return problems


def plain_total(text: str, settings: FeedSettings) -> str:
    """A total that is written as the feed writes numbers, in plain form; any other text as it is. JSON has its own form of a number."""
    forms = forms_of(settings)
    if settings.totals == "json" or not forms.changes_numbers:
        return text
    return forms.plain_number(text.strip()) or text


def _number(text: str) -> Decimal | None:
    """A total as a number: with a decimal point or a decimal comma."""
    plain = text.strip().replace(",", ".")
    try:
        return Decimal(plain) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", plain) else None
    except InvalidOperation:
        return None

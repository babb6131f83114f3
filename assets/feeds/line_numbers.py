"""Numbers of lines where the file has none: the place of a row among the rows of its transaction (`line: row_in_key`).

Belongs here: numbering the rows that were just read. Does not belong here: which row replaces which (int_rows_replaced in dbt_project/).

Rejected rows are counted, so that the file has the same numbers once they are corrected. A row of a file of corrections takes the number of the
row that it corrects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import duckdb

from assets.feeds.batches import Batch, read_corrections
from assets.feeds.checks.control_totals import WITHOUT_IGNORED
from assets.feeds.raw_tables import is_in_files
from assets.spark.line_tables import rewrite_files
from models.feeds.columns import Feed
from models.feeds.reject_reasons import CORRECTS_FILE, CORRECTS_ROW, is_correction
from models.sql_text import identifier, literal


def number_lines(con: duckdb.DuckDBPyConnection, feed: Feed, batches: Sequence[Batch], key: Sequence[str], files: Mapping[str, int]) -> None:
    """Number the rows of the batches, rejected ones included. `key`: columns of raw.<feed>. `files`: the number of each loaded file, by hash."""
    of_transaction = _transaction_key(key)
    sources = [(source, batch) for batch in batches for source in batch.sources]
    plain = [source.file_no for source, _ in sources if not is_correction(source.header)]
    numbered = f"""
        select file_no, row_no, row_number() over (partition by abs(file_no), {_names(of_transaction)} order by row_no) as place
        from raw.{feed.name} {WITHOUT_IGNORED} where list_contains({plain}::integer[], abs(file_no))"""
    con.execute(f"create or replace temp table numbered as {numbered}")
    _write(con, feed)
    for source, batch in sorted(sources, key=lambda each: each[0].file_no):  # a correction may itself be corrected by a later file
        if is_correction(source.header):
            read_corrections(con, batch, [source])
            lines = _lines_of_corrections(con, feed, of_transaction, source.file_no, files)
            con.execute(
                "create or replace temp table numbered as select unnest(?::integer[]) as file_no, unnest(?::bigint[]) as row_no, unnest(?) as place", lines
            )
            _write(con, feed)
    con.execute("drop table temp.numbered")


def left_over_lines(con: duckdb.DuckDBPyConnection, feed: Feed, key: Sequence[str], names: Mapping[int, str]) -> list[str]:
    """One sentence per file with transactions that have fewer rows than in an earlier file: the rows that are gone still count. `names`: by file_no."""
    of_transaction = _transaction_key(key)
    if len(of_transaction) == len(key):  # the line is not in the key, so that no row is replaced by its number
        return []
    columns = _names(of_transaction)
    counted = f"select file_no, {columns}, max(line) as lines from raw.{feed.name} where file_no > 0 group by all"
    found = con.execute(f"""
        with counted as ({counted}),
        mine as (select * from counted where list_contains({list(names)}::integer[], file_no)),
        shrunken as (
            select mine.file_no, {", ".join(f"mine.{identifier(column)}" for column in of_transaction)}, mine.lines, max(earlier.lines) as lines_before
            from mine join counted as earlier on {_same(of_transaction, "mine", "earlier")} and earlier.file_no < mine.file_no
            where earlier.lines > mine.lines group by all
        )
        select file_no, count(*), arg_min((concat_ws(', ', {columns}), lines, lines_before), ({columns})) from shrunken group by file_no order by file_no
    """).fetchall()
    way_out = f"deliver all rows of a transaction, take the others back with `deleted`, or declare a `snapshot` for feeds.{feed.name}"
    return [
        f"{names[file_no]}: {count:,} transactions have fewer rows than in an earlier file, such as {shown}: {lines}, and {before} before. "
        f"The other rows still count; {way_out}"
        for file_no, count, (shown, lines, before) in found
    ]


def _transaction_key(key: Sequence[str]) -> list[str]:
    return [column for column in key if column != "line"] or ["transaction_id"]


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(identifier, columns))


def _same(columns: Sequence[str], one: str, other: str) -> str:
    return " and ".join(f"{one}.{identifier(column)} is not distinct from {other}.{identifier(column)}" for column in columns)


def _write(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Store the places in temp.numbered as lines. A rejected row keeps its line among its readable values too."""
    same = "rows.file_no = numbered.file_no and rows.row_no = numbered.row_no"
    if is_in_files(con, feed):
        numbers = [number for (number,) in con.execute("select distinct abs(file_no) from temp.numbered").fetchall()]
        place = "select any_value(place) from temp.numbered where numbered.file_no = rows_now.file_no and numbered.row_no = rows_now.row_no"
        rewrite_files(con, f"raw.{feed.name}", numbers, f"select * replace (coalesce(({place}), line) as line) from rows_now")
    else:
        con.execute(f"update raw.{feed.name} as rows set line = place from temp.numbered where {same} and line is distinct from place")
    con.execute(
        """update raw.rejects as rows set readable = json_merge_patch(readable, json_object('line', place))::varchar from temp.numbered
        where feed = ? and rows.file_no = -numbered.file_no and rows.row_no = numbered.row_no and readable is not null""",
        [feed.name],
    )


def _lines_of_corrections(
    con: duckdb.DuckDBPyConnection, feed: Feed, of_transaction: Sequence[str], file_no: int, files: Mapping[str, int]
) -> tuple[list[int], list[int], list[int]]:
    """File, row and line of the rows in temp.corrected. A row that corrects none is numbered by its place in its own file."""
    rows = con.execute(
        f"""select rows.file_no, row_no, corrects_file, corrects_row, ({_names(of_transaction)}, null) from raw.{feed.name} as rows
        join temp.corrected using (row_no) where abs(rows.file_no) = ? order by row_no""",
        [file_no],
    ).fetchall()
    places: Counter[tuple[object, ...]] = Counter()
    lines = []
    for signed_file_no, row_no, corrects_file, corrects_row, transaction in rows:
        places[transaction] += 1
        line = _line_of_rejected(con, feed, of_transaction, transaction[:-1], files, corrects_file, corrects_row)
        lines.append((signed_file_no, row_no, places[transaction] if line is None else line))
    numbers = list(zip(*lines, strict=True)) or [(), (), ()]
    return list(numbers[0]), list(numbers[1]), list(numbers[2])


def _line_of_rejected(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    of_transaction: Sequence[str],
    transaction: tuple[object, ...],
    files: Mapping[str, int],
    sha256: str | None,
    row_no: int | None,
) -> int | None:
    """The line of a rejected row. If its text could not be split, nobody knew its transaction: it comes after the rows of the transaction in its file."""
    file_no = files.get(sha256 or "")
    found = con.execute("select readable ->> '$.line', raw from raw.rejects where feed = ? and file_no = ? and row_no = ?", [feed.name, file_no, row_no])
    rejected = found.fetchone()
    if rejected is None:
        return None
    if rejected[0] is not None:
        return int(rejected[0])
    raw = json.loads(rejected[1])
    if is_correction(raw):
        return _line_of_rejected(con, feed, of_transaction, transaction, files, raw[CORRECTS_FILE], int(raw[CORRECTS_ROW] or 0))
    is_same = " and ".join(f"{identifier(column)} is not distinct from ?" for column in of_transaction)
    is_same_text = " and ".join(f"readable ->> {_path(column)} is not distinct from ?::varchar" for column in of_transaction)
    last, before = con.execute(
        f"""select
            greatest(
                (select coalesce(max(line), 0) from raw.{feed.name} where file_no = ? and {is_same}),
                (select coalesce(max((readable ->> '$.line')::integer), 0) from raw.rejects where file_no = ? and {is_same_text})
            ),
            (select count(*) from raw.rejects where file_no = ? and readable is null and row_no <= ?)""",
        [file_no, *transaction, file_no, *transaction, file_no, row_no],
    ).fetchall()[0]
    return int(last) + int(before)


def _path(column: str) -> str:
    return literal("/" + column.replace("~", "~0").replace("/", "~1"))

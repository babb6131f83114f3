"""The files of a large book's fct_transaction: its parts, and which of them are linked from the set before because their rows cannot have changed.

Belongs here: which files of the feed a part is of, what its rows are made from. Does not belong here: the rows
(dbt_project/models/marts/audit/fct_transaction.sql), writing a file (assets/publishing/parquet_set.py).

A part is a range of files of the feed in the order of their arrival, so that a new file touches the last part, and those whose rows it replaces.

    previous.transaction_parts   the parts of the published set, with the digest of what their rows were made from. `manifest_sha256` says which set that is
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.published.reader import seal_of
from assets.publishing.line_parts import is_same_program
from assets.runtime.sql import table_exists

if TYPE_CHECKING:
    import duckdb

    from models.records.run_history import EndedRun

#: One row per row of a file of transactions.
TRANSACTIONS = "fct_transaction"
#: Rows of a book with no more are one file.
ONE_FILE_UP_TO_ROWS = 1_000_000
#: A part begins with the first file after so many rows.
ROWS_OF_PART = 250_000
_LAST_FILE = 2**31 - 1

_PARTS = """
    with files as (
        select file_no, (sum(rows_read) over (order by file_no) - rows_read) // {rows} as part_no, sum(rows_read) over () as all_rows
        from raw.feed_files where feed = 'transactions'
    )
    select part_no, min(file_no) from files where all_rows > {one_file} group by part_no order by part_no"""
#: What the rows of a file are made from besides the program, its settings and the file itself. One row per fact, with the number of the file.
_MADE_FROM = """
    select file_no, hash('file', file_name, sha256, rows_per_row, lines_before) as fact from raw.feed_files where feed = 'transactions'
    union all
    select file_no, hash('read', count(*), count(*) filter (date > (select as_of from terms.settings))) from raw.transactions group by file_no
    union all
    select rows.file_no, hash('replaced', rows.row_no, rows.disposition, files.file_name, rows.replaced_by_row_no)
    from intermediate.int_rows_replaced as rows left join raw.feed_files as files on rows.replaced_by_file_no = files.file_no
    where rows.feed = 'transactions'
    union all
    select file_no, hash('unresolved', row_no, reason) from intermediate.int_rows_unresolved where feed = 'transactions'
    union all
    select file_no, hash('rejected', row_no, reason, readable) from raw.rejects where feed = 'transactions'
    union all
    select file_no, hash('ignored', row_no) from raw.ignored_rows where feed = 'transactions'
    union all
    select file_no, hash('on line', row_no, line) from raw.row_lines where feed = 'transactions'
    union all
    select lines.file_no, hash('original', lines.row_no, originals.first_day)
    from raw.transactions as lines join intermediate.int_originals_dated as originals on lines.original_transaction_id = originals.original_id
    union all
    select lines.file_no, hash('credited', lines.row_no, credits.line, credits.credit_key)
    from raw.transactions as lines join credits on lines.transaction_id = credits.transaction_id
    union all
    select lines.file_no, hash('original credited', lines.row_no, credits.line, credits.credit_key)
    from raw.transactions as lines join credits on lines.original_transaction_id = credits.transaction_id"""
_QUERY_OF_MART = "select sql from duckdb_views() where database_name = current_database() and schema_name = 'marts' and view_name = 'fct_transaction'"


@dataclass(frozen=True)
class TransactionPart:
    """The rows of the files with these numbers. `digest`: what they are made from."""

    name: str
    first_file: int
    last_file: int
    digest: str


def list_transaction_parts(con: duckdb.DuckDBPyConnection) -> list[TransactionPart]:
    """The parts of the book's rows. None where they are one file."""
    if not table_exists(con, "marts", TRANSACTIONS):
        return []
    begins = con.execute(_PARTS.format(rows=ROWS_OF_PART, one_file=ONE_FILE_UP_TO_ROWS)).fetchall()
    if not begins:
        return []
    firsts = [0, *(first for _, first in begins[1:])]
    lasts = [*(first - 1 for first in firsts[1:]), _LAST_FILE]
    digests = _digest_parts(con, firsts, lasts)
    return [
        TransactionPart(f"{TRANSACTIONS}.{int(number):05}", first, last, digests[first]) for (number, _), first, last in zip(begins, firsts, lasts, strict=True)
    ]


def find_unchanged_files(con: duckdb.DuckDBPyConnection, before: Mapping[str, Any] | None, run: EndedRun, parts: list[TransactionPart]) -> set[str]:
    """The parts of which the published set, whose manifest is `before`, has the rows."""
    if before is None or not table_exists(con, "previous", "transaction_parts") or not is_same_program(before, run):
        return set()
    known = dict(con.execute("select part, digest from previous.transaction_parts where manifest_sha256 = ?", [seal_of(before)]).fetchall())
    return {part.name for part in parts if known.get(part.name) == part.digest}


def remember_transactions(con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], parts: list[TransactionPart]) -> None:
    """Keep what the next run compares its parts with, in the transaction that publishes the set of this manifest."""
    con.execute("create schema if not exists previous; drop table if exists previous.transaction_parts")
    if parts:
        con.execute("create table previous.transaction_parts (manifest_sha256 varchar, part varchar, digest varchar)")
        con.executemany("insert into previous.transaction_parts values (?, ?, ?)", [(seal_of(manifest), part.name, part.digest) for part in parts])


def _digest_parts(con: duckdb.DuckDBPyConnection, firsts: list[int], lasts: list[int]) -> dict[int, str]:
    """What the rows of each part are made from, by its first file. The query of the mart belongs to it: it has the conditions of agreements."""
    query = con.execute(_QUERY_OF_MART).fetchall()[0][0]
    rows = con.execute(
        f"""
        with parts as (select unnest($1::integer[]) as first_file, unnest($2::integer[]) as last_file),
        credits as (select distinct transaction_id, line, credit_key from intermediate.int_credits_split),
        facts as ({_MADE_FROM})
        select parts.first_file, sum(facts.fact)::varchar || ' ' || hash($3) from facts join parts on facts.file_no between parts.first_file and parts.last_file
        group by parts.first_file""",
        [firsts, lasts, query],
    )
    return dict(rows.fetchall())

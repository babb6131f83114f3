"""Rows of one file that have one key and different values: nobody can say which of them holds, so all are rejected.

Belongs here: finding them after a load, and what is recorded of them. Does not belong here: rows of different files, of which the later one counts
(dbt_project/models/intermediate/rows/int_rows_replaced.sql).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assets.feeds.batches import Batch
from assets.feeds.raw_tables import is_in_files
from assets.feeds.readers import relation
from assets.spark.line_tables import rewrite_files
from models.feeds.attributes import shown_name
from models.feeds.columns import Feed
from models.sql_text import identifier, literal


def reject_repeated_keys(con: duckdb.DuckDBPyConnection, feed: Feed, batch: Batch, key: Sequence[str]) -> dict[str, int]:
    """Reject the rows of a batch whose key another row of the file has with other values. Returns how many, by name of the file.

    Their text is read again, as the text of every rejected row is. Equal rows are left alone: they are duplicates.
    """
    files = ", ".join(str(source.file_no) for source in batch.sources)
    columns = ", ".join(map(identifier, key))
    same_key = " and ".join(f"loaded.{identifier(column)} is not distinct from differing.{identifier(column)}" for column in key)
    con.execute(
        f"""create or replace temp table repeated as
        with candidates as (
            select file_no, hash({columns}) as key_hash from raw.{feed.name} where file_no in ({files}) group by all having count(*) > 1
        ),
        loaded as materialized (
            select feed_rows.* from raw.{feed.name} as feed_rows
            join candidates on feed_rows.file_no = candidates.file_no and hash({columns}) = candidates.key_hash
        ),
        differing as (
            select file_no, {columns} from (select distinct * exclude (row_no) from loaded) group by all having count(*) > 1
        )
        select loaded.file_no, loaded.row_no from loaded join differing on loaded.file_no = differing.file_no and {same_key}"""
    )
    rows = dict(con.execute("select file_no, count(*) from temp.repeated group by all").fetchall())
    sources = [source for source in batch.sources if source.file_no in rows]
    if sources:
        names = ", ".join(f"{literal(name)}, c{i}" for i, name in enumerate(sources[0].header))
        con.execute(f"create or replace temp table as_read as select file_no, json_object({names})::varchar as raw from ({relation(sources)})")
        names_readable = dict.fromkeys([*(column.name for column in feed.columns), *key])
        readable = ", ".join(f"{literal(column)}, {identifier(column)}" for column in names_readable)
        shown = " || ', ' || ".join(f"coalesce({identifier(column)}::varchar, '')" for column in key)
        message = f"{literal(', '.join(map(shown_name, key)) + ': ')} || {shown} || ' is the key of another row of this file too, with other values'"
        con.execute(
            f"""insert into raw.rejects
            select {literal(feed.name)}, file_no, row_no, 'key_repeated', null, {message}, raw, json_object({readable})::varchar
            from temp.repeated
            join raw.{feed.name} using (file_no, row_no)
            join (select *, row_number() over (partition by file_no order by rowid) as row_no from temp.as_read) using (file_no, row_no)
            order by file_no, row_no"""
        )
        con.execute("drop table temp.as_read")
        is_repeated = "(file_no, row_no) in (select (file_no, row_no) from temp.repeated)"
        if is_in_files(con, feed):
            rejected = f"select * replace (case when {is_repeated} then -file_no else file_no end as file_no) from rows_now"
            rewrite_files(con, f"raw.{feed.name}", list(rows), rejected)
        else:
            con.execute(f"update raw.{feed.name} set file_no = -file_no where {is_repeated}")
    con.execute("drop table temp.repeated")
    return {source.name: rows[source.file_no] for source in sources}


def describe_repeated_keys(feed: Feed, key: Sequence[str], rejected: dict[str, int]) -> list[str]:
    """One sentence per file, with the ways out."""
    ways = f"correct it, add what tells them apart to feeds.{feed.name}.key in book.yaml, or set `repeats: last` if the later row corrects the earlier one"
    named = ", ".join(map(shown_name, key))
    share = f"share their key ({named}) with a different row of the same file and are rejected"
    return [f"{name}: {rows:,} rows {share}; {ways}" for name, rows in rejected.items()]

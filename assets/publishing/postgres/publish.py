"""Publishing to PostgreSQL: the published Parquet set as one schema, made beside the old one and put in its place in one transaction.

Belongs here: tables from Parquet files, holding them against the files, the switch. Does not belong here: who may read them
(assets/publishing/postgres/grants.py).

All of it is one transaction: a run that is killed leaves nothing behind, and readers see the old schema until it ends. What the schema holds stands in its
comment, so the next run knows whether it has anything to do without a note of its own.
"""

from __future__ import annotations

import hashlib
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.published.descriptions import descriptions
from assets.published.reader import MANIFEST, open_set, read_manifest
from assets.publishing.postgres.connection import PostgresFailed, StatementFailed, Transaction, open_transaction, wanted_settings
from assets.publishing.postgres.grants import check_roles, grant_reading, open_schema
from assets.runtime.context import RunContext
from models.book.publish_settings import PostgresSettings
from models.sql_text import literal

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows sent at a time.
BATCH_ROWS = 1 << 16
#: Seconds to wait for readers' transactions to end before the switch: in all, and between two attempts.
PATIENCE, PAUSE = 60.0, 0.25
#: Milliseconds to wait for one table. For all of them that stays below PostgreSQL's deadlock_timeout (1 s), so that it is never a reader who is stopped.
LOCK_MS = 50


def publish_to_postgres(context: RunContext) -> bool:
    """Bring the schema of book.yaml to the published set. False when there is nothing to do: it is there already, or the book names no PostgreSQL.

    Raises PostgresFailed, and readers there keep what they had; InputError when the environment holds no address.
    """
    settings = wanted_settings(context)
    if settings is None:
        return False
    folder = (context.published / "current").resolve()
    manifest = read_manifest(context.published)
    assert manifest is not None
    stamp = {"tierledger": context.book.book, "run_id": manifest["run_id"], "set": hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()}
    try:
        with open_transaction(context) as transaction:
            if not _takes_in(transaction, settings, stamp):
                return False
            _replace_schema(transaction, settings, context, folder, list(manifest["rows"]), stamp)
    except StatementFailed as error:
        failed = PostgresFailed(f"schema {settings.schema_name}: {error}")
    else:
        return True
    raise failed


def _takes_in(transaction: Transaction, settings: PostgresSettings, stamp: dict[str, str]) -> bool:
    """Whether the schema is to be replaced. Raises PostgresFailed when it is not this book's, or another process is at it."""
    schema = settings.schema_name
    if not transaction.fetch("select 1 where pg_try_advisory_xact_lock(hashtext($1))", f"tierledger {schema}"):
        raise PostgresFailed(f"schema {schema}: another run publishes to it; wait for it, then run again")
    found = transaction.fetch("select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = $1", schema)
    if not found:
        return True
    there = _read_stamp(found[0][0])
    if there == stamp:
        return False
    held = transaction.fetch("select relname from pg_class where relnamespace = $1::regnamespace order by 1 limit 1", schema)
    if there is None and held:
        raise PostgresFailed(f"schema {schema} holds {held[0][0]} and was not made by Tierledger; name another one in publish.postgres.schema")
    if there is not None and there["tierledger"] != stamp["tierledger"]:
        raise PostgresFailed(f"schema {schema} belongs to the book {there['tierledger']}; give each book a schema of its own (publish.postgres.schema)")
    built_on = transaction.fetch(
        """
        select distinct v.oid::regclass::text, t.relname::text
        from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid join pg_class v on v.oid = r.ev_class
        join pg_class t on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
        where t.relnamespace = $1::regnamespace and v.relnamespace <> t.relnamespace order by 1, 2
        """,
        schema,
    )
    if built_on:
        view, table = built_on[0]
        message = f"{view} is a view on {schema}.{table} and would go with it. Make it a function with a body of text, which finds tables by name"
        raise PostgresFailed(f"{message} (docs/publishing-postgres.md), and drop the view")
    return True


def _read_stamp(comment: str | None) -> dict[str, str] | None:
    try:
        stamp = json.loads(comment or "")
    except ValueError:
        return None
    return stamp if isinstance(stamp, dict) and "tierledger" in stamp else None


def _replace_schema(transaction: Transaction, settings: PostgresSettings, context: RunContext, folder: Path, tables: list[str], stamp: dict[str, str]) -> None:
    schema, beside = settings.schema_name, f"{settings.schema_name}_next"
    check_roles(transaction, settings)
    transaction.execute(f"create schema {beside}")
    for done, table in enumerate(tables):
        context.progress("postgres", done, len(tables) + 1)
        _copy_table(transaction, beside, table, folder / f"{table}.parquet")
    _describe(transaction, beside, tables)
    transaction.execute(f"comment on schema {beside} is {literal(json.dumps(stamp))}")
    _check_tables(transaction, beside, context.published, folder, tables)
    grant_reading(transaction, settings, beside, tables)
    context.progress("postgres", len(tables), len(tables) + 1)
    _drop_old(transaction, schema)
    transaction.execute(f"alter schema {beside} rename to {schema}")
    open_schema(transaction, settings, schema)


def _copy_table(transaction: Transaction, schema: str, table: str, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns = ", ".join(f'"{field.name}" {column_type(field.type)}' for field in file.schema_arrow)
        transaction.execute(f"create table {schema}.{table} ({columns})")
        transaction.ingest(schema, table, pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(BATCH_ROWS)))
    transaction.execute(f"analyze {schema}.{table}")


def column_type(kind: pa.DataType) -> str:
    """PostgreSQL's type of a published column; nothing inexact. Raises PostgresFailed for a type that no published table has."""
    import pyarrow.types as is_a

    if is_a.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if is_a.is_timestamp(kind):
        return "timestamptz"  # published times are UTC
    plain = {"string": "text", "date32[day]": "date", "bool": "boolean", "int8": "smallint", "int16": "smallint", "int32": "integer", "int64": "bigint"}
    if str(kind) not in plain:
        raise PostgresFailed(f"a column of type {kind} has no type in PostgreSQL")
    return plain[str(kind)]


def _describe(transaction: Transaction, schema: str, tables: list[str]) -> None:
    """Put the descriptions where a person who opens the schema finds them; in one block, because every statement is a round trip."""
    message = descriptions()
    columns = transaction.fetch("select table_name::text, column_name::text from information_schema.columns where table_schema = $1", schema)
    said = [f"comment on table {schema}.{table} is {literal(message[table][0])}" for table in tables if table in message]
    said += [
        f'comment on column {schema}.{table}."{column}" is {literal(message[table][1][column])}'
        for table, column in columns
        if table in message and column in message[table][1]
    ]
    if said:
        transaction.execute(f"do $tierledger$ begin {'; '.join(said)}; end $tierledger$")


def _check_tables(transaction: Transaction, schema: str, published: Path, folder: Path, tables: list[str]) -> None:
    """Hold every table against its file: rows, values per column, and the sum of every number. Raises PostgresFailed."""
    import pyarrow.parquet as pq

    with open_set(published) as con:
        for table in tables:
            fields = pq.read_schema(folder / f"{table}.parquet")
            figures = ["count(*)", *(f'count("{field.name}")' for field in fields), *(f'sum("{field.name}")' for field in fields if _is_number(field.type))]
            query = f"select {', '.join(f'cast({figure} as varchar)' for figure in figures)} from"
            sent = con.execute(f"{query} {table}").fetchall()[0]
            came = transaction.fetch(f"{query} {schema}.{table}")[0]
            for figure, expected, found in zip(figures, sent, came, strict=True):
                if _as_number(expected) != _as_number(found):
                    raise PostgresFailed(f"{table}: {figure} is {found} there and {expected} in the published set; nothing was switched")


def _is_number(kind: Any) -> bool:
    return column_type(kind).startswith(("numeric", "smallint", "integer", "bigint"))


def _as_number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _drop_old(transaction: Transaction, schema: str) -> None:
    """Drop the tables that readers have seen so far, once no transaction is in them: whoever has read one goes on reading the same set until it ends.

    Between two attempts no lock is held, so that new readers get in. Raises PostgresFailed when readers stay longer than PATIENCE.
    """
    tables = [name for (name,) in transaction.fetch("select tablename::text from pg_tables where schemaname = $1 order by 1", schema)]
    if tables:
        names = ", ".join(f'{schema}."{table}"' for table in tables)
        _lock(transaction, schema, names)
        transaction.execute(f"drop table {names}")
    if transaction.fetch("select 1 from pg_namespace where nspname = $1", schema):
        transaction.execute(f"drop schema {schema}")


def _lock(transaction: Transaction, schema: str, names: str) -> None:
    """Take the tables from new readers. The block gives all its locks back when one table is not free: the driver knows no savepoints after an error."""
    ends = time.monotonic() + PATIENCE
    transaction.execute(f"set local lock_timeout = '{LOCK_MS}ms'")
    attempt = f"""
        do $tierledger$ begin
            lock table {names} in access exclusive mode;
            perform set_config('tierledger.has_locked', 'yes', true);
        exception when lock_not_available then null;
        end $tierledger$
    """
    while True:
        transaction.execute(attempt)
        if transaction.fetch("select 1 where current_setting('tierledger.has_locked', true) = 'yes'"):
            return
        if time.monotonic() > ends:
            raise PostgresFailed(f"schema {schema}: {_readers(transaction, schema)} for longer than {PATIENCE:.0f} s; end that transaction, then run again")
        time.sleep(PAUSE)


def _readers(transaction: Transaction, schema: str) -> str:
    found = transaction.fetch(
        """
        select distinct a.pid, a.usename::text, a.application_name
        from pg_locks l join pg_class c on c.oid = l.relation join pg_stat_activity a on a.pid = l.pid
        where c.relnamespace = $1::regnamespace and l.granted and l.pid <> pg_backend_pid() order by 1 limit 3
        """,
        schema,
    )
    if not found:
        return "readers have held it"
    return "it has been read by " + ", ".join(f"process {pid} (role {role}{f', {name}' if name else ''})" for pid, role, name in found)

"""Publishing to PostgreSQL: the published Parquet set as one schema, staged next to the old one and swapped in one transaction.

Belongs here: tables from Parquet files, comparing them with the files, the switch. Does not belong here: who may read them
(assets/publishing/postgres/grants.py), keys (keys.py there), tables with views of others on them (kept_tables.py there).

All of it is one transaction: a killed run leaves nothing behind, and readers see the old schema until it ends. The schema's comment says which set it
holds, so that the next run knows whether it has anything to do.
"""

from __future__ import annotations

import hashlib
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.published.marts import comment_statements, descriptions
from assets.published.reader import MANIFEST, files_of, open_set, read_manifest
from assets.publishing.postgres.connection import PostgresFailed, StatementFailed, Transaction, open_transaction, wanted_settings
from assets.publishing.postgres.grants import check_roles, grant_reading, open_schema
from assets.publishing.postgres.kept_tables import check_columns, find_kept, refill, release
from assets.publishing.postgres.keys import declare_keys, declare_references, find_keys
from assets.runtime.context import RunContext
from models.book.publish_settings import PostgresSettings
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows sent at a time.
BATCH_ROWS = 1 << 16
#: Seconds to wait for readers' transactions to end before the switch: in all, and between two attempts.
PATIENCE, PAUSE = 60.0, 0.25
#: Milliseconds to wait for one table. In total it stays below PostgreSQL's deadlock_timeout (1 s), so that PostgreSQL never cancels a reader.
LOCK_MS = 50


def publish_to_postgres(context: RunContext) -> bool:
    """Replace the schema of book.yaml with the published set. False if there is nothing to do: the schema has it already, or the book names no PostgreSQL.

    Raises PostgresFailed, and readers there keep the previous set. Raises InputError when the environment holds no address.
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
            if not _must_replace(transaction, settings, stamp):
                return False
            _replace_schema(transaction, settings, context, files_of(folder, manifest), stamp)
    except StatementFailed as error:
        failed = PostgresFailed(f"schema {settings.schema_name}: {error}")
    else:
        return True
    raise failed


def _must_replace(transaction: Transaction, settings: PostgresSettings, stamp: dict[str, str]) -> bool:
    """Whether the schema is to be replaced. Raises PostgresFailed when it belongs to something else, or another process is publishing to it."""
    schema = settings.schema_name
    if not transaction.fetch("select 1 where pg_try_advisory_xact_lock(hashtext($1))", f"tierledger {schema}"):
        raise PostgresFailed(f"schema {schema}: another run publishes to it; wait for it, then run again")
    found = transaction.fetch("select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = $1", schema)
    if not found:
        return True
    current = _read_stamp(found[0][0])
    if current == stamp:
        return False
    held = transaction.fetch("select relname from pg_class where relnamespace = $1::regnamespace order by 1 limit 1", schema)
    if current is None and held:
        raise PostgresFailed(f"schema {schema} holds {held[0][0]} and was not made by Tierledger; name another one in publish.postgres.schema")
    if current is not None and current["tierledger"] != stamp["tierledger"]:
        raise PostgresFailed(f"schema {schema} belongs to the book {current['tierledger']}; give each book a schema of its own (publish.postgres.schema)")
    return True


def _read_stamp(comment: str | None) -> dict[str, str] | None:
    try:
        stamp = json.loads(comment or "")
    except ValueError:
        return None
    return stamp if isinstance(stamp, dict) and "tierledger" in stamp else None


def _replace_schema(transaction: Transaction, settings: PostgresSettings, context: RunContext, files: dict[str, list[Path]], stamp: dict[str, str]) -> None:
    schema, staged, tables = settings.schema_name, f"{settings.schema_name}_next", list(files)
    check_roles(transaction, settings)
    transaction.execute(f"create schema {staged}")
    with open_set(context.published) as con:
        keys = find_keys(con, files)
    for done, table in enumerate(tables):
        context.progress("postgres", done, len(tables) + 1)
        _copy_table(transaction, staged, table, files[table])
        declare_keys(transaction, staged, table, keys[table])
    _describe(transaction, staged, tables)
    transaction.execute(f"comment on schema {staged} is {literal(json.dumps(stamp))}")
    _check_tables(transaction, staged, context.published, files)
    context.progress("postgres", len(tables), len(tables) + 1)
    kept = find_kept(transaction, schema)
    check_columns(transaction, schema, staged, kept)
    _replace_old(transaction, schema, staged, kept)
    transaction.execute(f"alter schema {staged} rename to {schema}")
    for table in kept:
        declare_keys(transaction, schema, table, keys[table])
    if kept:
        _describe(transaction, schema, list(kept))
    declare_references(transaction, schema, keys)
    grant_reading(transaction, settings, schema, tables)
    open_schema(transaction, settings, schema)


def _copy_table(transaction: Transaction, schema: str, table: str, files: list[Path]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = pq.read_schema(files[0])
    columns = ", ".join(f"{identifier(field.name)} {column_type(field.type)}" for field in fields)
    transaction.execute(f"create table {schema}.{table} ({columns})")
    for path in files:
        with pq.ParquetFile(path) as file:
            transaction.ingest(schema, table, pa.RecordBatchReader.from_batches(fields, file.iter_batches(BATCH_ROWS)))
    transaction.execute(f"analyze {schema}.{table}")


def column_type(kind: pa.DataType) -> str:
    """PostgreSQL's type for a published column, never an inexact one. Raises PostgresFailed for a type that no published table has."""
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
    """Store the descriptions as comments, where anyone who opens the schema finds them. In one block, because every statement is a round trip."""
    described = descriptions()
    columns: dict[str, set[str]] = {}
    for table, column in transaction.fetch("select table_name::text, column_name::text from information_schema.columns where table_schema = $1", schema):
        columns.setdefault(table, set()).add(column)
    statements = [line for table in tables for line in comment_statements("table", schema, table, described, columns[table])]
    if statements:
        block = f"begin {'; '.join(statements)}; end"
        transaction.execute(f"do {literal(block)}")


def _check_tables(transaction: Transaction, schema: str, published: Path, files: dict[str, list[Path]]) -> None:
    """Compare every table with its files: rows, values per column, and the sum of every number. Raises PostgresFailed."""
    import pyarrow.parquet as pq

    with open_set(published) as con:
        for table in files:
            fields = pq.read_schema(files[table][0])
            totals = ["count(*)", *(f"count({identifier(field.name)})" for field in fields)]
            totals += [f"sum({identifier(field.name)})" for field in fields if _is_number(field.type)]
            query = f"select {', '.join(f'cast({total} as varchar)' for total in totals)} from"
            sent = con.execute(f"{query} {table}").fetchall()[0]
            received = transaction.fetch(f"{query} {schema}.{table}")[0]
            for total, expected, found in zip(totals, sent, received, strict=True):
                if _as_number(expected) != _as_number(found):
                    raise PostgresFailed(f"{table}: {total} is {found} there and {expected} in the published set; nothing was switched")


def _is_number(kind: Any) -> bool:
    return column_type(kind).startswith(("numeric", "smallint", "integer", "bigint"))


def _as_number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _replace_old(transaction: Transaction, schema: str, staged: str, kept: dict[str, str]) -> None:
    """Drop the previous tables once no transaction uses them, and refill the kept ones. A transaction that has read one reads the same set until it ends.

    No lock is held between two attempts, so that new readers get in. Raises PostgresFailed when readers stay longer than PATIENCE.
    """
    tables = [name for (name,) in transaction.fetch("select tablename::text from pg_tables where schemaname = $1 order by 1", schema)]
    if tables:
        _lock(transaction, schema, ", ".join(f'{schema}."{table}"' for table in tables))
        release(transaction, schema, kept)
        dropped = [f'{schema}."{table}"' for table in tables if table not in kept]
        if dropped:
            transaction.execute(f"drop table {', '.join(dropped)}")
        refill(transaction, schema, staged, kept)
    if transaction.fetch("select 1 from pg_namespace where nspname = $1", schema):
        transaction.execute(f"drop schema {schema}")


def _lock(transaction: Transaction, schema: str, names: str) -> None:
    """Lock the tables against new readers. The block releases all its locks if one table is in use; the driver has no savepoints after an error."""
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

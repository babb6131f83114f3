"""Tables that views of others read: they keep their identity, and a publish gives them other rows.

Belongs here: which tables these are, whether the new columns fit, and moving them into the next schema. Does not belong here: the tables that are simply
replaced (assets/publishing/postgres/publish.py).
"""

from __future__ import annotations

from assets.publishing.postgres.connection import PostgresFailed, Transaction
from models.sql_text import identifier


def find_kept(transaction: Transaction, schema: str) -> dict[str, str]:
    """Table to the name of one view or function outside the schema that depends on it."""
    found = transaction.fetch(
        """
        select t.relname::text, min(coalesce(v.oid::regclass::text, d.objid::regprocedure::text))
        from pg_depend d
        join pg_class t on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and t.relkind = 'r'
        left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
        left join pg_class v on v.oid = r.ev_class
        where t.relnamespace = (select oid from pg_namespace where nspname = $1)
            and (v.relnamespace <> t.relnamespace or d.classid = 'pg_proc'::regclass)
        group by 1 order by 1
        """,
        schema,
    )
    return dict(found)


def check_columns(transaction: Transaction, schema: str, staged: str, kept: dict[str, str]) -> None:
    """Raise PostgresFailed when a kept table has a column that the next set lacks or types differently: PostgreSQL cannot change a column of a view."""
    for table, view in kept.items():
        new = _columns(transaction, staged, table)
        for column, kind in _columns(transaction, schema, table).items():
            if new.get(column) != kind:
                change = f"is now {new[column]} instead of {kind}" if column in new else "no longer exists" if new else "went with its table"
                message = f"{view} depends on {schema}.{table}, and column {column} {change}. Drop {view}, run again, then create it again"
                raise PostgresFailed(message)


def release(transaction: Transaction, schema: str, kept: dict[str, str]) -> None:
    """Take from the kept tables what ties them to tables that are about to be dropped. The caller holds their locks."""
    for table in kept:
        place = f"{schema}.{identifier(table)}"
        foreign = transaction.fetch("select conname::text from pg_constraint where conrelid = $1::regclass and contype = 'f'", place)
        policies = transaction.fetch("select polname::text from pg_policy where polrelid = $1::regclass", place)
        for (name,) in foreign:
            transaction.execute(f"alter table {place} drop constraint {identifier(name)}")
        for (name,) in policies:
            transaction.execute(f"drop policy {identifier(name)} on {place}")
        transaction.execute(f"alter table {place} disable row level security")


def refill(transaction: Transaction, schema: str, staged: str, kept: dict[str, str]) -> None:
    """Give the kept tables the rows of the staged ones, and their places in the staged schema. The caller holds their locks."""
    for table in kept:
        old, new = f"{schema}.{identifier(table)}", f"{staged}.{identifier(table)}"
        before, now = _columns(transaction, schema, table), _columns(transaction, staged, table)
        for column in now.keys() - before.keys():
            transaction.execute(f"alter table {old} add column {identifier(column)} {now[column]}")
        for column in _not_null(transaction, old):
            transaction.execute(f"alter table {old} alter column {identifier(column)} drop not null")
        names = ", ".join(map(identifier, now))
        transaction.execute(f"truncate {old}")
        transaction.execute(f"insert into {old} ({names}) select {names} from {new}")
        transaction.execute(f"drop table {new}")
        transaction.execute(f"alter table {old} set schema {staged}")
        transaction.execute(f"analyze {new}")


def _columns(transaction: Transaction, schema: str, table: str) -> dict[str, str]:
    """Column to type, in order. Empty if there is no such table."""
    found = transaction.fetch(
        """
        select attname::text, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum
        """,
        f"{schema}.{identifier(table)}",
    )
    return dict(found)


def _not_null(transaction: Transaction, place: str) -> list[str]:
    """The columns of a table that are declared NOT NULL and are in no primary key."""
    found = transaction.fetch(
        """
        select attname::text from pg_attribute a
        where attrelid = $1::regclass and attnum > 0 and attnotnull and not attisdropped
            and not exists (select 1 from pg_index i where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any(i.indkey))
        """,
        place,
    )
    return [name for (name,) in found]

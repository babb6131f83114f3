"""A published book that a PostgreSQL may take in, and the databases it is put into.

Belongs here: that book, databases as the docs prepare them, rows on both sides. Does not belong here: the server
(tests/support/postgres_server.py), tests.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import duckdb

from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from models.sql_text import identifier
from pipelines.run import run_book
from tests.support.postgres_server import Server

VARIABLE = "TIERLEDGER_TEST_POSTGRES"
#: No table, log or error may ever show it.
PASSWORD = "s3cr3t-Passw0rt"
BOOK = """
book: small
currency: EUR
as_of: 2026-06-30
feeds:
  transactions: {files: "feeds/transactions/*.csv"}
  partners: {files: "feeds/partners/*.csv"}
  products: {files: "feeds/products/*.csv"}
publish:
  postgres: {dsn: "env:TIERLEDGER_TEST_POSTGRES", schema: rebates, reader: bi, participants: portal}
"""
AGREEMENTS = """
agreement: FAMILY
title: "Bonus'); drop table x; --"
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C3]
include_children: true
benefits:
  - {id: volume, clause: "1", window: quarter, tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.02}]}
---
agreement: ALONE
title: Alone
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C3]
benefits:
  - {id: volume, clause: "1", window: year, tiers: [{from: 0, rate: 0.03}]}
"""
FILES = {
    "transactions/a.csv": "transaction_id,line,date,partner_id,product_id,amount,currency\n"
    "T1,1,2026-01-05,C1,A,600.00,EUR\nT1,2,2026-01-05,C1,B,33.333333,EUR\nT2,1,2026-02-10,C2,C,500.00,EUR\n"
    "T3,1,2026-02-10,C3,A,10.10,EUR\nT4,1,2026-04-10,C3,A,-7.00,EUR\nT5,1,2026-02-10,C3,A,bad\\u0000,EUR\n",
    "partners/p.csv": 'partner_id,name,parent_id\nC1,"Quote\'s ""One"" \\\\",\nC2,Child,C1\nC3,Drei €,\n',
    "products/p.csv": f'product_id,name,Valid_To,"a ""b""; $tierledger$ \'",{"ü" * 40}1,{"ü" * 40}2\nA,Apple,a,b,c,d\nB,Beer,,,,\nC,Cider,,,,\n',
}
SET_UP = (
    "create role publisher login",
    "create role bi login",
    "create role portal nologin",
    "create role c1 login in role portal",
    "create role c3 login in role portal",
    "create role stranger login in role portal",
    "create role outsider login",
)
#: Roles by the participant whose rows they read.
LOGINS = {"C1": "c1", "C3": "c3"}


def make_book(folder: Path) -> None:
    """A book whose files are published, and which no PostgreSQL has seen."""
    (folder / "agreements").mkdir(parents=True)
    (folder / "agreements" / "a.yaml").write_text(AGREEMENTS)
    for name, content in FILES.items():
        path = folder / "feeds" / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    (folder / "book.yaml").write_text(BOOK.split("publish:")[0])
    run_book(folder)
    (folder / "book.yaml").write_text(BOOK)


def make_database(server: Server, name: str) -> str:
    """A database prepared as the docs say."""
    server.run(
        f"create database {name} owner publisher", f"revoke all on database {name} from public", f"grant connect on database {name} to bi, portal, outsider"
    )
    return name


#: What tests leave behind in the database that they share.
CLEARED = (
    "drop schema if exists rebates, rebates_access, reports cascade",
    "revoke all on database shared from public",
    "grant connect on database shared to bi, portal, outsider",
    "revoke create on schema public from public",
    "revoke pg_read_all_data from portal",
    "alter default privileges for role publisher revoke insert on tables from bi",
)


def context_of(folder: Path, address: str | None, **settings: Any) -> RunContext:
    """The book's run with this address in the environment, and other keys of publish.postgres."""
    context = open_run(folder, None, dt.datetime(2026, 7, 1, tzinfo=dt.UTC), secret={VARIABLE: address}.get)
    return with_settings(context, **settings)


def with_settings(context: RunContext, **settings: Any) -> RunContext:
    publish = context.book.publish
    assert publish.postgres
    changed = publish.postgres.model_copy(update=settings)
    return dataclasses.replace(context, book=context.book.model_copy(update={"publish": publish.model_copy(update={"postgres": changed})}))


def files_of(context: RunContext) -> dict[str, Path]:
    return {path.stem: path for path in sorted((context.published / "current").glob("*.parquet"))}


def rows_in_file(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        columns = ", ".join(
            f"epoch_us({name})::varchar" if kind.startswith("TIMESTAMP") else f"{identifier(name)}::varchar"
            for name, kind, *_ in con.execute(f"describe from '{path}'").fetchall()
        )
        return sorted(con.execute(f"select {columns} from '{path}'").fetchall(), key=repr)


def columns_of(server: Server, database: str, table: str) -> dict[str, str]:
    """Column to type, in order."""
    where = f"attrelid = 'rebates.{table}'::regclass and attnum > 0"
    return dict(server.ask(f"select attname::text, format_type(atttypid, atttypmod) from pg_attribute where {where} order by attnum", database=database))


def rows_in_schema(server: Server, database: str, table: str) -> list[tuple[Any, ...]]:
    kinds = columns_of(server, database, table)
    columns = ", ".join(
        f'(extract(epoch from "{name}") * 1000000)::bigint::text' if "time" in kind else f"{identifier(name)}::text" for name, kind in kinds.items()
    )
    return sorted(server.ask(f"select {columns} from rebates.{table}", database=database), key=repr)

"""Publishing to a real PostgreSQL: the same tables, to the last digit; switched as one; readable, and only readable, by whom book.yaml names.

Belongs here: the schema, its roles, its failures. Does not belong here: the Parquet set it is made from (test_publishing.py).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.graph.failures import as_failure
from assets.published.reader import read_manifest
from assets.publishing.postgres import publish as postgres
from assets.publishing.postgres.connection import PostgresFailed, StatementFailed
from assets.publishing.postgres.grants import OWN_ROWS
from assets.publishing.postgres.publish import publish_to_postgres
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from models.book.settings import parse_book
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.postgres_server import Server, running_server

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
    "products/p.csv": "product_id,name\nA,Apple\nB,Beer\nC,Cider\n",
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


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        server.run(*SET_UP)
        yield server


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose files are published, and which no PostgreSQL has seen. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("book") / "book"
    (folder / "agreements").mkdir(parents=True)
    (folder / "agreements" / "a.yaml").write_text(AGREEMENTS)
    for name, content in FILES.items():
        path = folder / "feeds" / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    (folder / "book.yaml").write_text(BOOK.split("publish:")[0])
    run_book(folder)
    (folder / "book.yaml").write_text(BOOK)
    return folder


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


@pytest.fixture(scope="module")
def shared(server: Server) -> str:
    return make_database(server, "shared")


@pytest.fixture
def database(server: Server, shared: str) -> Iterator[str]:
    """A database with nothing in it."""
    yield shared
    server.run(*CLEARED, database=shared)


@pytest.fixture
def context(published: Path, server: Server, database: str) -> RunContext:
    return context_of(published, server.address("publisher", database, PASSWORD))


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
            f"epoch_us({name})::varchar" if kind.startswith("TIMESTAMP") else f'"{name}"::varchar'
            for name, kind, *_ in con.execute(f"describe from '{path}'").fetchall()
        )
        return sorted(con.execute(f"select {columns} from '{path}'").fetchall(), key=repr)


def columns_of(server: Server, database: str, table: str) -> dict[str, str]:
    """Column to type, in order."""
    where = f"attrelid = 'rebates.{table}'::regclass and attnum > 0"
    return dict(server.ask(f"select attname::text, format_type(atttypid, atttypmod) from pg_attribute where {where} order by attnum", database=database))


def rows_in_schema(server: Server, database: str, table: str) -> list[tuple[Any, ...]]:
    kinds = columns_of(server, database, table)
    columns = ", ".join(f'(extract(epoch from "{name}") * 1000000)::bigint::text' if "time" in kind else f'"{name}"::text' for name, kind in kinds.items())
    return sorted(server.ask(f"select {columns} from rebates.{table}", database=database), key=repr)


def test_every_table_arrives_to_the_last_digit(context: RunContext, server: Server, database: str) -> None:
    assert publish_to_postgres(context)
    for table, path in files_of(context).items():
        assert rows_in_schema(server, database, table) == rows_in_file(path), table
    kinds = columns_of(server, database, "fct_payout")
    assert (kinds["payout"], kinds["measure"], kinds["window_start"], kinds["tier"]) == ("numeric(18,4)", "numeric(38,12)", "date", "integer")
    assert columns_of(server, database, "audit_run")["finished_at"] == "timestamp with time zone"
    assert not {"real", "double precision"} & {kind for table in files_of(context) for kind in columns_of(server, database, table).values()}


def test_descriptions_and_the_run_stand_in_the_catalogue(context: RunContext, server: Server, database: str) -> None:
    publish_to_postgres(context)
    message = server.ask("select obj_description('rebates.fct_payout'::regclass), col_description('rebates.fct_payout'::regclass, 1)", database=database)[0]
    assert message[0].endswith("One row per agreement × benefit × participant × window.")
    assert message[1].startswith("Stable id of the payout")
    manifest = read_manifest(context.published)
    assert manifest
    comment = server.ask("select obj_description('rebates'::regnamespace)", database=database)[0][0]
    assert f'"run_id": "{manifest["run_id"]}"' in comment


def test_what_is_there_is_not_sent_again(context: RunContext, server: Server, database: str) -> None:
    oid = "select 'rebates.fct_payout'::regclass::oid::text"
    assert publish_to_postgres(context)
    first = server.ask(oid, database=database)
    assert not publish_to_postgres(context)
    assert server.ask(oid, database=database) == first
    server.run("drop schema rebates cascade", database=database)
    assert publish_to_postgres(context)


DENIED = {
    "insert": "insert into rebates.dim_period (period) values ('x')",
    "update": "update rebates.fct_payout set payout = 0",
    "delete": "delete from rebates.fct_payout",
    "truncate": "truncate rebates.fct_payout",
    "merge": "merge into rebates.fct_payout p using rebates.dim_period d on false when not matched then insert (payout_id) values ('x')",
    "lock": "lock table rebates.fct_payout in access exclusive mode",
    "create in the schema": "create table rebates.mine (a int)",
    "create in public": "create table public.mine (a int)",
    "create a schema": "create schema mine",
    "temporary table": "create temporary table mine (a int)",
    "create as": "create table mine as table rebates.fct_payout",
    "drop": "drop table rebates.fct_payout",
    "alter": "alter table rebates.fct_payout disable row level security",
    "index": "create index on rebates.fct_payout (payout)",
    "trigger": "create trigger t before insert on rebates.fct_payout execute function suppress_redundant_updates_trigger()",
    "foreign key": "create table public.mine (p text references rebates.fct_payout)",
    "function": "create function public.f() returns int language sql as 'select 1'",
    "extension": "create extension file_fdw",
    "become the publisher": "set role publisher",
    "program": "copy rebates.dim_period from program 'echo x'",
    "program out": "copy rebates.dim_period to program 'cat > /tmp/x'",
    "file in": "copy rebates.dim_period from '/etc/passwd'",
    "file out": "copy rebates.dim_period to '/tmp/tierledger-stolen'",
    "read a file": "select pg_read_file('/etc/passwd')",
    "list files": "select pg_ls_dir('/')",
    "passwords": "select rolpassword from pg_authid",
    "another schema": "select * from secret.salaries",
    "another table of public": "select * from public.private",
    "who is who, to write": "insert into rebates_access.participants values (current_user, 'C1')",
}


@pytest.fixture(scope="module")
def opened(server: Server, published: Path) -> tuple[str, RunContext]:
    """A database with the book published, roles given their participants, and things in it that are nobody's business."""
    name = make_database(server, "opened")
    context = context_of(published, server.address("publisher", name, PASSWORD))
    publish_to_postgres(context)
    server.run(
        "insert into rebates_access.participants values ('c1', 'C1'), ('c3', 'C3')",
        "create schema secret",
        "create table secret.salaries (a int)",
        "create table public.private (a int)",
        database=name,
    )
    return name, context


@pytest.mark.parametrize("role", ["bi", "c1"])
@pytest.mark.parametrize("deed", DENIED)
def test_readers_read_and_do_nothing_else(server: Server, opened: tuple[str, RunContext], role: str, deed: str) -> None:
    from adbc_driver_manager.dbapi import Error

    with pytest.raises(Error, match=r"permission denied|must be owner|must be able to SET ROLE|Superuser|Only roles|not available"):
        server.ask(DENIED[deed], role, opened[0])


def test_the_reader_reads_every_row(server: Server, opened: tuple[str, RunContext]) -> None:
    database, context = opened
    manifest = read_manifest(context.published)
    assert manifest
    found = {table: server.ask(f"select count(*) from rebates.{table}", "bi", database)[0][0] for table in manifest["rows"]}
    assert found == manifest["rows"]


def test_outsiders_read_nothing(server: Server, opened: tuple[str, RunContext]) -> None:
    from adbc_driver_manager.dbapi import Error

    server.ask("grant select on rebates.fct_payout to outsider", "bi", opened[0])  # PostgreSQL warns, and grants nothing
    for table in files_of(opened[1]):
        with pytest.raises(Error, match="permission denied"):
            server.ask(f"select * from rebates.{table}", "outsider", opened[0])


def test_every_table_says_whose_its_rows_are(opened: tuple[str, RunContext]) -> None:
    """A new table is closed to participants until somebody decides; the registers of files, rows, runs and closes stay so."""
    closed = {table for table in files_of(opened[1]) if table not in OWN_ROWS}
    assert closed == {"audit_close", "audit_feed_file", "audit_reject", "audit_reject_resolved", "audit_run"}
    assert OWN_ROWS.keys() <= files_of(opened[1]).keys()


@pytest.mark.parametrize("participant", LOGINS)
def test_participants_read_their_own_rows(server: Server, opened: tuple[str, RunContext], participant: str) -> None:
    database, context = opened
    role, files = LOGINS[participant], files_of(context)

    def ours(table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        return sorted(server.ask(f"select {columns} from rebates.{table}", role, database), key=repr)

    def theirs(table: str, columns: str, where: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as con:
            for name, path in files.items():
                con.execute(f"create view {name} as from '{path}'")
            return sorted(con.execute(f"select {columns} from {table} where {where}").fetchall(), key=repr)

    own_payouts = f"payout_id in (select payout_id from fct_payout where participant_id = '{participant}')"
    own_agreements = f"agreement_id in (select agreement_id from fct_payout where participant_id = '{participant}')"
    for table in ("fct_payout", "fct_achievement", "fct_accrual", "fct_journal"):
        assert {row[0] for row in ours(table, "participant_id")} == {participant}, table
        assert ours(table, "count(*)") == theirs(table, "count(*)", f"participant_id = '{participant}'")
    for table, columns in (("fct_payout_line", "payout_id, transaction_id, line, line_payout::text"), ("fct_calculation_step", "payout_id, step_no, formula")):
        assert ours(table, columns) == theirs(table, columns.replace("::text", "::varchar"), own_payouts) != []
    for table, columns in (("dim_agreement", "agreement_id, title"), ("dim_benefit", "agreement_id, benefit_id"), ("dim_tier", "agreement_id, tier")):
        assert ours(table, columns) == theirs(table, columns, own_agreements) != []
    assert ours("dim_partner", "partner_id") == [(participant,)]
    assert ours("dim_product", "product_id") == ([("A",), ("B",), ("C",)] if participant == "C1" else [("A",)])
    assert len(ours("dim_period")) == read_manifest(context.published)["rows"]["dim_period"]  # type: ignore[index]
    assert server.ask("select * from rebates_access.participants", role, database) == [(role, participant)]


def test_who_is_no_participant_reads_no_row(server: Server, opened: tuple[str, RunContext]) -> None:
    """A role of the group that nobody has given a participant, also when it says it were one."""
    claims = ("set tierledger.participant = 'C1'", "set application_name = 'c1'")
    for table in OWN_ROWS:
        if table != "dim_period":
            assert server.ask(f"select count(*) from rebates.{table}", "stranger", opened[0], claims) == [(0,)], table


def test_participants_cannot_switch_their_rows_off(server: Server, opened: tuple[str, RunContext]) -> None:
    from adbc_driver_manager.dbapi import Error

    with pytest.raises(Error, match="would be affected by row-level security"):
        server.ask("select * from rebates.fct_payout", "c1", opened[0], ("set row_security = off",))
    with pytest.raises(Error, match="permission denied"):
        server.ask("select * from rebates.audit_reject", "c1", opened[0])
    with pytest.raises(Error, match="permission denied"):
        server.ask("select 1", "c1", opened[0], ("set role c3",))
    leak = (
        "do $$ begin perform 1 from rebates.fct_payout where participant_id <> 'C1' and (1 / (case when participant_id = 'C3' then 0 else 1 end)) = 1; end $$"
    )
    server.ask(leak, "c1", opened[0])  # a division by zero would tell of a row that is not theirs


def test_readers_are_let_in_with_the_switch_alone(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being made is nobody's to see, and a failure at any point leaves what was there."""
    publish_to_postgres(with_settings(context, participants=None))
    before = {table: rows_in_schema(server, database, table) for table in files_of(context)}
    oid = server.ask("select 'rebates.fct_payout'::regclass::oid::text", database=database)

    def fail(*_: object) -> None:
        raise PostgresFailed("stopped")

    for step in ("_check_tables", "open_schema"):
        with monkeypatch.context() as patch:
            patch.setattr(postgres, step, fail)
            patch.setattr(postgres, "_must_replace", lambda *_: True)
            with pytest.raises(PostgresFailed):
                publish_to_postgres(context)
        assert server.ask("select nspname::text from pg_namespace where nspname like 'rebates%'", database=database) == [("rebates",)]
    assert {table: rows_in_schema(server, database, table) for table in before} == before
    assert server.ask("select 'rebates.fct_payout'::regclass::oid::text", database=database) == oid


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("update {schema}.fct_payout set payout = payout + 0.0001 where payout > 0", r'fct_payout: sum\("payout"\) is'),
        ("delete from {schema}.fct_payout_line where line = 2", r"fct_payout_line: count\(\*\) is"),
        ("update {schema}.dim_partner set name = null", r'dim_partner: count\("name"\) is 0'),
    ],
)
def test_what_arrives_otherwise_is_not_switched_to(
    context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch, damage: str, message: str
) -> None:
    describe = postgres._describe

    def describe_and_damage(transaction: Any, schema: str, tables: list[str]) -> None:
        describe(transaction, schema, tables)
        transaction.execute(damage.format(schema=schema))

    monkeypatch.setattr(postgres, "_describe", describe_and_damage)
    with pytest.raises(PostgresFailed, match=message):
        publish_to_postgres(context)
    assert server.ask("select count(*) from pg_namespace where nspname like 'rebates%'", database=database) == [(0,)]


def republish(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_must_replace", lambda *_: True)
        publish_to_postgres(context)


def test_a_transaction_that_reads_sees_one_set_to_its_end(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch waits for it; and whoever will not end is named."""
    from adbc_driver_postgresql import dbapi

    publish_to_postgres(context)
    with closing(dbapi.connect(server.address("bi", database) + "&application_name=slow")) as reader, closing(reader.cursor()) as cursor:
        cursor.execute("select count(*) from rebates.fct_payout")
        first = cursor.fetchall()
        monkeypatch.setattr(postgres, "PATIENCE", 0.3)
        with pytest.raises(PostgresFailed, match=r"it has been read by process \d+ \(role bi, slow\) for longer than"):
            republish(context, monkeypatch)
        cursor.execute("select count(*) from rebates.fct_payout_line")
        assert cursor.fetchall() == [(len(rows_in_file(files_of(context)["fct_payout_line"])),)]
        monkeypatch.setattr(postgres, "PATIENCE", 30.0)
        publishing = threading.Thread(target=republish, args=(context, monkeypatch))
        publishing.start()
        time.sleep(0.5)
        cursor.execute("select count(*) from rebates.fct_payout")
        assert cursor.fetchall() == first
        reader.rollback()
        publishing.join(30)
        assert not publishing.is_alive()


def test_readers_see_one_run_while_it_is_published_again_and_again(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transaction of a reader finds the same number of the set in all its tables, and none fails."""
    from adbc_driver_postgresql import dbapi

    counted = iter(range(1000))
    describe = postgres._describe

    def describe_and_number(transaction: Any, schema: str, tables: list[str]) -> None:
        describe(transaction, schema, tables)
        number = next(counted)
        for table in ("fct_payout", "fct_payout_line", "dim_partner"):
            transaction.execute(f"alter table {schema}.{table} add column number int not null default {number}")

    monkeypatch.setattr(postgres, "_describe", describe_and_number)
    publish_to_postgres(context)
    seen: list[set[int]] = []
    problems: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                with closing(dbapi.connect(server.address("bi", database))) as con, closing(con.cursor()) as cursor:
                    numbers: set[int] = set()
                    for table in ("fct_payout", "fct_payout_line", "dim_partner", "fct_payout"):
                        cursor.execute(f"select distinct number from rebates.{table}")
                        numbers.update(number for (number,) in cursor.fetchall())
                    seen.append(numbers)
                    con.rollback()
            except Exception as error:
                problems.append(str(error))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        republish(context, monkeypatch)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert {len(numbers) for numbers in seen} == {1}
    assert len(set().union(*seen)) >= 3


def _mine(server: Server, database: str) -> None:
    server.run("create schema rebates", "create table rebates.mine (a int)", database=database)


def _other_book(server: Server, database: str) -> None:
    server.run("create schema rebates", """comment on schema rebates is '{"tierledger": "acme", "run_id": "r", "set": "s"}'""", database=database)


def _no_role(server: Server, database: str) -> None:
    pass


REFUSED: dict[str, tuple[Callable[[Server, str], None], dict[str, Any], str]] = {
    "a schema that is somebody's": (_mine, {}, "schema rebates holds mine and was not made by Tierledger"),
    "another book's schema": (_other_book, {}, "schema rebates belongs to the book acme"),
    "no such role": (_no_role, {"reader": "nobody_here"}, "there is no role nobody_here; create it with: create role nobody_here nologin"),
    "a superuser as reader": (_no_role, {"reader": "postgres"}, "alter role postgres nosuperuser"),
    "the publisher as reader": (_no_role, {"reader": "publisher"}, "revoke the publishing role from publisher"),
    "one role for both": (_no_role, {"reader": "portal"}, "reader and participants are the same role"),
    "temporary tables": (
        lambda s, d: s.run(f"grant temporary on database {d} to public"), {}, r'role bi could .* revoke temporary on database "shared" from public, bi'
    ),
    "a schema open to all": (lambda s, d: s.run("grant create on schema public to public", database=d), {}, 'revoke create on schema "public" from public, bi'),
    "reads everything": (lambda s, d: s.run("grant pg_read_all_data to portal"), {}, "revoke pg_read_all_data from portal"),
    "writes by default": (
        lambda s, d: s.run("alter default privileges for role publisher grant insert on tables to bi", database=d), {},
        "role bi could write to new tables because of default privileges",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_database_that_is_open_to_more_is_refused(context: RunContext, server: Server, database: str, case: str) -> None:
    prepare, settings, message = REFUSED[case]
    prepare(server, database)
    with pytest.raises(PostgresFailed, match=message):
        publish_to_postgres(with_settings(context, **settings))


def test_views_of_others_are_not_dropped(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_to_postgres(context)
    manifest = context.published / "current" / "tables.json"
    server.run("create schema reports", "create view reports.monthly as select * from rebates.fct_payout", database=database)
    server.run("""comment on schema rebates is '{"tierledger": "small", "run_id": "older", "set": "s"}'""", database=database)
    with pytest.raises(PostgresFailed, match=r"reports.monthly is a view on rebates.fct_payout and would be dropped with it"):
        publish_to_postgres(context)
    with pytest.raises(PostgresFailed, match=r"rebates: ERROR: cannot drop desired object.* view reports.monthly depends on table rebates.fct_payout"):
        republish(context, monkeypatch)
    assert manifest.is_file()
    body = "select payout_id, payout from rebates.fct_payout"
    server.run(
        "drop view reports.monthly",
        f"create function reports.monthly() returns table (payout_id text, payout numeric) language sql stable as '{body}'",
        database=database,
    )
    assert publish_to_postgres(context)
    assert len(server.ask("select * from reports.monthly()", database=database)) == len(rows_in_file(files_of(context)["fct_payout"]))


def test_a_server_that_is_down_costs_no_published_table(
    published: Path,
    server: Server,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Exit 1 with a message, the files whole; the next run publishes it though nothing is new. The password is nowhere."""
    book = shutil.copytree(published, tmp_path / "book", symlinks=True)
    monkeypatch.setenv(VARIABLE, f"postgresql://publisher:{PASSWORD}@/{database}?host={tmp_path}")
    assert main(["run", "--book", str(book), "--log-file", str(book / "log")]) == 1
    message = capsys.readouterr()
    assert "Not published to PostgreSQL: no connection to the address in TIERLEDGER_TEST_POSTGRES" in message.err
    assert "The next run publishes there" in message.err
    manifest = read_manifest(book / "published")
    assert manifest
    monkeypatch.setenv(VARIABLE, server.address("publisher", database, PASSWORD))
    assert main(["run", "--book", str(book), "--log-file", str(book / "log")]) == 0
    said = capsys.readouterr()
    assert "nothing new" in said.out
    assert rows_in_schema(server, database, "fct_payout") == rows_in_file(book / "published" / "current" / "fct_payout.parquet")
    assert "run_finished" in (book / "log").read_text() or "finished" in (book / "log").read_text()
    texts = [message.out, message.err, said.out, said.err, caplog.text]
    assert [text for text in texts if PASSWORD in text] == []
    assert [path for path in book.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()] == []
    with duckdb.connect() as con:
        for path in (book / "published" / "current").glob("*.parquet"):
            assert con.execute(f"select count(*) from (select columns(*)::varchar from '{path}') t where contains(t::varchar, '{PASSWORD}')").fetchone() == (0,)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{PASSWORD}/x@localhost:1/d",  # libpq says: invalid integer value "s3cr…" for port
        f"postgresql://u:{PASSWORD}%zz@localhost:1/d",  # libpq says: invalid percent-encoded token: "s3cr…"
        f"postgresql://u:{PASSWORD}@x@localhost:1/d",
        f"postgresql://u:{PASSWORD}#x@localhost:1/d",
        f"postgresql://u:{PASSWORD}:x@localhost:1/d",
        f"host=localhost password={PASSWORD}",
        PASSWORD,
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(published: Path, address: str) -> None:
    with pytest.raises(InputError, match="holds no address of the form") as caught:
        publish_to_postgres(context_of(published, address))
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "address", [f"postgresql://u:{PASSWORD}@localhost:1/{PASSWORD}", f"postgresql://u@localhost:1/d?password={PASSWORD}&sslmode={PASSWORD}"]
)
def test_what_the_driver_says_is_told_without_the_password(published: Path, address: str) -> None:
    with pytest.raises(PostgresFailed) as caught:
        publish_to_postgres(context_of(published, address))
    error: BaseException | None = caught.value
    failure = as_failure(caught.value)
    assert PASSWORD not in repr(failure.description) + repr(failure.metadata)
    while error is not None:
        assert PASSWORD not in str(error)
        error = error.__cause__ or error.__context__


def test_a_missing_address_is_told_before_anything_is_computed(published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert main(["run", "--book", str(published), "--force"]) == 2
    assert f"the environment has no {VARIABLE}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("publish", "message"),
    [
        (f'"postgresql://u:{PASSWORD}@h/d"', "name the environment variable"),
        (f'{{dsn: "postgresql://u:{PASSWORD}@h/d"}}', "name the environment variable"),
        (f'["postgresql://u:{PASSWORD}@h/d"]', 'write "env:NAME"'),
        ('{dsn: "env:X", schema: "a; drop table b"}', "a name of small letters"),
        ('{dsn: "env:X", schema: Rebates}', "a name of small letters"),
        ('{dsn: "env:X", schema: public}', "not public"),
        ('{dsn: "env:X", schema: pg_catalog}', "not beginning with pg_"),
        ('{dsn: "env:X", reader: "bi\\" superuser"}', "a name of small letters"),
        ('{dsn: "env:X", participants: ' + "a" * 51 + "}", "at most 50"),
        ('{dsn: "env:X", role: a}', "this key is not known"),
        ("{schema: a}", "this key is required"),
    ],
)
def test_settings_that_are_refused(publish: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_book(BOOK.split("publish:")[0] + f"publish:\n  postgres: {publish}\n")
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_an_address_alone_is_enough() -> None:
    settings = parse_book(BOOK.split("publish:")[0] + 'publish: {postgres: "env:X"}\n').publish.postgres
    assert settings
    assert (settings.variable, settings.schema_name, settings.reader, settings.participants) == ("X", "tierledger", None, None)


def test_runs_made_again_beside_the_book_publish_nothing_there(context: RunContext) -> None:
    assert not publish_to_postgres(dataclasses.replace(context, is_rebuild=True))
    assert not publish_to_postgres(dataclasses.replace(context, publish_to=context.published))


def test_statements_that_fail_say_so_in_one_line() -> None:
    from assets.publishing.postgres.connection import _plain

    text = 'NOT_FOUND: Failed to prepare query: ERROR:  relation "nope" does not exist\nLINE 1: select\n   ^\n\nQuery was: select x. SQLSTATE: 42P01'
    assert _plain(text) == 'ERROR: relation "nope" does not exist LINE 1: select ^ SQLSTATE: 42P01'
    assert StatementFailed("x", "42P01").code == "42P01"

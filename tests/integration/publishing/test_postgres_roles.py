"""Who may read what is published to PostgreSQL: everything, or their own rows, and nobody may do more.

Belongs here: roles, rows of participants, databases that are open to more. Does not belong here: what arrives there (test_postgres.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.published.own_rows import OWN_ROWS, show_own_rows
from assets.published.reader import open_published, read_manifest
from assets.publishing.postgres.connection import PostgresFailed, open_transaction
from assets.publishing.postgres.grants import participants_of
from assets.publishing.postgres.publish import publish_to_postgres
from assets.runtime.context import RunContext
from tests.support.postgres_books import (
    LOGINS,
    PASSWORD,
    context_of,
    files_of,
    make_database,
    with_settings,
)
from tests.support.postgres_server import Server

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
    registers = {"audit_close", "audit_feed_file", "audit_reject", "audit_reject_resolved", "audit_run", "column_lineage"}
    assert closed == registers | {
        "fct_payment_batch",
        "fct_transaction",
        "audit_road",
        "audit_named_road",
        "audit_product_scope",
        "dim_scope",
        "dim_fx_rate",
        "fct_collection",
    }
    assert OWN_ROWS.keys() <= files_of(opened[1]).keys()


@pytest.mark.parametrize("participant", LOGINS)
def test_an_assistant_shows_the_same_rows(server: Server, opened: tuple[str, RunContext], participant: str) -> None:
    """`tierledger mcp --role` keeps DuckDB's tables to the rows that PostgreSQL shows the role, a table without a rule to none."""
    database, context = opened
    settings = context.book.publish.postgres
    assert settings is not None
    with open_transaction(context) as transaction:
        own = participants_of(transaction, settings, LOGINS[participant])
    assert own == [participant]
    with open_published(context.folder) as con:
        show_own_rows(con, own)
        shown = {table: con.execute(f"select count(*) from {table}").fetchall()[0][0] for table in files_of(context)}
    ours = {table: server.ask(f"select count(*) from rebates.{table}", LOGINS[participant], database)[0][0] for table in OWN_ROWS}
    assert shown == dict.fromkeys(shown, 0) | ours


def test_a_role_is_a_reader_a_participant_or_refused(opened: tuple[str, RunContext]) -> None:
    context = opened[1]
    settings = context.book.publish.postgres
    assert settings is not None
    with open_transaction(context) as transaction:
        assert participants_of(transaction, settings, "bi") is None
        assert participants_of(transaction, settings, "stranger") == []
        with pytest.raises(PostgresFailed, match="no role nobody"):
            participants_of(transaction, settings, "nobody")
        with pytest.raises(PostgresFailed, match="reads nothing of this book"):
            participants_of(transaction, settings, "outsider")


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
        if table not in ("dim_period", "dim_date"):
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

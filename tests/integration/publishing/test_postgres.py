"""Publishing to a real PostgreSQL: the same tables, to the last digit; switched as one.

Belongs here: the schema and its failures. Does not belong here: who may read it (test_postgres_roles.py), the Parquet set it is made from
(test_publishing.py).
"""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.graph.failures import as_failure
from assets.published.reader import read_manifest
from assets.publishing import line_parts
from assets.publishing.parquet_set import publish
from assets.publishing.postgres import publish as postgres
from assets.publishing.postgres.connection import PostgresFailed, StatementFailed
from assets.publishing.postgres.publish import publish_to_postgres
from assets.runtime.context import ChecksPassed, RunContext
from models.book.settings import parse_book
from models.documents import InputError
from pipelines.cli.main import main
from tests.support.postgres_books import (
    BOOK,
    PASSWORD,
    VARIABLE,
    columns_of,
    context_of,
    files_of,
    rows_in_file,
    rows_in_schema,
    with_settings,
)
from tests.support.postgres_server import Server

#: The key of each dimension of the star.
STAR_KEYS = {
    "dim_agreement": "agreement_version_id", "dim_benefit": "benefit_version_id", "dim_tier": "tier_id", "dim_partner": "partner_id",
    "dim_product": "product_id", "dim_period": "period", "dim_date": "date",
}  # fmt: skip


def test_every_table_arrives_to_the_last_digit(context: RunContext, server: Server, database: str) -> None:
    assert publish_to_postgres(context)
    for table, path in files_of(context).items():
        assert rows_in_schema(server, database, table) == rows_in_file(path), table
    kinds = columns_of(server, database, "fct_payout")
    assert (kinds["payout"], kinds["measure"], kinds["window_start"], kinds["tier"]) == ("numeric(18,4)", "numeric(38,12)", "date", "integer")
    assert columns_of(server, database, "audit_run")["finished_at"] == "timestamp with time zone"
    assert not {"real", "double precision"} & {kind for table in files_of(context) for kind in columns_of(server, database, table).values()}


def test_lines_in_parts_arrive_as_one_table(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = rows_in_file(files_of(context)["fct_payout_line"])
    folder = shutil.copytree(context.folder, tmp_path / "book", symlinks=True)
    monkeypatch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 0)
    publish(dataclasses.replace(context, folder=folder), ChecksPassed(checks=0))
    assert len(list((folder / "published" / "current").glob("fct_payout_line.*.parquet"))) > 1
    assert rows_in_schema(server, database, "fct_payout_line") == lines
    assert server.ask("select count(*) from pg_tables where schemaname = 'rebates' and tablename like 'fct_payout_line%'", database=database) == [(1,)]
    foreign = (
        "select 1 from pg_constraint where contype = 'f' and conrelid = 'rebates.fct_payout_line'::regclass and confrelid = 'rebates.fct_payout'::regclass"
    )
    assert server.ask(foreign, database=database)


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


@pytest.mark.long
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


def test_views_of_others_survive_a_publish(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view on a view too, owned by a role that the publisher is no member of; with its grants, and a function with a body that PostgreSQL keeps."""
    publish_to_postgres(context)
    lines = len(rows_in_file(files_of(context)["fct_payout_line"]))
    server.run(
        "create schema reports",
        "create view reports.monthly as select payout_id, payout, status from rebates.fct_payout",
        "create view reports.paid as select l.* from reports.monthly m join rebates.fct_payout_line l using (payout_id)",
        "create materialized view reports.frozen as select count(*) from rebates.fct_achievement",
        "create function reports.count_payouts() returns bigint language sql stable begin atomic select count(*) from rebates.fct_payout; end",
        "alter view reports.paid owner to bi",
        "grant usage on schema reports to bi",
        "grant select on reports.monthly to bi",
        database=database,
    )
    republish(context, monkeypatch)
    assert server.ask("select count(*) from reports.paid", database=database) == [(lines,)]
    assert server.ask("select reports.count_payouts()", database=database) == [(len(rows_in_file(files_of(context)["fct_payout"])),)]
    assert server.ask("select relowner::regrole::text from pg_class where oid = 'reports.paid'::regclass", database=database) == [("bi",)]
    assert server.ask("select has_table_privilege('bi', 'reports.monthly', 'SELECT')", database=database) == [(True,)]
    for table in ("fct_payout", "fct_payout_line"):
        assert rows_in_schema(server, database, table) == rows_in_file(files_of(context)[table]), "no row of the set before is left"


def test_a_view_on_a_column_that_changes_is_named(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_to_postgres(context)
    server.run(
        "create schema reports",
        "alter table rebates.fct_payout add column bonus numeric(18,4)",
        "create view reports.monthly as select payout_id, bonus from rebates.fct_payout",
        database=database,
    )
    with pytest.raises(PostgresFailed, match=r"reports.monthly depends on rebates.fct_payout, and column bonus no longer exists. Drop reports.monthly"):
        republish(context, monkeypatch)
    assert rows_in_schema(server, database, "fct_payout_line") == rows_in_file(files_of(context)["fct_payout_line"])


def test_a_table_under_a_view_gets_new_columns(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_to_postgres(context)
    server.run(
        "create schema reports",
        "alter table rebates.fct_payout drop column due_date",
        "create view reports.monthly as select payout_id, payout from rebates.fct_payout",
        database=database,
    )
    republish(context, monkeypatch)
    assert columns_of(server, database, "fct_payout")["due_date"] == "date"


def test_keys_are_declared(context: RunContext, server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again after a view has kept a table over a publish."""
    query = """
        select conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'rebates'::regnamespace and contype in ('p', 'f') order by 1, 2, 3
    """
    publish_to_postgres(context)
    first = server.ask(query, database=database)
    keys = {(table, definition) for table, _, definition in first}
    assert ("rebates.fct_payout", "PRIMARY KEY (payout_id)") in keys
    for table, key in STAR_KEYS.items():
        assert (f"rebates.{table}", f"PRIMARY KEY ({key})") in keys
    for column, table in (("participant_id", "dim_partner(partner_id)"), ("agreement_version_id", "dim_agreement(agreement_version_id)"),
                          ("benefit_version_id", "dim_benefit(benefit_version_id)")):  # fmt: skip
        assert ("rebates.fct_payout", f"FOREIGN KEY ({column}) REFERENCES rebates.{table} NOT VALID") in keys
    assert ("rebates.fct_payout_line", "FOREIGN KEY (payout_id) REFERENCES rebates.fct_payout(payout_id) NOT VALID") in keys
    nullable = "select is_nullable from information_schema.columns where table_schema = 'rebates' and table_name = 'fct_payout' and column_name = 'status'"
    assert server.ask(nullable, database=database) == [("NO",)]
    assert server.ask("select 1 from pg_indexes where tablename = 'fct_payout_line' and indexdef like '%(payout_id)'", database=database)
    server.run("create schema reports", "create view reports.monthly as select payout_id from rebates.fct_payout", database=database)
    republish(context, monkeypatch)
    assert server.ask(query, database=database) == first
    assert server.ask(nullable, database=database) == [("NO",)]


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

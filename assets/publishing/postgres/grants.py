"""Who may read what in PostgreSQL: two read-only roles, and the rows of a participant.

Belongs here: grants, row policies, and what the roles must not be able to do. Does not belong here: tables and their rows
(assets/publishing/postgres/publish.py).

`reader` reads every row. Members of `participants` read the rows of the participants that `<schema>_access.participants` assigns to them.
They cannot read a table that is not in OWN_ROWS (assets/published/own_rows.py).
"""

from __future__ import annotations

from assets.published.own_rows import OWN_ROWS
from assets.publishing.postgres.connection import PostgresFailed, Transaction
from models.book.publish_settings import PostgresSettings

#: PostgreSQL roles that can read or write regardless of grants.
_POWERFUL = ("pg_read_all_data", "pg_write_all_data", "pg_read_server_files", "pg_write_server_files", "pg_execute_server_program", "pg_maintain")
_BEYOND_READING = "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"


def access_schema(settings: PostgresSettings) -> str:
    """The schema of the table that says which role reads which participants. Publishing never replaces it."""
    return f"{settings.schema_name}_access"


def check_roles(transaction: Transaction, settings: PostgresSettings) -> None:
    """Raise PostgresFailed when a role of book.yaml is missing, or could do more in this database than read. The message says what to run."""
    if settings.reader and settings.reader == settings.participants:
        raise PostgresFailed("publish.postgres: reader and participants are the same role; a role either reads every row or only its own")
    for role in filter(None, (settings.reader, settings.participants)):
        found = transaction.fetch(
            """
            select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication, pg_has_role(oid, current_user, 'member'), current_database(),
                has_database_privilege(oid, current_database(), 'TEMP'), has_database_privilege(oid, current_database(), 'CREATE')
            from pg_roles where rolname = $1
            """,
            role,
        )
        if not found:
            raise PostgresFailed(f"publish.postgres: there is no role {role}; create it with: create role {role} nologin")
        *powers, is_owner, database, may_make_temporary, may_create = found[0]
        remedies = [f"alter role {role} no{power}" for power, has in zip(_POWERS, powers, strict=True) if has]
        if is_owner:
            remedies.append(f"revoke the publishing role from {role}, which is a member of it")
        for name in _POWERFUL:
            if transaction.fetch("select 1 from pg_roles where rolname = $1 and pg_has_role($2, oid, 'member')", name, role) and not powers[0]:
                remedies.append(f"revoke {name} from {role}")
        remedies += [
            f'revoke {right} on database "{database}" from public, {role}' for right, has in (("temporary", may_make_temporary), ("create", may_create)) if has
        ]
        open_schemas = transaction.fetch(
            "select nspname from pg_namespace where nspname !~ '^pg_(toast|temp)' and has_schema_privilege($1, oid, 'CREATE') order by 1", role
        )
        remedies += [f'revoke create on schema "{name}" from public, {role}' for (name,) in open_schemas]
        if remedies:
            message = f"role {role} could do more in database {database} than read. As its administrator, run: "
            raise PostgresFailed(f"publish.postgres: {message}{'; '.join(remedies)}")


_POWERS = ("superuser", "bypassrls", "createdb", "createrole", "replication")


def participants_of(transaction: Transaction, settings: PostgresSettings, role: str) -> list[str] | None:
    """The participants whose rows a role reads; None where it is a reader, who reads every row. Raises PostgresFailed for any other role."""
    if not transaction.fetch("select 1 from pg_roles where rolname = $1", role):
        raise PostgresFailed(f"there is no role {role} in the database of publish.postgres")
    in_group = "select 1 from pg_roles where rolname = $2 and pg_has_role($1, oid, 'member')"
    if settings.reader and transaction.fetch(in_group, role, settings.reader):
        return None
    if settings.participants and transaction.fetch(in_group, role, settings.participants):
        own = f"select participant_id from {access_schema(settings)}.participants where role_name = $1 order by 1"
        return [participant for (participant,) in transaction.fetch(own, role)]
    raise PostgresFailed(f"role {role} reads nothing of this book: make it a member of publish.postgres' reader or participants")


def make_access_table(transaction: Transaction, settings: PostgresSettings) -> None:
    """Create the empty table that assigns participants to roles, unless it exists. A member of `participants` sees its own rows of it."""
    access, role = access_schema(settings), settings.participants
    if not transaction.fetch("select 1 from pg_namespace where nspname = $1", access):
        transaction.execute(f"create schema {access}")
    if not transaction.fetch("select to_regclass($1) where to_regclass($1) is not null", f"{access}.participants"):
        transaction.execute(
            f"create table {access}.participants (role_name text not null, participant_id text not null, primary key (role_name, participant_id))"
        )
        transaction.execute(f"comment on table {access}.participants is 'Which role reads which participants. Kept by you; Tierledger only reads it.'")
        transaction.execute(f"alter table {access}.participants enable row level security")
    transaction.execute(f"drop policy if exists own_rows on {access}.participants")
    transaction.execute(f"create policy own_rows on {access}.participants for select to {role} using (role_name = current_user)")
    transaction.execute(f"grant usage on schema {access} to {role}")
    transaction.execute(f"grant select on {access}.participants to {role}")


def grant_reading(transaction: Transaction, settings: PostgresSettings, schema: str, tables: list[str]) -> None:
    """Let the roles read `tables` of `schema`, each its own rows. The schema itself is still closed: see `open_schema`."""
    if settings.participants:
        make_access_table(transaction, settings)
        own = f"select participant_id from {access_schema(settings)}.participants where role_name = current_user"
        for table in tables:
            transaction.execute(f"alter table {schema}.{table} enable row level security")
            if settings.reader:
                transaction.execute(f"create policy every_row on {schema}.{table} for select to {settings.reader} using (true)")
            if table in OWN_ROWS:
                rule = OWN_ROWS[table].format(own=own, schema=schema)
                transaction.execute(f"create policy own_rows on {schema}.{table} for select to {settings.participants} using ({rule})")
                transaction.execute(f"grant select on {schema}.{table} to {settings.participants}")
    if settings.reader:
        for table in tables:
            transaction.execute(f"grant select on {schema}.{table} to {settings.reader}")
    for role in filter(None, (settings.reader, settings.participants)):
        for table in tables:
            if transaction.fetch(f"select 1 where has_table_privilege($1, $2, '{_BEYOND_READING}')", role, f"{schema}.{table}"):
                message = f"role {role} could write to new tables because of default privileges of the publishing role; revoke them: \\ddp in psql lists them"
                raise PostgresFailed(f"publish.postgres: {message}")


def open_schema(transaction: Transaction, settings: PostgresSettings, schema: str) -> None:
    """Open the schema to the roles."""
    for role in filter(None, (settings.reader, settings.participants)):
        transaction.execute(f"grant usage on schema {schema} to {role}")

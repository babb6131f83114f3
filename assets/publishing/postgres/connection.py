"""Connecting to PostgreSQL with an address from the environment, without ever showing its secrets.

Belongs here: the address, one transaction, errors without secrets. Does not belong here: what is published there (assets/publishing/postgres/publish.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from assets.runtime.context import RunContext
from models.book.publish_settings import PostgresSettings
from models.documents import InputError, Problem

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

_PART = r"[^:@/?#\s]"
_HOST = r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
#: Stricter than libpq: libpq repeats what it cannot parse, and for a password that is not percent-encoded that is part of the password.
_ADDRESS = re.compile(
    rf"postgres(?:ql)?://(?:{_PART}+(?::(?P<password>{_PART}*))?@)?{_HOST}(?:,{_HOST})*(?:/{_PART}*)?(?:\?(?P<query>[^@#?\s]*))?",
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORM = "postgresql://user:password@host:5432/database"
#: Seconds to wait for a connection where the address sets no other.
_CONNECT_TIMEOUT = 10


class PostgresFailed(Exception):
    """PostgreSQL reported an error, or does not hold what was sent. Nothing has changed there. Parquet and DuckDB hold the run."""


class StatementFailed(Exception):
    """The database's error for one statement, without secrets. `code`: its SQLSTATE, or empty."""

    def __init__(self, text: str, code: str) -> None:
        self.code = code
        super().__init__(text)


class Transaction:
    """One open transaction. Statements are this program's SQL; values are passed as parameters ($1, $2 …)."""

    def __init__(self, cursor: Cursor, secrets: set[str]) -> None:
        self._cursor = cursor
        self._secrets = secrets

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement without a result. Raises StatementFailed."""
        self._call(lambda: self._cursor.execute(statement, parameters or None))

    def fetch(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises StatementFailed."""

        def ask() -> list[tuple[Any, ...]]:
            self._cursor.execute(query, parameters or None)
            return self._cursor.fetchall()

        rows: list[tuple[Any, ...]] = self._call(ask)
        return rows

    def ingest(self, schema: str, table: str, batches: Any) -> None:
        """Append Arrow batches (a RecordBatchReader) to an existing table. Raises StatementFailed."""
        self._call(lambda: self._cursor.adbc_ingest(table, batches, mode="append", db_schema_name=schema))

    def _call(self, call: Any) -> Any:
        from adbc_driver_manager.dbapi import Error

        try:
            return call()
        except Error as error:
            failed = StatementFailed(redact(_plain(str(error)), self._secrets), error.sqlstate or "")
        raise failed  # outside the block, so that no chain of exceptions carries the driver's own


def check_address(context: RunContext) -> None:
    """Raise InputError when the book publishes to PostgreSQL and the variable that it names holds no address. Does not connect."""
    settings = wanted_settings(context)
    if settings is not None:
        _address(context.secret(settings.variable), settings.variable)


def wanted_settings(context: RunContext) -> PostgresSettings | None:
    """The PostgreSQL settings of this run. None when it does not publish there: the book names none, or the run is a rebuild outside the book."""
    return None if context.is_rebuild or context.publish_to else context.book.publish.postgres


@contextmanager
def open_transaction(context: RunContext) -> Iterator[Transaction]:
    """A transaction on the database of book.yaml, committed when the block ends without an error. Raises PostgresFailed when there is no connection.

    Raises InputError when the environment holds no address.
    """
    from adbc_driver_manager.dbapi import Error
    from adbc_driver_postgresql import dbapi

    settings = wanted_settings(context)
    assert settings is not None
    address, secrets = _address(context.secret(settings.variable), settings.variable)
    failed = None
    try:
        connection = dbapi.connect(address)
    except Error as error:
        failed = PostgresFailed(f"no connection to the address in {settings.variable}: {redact(_plain(str(error)), secrets)}")
    if failed:
        raise failed
    cursor = connection.cursor()
    try:
        yield Transaction(cursor, secrets)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        cursor.close()
        connection.close()


def redact(text: str, secrets: set[str]) -> str:
    """The text without any of the secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _address(value: str | None, variable: str) -> tuple[str, set[str]]:
    """The address with our connection options added, and the secrets in it."""
    key = "publish.postgres"
    if not value:
        message = f"the environment has no {variable}; set it to the address, such as {_FORM.replace(':password', '')}, or remove the key"
        raise InputError([Problem("book.yaml", 0, key, message)])
    match = _ADDRESS.fullmatch(value)
    if match is None or _BAD_PERCENT.search(value):
        message = f"{variable} holds no address of the form {_FORM}; write special characters of the password percent-encoded (@ is %40, / is %2F)"
        raise InputError([Problem("book.yaml", 0, key, message)])
    query = match["query"] or ""
    options = dict(pair.partition("=")[::2] for pair in query.split("&"))
    passwords = [match["password"] or "", *(found for name, found in options.items() if "password" in name)]
    secrets = {form for password in passwords if password for form in (password, unquote(password))}
    added = [f"{name}={default}" for name, default in (("connect_timeout", _CONNECT_TIMEOUT), ("application_name", "tierledger")) if name not in options]
    separator = "" if not added else ("&" if query else "" if match["query"] is not None else "?")
    return value + separator + "&".join(added), secrets


def _plain(text: str) -> str:
    """The driver's message on one line, without the statement, which means nothing to the reader."""
    text = re.sub(r"\s+Query was:.*?(?=SQLSTATE|$)", " ", text, flags=re.DOTALL)
    text = re.sub(r"^[A-Z_]+: (\[libpq\] )?(Failed to .*?(?=ERROR: |FATAL: ))?", "", text, flags=re.DOTALL)
    return " ".join(text.split())

"""Where the published tables go: the key `publish` of book.yaml, validated.

Belongs here: names, types and defaults below that key. Does not belong here: what is published and how (assets/publishing/parquet_set.py,
assets/publishing/postgres/publish.py).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from models.validation import Strict

#: Names of schemas and roles: valid in PostgreSQL without quotes, and short enough for the suffixes that are added.
_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,49}")
_RESERVED = {"public", "information_schema", "none"}
#: Words that PostgreSQL takes for something else, as the names of schemas or roles.
_KEYWORDS = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently
    constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default
    deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect
    into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps
    placing primary references returning right select session_user similar some symmetric system_user table tablesample then to trailing true
    union unique user using variadic verbose when where window with
"""
#: book.yaml names the variable and never holds the address: it is archived with every run, and addresses contain passwords.
_VARIABLE = re.compile(r"env:[A-Z_][A-Z0-9_]*")


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value in _RESERVED:
        raise ValueError("a name of small letters, digits and _ is needed here, at most 50, not public and not beginning with pg_")
    if value in _KEYWORDS.split():
        raise ValueError(f"{value} is a word of SQL that PostgreSQL does not take as a name; choose another, such as {value}_data")
    return value


def _variable(value: Any) -> Any:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        # the value is not repeated: it may be an address with its password
        raise ValueError('name the environment variable that holds the address, such as "env:TIERLEDGER_POSTGRES"; do not write the address itself here')
    return value


Name = Annotated[str, BeforeValidator(_name)]


class PostgresSettings(Strict):
    """A schema in PostgreSQL. `reader`: the role that may read all of it. `participants`: the role whose members may read their own rows."""

    dsn: Annotated[str, BeforeValidator(_variable)]
    schema_name: Name = Field(default="tierledger", alias="schema")
    reader: Name | None = None
    participants: Name | None = None

    @property
    def variable(self) -> str:
        """The environment variable that holds the address."""
        return self.dsn.removeprefix("env:")


def _short_form(value: Any) -> Any:
    """`postgres: "env:NAME"` is short for `postgres: {dsn: "env:NAME"}`."""
    if value is not None and not isinstance(value, str | dict):
        raise ValueError('write "env:NAME", or keys with values: dsn, schema, reader, participants')  # the value is not repeated, as above
    return {"dsn": value} if isinstance(value, str) else value


class PublishSettings(Strict):
    """Where the tables go. `openlineage`: also write where their columns come from, as events for data catalogues. `report`: also as pages for people."""

    parquet: bool = True
    duckdb: bool = True
    openlineage: bool = False
    report: bool = False
    postgres: Annotated[PostgresSettings | None, BeforeValidator(_short_form)] = None

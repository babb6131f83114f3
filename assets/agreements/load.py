"""The step that reads the agreements and writes the tables `terms.*`.

Belongs here: writing the tables. Does not belong here: opening the files (assets/agreements/texts.py), what the language means (models/agreements).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from assets.agreements.texts import agreements_sha256, read_agreement_texts
from assets.runtime.context import RunContext, StepReport
from assets.runtime.sql import ALL_COLUMNS, count_rows, digest_rows
from assets.runtime.versions import code_version
from assets.runtime.warehouse import open_warehouse, transaction, write_table
from models.agreements.parse import Source, parse_agreements
from models.agreements.tables.terms import make_terms
from models.agreements.tables.terms_columns import SCHEMAS
from models.calendars import CalendarSettings

if TYPE_CHECKING:
    import polars as pl

_TABLES = {f"terms.{name}": ALL_COLUMNS for name in SCHEMAS}


def read_agreements(folder: Path, approval_day: dt.date | None = None, calendar: CalendarSettings | None = None) -> list[Source]:
    """Every agreement of the book, checked. `approval_day`: the day by which each must be approved. Raises InputError with all problems of all files."""
    return parse_agreements(read_agreement_texts(folder), approval_day, calendar)


@dataclass(frozen=True)
class Terms:
    """The tables of `terms.*`, and the hash of the agreement texts that they were made from."""

    tables: dict[str, pl.DataFrame]
    agreements_sha256: str


def read_terms(context: RunContext) -> Terms:
    """The terms of the book's agreements and calendar. Raises InputError with every mistake in them. Writes nothing."""
    texts = read_agreement_texts(context.folder)
    # a rebuild repeats runs whose terms were approved when they ran
    approval_day = context.as_of if context.book.require_approval and not context.is_rebuild else None
    sources = parse_agreements(texts, approval_day, context.book.calendar)
    return Terms(make_terms(context.book, sources, context.as_of), agreements_sha256(texts))


def load_agreements(context: RunContext, terms: Terms | None = None) -> StepReport:
    """Write the tables `terms.*`, from `terms` if the caller has read them; leave them where they were made of the same texts, settings and day.

    terms.loaded has the hash of the texts, which may be edited meanwhile.
    """
    with open_warehouse(context) as con:
        made_of = _describe(context)
        if terms is None and _are_loaded(con, made_of):
            return StepReport(rows={f"terms.{name}": count_rows(con, f"terms.{name}") for name in SCHEMAS})
        terms = terms or read_terms(context)
        with transaction(con):
            con.execute("create schema if not exists terms")
            for name, frame in terms.tables.items():
                write_table(con, f"terms.{name}", frame)
            values = [terms.agreements_sha256, made_of, str(digest_rows(con, _TABLES))]
            con.execute("create or replace table terms.loaded as select ? as agreements_sha256, ? as made_of, ? as digest", values)
    return StepReport(rows={f"terms.{name}": frame.height for name, frame in terms.tables.items()})


def _describe(context: RunContext) -> str:
    """What the tables are made of: texts, settings, day and program."""
    settings = context.book.model_dump_json(exclude={"limits", "storage", "engine"})
    return "\n".join([agreements_sha256(read_agreement_texts(context.folder)), settings, context.as_of.isoformat(), code_version()])


def _are_loaded(con: duckdb.DuckDBPyConnection, made_of: str) -> bool:
    """Whether the tables are those that were made of this, unchanged."""
    try:
        return con.execute("select made_of, digest::hugeint from terms.loaded").fetchall() == [(made_of, digest_rows(con, _TABLES))]
    except duckdb.Error:  # not loaded yet, by another version, or a table is missing
        return False

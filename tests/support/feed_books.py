"""Small books for the tests of the feeds step: files in, tables out."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.feeds.load import FeedsReport, load_feeds
from assets.runtime.context import RunContext
from models.book.engine_settings import EngineSettings
from models.book.settings import parse_book

HEADER = "transaction_id,line,date,partner_id,type,quantity,amount,currency,channel"
ROW = "A-1,1,2026-03-31,P-1,sale,2,12.50,EUR,retail"
PLAIN = 'transactions: {files: "feeds/transactions/*"}'


def csv(*rows: str) -> str:
    """A file of these rows."""
    return "\n".join([HEADER, *rows]) + "\n"


def write_book(folder: Path, feeds: str = PLAIN, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A book with these feeds (YAML under `feeds:`) and these files below feeds/."""
    folder.mkdir(parents=True, exist_ok=True)
    body = "\n".join("  " + line for line in feeds.splitlines())
    (folder / "book.yaml").write_text(f"book: small\ncurrency: EUR\nfeeds:\n{body}\n", encoding="utf-8")
    for name, content in (files or {}).items():
        add_file(folder, name, content)
    return folder


def add_file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / "feeds" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def load(folder: Path, day: int = 30) -> FeedsReport:
    """Take the files in on this day of June 2026, on the engine that TIERLEDGER_TEST_ENGINE names."""
    book = parse_book((folder / "book.yaml").read_text(encoding="utf-8"))
    if os.environ.get("TIERLEDGER_TEST_ENGINE") == "spark":
        book = book.model_copy(update={"engine": EngineSettings(kind="spark")})
    return load_feeds(RunContext(folder, book, dt.date(2026, 12, 31), dt.datetime(2026, 6, day, 12, tzinfo=dt.UTC)))


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def rejects(folder: Path) -> list[tuple[Any, ...]]:
    """row_no, reason, column_name of every refused row."""
    return query(folder, "select row_no, reason, column_name from raw.rejects order by file_no, row_no")


def tables(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in raw but when it arrived, for comparing two books."""
    excluded = {"feed_files": " exclude (arrived_at)"}
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        found = con.execute("select table_name from duckdb_tables() where schema_name = 'raw' and table_name != 'landed_files' order by 1").fetchall()
        return {name: con.execute(f"select *{excluded.get(name, '')} from raw.{name} order by all").fetchall() for (name,) in found}

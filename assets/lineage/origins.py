"""Where published columns come from in a book: the lineage of the program, followed to the columns of the book's files.

Belongs here: the rows of the published table column_lineage. Does not belong here: what the program computes (program.py), what a feed is filled
from (file_columns.py).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from assets.lineage.file_columns import FileColumn, list_file_columns
from assets.lineage.program import PROGRAM_FILE, ProgramLineage, read_program
from assets.runtime.warehouse import transaction, write_table
from models.calculation.reads import WIDE
from models.feeds.attributes import ATTRIBUTE_TABLES, folded, name_columns
from models.feeds.columns import FEEDS
from models.feeds.settings import FeedSettings
from models.sql_text import literal

if TYPE_CHECKING:
    import duckdb

#: Columns that the default book carries along stand for those of a book (dbt_project.yml): what its conditions name, what its benefits measure, and
#: what its partners and products have.
_CONDITION, _MEASURED = "raw.transactions.attribute:channel", "raw.transactions.attribute:weight"
_CARRIED = {"raw.partners.attribute:region": "partners", "raw.products.attribute:category": "products"}
#: What only an agreement that is net of others reads.
_NET = "calc.lines_netted."
#: Columns of raw.<feed> that say which row of which file it is.
_OF_FILE = ("file_no", "row_no")
#: What a step further costs where there are several: the input that matters most comes first.
_FIRST, _OTHER = 1, 20
#: Tables of `terms` that book.yaml decides; agreements decide the others.
_OF_BOOK = ("settings", "currencies", "accounts", "periods", "days")
VALUE, ROWS = "value", "rows"
_ARROW = " ← "


class Origin(NamedTuple):
    """One origin of a published column, or of the rows of a table (`column_name` null). The fields are the columns of column_lineage."""

    table_name: str
    column_name: str | None
    role: str
    expression: str | None
    origin: str
    canonical_table: str | None
    canonical_column: str | None
    file_column: str | None
    mapping: str | None
    way: str


@dataclass(frozen=True)
class BookColumns:
    """What a book's files, conditions and agreements have: the file columns by schema.table.column, what the placeholders stand for, and the names
    of what each feed carries along by column of raw.<feed>."""

    files: Mapping[str, list[FileColumn]]
    placeholders: Mapping[str, list[str]]
    has_nets: bool
    carried: Mapping[str, Mapping[str, str]]


def write_column_lineage(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, FeedSettings]) -> None:
    """Write calc.column_lineage, unless the warehouse has it of the same program and the same columns: following all of them takes 0.1 s."""
    book = read_book_columns(con, feeds)
    digest = hashlib.sha256(PROGRAM_FILE.read_bytes() + Path(__file__).read_bytes() + repr(book).encode()).hexdigest()
    if con.execute(_WRITTEN_FOR).fetchall() == [(digest,)]:
        return
    frame = pl.DataFrame(list(list_origins(read_program(), book)), schema=dict.fromkeys(Origin._fields, pl.String), orient="row")
    with transaction(con):
        write_table(con, "calc.column_lineage", frame)
        con.execute(f"comment on table calc.column_lineage is {literal(digest)}")


_WRITTEN_FOR = "select comment from duckdb_tables() where database_name = current_database() and schema_name = 'calc' and table_name = 'column_lineage'"


def read_book_columns(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, FeedSettings]) -> BookColumns:
    """What the warehouse knows of the book's columns, once feeds and terms are loaded."""
    carried = _carried_columns(con)
    named = [name for (name,) in con.sql("select distinct unnest(line_columns) from terms.conditions order by all").fetchall()]
    measured = [name for (name,) in con.sql("select distinct attribute from terms.line_sets where attribute is not null order by all").fetchall()]
    by_name = {name: column for column, name in carried["transactions"].items()}
    placeholders = {
        _CONDITION: [f"raw.transactions.{name}" for name in named],
        _MEASURED: [f"raw.transactions.{by_name[name]}" for name in measured if name in by_name],
        **{placeholder: [f"raw.{feed}.{column}" for column in carried[feed]] for placeholder, feed in _CARRIED.items()},
    }
    has_nets = bool(con.sql("select exists (from terms.nets)").fetchall()[0][0])
    return BookColumns(read_file_columns(con, feeds), placeholders, has_nets, carried)


def read_file_columns(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, FeedSettings]) -> dict[str, list[FileColumn]]:
    """What the columns of raw.* are filled from, by schema.table.column, once feeds are loaded."""
    carried = _carried_columns(con)
    present: dict[str, dict[str, str]] = {feed: {} for feed in FEEDS}
    for feed, name in con.sql("select feed, column_name from raw.feed_columns order by all").fetchall():
        present[feed][folded(name)] = name
    return {
        f"raw.{name}.{column}": found
        for name, settings in feeds.items()
        for column, found in list_file_columns(FEEDS[name], settings, present[name], carried[name]).items()
    }


def _carried_columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The columns that each feed carries along: name in the file by column of raw.<feed>."""
    carried: dict[str, dict[str, str]] = {feed: {} for feed in FEEDS}
    for feed, name, column in con.sql("select feed, name, column_name from raw.attributes order by feed, position").fetchall():
        carried[feed][column] = name
    return carried


def list_origins(program: ProgramLineage, book: BookColumns) -> Iterator[Origin]:
    """The origins of every published column and of the rows of every published table, in order."""
    tables = sorted(table for table in program.rows if table.startswith("marts."))
    for table in tables:
        name = table.removeprefix("marts.")
        for column, computed in program.columns_of(table).items():
            ways = follow(program, [f"{table}.{column}"], book)
            yield from _origins(name, column, VALUE, computed.expression, ways, book) or _nothing(name, column, computed.expression, ways)
        yield from _of_attributes(name, list(program.columns_of(table)), book)
        ways = {end: (table, *way) for end, way in follow(program, _columns_that_choose(program, table, book), book).items()}
        yield from _origins(name, None, ROWS, None, ways, book)


def _of_attributes(table: str, columns: list[str], book: BookColumns) -> Iterator[Origin]:
    """The origins of what a feed carries along, in columns of its own after `columns`."""
    if table in ATTRIBUTE_TABLES:
        raw = f"raw.{ATTRIBUTE_TABLES[table]}"
        names = {name: f"{raw}.{column}" for column, name in book.carried[ATTRIBUTE_TABLES[table]].items()}
        for name, column in name_columns(names, columns).items():
            ways = {names[name]: (f"marts.{table}.{column}", f"marts.{table}.attributes", names[name])}
            yield from _origins(table, column, VALUE, f"{literal(name)} of attributes", ways, book)


def follow(program: ProgramLineage, start: list[str], book: BookColumns) -> dict[str, tuple[str, ...]]:
    """The columns in which the program's lineage ends, each with the way to it from one of `start`: short, and by the inputs that matter most."""
    before: dict[str, str | None] = {}
    ahead: list[tuple[int, int, str, str | None]] = [(0, number, name, None) for number, name in enumerate(start)]
    ends, number = [], len(start)
    while ahead:
        cost, _, each, came_from = heapq.heappop(ahead)
        if each in before:
            continue
        before[each] = came_from
        if each not in program.columns:
            ends.append(each)
            continue
        for position, name in enumerate(inputs_of(program, each, book)):
            if name not in before:
                number += 1
                heapq.heappush(ahead, (cost + (_OTHER if position and each.startswith(f"{WIDE}.") else _FIRST), number, name, each))
    return {end: _way(before, end) for end in sorted(ends)}


def inputs_of(program: ProgramLineage, column: str, book: BookColumns) -> Iterator[str]:
    """The columns that a column is computed from in this book."""
    for name in program.columns[column].inputs:
        if name in book.placeholders:
            yield from book.placeholders[name]
        elif book.has_nets or not name.startswith(_NET):
            yield name


def origin_of(canonical: str) -> str:
    """Who says what a column holds in which the lineage ends: feed, file, agreement, book, ledger or run."""
    schema, table, column = canonical.split(".", 2)
    if schema == "raw":
        return "feed" if table in FEEDS and column not in _OF_FILE else "file"
    if schema == "terms":
        return "book" if table in _OF_BOOK else "agreement"
    return "ledger" if schema == "ledger" else "run"


def _columns_that_choose(program: ProgramLineage, table: str, book: BookColumns) -> list[str]:
    """The columns by which a table and all tables before it join, filter and group."""
    tables, ahead = {table}, [table]
    while ahead:
        each = ahead.pop()
        names = {name for column in program.columns_of(each) for name in inputs_of(program, f"{each}.{column}", book)} | set(program.rows.get(each, ()))
        new = {".".join(name.split(".")[:2]) for name in names} - tables
        tables |= new
        ahead += new
    chosen = {name for each in tables for name in program.rows.get(each, ())}
    expanded = {each for name in chosen for each in book.placeholders.get(name, [name])}
    return sorted(name for name in expanded if book.has_nets or not name.startswith(_NET))


def _origins(table: str, column: str | None, role: str, expression: str | None, ways: Mapping[str, tuple[str, ...]], book: BookColumns) -> list[Origin]:
    found = []
    for canonical, way in ways.items():
        kind = origin_of(canonical)
        sources = book.files.get(canonical, []) if kind == "feed" else [FileColumn(None)]
        found += [Origin(table, column, role, expression, kind, *_table_and_column(canonical), each.name, each.mapping, _ARROW.join(way)) for each in sources]
    return found


def _nothing(table: str, column: str, expression: str, ways: Mapping[str, tuple[str, ...]]) -> list[Origin]:
    """The origin of a column that nothing in the book fills: the columns that no file has, or none where the program says all there is."""
    missing = [
        Origin(table, column, VALUE, expression, "feed", *_table_and_column(canonical), None, "no file has it", _ARROW.join(way))
        for canonical, way in ways.items()
    ]
    return missing or [Origin(table, column, VALUE, expression, "program", None, None, None, None, f"marts.{table}.{column}")]


def _table_and_column(canonical: str) -> tuple[str, str]:
    schema, table, column = canonical.split(".", 2)
    return f"{schema}.{table}", column


def _way(before: Mapping[str, str | None], end: str) -> tuple[str, ...]:
    way, each = [end], before[end]
    while each is not None:
        way.append(each)
        each = before[each]
    return tuple(reversed(way))

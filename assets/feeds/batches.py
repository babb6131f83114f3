"""Files of one shape, which one statement reads: how they are grouped, and what is recorded of their rejected and corrected rows.

Belongs here: grouping sources, and the rows of `raw.rejects` and `raw.corrections`. Does not belong here: which files are loaded (assets/feeds/load.py),
what a value must look like (assets/feeds/typing_sql.py).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import duckdb

from assets.feeds.checks.disputed_rows import dispute_rules
from assets.feeds.column_mapping import compile_condition, map_header, missing_columns
from assets.feeds.inspection import format_of, is_unnamed
from assets.feeds.readers import Source, filled_down, relation, unpivoted, with_preamble
from assets.feeds.typing_sql import (
    IGNORED,
    Deletion,
    Mapped,
    RowRule,
    TextFacts,
    count_rounded,
    delimiters_alone,
    empty_cell,
    ignored,
    not_computed,
    positive_return,
    repeated_header,
    select_rejects,
    signs_differ,
    too_late,
    without_name,
)
from assets.runtime.errors import rejection
from models.currencies import Rounding
from models.documents import InputError
from models.feeds.attributes import folded
from models.feeds.columns import Feed
from models.feeds.reject_reasons import CORRECTS_FILE, CORRECTS_ROW, is_correction
from models.feeds.settings import FeedSettings, Unpivot, key_columns
from models.sql_text import literal

#: Files that one statement reads. Many, because the engine writes the rows of a second statement twice; not all, because each file takes memory.
_FILES_AT_ONCE = 2_000


@dataclass(frozen=True)
class Batch:
    """Files of one feed with the same header, format and compression. One statement reads them."""

    sources: list[Source]
    mapped: list[Mapped]
    defaults: dict[str, str]
    rules: list[RowRule] = field(default_factory=list)
    fill_down: list[str] = field(default_factory=list)  # cells that take the value above them
    fill_within: str | None = None  # the cell that must have the same value there
    deletion: Deletion | None = None
    unpivot: Unpivot | None = None

    def relation(self, sources: list[Source] | None = None) -> str:
        """SQL of the rows of all its files, or of some."""
        first = self.sources[0]
        rows = with_preamble(filled_down(relation(sources or self.sources), self.fill_down, self.fill_within), first)
        return unpivoted(rows, first.names, self.unpivot)

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the relation."""
        return (*self.sources[0].names, *(self.unpivot.names if self.unpivot else ()))

    @property
    def rows_per_row(self) -> int:
        """How many rows of the relation one row of a file gives."""
        return len(self.unpivot.columns) if self.unpivot else 1

    @property
    def facts(self) -> TextFacts:
        facts = [source.facts for source in self.sources]
        if format_of(self.sources[0].suffix)[0] != "csv":
            return TextFacts()
        return TextFacts(
            has_space=any(f.has_space or f.has_quote for f in facts),
            has_control=any(f.has_control for f in facts),
            is_ascii=all(f.is_ascii for f in facts),
        )


def make_batches(feed: Feed, settings: FeedSettings, sources: list[Source], arrived: dict[int, dt.date], rounding: Rounding = "half_up") -> list[Batch]:
    """The files grouped by shape. Raises InputError with one file of every shape that has no column for a required one. `arrived`: the day, by file_no."""
    in_json = settings.model_copy(update={"decimal": ".", "thousands": []})  # a number in JSON is written in one way
    groups: dict[tuple[object, ...], list[Source]] = defaultdict(list)
    for source in sources:
        day = arrived[source.file_no] if settings.max_future_days is not None else None
        groups[(format_of(source.suffix), source.header, source.preamble, source.columns, source.pointers, source.is_rewritten, day)].append(source)
    batches, problems = [], []
    defaults = {name: str(value) for name, value in settings.defaults.items()}
    for group in groups.values():
        is_json = format_of(group[0].suffix)[0] == "json"
        typed = frozenset(name for name, kind in group[0].columns if kind != "VARCHAR")
        try:
            if is_json and (settings.decimal == "," or settings.thousands):
                message = f"is JSON, where a number has a point; feeds.{feed.name}.decimal and thousands are for CSV. Put JSON files into a feed without them"
                raise rejection(group[0].name, message)
            unpivot = _unpivot(feed, settings, group[0])
            header = (*group[0].names, *(unpivot.names if unpivot else ()))
            if unpivot and typed.issuperset(unpivot.columns):
                typed |= {unpivot.value}
            mapped = map_header(feed, in_json if is_json else settings, header, group[0].name, typed, rounding)
        except InputError as error:
            problems += error.problems
            continue
        try:
            rules = _rules(feed, settings, mapped, group[0], typed, arrived[group[0].file_no])
            rules += [empty_cell(f"c{len(header) - 1}", settings.nulls)] if unpivot else []
            fill_down, fill_within = _cells_to_fill(feed, settings, group[0])
            deletion, not_said = _deletion(feed, settings, group[0], typed)
        except InputError as error:
            problems += error.problems
            continue
        rules += not_said
        shape = (fill_down, fill_within, deletion, unpivot)
        batches += [Batch(group[i : i + _FILES_AT_ONCE], mapped, defaults, rules, *shape) for i in range(0, len(group), _FILES_AT_ONCE)]
    if problems:
        raise InputError(problems)
    return batches


def _unpivot(feed: Feed, settings: FeedSettings, source: Source) -> Unpivot | None:
    """The feed's `unpivot`. Rows of a file of corrections are unpivoted already."""
    if settings.unpivot is None or is_correction(source.header):
        return None
    in_book = f"feeds.{feed.name}.unpivot in book.yaml"
    if missing := [column for column in settings.unpivot.columns if column not in source.header]:
        message = f"has no column {', '.join(missing)} ({in_book}). Its columns: {', '.join(source.header[:40])}"
        raise rejection(source.name, message, source.header_line)
    if twice := sorted(set(map(folded, source.header)) & set(map(folded, settings.unpivot.names))):
        message = f"has the column {', '.join(twice)}, which {in_book} adds; choose another name there and map it under columns"
        raise rejection(source.name, message, source.header_line)
    return settings.unpivot


def _cells_to_fill(feed: Feed, settings: FeedSettings, source: Source) -> tuple[list[str], str | None]:
    """The cells of `fill_down` and `fill_within`. Rows of a file of corrections stand alone."""
    if is_correction(source.header):
        return [], None
    within = [settings.fill_within] if settings.fill_within else []
    if missing := [column for column in settings.fill_down + within if column not in source.header]:
        key = "fill_within" if missing == within else "fill_down"
        message = f"has no column {', '.join(missing)} (feeds.{feed.name}.{key} in book.yaml). Its columns: {', '.join(source.header[:40])}"
        raise rejection(source.name, message, source.header_line)
    cells = {column: f"c{i}" for i, column in enumerate(source.header)}
    return [cells[column] for column in settings.fill_down], cells.get(settings.fill_within or "")


def _rules(feed: Feed, settings: FeedSettings, mapped: list[Mapped], source: Source, typed: frozenset[str], arrived: dt.date) -> list[RowRule]:
    """Conditions that reject a row of the file, or set it aside as no data."""
    is_csv = format_of(source.suffix)[0] == "csv"
    rules = [delimiters_alone(mapped, settings.defaults, len(source.header)), repeated_header(feed, source.header)] if is_csv and source.header else []
    rules += [without_name(place) for place, column in enumerate(source.header) if is_csv and is_unnamed(column)]
    if settings.ignore is not None and not is_correction(source.header):
        rules.insert(0, ignored(compile_condition(feed, settings, "ignore", source.names, source.name, typed)))
    if settings.max_future_days is not None:
        rules.append(too_late(feed, mapped, arrived + dt.timedelta(settings.max_future_days), settings.max_future_days))
    if settings.signs == "agree":
        rules.append(signs_differ(mapped))
    if feed.name == "transactions" and settings.signs in (None, "agree"):
        rules.append(positive_return(mapped))
    if feed.name == "disputes":
        rules += dispute_rules(mapped)
    return rules


def _deletion(feed: Feed, settings: FeedSettings, source: Source, typed: frozenset[str]) -> tuple[Deletion | None, list[RowRule]]:
    """Which rows of the file take their key back. A file without any of the columns that `deleted` names has no such row."""
    if settings.deleted is None:
        return None, []
    named, absent = missing_columns(settings, "deleted", source.names)
    if not named:
        return None, []
    is_json = format_of(source.suffix)[0] == "json"  # an object has no key for what has no value
    condition = compile_condition(feed, settings, "deleted", source.names, source.name, typed, absent if is_json else ())
    return Deletion(condition.sql, frozenset(key_columns(feed, settings))), [not_computed(condition)] if condition.failed else []


def describe_undeletable(feed: Feed, settings: FeedSettings, batches: list[Batch]) -> list[str]:
    """One sentence about the files that lack every column that `deleted` names. An object of JSON has no key for what has no value."""
    if settings.deleted is None:
        return []
    lacking = [s.name for batch in batches if batch.deletion is None and format_of(batch.sources[0].suffix)[0] != "json" for s in batch.sources]
    if not lacking:
        return []
    more = f" and {len(lacking) - 1:,} more files of {feed.name}" if len(lacking) > 1 else ""
    return [f"{lacking[0]}{more} have no column that feeds.{feed.name}.deleted names ({settings.deleted}): no row of theirs takes its key back"]


def insert_rejects(con: duckdb.DuckDBPyConnection, feed: Feed, batch: Batch) -> tuple[int, int]:
    """Describe the rejected rows (negative file_no) of a batch in raw.rejects, and list those that are no data in raw.ignored_rows. Returns how many.

    Their text is read again, but only from files that have some. The same test finds the same rows in the same order.
    """
    rejected = {file_no for (file_no,) in con.execute(f"select distinct -file_no from raw.{feed.name} where file_no < 0").fetchall()}
    sources = [source for source in batch.sources if source.file_no in rejected]
    if not sources:
        return 0, 0
    rejects = select_rejects(batch.mapped, batch.defaults, batch.facts, batch.relation(sources), batch.header, batch.rules, batch.deletion)
    con.execute(f"create or replace temp table rejected as {rejects}")
    numbers = ", ".join(str(-source.file_no) for source in sources)
    con.execute(
        f"""create or replace temp table numbered_rejects as
        select {literal(feed.name)} as feed, numbered.file_no, numbered.row_no, reason, column_name, message, raw, readable
        from (select *, row_number() over (partition by file_no order by rowid) as n from rejected) as found
        join (select -file_no as file_no, row_no, row_number() over (partition by file_no order by row_no) as n
              from raw.{feed.name} where file_no in ({numbers})) as numbered using (file_no, n)
        order by 2, 3"""
    )
    inserted = con.execute(f"insert into raw.rejects select * from temp.numbered_rejects where reason != {literal(IGNORED)}").fetchall()[0][0]
    set_aside = con.execute(f"insert into raw.ignored_rows select feed, file_no, row_no from temp.numbered_rejects where reason = {literal(IGNORED)}")
    counts = int(inserted), int(set_aside.fetchall()[0][0])
    con.execute("drop table temp.rejected")
    con.execute("drop table temp.numbered_rejects")
    return counts


def describe_rounded(con: duckdb.DuckDBPyConnection, feed: Feed, batches: list[Batch]) -> list[str]:
    """How many values a declared round(x, n) changed, per column. Files are read a second time, but only where a mapping rounds."""
    changed: Counter[tuple[str, str]] = Counter()
    rows = 0
    for batch in batches:
        rounding = [m for m in batch.mapped if m.expression and m.expression.rounded]
        if rounding:
            counts = con.execute(count_rounded(batch.mapped, batch.defaults, batch.facts, batch.relation(), batch.rules, batch.deletion)).fetchall()[0]
            rows += counts[0]
            changed.update({(m.name, m.text): count for m, count in zip(rounding, counts[1:], strict=True)})
    return [f"{feed.name}: rounding changed {count:,} of {rows:,} values of {name} ({text})" for (name, text), count in changed.items()]


def insert_corrections(con: duckdb.DuckDBPyConnection, feed: Feed, batch: Batch) -> None:
    """Record which rejected row each accepted row of a file of corrections replaces."""
    if not is_correction(batch.sources[0].header):
        return
    read_corrections(con, batch, batch.sources)
    con.execute(
        f"""insert into raw.corrections
        select {literal(feed.name)}, file_no, row_no, corrects_file, corrects_row
        from temp.corrected semi join raw.{feed.name} using (file_no, row_no)
        where corrects_file is not null and corrects_row is not null"""
    )
    con.execute("drop table temp.corrected")


def read_corrections(con: duckdb.DuckDBPyConnection, batch: Batch, sources: list[Source]) -> None:
    """Make temp.corrected: every row of files of corrections, with the rejected row that it names."""
    header = sources[0].header
    corrected = f"trim(c{header.index(CORRECTS_FILE)}) as corrects_file, try_cast(c{header.index(CORRECTS_ROW)} as bigint) as corrects_row"
    con.execute(f"create or replace temp table read_in_order as select file_no, {corrected} from ({batch.relation(sources)})")
    con.execute("create or replace temp table corrected as select *, row_number() over (partition by file_no order by rowid) as row_no from read_in_order")
    con.execute("drop table temp.read_in_order")

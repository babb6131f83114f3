"""book.yaml's columns and defaults of a feed, applied to the header of a file.

Belongs here: which column of a file, or expression over them, gives which canonical column or attribute.
Does not belong here: the language of the expressions (models/feeds/expressions.py), what a value must look like (assets/feeds/typing_sql.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb

from assets.feeds.inspection import is_unnamed
from assets.feeds.typing_sql import DECIMALS, Mapped, is_fraction
from assets.runtime.errors import rejection
from models.book.settings import Book
from models.currencies import MINOR_UNITS, Rounding
from models.documents import Document, InputError, Problem, parse_documents
from models.feeds.attributes import attribute_column, column_named, folded
from models.feeds.columns import FEEDS, SIGNED_COLUMNS, TRANSACTION_TYPES, Column, Feed, Kind
from models.feeds.expression_parts import INTEGER_DIGITS, Compiled, ExpressionError, is_day
from models.feeds.expressions import compile_expression
from models.feeds.reject_reasons import CORRECTION_COLUMNS, is_correction
from models.feeds.settings import ROW_IN_KEY, FeedSettings, key_of
from models.feeds.text_formats import PLAIN, Forms, forms_of, without_nulls
from models.spreadsheet_text import restore_sql
from models.sql_text import identifier
from models.unicode_form import composed

#: Increase it when the reading of files changes. Files loaded before are then loaded again from the archive.
_READER_VERSION = 6


def settings_hash(feed: Feed, settings: FeedSettings | None, rounding: Rounding = "half_up") -> str:
    """Hash of what the rows of a feed depend on apart from the files: its settings, the canonical columns and the reader."""
    relevant: dict[str, Any] = {"reader": _READER_VERSION, "feed": asdict(feed)}
    if settings:
        relevant |= {"columns": settings.columns, "defaults": settings.defaults} | settings.row_settings
        if rounding != "half_up" and any("round" in text.casefold() for text in settings.columns.values()):
            relevant |= {"rounding": rounding}
        if key := key_of(feed, settings):
            relevant |= {"key": key, "repeats": settings.repeats}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def check_mappings(folder: Path, book: Book) -> list[Problem]:
    """Problems in the feeds of the book in `folder`, each with its line of book.yaml."""
    return check_settings(book, parse_documents((folder / "book.yaml").read_text(encoding="utf-8-sig"), "book.yaml")[0])


def check_settings(book: Book, document: Document) -> list[Problem]:
    """Problems in the mappings, defaults and keys of book.yaml. No file is read."""
    problems = []
    for name, settings in book.feeds.items():
        feed = FEEDS[name]
        columns = {column.name: column for column in feed.columns}
        if wrong := settings.problem_with(feed):
            problems.append(document.problem(("feeds", name, wrong[0]), wrong[1]))
        for setting, text in _conditions(settings).items():
            try:
                _try_out(_condition(text, None, forms_of(settings)))
            except ExpressionError as error:
                problems.append(document.problem(("feeds", name, setting), str(error)))
        for target, text in settings.columns.items():
            if text.strip() == ROW_IN_KEY:
                if (name, target) != ("transactions", "line"):
                    message = f"{ROW_IN_KEY} numbers the rows of a transaction, which is for feeds.transactions.columns.line alone; name a column of the file"
                    problems.append(document.problem(("feeds", name, "columns", target), message))
                continue
            try:
                _try_out(_compiled(text, columns.get(target), None, forms_of(settings, book.rounding)))
            except ExpressionError as error:
                problems.append(document.problem(("feeds", name, "columns", target), str(error)))
            same = [other for other in (*columns, *settings.columns) if other != target and folded(other) == folded(target)]
            if same:
                message = f"differs from {same[0]} only in upper and lower case, which are the same in column names; choose another name"
                problems.append(document.problem(("feeds", name, "columns", target), message))
        for target, value in settings.defaults.items():
            if target not in columns:
                problems.append(document.problem(("feeds", name, "defaults", target), f"is not a column of this feed; allowed: {', '.join(columns)}"))
            elif not _fits(columns[target].kind, str(value)):
                problems.append(document.problem(("feeds", name, "defaults", target), f"{value!r} is not a valid {columns[target].kind}"))
        for position, target in enumerate(settings.key or []):
            if column_named(feed, target) not in columns and not feed.attributes:
                problems.append(document.problem(("feeds", name, "key", position), f"{target!r} is not a column of this feed; allowed: {', '.join(columns)}"))
    return problems


def _fits(kind: Kind, text: str) -> bool:
    """Whether a default is a value of its column."""
    if kind == "share" and is_fraction(text):
        return True
    if kind in ("amount", "rate", "share"):
        return bool(re.fullmatch(rf"-?[0-9]{{1,{INTEGER_DIGITS}}}(\.[0-9]{{1,{DECIMALS[kind]}}})?", text))
    if kind == "integer":
        return bool(re.fullmatch(r"-?[0-9]{1,9}", text))
    if kind == "date":
        return is_day(text)
    return bool(text.strip()) if kind == "text" else text in (MINOR_UNITS if kind == "currency" else TRANSACTION_TYPES)


def _compiled(text: str, column: Column | None, by_name: dict[str, str] | None, forms: Forms = PLAIN, typed: frozenset[str] = frozenset()) -> Compiled:
    """The expression for a column. Raises ExpressionError when its result has another kind than the column."""
    kind: Kind = column.kind if column else "text"
    compiled = compile_expression(text, by_name, DECIMALS.get(kind, 6), forms, typed)
    if kind in ("amount", "rate", "share", "integer") and compiled.form not in ("number", "text"):
        raise ExpressionError(f"gives a {compiled.form}, and the column holds a number")
    if kind == "date" and compiled.form not in ("date", "timestamp", "text"):
        raise ExpressionError(f"gives a {compiled.form}, and the column holds a date")
    return compiled


def _conditions(settings: FeedSettings) -> dict[str, str]:
    """The settings that are a condition over the file's columns."""
    found = {"ignore": settings.ignore, "deleted": settings.deleted}
    return {setting: text for setting, text in found.items() if text is not None}


def _condition(text: str, by_name: dict[str, str] | None, forms: Forms, typed: frozenset[str] = frozenset()) -> Compiled:
    """A condition over the file's columns. Raises ExpressionError when it is something else."""
    compiled = compile_expression(text, by_name, 12, forms, typed)
    if compiled.form != "boolean":
        raise ExpressionError(f"{text!r} is not a condition; compare a column with something, such as Date IS NULL or Customer LIKE 'Total%'")
    return compiled


def compile_condition(
    feed: Feed, settings: FeedSettings, setting: str, header: tuple[str, ...], name: str, typed: frozenset[str], absent: Collection[str] = ()
) -> Compiled:
    """The feed's `ignore` or `deleted` over the cells of a file with this header. Raises InputError when the file lacks a column that it names.

    `absent`: columns that have no value in this file.
    """
    text = _conditions(settings)[setting]
    by_name = {column: without_nulls(cell, settings.nulls) for column, cell in _cells(header).items()}
    try:
        return _condition(text, by_name | dict.fromkeys(absent, "null::varchar"), forms_of(settings), typed)
    except ExpressionError as error:
        raise rejection(name, f"feeds.{feed.name}.{setting} in book.yaml ({text}): {error}", 1) from None


def missing_columns(settings: FeedSettings, setting: str, header: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The columns that a condition names, as they are in a file with this header: those it has, and those it lacks."""
    names = sorted(_condition(_conditions(settings)[setting], None, forms_of(settings)).columns)
    known = {folded(column) for column in header}
    return [name for name in names if folded(name) in known], [name for name in names if folded(name) not in known]


def _cells(header: tuple[str, ...]) -> dict[str, str]:
    """SQL of each of the file's own columns. A file written by `rejects --export` keeps spreadsheets from running its cells, which is undone."""
    cells = {column: f"c{i}" for i, column in enumerate(header)}
    if not is_correction(header):
        return cells
    return {column: restore_sql(cell) for column, cell in cells.items() if column not in CORRECTION_COLUMNS}


def _try_out(expression: Compiled) -> None:
    """Raise ExpressionError when the engine cannot compute the expression at all, as with a broken regular expression."""
    if expression.form == "text" and not expression.failed and "(" not in expression.sql:
        return
    cells = ", ".join(f"unnest(['x', '1']) as c{i}" for i in range(max(1, len(expression.columns))))
    try:
        with duckdb.connect(config={"enable_external_access": False}) as con:
            con.execute(f"select {expression.sql}, {expression.failed or 'false'} from (select {cells})").fetchall()
    except duckdb.Error as error:
        raise ExpressionError(f"cannot be computed: {str(error).splitlines()[0]}") from None


def json_paths(settings: FeedSettings) -> set[str]:
    """The names with a point in the feed's expressions: paths into JSON objects, unless a file has a column of that name."""
    texts = [*settings.columns.values(), *_conditions(settings).values()]
    dotted = [text for text in texts if "." in text]
    return {name for text in dotted for name in compile_expression(text, None, forms=forms_of(settings)).columns if "." in name.strip(".")}


def _with_unpivoted(feed: Feed, settings: FeedSettings, header: tuple[str, ...]) -> FeedSettings:
    """The settings with what `unpivot` implies: its value is divided by `per`, and a `currency` is the one that neither columns nor defaults give."""
    unpivot = settings.unpivot
    if unpivot is None or not {*unpivot.names} <= {*header}:
        return settings
    implied: dict[str, str] = {}
    if unpivot.divisors:
        steps = " ".join(f"WHEN '{divisor}' THEN {identifier(unpivot.value)} / {divisor}" for divisor in unpivot.divisors)
        implied[unpivot.value] = f"CASE per {steps} END"
    given = {*settings.columns, *settings.defaults, *unpivot.names}
    free = [column.name for column in feed.columns if column.kind == "currency" and column.name not in given]
    if "currency" in unpivot.names and free:
        implied[free[0]] = "currency"
    return settings.model_copy(update={"columns": {**settings.columns, **implied}})


def map_header(
    feed: Feed, settings: FeedSettings, header: tuple[str, ...], name: str, typed: frozenset[str] = frozenset(), rounding: Rounding = "half_up"
) -> list[Mapped]:
    """Where each column of the feed comes from in a file with this header: its mapping, otherwise the column of the same name.

    Attributes follow: first those that book.yaml maps, then the file's columns that nothing refers to. `typed`: columns whose type the file declares.
    Raises InputError when the file has no column for a required one, or has a column that a strict feed does not name.
    """
    cells = _cells(header)
    header = tuple(cells)
    by_name = {column: without_nulls(cell, settings.nulls) for column, cell in cells.items()}
    forms = forms_of(settings, rounding)
    forms_of_typed = Forms(time_zone=forms.time_zone, rounding=rounding)

    def made(target: str, column: Column | None, expression: Compiled, text: str = "") -> Mapped:
        is_typed = bool(expression.columns & typed)
        is_turned = settings.signs == "by_type" and target in SIGNED_COLUMNS
        return Mapped(target, column, expression, text, forms_of_typed if is_typed else forms, is_typed, is_turned=is_turned)

    settings = _with_unpivoted(feed, settings, header)
    by_folded_name = {folded(column): column for column in header}
    canonical = {column.name: column for column in feed.columns}
    mapped: dict[str, Mapped] = {}
    problems = []
    for target, text in settings.columns.items():
        if text.strip() == ROW_IN_KEY:
            mapped[target] = Mapped(target, canonical[target], None)  # numbered once all rows are read
            continue
        try:
            mapped[target] = made(target, canonical.get(target), _compiled(text, canonical.get(target), by_name, forms, typed), text)
        except ExpressionError as error:
            problems.append(Problem(name, 1, "", f"feeds.{feed.name}.columns.{target} in book.yaml ({text}): {error}"))
    missing = []
    for column in feed.columns:
        if column.name in settings.columns:
            continue
        source = column.name if column.name in by_name else by_folded_name.get(column.name)
        if source is not None:
            mapped[column.name] = made(column.name, column, Compiled(by_name[source], is_column=True, columns=frozenset([source])))
            continue
        if column.required and column.default is None and column.name not in settings.defaults:
            missing.append(column.name)
        mapped[column.name] = Mapped(column.name, column, None)
    if missing:
        wanted = f"has no column {', '.join(missing)}; map it under feeds.{feed.name}.columns in book.yaml"
        problems.append(Problem(name, 1, "", f"{wanted}. Its columns: {', '.join(header[:40])}"))
    if problems:
        raise InputError(problems)
    taken = {column for m in mapped.values() if m.expression for column in m.expression.columns}
    taken.update(settings.unpivot.columns if settings.unpivot else ())
    taken.update(column for path in taken & json_paths(settings) for column in header if folded(column) == folded(path.partition(".")[0]))
    named = [column for column in header if not is_unnamed(column)]
    if settings.strict and (added := [column for column in named if column not in taken and folded(column) not in map(folded, mapped)]):
        message = f"has the column {', '.join(added[:40])}, which book.yaml does not name, and feeds.{feed.name} is strict; "
        raise rejection(name, f"{message}map it under feeds.{feed.name}.columns (NULL: not carried along), or remove `strict`", 1)
    attributes = [m for target, m in mapped.items() if target not in canonical and m.text.strip().casefold() != "null"]  # NULL: not carried along
    if feed.attributes:
        names = {folded(target) for target in mapped}
        free = [column for column in named if column not in taken and folded(column) not in names]
        attributes += [Mapped(composed(column), None, Compiled(by_name[column], is_column=True)) for column in free]
    return [mapped[column.name] for column in feed.columns] + _with_key(feed, settings, attributes, by_name, name)


def _with_key(feed: Feed, settings: FeedSettings, attributes: list[Mapped], by_name: dict[str, str], name: str) -> list[Mapped]:
    """The attributes, and those of the key among them even where an expression uses their column. Raises InputError when the file has no such column."""
    own = {column_named(feed, key): key for key in key_of(feed, settings) if column_named(feed, key) not in {column.name for column in feed.columns}}
    found = [replace(each, is_key=each.target in own) for each in attributes]
    for target in own.keys() - {each.target for each in attributes}:
        column = next((column for column in by_name if attribute_column(column) == target), None)
        if column is None:
            message = f"has no column {own[target]}, which feeds.{feed.name}.key names in book.yaml; correct the key, or map {own[target]} under `columns`"
            raise rejection(name, f"{message}. Its columns: {', '.join(list(by_name)[:40])}", 1)
        found.append(Mapped(composed(column), None, Compiled(by_name[column], is_column=True), is_key=True))
    return found

"""References that contradict each other, and agreements that name something unknown: mistakes in the input that show once all files are loaded.

Belongs here: queries that find them, and messages with the way out. Does not belong here: statements about the program's results (invariants.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.agreements.closed_terms import changed_after_close
from assets.agreements.texts import read_agreement_texts
from assets.runtime.context import RunContext
from assets.runtime.warehouse import open_warehouse
from assets.transform.unmatched_names import MAX_COMPARED, listed
from models.agreements.for_each import read_documents
from models.documents import InputError, Problem
from models.feeds.attributes import column_named, folded
from models.feeds.columns import FEEDS
from models.feeds.row_places import name_place
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb

#: At most so many mistakes of one kind are listed.
MAX_LISTED = 20

#: Records with one key that must not be valid on the same day: (feed, staging table, key columns).
SPANNED = (
    ("partners", "stg_partners", ("partner_id",)),
    ("products", "stg_products", ("product_id",)),
    ("assignments", "stg_assignments", ("partner_id", "participant_id")),
)


def check_references(context: RunContext) -> None:
    """Stop the run if references contradict each other, before anything is published.

    Raises InputError for two versions of a partner or product, or two assignments of one partner to one participant, that are valid on the same day;
    two rates or two values of a metric on one day; a parent without a record, or that is its own descendant; an agreement that names an unknown
    partner, measures or compares a column that transactions do not have, or compares one with a value that it cannot be compared with;
    an agreement or account that closed periods depend on and that is gone or has changed.
    """
    with open_warehouse(context) as con:
        problems = _overlaps(con) + _double_rates(con) + _double_metrics(con) + _cycles(con)
        problems += _unknown_measures(con, context.folder) + (_unknown_columns(con) or _failing_conditions(con))
        problems += _openings_without_a_place(con) + changed_after_close(con)
        if "partners" in context.book.feeds:
            problems += _unknown_parents(con) + _unknown_participants(con)
    if problems:
        raise InputError(problems)


def _contradicting(
    con: duckdb.DuckDBPyConnection, table: str, key: Sequence[str], shown: str, contradicts: str = "true", compared: str = "null", order: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Rows of a staging table that contradict the previous row with the same key: file, row, line, the columns `shown`, and its file, row, line.

    `contradicts`: a condition on a row and on `earlier`, the `compared` expression of the previous row.
    """
    return con.execute(f"""
        with ordered as (
            select *, lag({compared}) over records as earlier, lag(file_no) over records as earlier_file_no, lag(row_no) over records as earlier_row_no
            from staging.{table}
            window records as (partition by {", ".join(key)} order by {", ".join([*order, "file_no", "row_no"])})
        )
        select files.file_name, (ordered.row_no - 1) // files.rows_per_row + 1, raw.find_line(ordered.file_no, ordered.row_no), {shown},
            earlier_files.file_name, (ordered.earlier_row_no - 1) // earlier_files.rows_per_row + 1,
            raw.find_line(ordered.earlier_file_no, ordered.earlier_row_no)
        from ordered
        join raw.feed_files as files on ordered.file_no = files.file_no
        join raw.feed_files as earlier_files on ordered.earlier_file_no = earlier_files.file_no
        where {contradicts}
        order by all limit {MAX_LISTED}""").fetchall()


def _both(file: str, row: int, line: int | None, other_file: str, other_row: int, other_line: int | None) -> str:
    return f"{name_place(file, row, line)}, and {name_place(other_file, other_row, other_line)} of {other_file}"


def _overlaps(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    problems = _double_credits(con)
    for feed, table, key in SPANNED:
        same = ", ".join(key)
        rows = _contradicting(con, table, key, f"concat_ws(' and ', {same}), first_day", "earlier >= first_day", "last_day", ("first_day",))
        problems += [
            Problem(
                file,
                line or 0,
                " and ".join(key),
                f"{name} has two records that are valid on the same day{'' if day.year == 1 else f', {day}'}: {_both(file, row, line, *earlier)}. "
                "Keep one, give them `from` and `to` that do not overlap, "
                f"or declare `key: [{same}]` for the feed {feed} in book.yaml so that the later one counts",
            )
            for file, row, line, name, day, *earlier in rows
        ]
    return problems


def _double_credits(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    key = ("transaction_id", "line", "participant_id")
    return [
        Problem(
            file,
            line or 0,
            ", ".join(key),
            f"{name} is credited twice: {_both(file, row, line, *earlier)}. "
            f"Keep one, or declare `key: [{', '.join(key)}]` for the feed credits in book.yaml so that the later one counts",
        )
        for file, row, line, name, *earlier in _contradicting(
            con, "stg_credits", key, "concat(participant_id, ' of ', transaction_id, '/' || line)", "earlier", "true"
        )
    ]


def _double_rates(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    key = ("date", "from_currency", "to_currency")
    return [
        Problem(
            file,
            line or 0,
            ", ".join(key),
            f"two rates from {source} to {target} on {day}: {_both(file, row, line, *earlier)}. "
            f"Keep one, or declare `key: [{', '.join(key)}]` for the feed in book.yaml so that the later one counts",
        )
        for file, row, line, day, source, target, *earlier in _contradicting(con, "stg_fx_rates", key, ", ".join(key))
    ]


def _double_metrics(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Different values on one day. Equal ones do no harm."""
    key = ("participant_id", "metric", "date")
    return [
        Problem(
            file,
            line or 0,
            ", ".join(key),
            f"two values of {metric} for {participant} on {day}: {_both(file, row, line, *earlier)}. "
            f"Keep one, or declare `key: [{', '.join(key)}]` for the feed metrics in book.yaml so that the later one counts",
        )
        for file, row, line, participant, metric, day, *earlier in _contradicting(con, "stg_metrics", key, ", ".join(key), "value <> earlier", "value")
    ]


#: Why a benefit takes no opening balance that measures something.
_NO_OPENING = """
    case
        when benefits.measure_distinct is not null then 'measure with distinct counts values, which a sum does not name'
        when benefits.each is not null then 'each gives groups of lines places of their own, and a balance is of no group'
        when benefits.measure_over is not null then 'measure with over sees other days than those of the window'
        when exists (
            from terms.window_parts as parts join terms.windows as windows using (benefit_key, window_no)
            where parts.benefit_key = benefits.benefit_key and windows.window_start = balances.window_start
        ) then 'amendment: from_date changes the terms within the window, and a balance is of no version'
        when agreements.pool = 'placed' and benefits.method = 'graduated' then 'pool: placed with method: graduated parts slices by the lines that fill them'
    end"""


def _openings_without_a_place(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Opening balances with a measure for benefits that cannot add one."""
    rows = con.execute(f"""
        select files.file_name, raw.find_line(balances.file_no, balances.row_no), balances.agreement, balances.benefit, any_value({_NO_OPENING}) as why
        from staging.stg_balances as balances
        join terms.agreements as agreements on balances.agreement = agreements.agreement_id
        join terms.benefits as benefits on agreements.agreement_key = benefits.agreement_key and balances.benefit = benefits.benefit_id
        join raw.feed_files as files on balances.file_no = files.file_no
        where balances.measure <> 0 or balances.base <> 0 or balances.quantity <> 0
        group by all having why is not null
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(
            file,
            line or 0,
            "measure",
            f"{agreement}/{benefit} takes no opening balance: {why}. Leave measure, base and quantity of the row empty, "
            "or deliver the lines from before the book began",
        )
        for file, line, agreement, benefit, why in rows
    ]


def _columns_of_transactions(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Names that an agreement may use: the canonical columns, then the other columns of the files."""
    return [column.name for column in FEEDS["transactions"].columns] + _attributes_of_transactions(con)


_EXPECTED = {
    "of": "neither amount, quantity, margin or count nor an attribute of the transactions",
    "times": "neither an attribute of the transactions nor product.x or partner.x of those feeds",
    "distinct": "neither a column of the transactions nor product.x or partner.x of those feeds",
    "each": "neither a column of the transactions nor product.x or partner.x of those feeds",
}
#: Attributes that agreements name and that are not among those known: of transactions, and for `times` of products and partners too.
_NAMED_ATTRIBUTES = """
    with named as (
        select benefit_key, 'measure' as key, 0 as place, measure_attribute as attribute from terms.benefits
        union all
        select benefit_key, 'ties', place, attribute from terms.tie_breakers join terms.line_sets using (line_set_key) where measure = 'attribute'
        union all
        select benefit_key, 'times', 0, measure_times from terms.benefits
        union all
        select benefit_key, 'distinct', 0, measure_distinct from terms.benefits
        union all
        select benefit_key, 'each', 0, each from terms.benefits
    )
    select agreements.source_file, agreements.source_line, benefits.position, named.key, named.place, named.attribute
    from named join terms.benefits as benefits using (benefit_key) join terms.agreements as agreements using (agreement_key)
    where named.attribute is not null
        and case key
            when 'times' then named.attribute not in (select unnest($2))
            when 'distinct' then named.attribute not in (select unnest($3))
            when 'each' then named.attribute not in (select unnest($3))
            else named.attribute not in (select unnest($1))
        end
    order by all"""


def _attributes_of_transactions(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for (name,) in con.execute("select name from raw.attributes where feed = 'transactions' order by position").fetchall()]


def _unknown_measures(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Problem]:
    """Attributes that are measured or counted, group or multiply lines or break ties, and that nobody has: transactions, for product.x and partner.x those."""
    known = {"of": _attributes_of_transactions(con)}
    of_others = con.execute(
        "select case feed when 'products' then 'product.' else 'partner.' end || name from raw.attributes where feed in ('products', 'partners') order by all"
    ).fetchall()
    known["times"] = [*known["of"], *(name for (name,) in of_others)]
    known["distinct"] = [*_columns_of_transactions(con), *(name for (name,) in of_others)]
    rows = con.execute(_NAMED_ATTRIBUTES, list(known.values())).fetchall()
    problems = []
    for file, line, position, key, place, attribute in rows[:MAX_LISTED]:
        document = next(d for d in read_documents(read_agreement_texts(folder))[0] if (d.file, d.line) == (file, line))
        of_lines, measure = key in ("times", "distinct"), document.value["benefits"][position].get("measure")
        inner = ("then", place - 1) if key == "ties" else (key,) if of_lines else ("of",) if key == "measure" and isinstance(measure, dict) else ()
        path = ("benefits", position, "measure" if of_lines else key, *inner)
        names = known["distinct" if key == "each" else key if of_lines else "of"]
        message = f"{attribute} is {_EXPECTED[key if of_lines else 'of']}{_suggestion(attribute, names)}"
        problems.append(document.problem(path, f"{message}. Name one of theirs ({', '.join(names) or 'they have none'}), or add the column to the feed"))
    return problems


def _unknown_columns(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Columns of `where` that the transactions do not have."""
    columns = _columns_of_transactions(con)
    known = {folded(name) for name in columns}
    rows = con.execute("select source_file, source_line, source_key, unnest(column_names) from terms.conditions order by all").fetchall()
    return [
        Problem(file, line, key, f"transactions have no column {name}{_suggestion(name, columns)}. They have {', '.join(columns)}; put text in 'single quotes'")
        for file, line, key, name in rows
        if folded(name) not in known
    ][:MAX_LISTED]


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _failing_conditions(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """The first line for which a condition cannot be evaluated, because a value in it does not have the type it is compared as."""
    problems = []
    conditions = con.execute("select failed, column_names, source_file, source_line, source_key from terms.conditions where failed <> ''").fetchall()
    for failed, names, file, line, key in conditions:
        columns = {name: identifier(column_named(FEEDS["transactions"], name)) for name in names}
        shown = " || ', ' || ".join(f"{literal(name)} || ' ' || coalesce({column}::varchar, 'nothing')" for name, column in columns.items())
        row = con.execute(f"""
            select files.file_name, lines.row_no, raw.find_line(lines.file_no, lines.row_no), lines.shown
            from (select file_no, row_no, {shown} as shown from staging.stg_transactions where {failed} order by file_no, row_no limit 1) as lines
            join raw.feed_files as files on lines.file_no = files.file_no""").fetchone()
        if row:
            message = f"the condition has no value for {name_place(*row[:3])} of {row[0]}, where there is {row[3]}"
            problems.append(Problem(file, line, key, f"{message}. Correct the row, or test for such a value first in the condition (CASE WHEN)"))
    return problems[:MAX_LISTED]


def _cycles(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """One problem per cycle of parents on one day, named by its smallest id. Partners may change places from one day to the next."""
    rows = con.execute(f"""
        with recursive inside as (
            select distinct below.partner_key
            from intermediate.int_partners_descended as below
            join intermediate.int_partners_descended as above
              on below.ancestor_key = above.partner_key and below.partner_key = above.ancestor_key and below.ancestor_key <> below.partner_key
              and below.first_day <= above.last_day and above.first_day <= below.last_day
            union select partner_key from staging.stg_partners where parent_id = partner_id
        ),
        links as (
            select distinct partner_id, parent_id, first_day, last_day, file_no, row_no from staging.stg_partners
            where partner_key in (from inside) and parent_id in (select partner_id from staging.stg_partners where partner_key in (from inside))
        ),
        walked as (
            select partner_id as start, parent_id as reached, [partner_id, parent_id] as path, first_day, last_day, file_no, row_no from links
            where parent_id >= partner_id
            union all
            select start, parent_id, list_append(path, parent_id), greatest(walked.first_day, links.first_day), least(walked.last_day, links.last_day),
                walked.file_no, walked.row_no
            from walked join links on reached = partner_id and walked.first_day <= links.last_day and links.first_day <= walked.last_day
            where reached <> start and parent_id >= start and (parent_id = start or not list_contains(path, parent_id))
        )
        select files.file_name, walked.row_no, raw.find_line(walked.file_no, walked.row_no), array_to_string(min(path), ' → ')
        from walked join raw.feed_files as files on walked.file_no = files.file_no
        where reached = start
        group by start, files.file_name, walked.file_no, walked.row_no
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(file, line or 0, "parent_id", f"partners are each other's parents: {path}, from {name_place(file, row, line)}. Remove one of these links")
        for file, row, line, path in rows
    ]


def _unknown_parents(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    rows = con.execute(f"""
        select files.file_name, partners.row_no, raw.find_line(partners.file_no, partners.row_no), partners.partner_id, partners.parent_id
        from staging.stg_partners as partners join raw.feed_files as files on partners.file_no = files.file_no
        where parent_id is not null and parent_id not in (select partner_id from staging.stg_partners)
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(
            file,
            line or 0,
            "parent_id",
            f"the parent {parent} of {partner} is not among the partners: {name_place(file, row, line)}. Add a record for it, or leave parent_id empty",
        )
        for file, row, line, partner, parent in rows
    ]


def _unknown_participants(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    rows = con.execute(f"""
        with named as (
            select agreement_key, 'participants' as key, value as id from terms.participant_rules where attribute = 'partner_id'
            union all
            select agreement_key, 'payee', payee_id from terms.agreements where payee_id is not null
        ),
        unknown as (
            select source_file, source_line, key, agreement_id, id
            from named join terms.agreements using (agreement_key)
            where id not in (select partner_id from staging.stg_partners)
        ),
        compared as (
            from (select distinct id from unknown)
            order by lower(id) in (select lower(partner_id) from staging.stg_partners) desc, id limit {MAX_COMPARED}
        ),
        nearest as (
            select id, arg_max(partner_id, (jaro_winkler_similarity(lower(id), lower(partner_id)), partner_id)) as other
            from compared cross join staging.stg_partners
            where jaro_winkler_similarity(lower(id), lower(partner_id)) >= 0.8 group by id
        )
        select source_file, source_line, key, agreement_id, list((id, other) order by other is null, id)
        from unknown left join nearest using (id)
        group by all order by all""").fetchall()
    return [Problem(file, line, key, _describe_unknown(agreement, names)) for file, line, key, agreement, names in rows]


def _describe_unknown(agreement: str, names: list[tuple[str, str | None]]) -> str:
    if len(names) > 1:
        return f"{agreement} names {len(names):,} ids that are not in the partners feed: {listed(names)}. Correct the ids, or add them to the feed"
    ((partner, nearest),) = names
    meant = f"; did you mean {nearest}?" if nearest else "."
    return f"{agreement} names {partner}, which is not in the partners feed{meant} Correct the id, or add it to the feed"

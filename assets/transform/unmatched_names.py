"""Names in agreements that nothing in the data has, and targets for benefits that there are not: warnings, because data may still arrive.

Belongs here: queries over all names at once, and what is said about each. Does not belong here: what stops a run (reference_checks.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from models.documents import Problem
from models.feeds.columns import TRANSACTION_TYPES
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb

#: At most so many names of one kind are listed.
MAX_LISTED = 20
#: From this similarity on (Jaro-Winkler, case left out) a name is proposed instead.
_SIMILAR = 0.8

#: What agreements and targets name: the place, the feed that should have it, the attribute and its value.
_NAMED = """
    select distinct source_file, source_line, agreement_id, 'scope.products' as key, 'products' as feed, attribute, value
    from terms.scope_rules
    join (select scope_key, agreement_key from terms.line_sets union select scope_key, agreement_key from terms.claims) using (scope_key)
    join terms.agreements using (agreement_key)
    where value is not null
    union
    select source_file, source_line, agreement_id, 'participants', 'partners', attribute, value
    from terms.participant_rules join terms.agreements using (agreement_key)
    union
    select source_file, source_line, agreement_id, 'payee', 'partners', 'partner_id', payee_id from terms.agreements where payee_id is not null
    union
    select source_file, source_line, agreement_id, benefit_id, 'metrics', 'metric', metric
    from terms.axes join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
    where metric is not null
    union
    select source_file, source_line, agreement_id, benefit_id, 'targets', 'benefit', agreement_id || '/' || benefit_id
    from terms.benefits join terms.agreements using (agreement_key)
    where 'feed' in (target_source, baseline_source, incentive_source, forecast)
    union
    select any_value(file_name), 0, agreement, 'benefit', 'benefits', 'benefit', agreement || '/' || benefit
    from staging.stg_targets join raw.feed_files using (file_no)
    group by agreement, benefit"""
_OF_FEED = {
    "products": "select attribute, value from intermediate.int_product_attributes",
    "partners": "select attribute, value from intermediate.int_partner_attributes",
}
_OF_LINES = {
    "products": "select 'product_id' as attribute, product_id as value from raw.transactions",
    "partners": """
        select 'partner_id' as attribute, partner_id as value from raw.transactions
        union all select 'partner_id', unnest([partner_id, participant_id]) from raw.assignments""",
}
_OTHERS = {
    "metrics": "select 'metric' as attribute, metric as value from raw.metrics",
    "targets": "select 'benefit' as attribute, agreement || '/' || benefit as value from raw.targets",
    "benefits": "select 'benefit' as attribute, agreement_id || '/' || benefit_id as value from terms.benefits join terms.agreements using (agreement_key)",
}
_UNMATCHED = """
    with named as ({named}),
    known as (select distinct feed, attribute, value from ({known}) where value is not null),
    unmatched as (from named anti join known using (feed, attribute, value) order by all limit {limit}),
    compared as (
        select unmatched.*, known.value as other, jaro_winkler_similarity(lower(unmatched.value), lower(known.value)) as similarity
        from unmatched left join known using (feed, attribute)
    )
    select source_file, source_line, agreement_id, key, feed, attribute, value,
        arg_max(other, (similarity, other)) filter (where similarity >= {similar}) as nearest, count(other) > 0 as has_attribute
    from compared group by all order by all"""
_COUNTS_ALL = " and ".join(f"counts_{name}" for name in TRANSACTION_TYPES)
_ATTRIBUTES = "select distinct attribute from ({known}) where value is not null order by all"


class _Unmatched(NamedTuple):
    """One name that nothing has. nearest: what its feed has instead; has_attribute: the feed has the attribute."""

    file: str
    line: int
    agreement: str
    key: str
    feed: str
    attribute: str
    value: str
    nearest: str | None
    has_attribute: bool


def find_unmatched_names(con: duckdb.DuckDBPyConnection, feeds: Collection[str]) -> list[Problem]:
    """Every name that matches nothing. Nothing where the book has no lines yet."""
    if con.execute("select count(*) from (from raw.transactions limit 1)").fetchall() == [(0,)]:
        return []
    return [*_unmatched_names(con, feeds), *_idle_conditions(con), *_idle_types(con)]


def _unmatched_names(con: duckdb.DuckDBPyConnection, feeds: Collection[str]) -> list[Problem]:
    known = {**_OTHERS, **{feed: (_OF_FEED if feed in feeds else _OF_LINES)[feed] for feed in _OF_FEED}}
    together = " union all ".join(f"select '{feed}' as feed, attribute, value from ({query})" for feed, query in known.items())
    rows = con.execute(_UNMATCHED.format(named=_NAMED, known=together, limit=MAX_LISTED, similar=_SIMILAR)).fetchall()
    return [Problem(found.file, found.line, found.key, _describe(con, found, known[found.feed], feeds)) for found in map(_Unmatched._make, rows)]


def _describe(con: duckdb.DuckDBPyConnection, found: _Unmatched, known: str, feeds: Collection[str]) -> str:
    meant = f"; did you mean {found.nearest}?" if found.nearest else ""
    if found.feed == "benefits":
        return f"has targets for {found.value}, and no agreement has this benefit{meant or '. Correct the row, or add the agreement'}"
    if found.feed in _OTHERS:
        missing = f"the {found.feed} feed has no row" if found.feed in feeds else f"book.yaml has no {found.feed} feed, and so no row"
        return f"{missing} for the {found.attribute} {found.value}, which {found.agreement} needs{meant or '. Correct the name, or deliver the rows'}"
    whose = {"products": ("product", "line"), "partners": ("partner", "line or assignment")}[found.feed][found.feed not in feeds]
    if found.has_attribute:
        return f"{found.agreement} names {found.attribute} {found.value}, which no {whose} has{meant or '. Correct the name, or deliver the rows'}"
    names = ", ".join(name for (name,) in con.execute(_ATTRIBUTES.format(known=known)).fetchall())
    return f"{found.agreement} names the attribute {found.attribute}, which no {whose} has. There is {names or 'none'}"


def _idle_conditions(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Conditions that hold for no line, with the texts in them that no line has. All are tried in one scan of the lines."""
    columns = {name for (name,) in con.execute("select column_name from duckdb_columns() where schema_name = 'raw' and table_name = 'transactions'").fetchall()}
    rows = con.execute("select condition, line_columns, source_file, source_line, source_key from terms.conditions order by condition_key").fetchall()
    rows = [row for row in rows if columns.issuperset(row[1])]
    if not rows:
        return []
    held = con.execute(f"select {', '.join(f'bool_or({row[0]})' for row in rows)} from raw.transactions").fetchall()[0]
    idle = [row for row, holds in zip(rows, held, strict=True) if not holds]
    return [Problem(file, line, key, f"holds for no line{_unknown_texts(con, condition, names)}") for condition, names, file, line, key in idle[:MAX_LISTED]]


def _unknown_texts(con: duckdb.DuckDBPyConnection, condition: str, columns: list[str]) -> str:
    """What the condition compares with and no line has, each with the nearest text that one has."""
    texts = sorted({text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", condition)})
    values = " union ".join(f"select {identifier(column)}::varchar as value from raw.transactions" for column in columns)
    if not texts or not values:
        return ""
    rows = con.execute(
        f"""with known as ({values}), texts as (select unnest(?::varchar[]) as text)
        select text, arg_max(value, (jaro_winkler_similarity(lower(text), lower(value)), value))
            filter (where jaro_winkler_similarity(lower(text), lower(value)) >= {_SIMILAR})
        from texts cross join known where text not in (select value from known where value is not null)
        group by text order by text""",
        [texts],
    ).fetchall()
    return "".join(f"; none has '{text}'{f', did you mean {nearest}?' if nearest else ''}" for text, nearest in rows)


def _idle_types(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Scopes that choose types of which there is no line."""
    are_chosen = ", ".join(f"bool_or(counts_{name})" for name in TRANSACTION_TYPES)
    chosen = con.execute(f"select {are_chosen} from terms.scopes where not ({_COUNTS_ALL})").fetchall()[0]
    # stops at the first line of the type
    absent = [
        name
        for name, is_chosen in zip(TRANSACTION_TYPES, chosen, strict=True)
        if is_chosen and not con.execute("select 1 from raw.transactions where type = ? limit 1", [name]).fetchall()
    ]
    if not absent:
        return []
    present = " or ".join(f"counts_{name}" for name in TRANSACTION_TYPES if name not in absent) or "false"
    named = ", ".join(f"case when counts_{name} then {literal(name)} end" for name in absent)
    rows = con.execute(
        f"""select distinct source_file, source_line, agreement_id, concat_ws(', ', {named})
        from terms.scopes join terms.line_sets using (scope_key) join terms.agreements using (agreement_key)
        where not ({_COUNTS_ALL}) and not ({present})
        order by all limit {MAX_LISTED}"""
    ).fetchall()
    return [Problem(file, line, "scope.types", f"{agreement} counts lines of type {types}, and there is none") for file, line, agreement, types in rows]

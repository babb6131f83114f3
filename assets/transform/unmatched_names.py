"""Names in agreements that nothing in the data has, and targets for benefits that there are not: warnings, because data may still arrive.

Belongs here: queries over all names at once, and what is said about each. Does not belong here: what stops a run (reference_checks.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from models.documents import Problem
from models.feeds.columns import TRANSACTION_TYPES
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb

#: At most so many names are listed in one message, and so many conditions.
MAX_LISTED = 20
#: For at most so many unknown names the nearest one is looked for, as each is compared with every name of its feed. Those wrong in case alone come first.
MAX_COMPARED = 200
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
    select any_value(source_file), any_value(source_line), any_value(agreement_id), 'accounts.by_partner', 'partners', attribute, value
    from terms.account_conditions join (select distinct condition_no, benefit_key from terms.account_rules) using (condition_no)
    join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
    group by attribute, value
    union
    select source_file, source_line, agreement_id, 'payee', 'partners', 'partner_id', payee_id from terms.agreements where payee_id is not null
    union
    select source_file, source_line, agreement_id, benefit_id, 'metrics', 'metric', metric
    from (select benefit_key, metric from terms.axes union select benefit_key, metric from terms.axis_parts)
    join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
    where metric is not null
    union
    select source_file, source_line, agreement_id, benefit_id, 'metrics', 'metric', metric
    from terms.tie_breakers join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
    where metric is not null
    union
    select source_file, source_line, agreement_id, benefit_id, 'targets', 'benefit', agreement_id || '/' || benefit_id
    from terms.benefits join terms.agreements using (agreement_key)
    where 'feed' in (target_source, baseline_source, incentive_source, forecast)
    union
    select any_value(file_name), 0, agreement, 'benefit', 'benefits', 'benefit', agreement || '/' || benefit
    from staging.stg_targets join raw.feed_files using (file_no)
    group by agreement, benefit
    union
    select any_value(file_name), 0, agreement, 'participant_id', 'participants', 'participant', agreement || '/' || participant_id
    from staging.stg_participations join raw.feed_files using (file_no)
    group by agreement, participant_id"""
_OF_FEED = {
    "products": "select attribute, value from intermediate.int_product_attributes",
    "partners": "select attribute, value from intermediate.int_partner_attributes",
}
_OF_LINES = {
    "products": "select 'product_id' as attribute, product_id as value from raw.transactions",
    "partners": """
        select 'partner_id' as attribute, partner_id as value from raw.transactions
        union all select 'partner_id', unnest([partner_id, participant_id]) from raw.assignments
        union all select 'partner_id', participant_id from raw.credits""",
}
_OTHERS = {
    "metrics": "select 'metric' as attribute, metric as value from raw.metrics",
    "targets": "select 'benefit' as attribute, agreement || '/' || benefit as value from raw.targets",
    "benefits": "select 'benefit' as attribute, agreement_id || '/' || benefit_id as value from terms.benefits join terms.agreements using (agreement_key)",
    "participants": """
        select 'participant' as attribute, agreement_id || '/' || partner_id as value
        from intermediate.int_participations join terms.agreements using (agreement_key) join staging.stg_partner_keys using (partner_key)""",
}
#: What rows of a feed name of the agreements: the feed, and what it names.
_ROWS = {"benefits": ("targets", "benefit"), "participants": ("participations", "participant")}
_UNMATCHED = """
    with named as ({named}),
    known as (select distinct feed, attribute, value from ({known}) where value is not null),
    unmatched as (from named anti join known using (feed, attribute, value)),
    compared as (
        from (select distinct feed, attribute, value from unmatched)
        order by lower(value) in (select lower(value) from known) desc, feed, attribute, value limit {limit}
    ),
    nearest as (
        select feed, attribute, value, arg_max(other, (similarity, other)) as other
        from (
            select compared.*, known.value as other, jaro_winkler_similarity(lower(compared.value), lower(known.value)) as similarity
            from compared join known using (feed, attribute)
        )
        where similarity >= {similar} group by all
    )
    select source_file, source_line, agreement_id, key, feed, attribute, value, other,
        (feed, attribute) in (select (feed, attribute) from known)
    from unmatched left join nearest using (feed, attribute, value)
    order by source_file, source_line, agreement_id, key, feed, attribute, other is null, value"""
#: Whose names a feed has, with the feed and without it.
_WHOSE = {"products": ("product", "line"), "partners": ("partner", "line or assignment")}
_COUNTS_ALL = " and ".join(f"counts_{name}" for name in TRANSACTION_TYPES)
#: A comparison of a column with a text, as conditions are compiled (models/feeds/expressions.py).
_COMPARED = re.compile(r"""cast\("((?:[^"]|"")+)" as varchar\) = '((?:[^']|'')*)'""")
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
    rows = con.execute(_UNMATCHED.format(named=_NAMED, known=together, limit=MAX_COMPARED, similar=_SIMILAR)).fetchall()
    alike = groupby(map(_Unmatched._make, rows), lambda found: found[:6])
    return [
        Problem(names[0].file, names[0].line, names[0].key, message)
        for names in (list(group) for _, group in alike)
        for message in _describe(con, names, known[names[0].feed], feeds)
    ]


def listed(names: Sequence[tuple[str, str | None]]) -> str:
    """Unknown names, those with a nearest one first: "p1 (did you mean P1?), Q0 and 3 more"."""
    shown = [f"{name} (did you mean {nearest}?)" if nearest else name for name, nearest in names[:MAX_LISTED]]
    return ", ".join(shown) + (f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else "")


def _describe(con: duckdb.DuckDBPyConnection, names: list[_Unmatched], known: str, feeds: Collection[str]) -> list[str]:
    """What is wrong with the unknown names that one agreement has of one attribute: one sentence, but one for each metric and benefit."""
    found = names[0]
    if found.feed in _OTHERS and found.feed not in _ROWS:
        missing = f"the {found.feed} feed has no row" if found.feed in feeds else f"book.yaml has no {found.feed} feed, and so no row"
        needs = [(f"{missing} for the {name.attribute} {name.value}, which {name.agreement} needs", name.nearest) for name in names]
        return [text + (f"; did you mean {nearest}?" if nearest else ". Correct the name, or deliver the rows") for text, nearest in needs]
    if found.feed in _ROWS:
        return [_describe_rows(names, *_ROWS[found.feed])]
    whose = _WHOSE[found.feed][found.feed not in feeds]
    if not found.has_attribute:
        attributes = ", ".join(name for (name,) in con.execute(_ATTRIBUTES.format(known=known)).fetchall())
        return [f"{found.agreement} names the attribute {found.attribute}, which no {whose} has. There is {attributes or 'none'}"]
    if len(names) > 1:
        several = listed([(name.value, name.nearest) for name in names])
        return [f"{found.agreement} names {len(names):,} values of {found.attribute} that no {whose} has: {several}. Correct the names, or deliver the rows"]
    meant = f"; did you mean {found.nearest}?" if found.nearest else ""
    return [f"{found.agreement} names {found.attribute} {found.value}, which no {whose} has{meant or '. Correct the name, or deliver the rows'}"]


def _describe_rows(names: list[_Unmatched], feed: str, noun: str) -> str:
    if len(names) > 1:
        several = listed([(name.value, name.nearest) for name in names])
        return f"has {feed} for {len(names):,} {noun}s that no agreement has: {several}. Correct the rows, or add the agreements"
    meant = f"; did you mean {names[0].nearest}?" if names[0].nearest else ". Correct the row, or add the agreement"
    return f"has {feed} for {names[0].value}, and no agreement has this {noun}{meant}"


def _idle_conditions(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Conditions that hold for no line, and texts in them that no line has. All are tried in one scan of the lines."""
    columns = {name for (name,) in con.execute("select column_name from duckdb_columns() where schema_name = 'raw' and table_name = 'transactions'").fetchall()}
    rows = con.execute(
        "select condition, map(line_columns, column_names), source_file, source_line, source_key from terms.conditions order by condition_key"
    ).fetchall()
    rows = [row for row in rows if columns.issuperset(row[1])]
    tried = list(dict.fromkeys(part for condition, *_ in rows for part in (condition, *(found[0] for found in _COMPARED.finditer(condition)))))
    if not tried:
        return []
    held = dict(zip(tried, con.execute(f"select {', '.join(f'bool_or({part})' for part in tried)} from raw.transactions").fetchall()[0], strict=True))
    problems = []
    for condition, names, file, line, key in rows:
        unknown = [_unknown_text(con, names, *found.groups()) for found in _COMPARED.finditer(condition) if not held[found[0]]]
        if unknown or not held[condition]:
            problems.append(Problem(file, line, key, "; ".join([*([] if held[condition] else ["holds for no line"]), *unknown])))
    return problems[:MAX_LISTED]


def _unknown_text(con: duckdb.DuckDBPyConnection, names: dict[str, str], column: str, text: str) -> str:
    """A text that the condition compares a column with and no line has, with the nearest one that a line has."""
    column, text = column.replace('""', '"'), text.replace("''", "'")
    similarity = "jaro_winkler_similarity(lower(value), lower($1))"
    query = f"""
        select arg_max(value, ({similarity}, value)) from (select distinct {identifier(column)}::varchar as value from raw.transactions)
        where {similarity} >= {_SIMILAR}"""
    nearest = con.execute(query, [text]).fetchall()[0][0]
    return f"no line has {names[column]} {text}{f', did you mean {nearest}?' if nearest else ''}"


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
    is_named = " or ".join(f"counts_{name}" for name in absent)  # draws and benefits that are adjusted by hand count no lines
    named = ", ".join(f"case when counts_{name} then {literal(name)} end" for name in absent)
    rows = con.execute(
        f"""select distinct source_file, source_line, agreement_id, concat_ws(', ', {named})
        from terms.scopes join terms.line_sets using (scope_key) join terms.agreements using (agreement_key)
        where ({is_named}) and not ({present})
        order by all limit {MAX_LISTED}"""
    ).fetchall()
    return [Problem(file, line, "scope.types", f"{agreement} counts lines of type {types}, and there is none") for file, line, agreement, types in rows]

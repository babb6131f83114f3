"""Which transaction lines are credited anew, and why.

Belongs here: comparing what lines are credited by with what it was in the run before, and the rows that each difference reaches.
Does not belong here: crediting (dbt_project/models/intermediate/crediting), payouts (changed_participants.py).

A credited line follows from its row, whether it is current, the versions of its partner and its product, the memberships of the partner, the scopes of
the product, the rates of its day, and the day of its original. Each of these is an edge: what differs in it leads to rows by an id that the row holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from assets.incremental.kept_tables import CURRENT, differing
from assets.incremental.mode import MOST_CHANGED, is_incremental, turn_to_full
from assets.runtime.sql import count_rows
from models.sql_text import identifier

#: Why a line is credited anew, or a payout computed anew. Of several causes the first counts.
CAUSES = (
    "new lines", "lines replaced or taken back", "partners and assignments", "credits", "products", "rates and days", "originals of returns",
    "agreements", "participants", "targets", "metrics", "opening balances", "contests", "as_of", "what they are net of",
)  # fmt: skip

#: Ids that differ, by name of the table: what the rows of an edge hold.
_IDS = {
    "partners": """
        select distinct partner_id from ({partners})
        union
        select distinct ids.partner_id
        from ({memberships}) as memberships
        join (
            select partner_key, partner_id from staging.stg_partners
            union select partner_key, partner_id from previous.partners
        ) as ids using (partner_key)
        union
        select distinct id from ({factors}) where starts_with(attribute, 'partner.')""",
    "products": """
        select distinct product_id from ({products})
        union
        select distinct ids.product_id
        from ({product_scopes}) as scopes
        join (
            select product_key, product_id from staging.stg_products
            union select product_key, product_id from previous.products
            union select 0, null
        ) as ids using (product_key)
        union
        select distinct id from ({factors}) where starts_with(attribute, 'product.')""",
    "credits": """
        select distinct transaction_id from ({credits})
        union
        select transaction_id from intermediate.int_credits_split where participant_key in (select partner_key from ({memberships}))""",
    "days": "select distinct day, from_currency from ({days})",
    "originals": "select distinct original_id from ({originals})",
}
#: The rows of an edge.
_LINES = {
    "new lines": "select file_no, row_no from raw.transactions where file_no in (from changes.files)",
    "lines replaced or taken back": "select distinct file_no, row_no from ({rows_replaced})",
    "partners and assignments": "select file_no, row_no from raw.transactions where partner_id in (from changes.partners)",
    "credits": """
        select file_no, row_no from raw.transactions
        where transaction_id in (from changes.credits) or original_transaction_id in (from changes.credits)""",
    "products": """
        select file_no, row_no from raw.transactions
        where product_id in (from changes.products where product_id is not null)
            or (product_id is null and exists (from changes.products where product_id is null))""",
    "rates and days": "select file_no, row_no from raw.transactions as lines semi join changes.days on date = day and currency = from_currency",
    "originals of returns": "select file_no, row_no from raw.transactions where original_transaction_id in (from changes.originals)",
}
_EMPTY_UNLESS = {
    "partners and assignments": "partners",
    "credits": "credits",
    "products": "products",
    "rates and days": "days",
    "originals of returns": "originals",
}
#: Sums that the lines belonged to in the run before, and those of prior-year lines whose day as_of has passed.
_MEASURES_BEFORE = """
    insert into changes.measures_before
    with belonged as (
        select credited.line_set_key, credited.participant_key, unnest([credited.period_no, credited.prior_period_no]) as period_no, lines.cause_no
        from intermediate.int_lines_credited as credited join changes.lines using (file_no, row_no)
    ),
    passed as (
        select day_key from intermediate.int_days_converted as days join previous.days as before using (day_key)
        where days.is_after_as_of <> before.is_after_as_of
    )
    select distinct * from belonged where period_no is not null
    union
    select line_set_key, participant_key, prior_period_no, {as_of} from intermediate.int_lines_credited semi join passed using (day_key)
    where prior_period_no is not null"""


def find_compared_lines(con: duckdb.DuckDBPyConnection, key: list[str]) -> None:
    """Write changes.files and changes.compared_lines: new files of transactions, their rows, and rows with the key of one of them."""
    con.execute(f"create or replace table changes.files as ({CURRENT['files']}) except from previous.files")
    columns = ", ".join(map(identifier, key))
    new = "file_no in (from changes.files)"
    same_key = f"or hash({columns}) in (select hash({columns}) from raw.transactions where {new})" if key and count_rows(con, "changes.files") else ""
    con.execute(f"insert into changes.compared_lines select file_no, row_no from raw.transactions where {new} {same_key}")


def find_changed_lines(con: duckdb.DuckDBPyConnection, has_originals: bool) -> None:
    """Write changes.lines and changes.measures_before; turn to a full run where too much has changed."""
    differs = {name: differing(name) for name in ("partners", "memberships", "credits", "products", "product_scopes", "factors", "originals", "rows_replaced")}
    differs["days"] = differing("days", "* exclude (is_after_as_of)")  # it moves with as_of, and is looked at by sum, below
    for name, query in _IDS.items():
        con.execute(f"create or replace table changes.{name} as {query.format(**differs)}")
    if has_originals:  # a rate of the original's day is a rate of the return
        dated = "select original_id from intermediate.int_originals_dated where first_day in (select day from changes.days)"
        con.execute(f"insert into changes.originals ({dated}) except from changes.originals")
    edges = [f"select file_no, row_no, {CAUSES.index(cause)} as cause_no from ({_LINES[cause].format(**differs)})" for cause in _edges(con)]
    con.execute(f"insert into changes.lines select file_no, row_no, min(cause_no) from ({' union all '.join(edges)}) group by all")
    changed, all_lines = count_rows(con, "changes.lines"), count_rows(con, "raw.transactions")
    if changed > MOST_CHANGED * all_lines:
        turn_to_full(con, f"{changed:,} of {all_lines:,} lines are credited anew")
    else:
        con.execute(_MEASURES_BEFORE.format(as_of=CAUSES.index("as_of")))


def note_changed_sums(con: duckdb.DuckDBPyConnection) -> None:
    """Write calc.changed_sums, by which publishing finds the lines that cannot have changed. A full run has none."""
    con.execute("drop table if exists calc.changed_sums")
    if is_incremental(con):
        con.execute("create table calc.changed_sums as select line_set_key, participant_key, period_no from intermediate.int_measures_changed")


def _edges(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The causes that reach any row."""
    return (cause for cause in _LINES if cause not in _EMPTY_UNLESS or count_rows(con, f"changes.{_EMPTY_UNLESS[cause]}"))

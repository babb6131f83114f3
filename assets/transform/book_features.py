"""What a book uses, for the SQL: its feeds with their columns and keys, the parts of the agreement language, whether anything was closed.

Belongs here: reading it from the warehouse, once per dbt invocation, into the dbt var `book`. Does not belong here: SQL that uses it (dbt_project/),
running dbt (assets/transform/dbt.py).

SQL leaves out what a book does not use, so that it costs nothing. The default in dbt_project.yml is a book that uses everything: with it dbt knows
all lineage, and compiles without a warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import lcm
from typing import Any

import duckdb

from models.documents import InputError, Problem
from models.feeds.columns import FEEDS


@dataclass(frozen=True)
class FeedFeatures:
    """One feed. `day`: the column with the day of a row's event. `snapshot_per`: the span of which a file says all there is.

    `loses_corrections`: rows of corrections go with a file that was replaced or withdrawn. `carried`: name in the file and column of raw.<feed>, for
    each column that is carried along.
    """

    is_configured: bool
    day: str | None
    snapshot_per: str | None
    replaces_files: bool
    loses_corrections: bool
    has_deletions: bool
    key: list[str]
    columns: list[str]
    carried: list[tuple[str, str]]


@dataclass(frozen=True)
class BookFeatures:
    """What the SQL models need to know of a book before they are compiled.

    last_scope_key: no scope has a higher one. conditions: key and SQL of every `where`. measured: name and column of the transaction attributes
    that benefits measure. has_multiplied: lines are multiplied by an attribute; has_factors: by one of their product or partner. share_unit: into how
    many parts a line is cut, so that every share of the book is a whole number of them.
    has_groups: sums are kept apart by an attribute; groups: name and column of such columns of the transactions.
    has_paid_currencies: payments name their currency.
    pays_lines: benefits pay each line by itself. has_parts: terms change within a window. has_bases: a rate multiplies something else than the measure, or
    the measure leaves out lines of its benefit.
    """

    feeds: dict[str, FeedFeatures]
    conditions: list[tuple[int, str]]
    measured: list[tuple[str, str]]
    last_scope_key: int
    has_originals: bool
    has_claims: bool
    has_nets: bool
    has_multiplied: bool
    has_factors: bool
    has_groups: bool
    groups: list[tuple[str, str]]
    pays_lines: bool
    has_parts: bool
    has_bases: bool
    has_closes: bool
    has_account_rules: bool
    waits_for_collection: bool
    has_paid_currencies: bool
    has_inverse_rates: bool
    has_credits: bool
    has_participations: bool
    share_unit: int

    def as_var(self) -> dict[str, Any]:
        """The dbt var `book`."""
        return asdict(self)


_MILLION = 10**6
#: A quantity of 18 digits times so many parts fits 128 bits.
_FINEST_SHARE = 10**12
_MEASURED = """
    select distinct attributes.name, attributes.column_name
    from terms.line_sets join raw.attributes on attributes.feed = 'transactions' and line_sets.attribute = attributes.name
    order by all"""
#: A name of a canonical column hides one that the files carry along.
_GROUPS = """
    select distinct grouped_by, coalesce(column_name, grouped_by)
    from terms.line_sets
    left join raw.attributes on feed = 'transactions' and grouped_by = name and name not in (select unnest($1))
    where grouped_by is not null and not starts_with(grouped_by, 'product.') and not starts_with(grouped_by, 'partner.')
        and (column_name is not null or grouped_by in (select unnest($1)))
    order by all"""
_LOSING = """
    select distinct feed from raw.corrections
    where feed in (from raw.replacing_feeds) or feed in (select feed from raw.feed_files where status = 'withdrawn')"""


def read_book_features(con: duckdb.DuckDBPyConnection, configured: Mapping[str, Any]) -> BookFeatures:
    """What the warehouse and the feeds of book.yaml (`configured`) say. Feeds, terms and ledger are loaded."""
    feeds = _feeds(con, configured)
    last_scope_key = con.sql("select coalesce(max(scope_key), 0) from terms.scopes").fetchall()[0][0]
    of_others = "starts_with(attribute, 'product.') or starts_with(attribute, 'partner.')"
    has_multiplied, has_factors, has_groups = _have(
        con, "terms.line_sets", "multiplied is not null", f"multiplied is not null and ({of_others})", "grouped_by is not null"
    )
    pays_lines, waits, has_bases = _have(
        con, "terms.benefits", "slices is not null or method = 'running'", "paid_when is not null",
        "base not in ('measure', 'increment') or line_set_key <> share_line_set_key or base_line_set_key <> share_line_set_key",
    )  # fmt: skip
    (has_originals,) = _have(con, "terms.agreements", "returns = 'original'")
    has_claims, has_nets, has_parts, has_closes, has_account_rules = (
        _have(con, table, "true")[0] for table in ("terms.claims", "terms.nets", "terms.window_parts", "ledger.closes", "terms.account_rules")
    )
    return BookFeatures(
        feeds=feeds,
        conditions=_conditions(con, feeds["transactions"]),
        measured=con.sql(_MEASURED).fetchall(),
        last_scope_key=last_scope_key // 64 * 64 + 63,  # in steps: most new scopes leave the SQL, and so what is compiled, as it is
        has_originals=has_originals,
        has_claims=has_claims,
        has_nets=has_nets,
        has_multiplied=has_multiplied,
        has_factors=has_factors,
        has_groups=has_groups,
        groups=con.execute(_GROUPS, [[column.name for column in FEEDS["transactions"].columns]]).fetchall() if has_groups else [],
        pays_lines=pays_lines,
        has_parts=has_parts,
        has_bases=has_bases,
        has_closes=has_closes,
        has_account_rules=has_account_rules,
        waits_for_collection=waits,
        has_paid_currencies=_have(con, "raw.payments", "currency is not null")[0],
        has_inverse_rates="fx_rates" in configured and configured["fx_rates"].invert,
        has_credits="credits" in configured,
        has_participations="participations" in configured,
        share_unit=find_share_unit(con),
    )


def _have(con: duckdb.DuckDBPyConnection, table: str, *conditions: str) -> tuple[bool, ...]:
    """Whether any row of the table holds each condition."""
    flags = ", ".join(f"coalesce(bool_or({condition}), false)" for condition in conditions)
    return tuple(con.sql(f"select {flags} from {table}").fetchall()[0])


def find_share_unit(con: duckdb.DuckDBPyConnection, schema: str = "raw") -> int:
    """A million, times what the denominators of fractions such as 1/3 need besides. Raises InputError where they have no common unit that fits."""
    denominators = sorted(
        int(number)
        for (number,) in con.execute(f"""
            select distinct split_part(share, '/', 2) from (select share from {schema}.assignments union select share from {schema}.credits)
            where contains(share, '/')""").fetchall()
    )
    unit = lcm(_MILLION, *denominators)
    if unit > _FINEST_SHARE:
        listed = ", ".join(f"1/{number}" for number in denominators[:8])
        message = f"the fractions of assignments and credits ({listed}{', …' if len(denominators) > 8 else ''}) have no common denominator up to a million"
        raise InputError([Problem("", 0, "share", f"{message}; write some of them as decimals")])
    return unit


def _feeds(con: duckdb.DuckDBPyConnection, configured: Mapping[str, Any]) -> dict[str, FeedFeatures]:
    keys = dict(con.sql("select feed, list(column_name order by position) from raw.feed_keys group by feed").fetchall())
    snapshots = dict(con.sql("select feed, per from raw.feed_snapshots").fetchall())
    replacing = {feed for (feed,) in con.sql("from raw.replacing_feeds").fetchall()}
    losing = {feed for (feed,) in con.sql(_LOSING).fetchall()}
    deletions = " union all ".join(f"select '{feed}', coalesce(bool_or(is_deleted), false) from raw.{feed}" for feed in FEEDS)
    deleting = {feed for feed, has_some in con.sql(deletions).fetchall() if has_some}
    carried: dict[str, list[tuple[str, str]]] = {}
    for feed, name, column in con.sql("select feed, name, column_name from raw.attributes order by feed, position").fetchall():
        carried.setdefault(feed, []).append((name, column))
    return {
        name: FeedFeatures(
            is_configured=name in configured,
            day=feed.day,
            snapshot_per=snapshots.get(name),
            replaces_files=name in replacing,
            loses_corrections=name in losing,
            has_deletions=name in deleting,
            key=keys.get(name, []),
            columns=[column.name for column in feed.columns],
            carried=carried.get(name, []),
        )
        for name, feed in FEEDS.items()
    }


def _conditions(con: duckdb.DuckDBPyConnection, transactions: FeedFeatures) -> list[tuple[int, str]]:
    """Conditions by key; one over a column that transactions do not have holds for no line, and assets/transform/invariants.py rejects it by name."""
    present = {*transactions.columns, *(column for _, column in transactions.carried)}
    rows = con.sql("select condition_key, condition, line_columns from terms.conditions order by condition_key").fetchall()
    return [(key, condition if present.issuperset(columns) else "false") for key, condition, columns in rows]

"""What a run that was published leaves for the next one: copies of what its lines and payouts were computed from.

Belongs here: writing, checking and dropping these copies, schema `previous`. Does not belong here: comparing them with what holds now
(changed_lines.py, changed_participants.py), deciding whether they are used (mode.py).

previous.run is there only while the tables of `intermediate` and `calc` are those of that run, complete: it is written after the run was published,
and dropped before the next one changes the first of them. So a run that was stopped anywhere is followed by one that computes everything.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assets.runtime.sql import ALL_COLUMNS, digest_rows, table_exists
from assets.runtime.warehouse import transaction
from assets.spark.line_tables import line_relations

if TYPE_CHECKING:
    import duckdb

#: What lines are credited by.
_OF_LINES = {
    "files": "select file_no from raw.feed_files where feed = 'transactions' and status = 'loaded'",
    "rows_replaced": "select file_no, row_no, disposition from intermediate.int_rows_replaced where feed = 'transactions'",
    "partners": "select partner_key, partner_id, first_day, last_day from staging.stg_partners",
    "products": "select product_key, product_id, first_day, last_day from staging.stg_products",
    "product_scopes": "select product_key, hash(scopes) as digest from intermediate.int_product_scope_bits",
    "memberships": """
        select coalesce(partner_key, member_key) as partner_key, sum(hash(each)) as digest
        from (select * exclude (membership_key) from intermediate.int_memberships) as each group by all""",
    "credits": """
        select transaction_id, sum(hash(each)) as digest
        from (select * exclude (credit_key) from intermediate.int_credits_split) as each group by transaction_id""",
    "factors": "from intermediate.int_attributes_numbered",
    "days": "from intermediate.int_days_converted",
    "originals": "from intermediate.int_originals_dated",
}
#: Terms with a row or more per benefit.
OF_BENEFITS = (
    "tiers",
    "axes",
    "axis_parts",
    "tie_breakers",
    "matrix_columns",
    "matrix_cells",
    "multipliers",
    "multiplier_tiers",
    "gates",
    "draws",
    "window_parts",
)
#: What payouts are calculated from, apart from sums.
_OF_PAYOUTS = {
    "participants": "from intermediate.int_participants",
    "participations": "select agreement, participant_id, first_day, last_day, factor from staging.stg_participations",
    "targets": "select agreement, benefit, participant_id, window_start, target, incentive, baseline from staging.stg_targets",
    "metrics": "select participant_id, metric, date, value from staging.stg_metrics",
    "balances": "select * from staging.stg_balances where waits_for is null",
    "agreements": """
        select agreement_key, agreement_id, currency, payout_unit, combine_rule, combine_group, priority, net_of, net_level, pool, payee_id
        from terms.agreements""",
    "benefits": "select * exclude (definition, quote, clause, position) from terms.benefits",
    **{name: f"from terms.{name}" for name in OF_BENEFITS},
    "windows": "from terms.windows",
    "periods": "from terms.periods",
}
CURRENT = {**_OF_LINES, **_OF_PAYOUTS}
#: One number for all rows, in any order, of each table that a run adds to, and of each copy: who changes one of them is noticed. The lines are many.
_DIGESTED = {
    "intermediate.int_lines_credited": "file_no, row_no, line_set_key, participant_key, period_no, amount_millionths",
    "intermediate.int_lines_to_net": "file_no, row_no, line_set_key, participant_key, period_no, amount_millionths",
    **dict.fromkeys(
        (
            "intermediate.int_measures_summed", "intermediate.int_rows_replaced", "intermediate.int_rows_unresolved", "staging.stg_partner_keys",
            "staging.stg_product_keys", "calc.payouts", "calc.achievement", "calc.accruals", "calc.calculation_steps",
            "calc.payout_groups", "calc.payout_pieces",
            *(f"previous.{name}" for name in CURRENT),
        ),
        ALL_COLUMNS,
    ),
}  # fmt: skip


def differing(name: str, columns: str = "*") -> str:
    """Query of the rows of a kept table that are gone, and of new ones."""
    now, before = f"select {columns} from ({CURRENT[name]})", f"select {columns} from previous.{name}"
    return f"({before} except all {now}) union all ({now} except all {before})"


#: Of lines in files, which files: none of them is ever changed.
_FILES = "(select relation, part, name, rows from spark.line_files where relation <> 'raw.transactions')"


@dataclass(frozen=True)
class KeptRun:
    """The published run whose tables the warehouse holds. `program`: code and engines; `features`: what the SQL was made for; `lines`: how they are kept."""

    as_of: dt.date
    program: str
    features: str
    lines: str
    digest: int


def keep_run(con: duckdb.DuckDBPyConnection, as_of: dt.date, program: str, features: str, lines: str) -> None:
    """Copy what the run that was just published computed from."""
    with transaction(con):
        con.execute("create schema if not exists previous")
        for name, query in CURRENT.items():
            con.execute(f"create or replace table previous.{name} as {query}")
        con.execute("create or replace table previous.run (as_of date, program varchar, features varchar, lines varchar, digest varchar)")
        con.execute("insert into previous.run values (?, ?, ?, ?, ?)", [as_of, program, features, lines, str(read_digest(con))])


def is_kept(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a run left copies; they may be damaged."""
    return table_exists(con, "previous", "run")


def read_kept_run(con: duckdb.DuckDBPyConnection) -> KeptRun | None:
    """The run whose tables the warehouse holds, if they are complete."""
    if not is_kept(con):
        return None
    rows = con.execute("select as_of, program, features, lines, digest::hugeint from previous.run").fetchall()
    return KeptRun(*rows[0]) if len(rows) == 1 else None


def read_digest(con: duckdb.DuckDBPyConnection) -> int:
    """The digest of the copies and of the tables that the next run adds to."""
    in_files = line_relations(con)
    of_tables = {name: columns for name, columns in _DIGESTED.items() if name not in in_files}
    return digest_rows(con, of_tables | ({_FILES: ALL_COLUMNS} if in_files else {}))


def forget_run(con: duckdb.DuckDBPyConnection) -> None:
    """Have the next run compute everything: tables are about to change, or something they were computed from is gone."""
    con.execute("drop table if exists previous.run")

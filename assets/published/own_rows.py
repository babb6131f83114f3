"""Which rows of the published tables a participant may read: those that are about it.

Belongs here: the rule per table, and a connection's views kept to it. Does not belong here: which participants a reader stands for, and PostgreSQL's
policies, which follow the same rules (assets/publishing/postgres/grants.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from models.sql_text import identifier

_OF_PARTICIPANT = "participant_id in ({own})"
_OF_PAYOUT = "payout_id in (select payout_id from {schema}.fct_payout)"
_OF_AGREEMENT = "agreement_id in (select agreement_id from {schema}.fct_payout)"
#: Published table to the condition on rows that a participant may read. Subqueries also see only rows that the participant may read.
OWN_ROWS = {
    "fct_payout": _OF_PARTICIPANT,
    "fct_achievement": _OF_PARTICIPANT,
    "fct_accrual": _OF_PARTICIPANT,
    "fct_payout_month": _OF_PARTICIPANT,
    "fct_journal": _OF_PARTICIPANT,
    "fct_payout_line": _OF_PAYOUT,
    "fct_earlier_line": _OF_PARTICIPANT,
    "fct_calculation_step": _OF_PAYOUT,
    "fct_release": _OF_PAYOUT,
    "dim_partner": "partner_id in ({own})",
    "dim_partner_version": "partner_id in ({own})",
    "dim_agreement": _OF_AGREEMENT,
    "dim_benefit": _OF_AGREEMENT,
    "dim_tier": _OF_AGREEMENT,
    "dim_matrix_cell": _OF_AGREEMENT,
    "dim_gate": _OF_AGREEMENT,
    "dim_multiplier": _OF_AGREEMENT,
    "dim_target": _OF_PARTICIPANT,
    "dim_metric": _OF_PARTICIPANT,
    "dim_assignment": _OF_PARTICIPANT,
    "dim_credit": _OF_PARTICIPANT,
    "dim_participation": _OF_PARTICIPANT,
    "fct_payment": _OF_PARTICIPANT,
    "fct_adjustment": _OF_PARTICIPANT,
    "fct_balance": _OF_PARTICIPANT,
    "fct_dispute": _OF_PARTICIPANT,
    "dim_product": "product_id in (select product_id from {schema}.fct_payout_line)",
    "dim_product_version": "product_id in (select product_id from {schema}.fct_payout_line)",
    "dim_period": "true",
    "dim_date": "true",
}


def show_own_rows(con: duckdb.DuckDBPyConnection, participants: Sequence[str]) -> None:
    """Let the names of the tables of a published set mean the rows of these participants. A table without a rule is empty."""
    tables = [name for (name,) in con.execute("select view_name from duckdb_views() where not internal order by 1").fetchall()]
    con.execute("create schema own")
    con.execute("create table own.participants (participant_id varchar)")
    if participants:
        con.executemany("insert into own.participants values (?)", [[participant] for participant in participants])
    rules = list(OWN_ROWS)  # each after those that it looks at
    for table in sorted(tables, key=lambda name: rules.index(name) if name in OWN_ROWS else len(rules)):
        rule = OWN_ROWS.get(table, "false").format(own="select participant_id from own.participants", schema="own")
        con.execute(f"create view own.{identifier(table)} as select * from main.{identifier(table)} where {rule}")
    con.execute("set schema = 'own'")

"""What became of a row of a file of transactions, agreement by agreement, from published tables alone.

Belongs here: finding the row and what is known of it. Does not belong here: which reason is the first (dbt_project/models/marts/audit/audit_line.sql), the
words for it (pipelines/cli/commands/why_not.py).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.published.marts import parts_of_view, view_query
from assets.published.reader import Row, fetch, open_published
from models.documents import InputError, Problem

#: Rows of one transaction that are answered for.
MOST_ROWS = 20
#: Agreements that are listed for a row.
MOST_AGREEMENTS = 200


@dataclass(frozen=True)
class AuditedLine:
    """A row of a file. `reject`: why it was rejected. `verdicts`: per agreement that it could reach the reason, and what decided. `counted`: the benefits
    that count it. `left_out`: how many agreements there are besides those of `verdicts`.
    """

    row: Row
    reject: Row | None
    verdicts: list[Row]
    counted: list[Row]
    left_out: int


def audit_lines(book_folder: Path, transaction: str, agreement: str | None) -> list[AuditedLine]:
    """The rows of a transaction, TRANSACTION or TRANSACTION/LINE, those that count first. Raises InputError where there is none, or no such agreement."""
    with open_published(book_folder) as con:
        return audit_from(con, transaction, agreement)


def audit_from(con: duckdb.DuckDBPyConnection, transaction: str, agreement: str | None) -> list[AuditedLine]:
    """The same from the tables of a connection."""
    _find_rows(con, transaction)
    rows = fetch(con, "from wanted order by disposition not in ('loaded', 'waiting'), source_file, source_row")
    if not rows:
        message = f"no row of a file of transactions has the transaction {transaction!r}; give its id as the feed has it, with /LINE for one of its lines"
        raise InputError([Problem("TRANSACTION", 0, "", message)])
    if agreement is not None and not fetch(con, "select 1 from dim_agreement where agreement_id = ? limit 1", [agreement]):
        raise InputError([Problem("--agreement", 0, "", f"no agreement is called {agreement!r}")])
    con.execute("create temp view fct_transaction as from wanted")  # in what follows these rows are all there are
    con.execute(f"create temp table audited as {view_query('audit_line')}")
    con.execute(f"create temp table decided as {parts_of_view('audit_line')} from decided")
    verdicts, counted = (_by_row(con, query, agreement) for query in (_VERDICTS, _COUNTED))
    rejects = _by_row(con, _REJECTS)
    return [_audit(row, verdicts[_place(row)], counted[_place(row)], rejects[_place(row)], agreement) for row in rows]


def _place(row: Row) -> tuple[str, int]:
    return row["source_sha256"], row["source_row"]


def _by_row(con: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> defaultdict[tuple[str, int], list[Row]]:
    """What a query finds, by the row of the file that it is about: one query for all rows, since each reads whole tables."""
    found: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in fetch(con, query, list(parameters)):
        found[row.pop("source_sha256"), row.pop("source_row")].append(row)
    return found


def _find_rows(con: duckdb.DuckDBPyConnection, transaction: str) -> None:
    """Keep the rows in the table `wanted`. An id may hold a slash itself."""
    con.execute("create temp table wanted as select * from fct_transaction where transaction_id = ? limit ?", [transaction, MOST_ROWS])
    name, slash, line = transaction.rpartition("/")
    if slash and line.isdigit() and not fetch(con, "select 1 from wanted limit 1"):
        found = "select * from fct_transaction where transaction_id = ? and line = ? limit ?"
        con.execute(f"insert into wanted {found}", [name, int(line), MOST_ROWS])


def _audit(row: Row, verdicts: list[Row], counted: list[Row], rejects: list[Row], agreement: str | None) -> AuditedLine:
    if agreement is not None and not any(each["agreement_id"] == agreement for each in verdicts):
        verdicts = [{"agreement_id": agreement, "reason": row["disposition"] if row["disposition"] != "loaded" else "partner"}]
    return AuditedLine(
        row=row,
        reject=rejects[0] if rejects else None,
        verdicts=verdicts[:MOST_AGREEMENTS],
        counted=counted,
        left_out=max(len(verdicts) - MOST_AGREEMENTS, 0),
    )


#: Of what decides for an agreement the road and benefit on which the row comes farthest, in the order of the agreement's benefits.
_VERDICTS = """
    select audited.source_sha256, audited.source_row, audited.agreement_id, audited.reason,
        decided.* exclude (source_sha256, source_row, agreement_id, place), scopes.products, scopes.condition,
        scopes.counts_from, scopes.counts_to, agreements.title, agreements.term_from, agreements.term_to,
        concat_ws(', ', case when scopes.counts_sale then 'sale' end, case when scopes.counts_return then 'return' end,
            case when scopes.counts_credit then 'credit' end, case when scopes.counts_adjustment then 'adjustment' end) as types,
        benefits.clause
    from audited
    left join decided on audited.source_sha256 = decided.source_sha256 and audited.source_row = decided.source_row
        and audited.agreement_id = decided.agreement_id
    left join dim_scope as scopes on decided.agreement_id = scopes.agreement_id and decided.agreement_version = scopes.agreement_version
        and decided.benefit_id = scopes.benefit_id and decided.scope_no = scopes.scope_no
    left join dim_agreement as agreements
        on decided.agreement_id = agreements.agreement_id and decided.agreement_version = agreements.agreement_version
    left join dim_benefit as benefits on decided.agreement_id = benefits.agreement_id and decided.agreement_version = benefits.agreement_version
        and decided.benefit_id = benefits.benefit_id
    where audited.agreement_id = coalesce($1, audited.agreement_id)
    qualify row_number() over (
        partition by audited.source_sha256, audited.source_row, audited.agreement_id
        order by decided.place desc, decided.agreement_version desc, benefits.position, decided.scope_no, decided.valid_from, decided.participant_id
    ) = 1
    order by audited.reason <> 'counted', audited.agreement_id"""
#: Which benefits count it for whom, and what it brings to the payouts of its day.
_COUNTED = """
    with counting as (
        select distinct source_sha256, source_row, agreement_id, benefit_id, participant_id, counted_date from decided
        where place = 10 and agreement_id = coalesce($1, agreement_id)
    ),
    payouts as (
        select counting.source_sha256, counting.source_row,
            payouts.payout_id, payouts.agreement_id, payouts.benefit_id, payouts.participant_id, payouts.clause, payouts.window_start, payouts.window_end,
            payouts.currency, payouts.payout, payouts.status, payouts.status_reason
        from fct_payout as payouts join counting using (agreement_id, benefit_id, participant_id)
        where counting.counted_date between payouts.window_start and payouts.window_end
    ),
    lines as (
        select source_sha256, source_row, payout_id, sum(credited_measure) as credited_measure, sum(line_payout) as line_payout
        from fct_payout_line semi join payouts using (source_sha256, source_row, payout_id)
        group by all
    )
    select payouts.*, lines.credited_measure, lines.line_payout
    from payouts left join lines using (source_sha256, source_row, payout_id)
    order by payouts.agreement_id, payouts.benefit_id, payouts.participant_id"""
_REJECTS = """
    select wanted.source_sha256, wanted.source_row, rejects.reason, rejects.message
    from wanted join audit_reject as rejects
        on rejects.feed = 'transactions' and wanted.source_sha256 = rejects.sha256 and wanted.source_row = rejects.row_number"""

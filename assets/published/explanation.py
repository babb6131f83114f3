"""Why a payout is what it is: everything that `explain` shows, read from the published tables only.

Belongs here: finding a payout and collecting everything that led to it, as data. Does not belong here: how it is shown (pipelines/cli).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from assets.incremental.payout_runs import PayoutRun, read_payout_run
from assets.published.marts import parts_of_view
from assets.published.reader import Row, fetch, list_payouts, open_published
from models.documents import InputError, Problem
from models.unicode_form import composed

#: The other name of a payout, apart from its id: AGREEMENT/BENEFIT/PARTICIPANT/WINDOW_START.
_PATH = "concat_ws('/', agreement_id, benefit_id, participant_id, window_start::varchar)"


@dataclass(frozen=True)
class Explanation:
    """One payout and what led to it. Rows are dicts by published column name; money is Decimal.

    run: the run that published it. accruals: one row per period, what was accrued by its end and in it, and by reason what it has of
    earlier periods (`differences`); `is_posted`: a closed period.
    adjustments, disputes, payments: one row for each of it. releases: one row per part in which it falls due. batches: one row per payment batch and part.
    tiers: one row per tier of the benefit, with `to_value` (the next tier's start) and `is_reached`.
    lines: at most the requested number, in order; line_count and line_sum cover all of them.
    files: one row per source file of the lines, with lines and line_payout.
    earlier: lines of other days that a target, a baseline or the measure is a sum of: a row per `counts_for` of fct_prior_line, with their number and days.
    computed: the run that computed the payout last, and why; None where the book has no note of it.
    """

    payout: Row
    agreement: Row
    benefit: Row
    participant: Row
    achievement: Row
    run: Row
    accruals: list[Row]
    adjustments: list[Row]
    disputes: list[Row]
    payments: list[Row]
    releases: list[Row]
    batches: list[Row]
    tiers: list[Row]
    steps: list[Row]
    lines: list[Row]
    files: list[Row]
    line_count: int
    line_sum: Decimal
    earlier: list[Row]
    computed: PayoutRun | None


def explain_payout(book_folder: Path, wanted: str, line_limit: int) -> Explanation:
    """The payout that `wanted` names: an id, a unique prefix of one, or AGREEMENT/BENEFIT/PARTICIPANT/WINDOW_START.

    Raises InputError with the candidates when it names none or several.
    """
    with open_published(book_folder) as con:
        found = explain_from(con, wanted, line_limit)
    return replace(found, computed=read_payout_run(book_folder / "published", found.payout["payout_id"]))


def explain_from(con: duckdb.DuckDBPyConnection, wanted: str, line_limit: int) -> Explanation:
    """The same from the tables of a connection alone, without `computed`."""
    payout = find_payout(con, wanted.strip())
    benefit_key = [payout["agreement_id"], payout["agreement_version"], payout["benefit_id"]]
    id_ = [payout["payout_id"]]
    files = fetch(con, _FILES, id_)
    return Explanation(
        payout=payout,
        agreement=_first(con, "select * from dim_agreement where agreement_id = ? and agreement_version = ?", benefit_key[:2]),
        benefit=_first(con, "select * from dim_benefit where agreement_id = ? and agreement_version = ? and benefit_id = ?", benefit_key),
        participant=_first(con, "select * from dim_partner where partner_id = ? order by valid_from desc limit 1", [payout["participant_id"]]),
        achievement=_first(con, "select * from fct_achievement where payout_id = ? order by period desc limit 1", id_),
        run=_first(con, "select * from audit_run where run_id = ? order by finished_at desc limit 1", [payout["run_id"]]),
        accruals=fetch(con, _ACCRUALS, id_),
        adjustments=fetch(con, "select * from fct_adjustment where payout_id = ? order by date, adjustment_id, source_file, source_row", id_),
        disputes=fetch(con, "select * from fct_dispute where payout_id = ? order by raised_on, dispute_id, source_file, source_row", id_),
        payments=fetch(con, _PAYMENTS, id_),
        releases=fetch(con, "select * exclude (payout_id) from fct_release where payout_id = ? order by due_date, release_no", id_),
        batches=fetch(con, "select * from fct_payment_batch where payout_id = ? order by batch_no, release_no", id_),
        tiers=fetch(con, _TIERS, [payout["tier"], *benefit_key]),
        steps=fetch(con, "select step_no, step, formula, inputs, result from fct_calculation_step where payout_id = ? order by step_no", id_),
        lines=fetch(con, f"{_LINES} limit ?", [*id_, line_limit]),
        files=files,
        line_count=sum(file["lines"] for file in files),
        line_sum=sum((file["line_payout"] for file in files), Decimal(0)),
        earlier=fetch(con, f"{parts_of_view('fct_prior_line')} {_EARLIER}", id_),
        computed=None,
    )


def largest_payouts(book_folder: Path, count: int) -> list[Row]:
    """The largest payouts, for a reader who knows no id yet."""
    with open_published(book_folder) as con:
        return list_payouts(con, count)


_TIERS = """
    select *, lead(from_value) over (order by tier) as to_value, tier = ? as is_reached from dim_tier
    where agreement_id = ? and agreement_version = ? and benefit_id = ? order by tier
"""

_PAYMENTS = """
    select paid_on, reference, amount, paid_amount, paid_currency, exchange_difference, source_file, source_row
    from fct_payment where payout_id = ? order by paid_on, reference, source_file, source_row
"""

_ACCRUALS = """
    with booked as (
        select period, reason, max_by(accrued_to_date, origin_period) as accrued_to_date, max(origin_period) as origin_period, sum(accrual) as accrual,
            bool_or(is_posted) as is_posted
        from fct_accrual where payout_id = ? group by period, reason
    )
    select period, max_by(accrued_to_date, origin_period) as accrued_to_date, sum(accrual) as accrual, bool_or(is_posted) as is_posted,
        coalesce(list({'reason': reason, 'accrual': accrual} order by list_position(['late', 'return', 'fx', 'reference', 'amendment'], reason))
            filter (reason is not null and accrual <> 0), []) as differences
    from booked group by period order by period
"""

_LINES = """
    select transaction_id, line, date, partner_id, partners.name as partner_name, product_id, products.name as product_name, amount, currency, fx_rate,
        inverted_rate, tier, credited_measure, line_payout, source_file, source_row, source_line
    from fct_payout_line
    left join (select partner_id, max_by(name, coalesce(valid_from, date '0001-01-01')) as name from dim_partner group by all) as partners using (partner_id)
    left join (select product_id, max_by(name, coalesce(valid_from, date '0001-01-01')) as name from dim_product group by all) as products using (product_id)
    where payout_id = ? order by date, transaction_id, line, source_file, source_row, tier
"""

#: After the common tables of fct_prior_line, which need not read the transactions.
_EARLIER = """
    select counts_for, count(*) as lines, sum(credited_measure) as credited_measure, min(counted_date) as first_date, max(counted_date) as last_date
    from seen where payout_id = ? group by counts_for order by counts_for
"""

_FILES = """
    select source_file, source_sha256, count(*) as lines, sum(line_payout) as line_payout
    from fct_payout_line where payout_id = ? group by all order by source_file nulls last, source_sha256
"""


def find_payout(con: duckdb.DuckDBPyConnection, wanted: str) -> Row:
    """The row of fct_payout that `wanted` names. Raises InputError with the candidates when it names none or several."""
    wanted = composed(wanted)
    found = fetch(con, f"select * from fct_payout where starts_with(payout_id, lower(?)) or {_PATH} = ? limit 11", [wanted, wanted])
    exact = [row for row in found if wanted.lower() == row["payout_id"]] or found
    if wanted and len(exact) == 1:
        return exact[0]
    if wanted and exact:
        raise InputError([Problem("PAYOUT", 0, "", f"{wanted!r} is the beginning of several payouts; write more of the id:\n{_listed(exact)}")])
    likely = fetch(
        con,
        f"select *, starts_with({_PATH}, ?) as continues, greatest(jaro_winkler_similarity({_PATH}, ?), jaro_winkler_similarity(payout_id, ?)) as likeness"
        " from fct_payout where continues or likeness > 0.8 order by continues desc, likeness desc, payout_id limit 10",
        [wanted, wanted, wanted],
    )
    way_out = "Name it by id, by the beginning of its id, or by AGREEMENT/BENEFIT/PARTICIPANT/WINDOW_START"
    closest = f". Closest:\n{_listed(likely)}" if likely else "; without a name `tierledger explain` lists the largest"
    raise InputError([Problem("PAYOUT", 0, "", f"no published payout is called {wanted!r}. {way_out}{closest}")])


def _listed(rows: list[Row]) -> str:
    return "\n".join(f"  {r['payout_id']}  {r['agreement_id']}/{r['benefit_id']}/{r['participant_id']}/{r['window_start']}" for r in rows)


def _first(con: duckdb.DuckDBPyConnection, query: str, parameters: list[object]) -> Row:
    """The first row, or an empty one if the dimension has none."""
    return next(iter(fetch(con, query, parameters)), {})

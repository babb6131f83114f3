"""Figures that an engine refuses because they have too many digits: one message that names the payout or line.

Belongs here: recognising the refusal, and queries that find the figure after it. Does not belong here: what a payout earns
(models/calculation/earnings/bounds.py), widening types (dbt_project/macros/money.sql, payout_lines.sql). The queries compute in doubles, which no
figure is too large for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from assets.runtime.context import CheckFailed, RunContext
from assets.runtime.errors import SqlError
from assets.runtime.warehouse import open_warehouse
from models.feeds.row_places import name_place

CHECK = "figures_fit_their_columns"
_REFUSAL = re.compile(
    r"out of range|overflow|too large for|doesn't fit|casting value|could not cast|to `decimal\[\d+,\d+\]` failed",  # DuckDB's words, Polars' words
    re.IGNORECASE,
)
_WAY_OUT = "Look for a wrong decimal mark or unit in the amounts, quantities and rates it comes from"
_MONEY = "has more than 14 digits before the point (DECIMAL(18,4))"
_KEY = "concat_ws('/', agreement_id, benefit_id, participant_id, window_start)"

_ASSIGNED = """
    select format('the shares of {} in the assignments add up to {} parts, and at most 9 * 10^18 fit', partner_id, sum(share_parts)::varchar)
    from staging.stg_assignments group by partner_id having sum(share_parts)::double >= 9e18
    order by all limit 1"""
_LINE = """
    select format('of {} has more than 26 digits before the point: {} {} at a rate of {}', file_name, amount::varchar, currency, fx_rate::varchar),
        file_name, row_no, raw.find_line(file_no, row_no)
    from staging.stg_transactions as lines
    join intermediate.int_days_converted as days on lines.date = days.day and lines.currency = days.from_currency
    join raw.feed_files as files using (file_no)
    where greatest(abs(amount::double), abs(coalesce(cost, 0)::double)) * fx_rate::double >= 1e26
    order by file_name, row_no limit 1"""
_MEASURE = """
    select format('the lines of {} for {} add up to {:.3e}, and a figure has at most 26 digits before the point', agreement_id, participant_id, size)
    from (
        select line_set_key, participant_key,
            sum(greatest(abs(amount::double), abs(cost::double), abs(quantity::double), abs(attribute_value::double))) as size
        from intermediate.int_measures_summed group by all having size >= 1e24 order by size desc limit 1
    )
    join terms.line_sets using (line_set_key) join terms.agreements using (agreement_key)
    join intermediate.int_participants using (agreement_key, participant_key)"""
_REPORTED = f"""
    select format('payout_reporting of {{}} {_MONEY}: {{}} {{}} at a rate of {{}}', {_KEY}, payout::varchar, agreements.currency, rate::varchar)
    from intermediate.int_payouts_identified as identified
    join (select payout_key, window_end, payout from calc.payouts) as payouts using (payout_key)
    join terms.agreements as agreements using (agreement_key, agreement_id)
    cross join terms.settings as settings
    join intermediate.int_fx_rates_spanned as rates on agreements.currency = rates.from_currency and settings.currency = rates.to_currency
        and least(payouts.window_end, settings.as_of) between rates.first_day and rates.last_day
    where abs(payout::double) * rate::double >= 1e14
    order by all limit 1"""
_SETTLED = f"""
    select format('what is paid or open of {{}} {_MONEY}: payments add up to {{}}',
        concat_ws('/', agreement, benefit, participant_id, window_start), sum(amount)::varchar)
    from intermediate.int_payments_converted group by agreement, benefit, participant_id, window_start
    having greatest(abs(sum(amount)::double), max(abs(amount::double)), max(abs(paid_reporting::double))) >= 9e13
    order by all limit 1"""
_ACCRUED = f"""
    select format('the accrual of {{}} in {{}} {_MONEY}: {{}} of {{}} to date', {_KEY}, origin_period, accrual::varchar, accrued_to_date::varchar)
    from intermediate.int_accruals_posted where abs(accrual::double) + abs(accrued_to_date::double) >= 1e14
    order by abs(accrual::double) desc limit 1"""
_SHARED = f"""
    select format('the share of line {{}}/{{}} in {{}} {_MONEY}: {{:.3e}}, because the lines of the window nearly cancel each other out',
        transaction_id, line, {_KEY}, size)
    from (
        select payout_key, transaction_id, line, share_units::double * payout_unit / 10000 as size
        from intermediate.int_payout_lines_allocated join intermediate.int_payouts_to_allocate using (payout_key)
        order by abs(size) desc limit 1
    )
    join intermediate.int_payouts_identified using (payout_key)
    where abs(size) >= 1e14"""
_BEFORE = (_ASSIGNED, _LINE, _MEASURE)
_AFTER = (_REPORTED, _SETTLED, _ACCRUED, _SHARED, _MEASURE)
#: By step, queries that return the sentence about the figure that is too large, or nothing.
PROBES = {"prepare": _BEFORE, "calculate": _BEFORE, "net": _BEFORE, "marts": _AFTER, "checks": _AFTER, "publish": _AFTER}


@contextmanager
def naming_large_figures(context: RunContext, step: str) -> Iterator[None]:
    """Turn an engine's refusal of a figure in the block into CheckFailed with the payout or line, the bound and the way out."""
    try:
        yield
    except Exception as error:
        if step not in PROBES or not _is_refusal(error):
            raise
        words = next(line for line in str(error).splitlines() if _REFUSAL.search(line))
        raise CheckFailed(CHECK, f"{_find(context, step) or words.strip().rstrip('.')}. {_WAY_OUT}") from error


def _is_refusal(error: Exception) -> bool:
    is_of_an_engine = isinstance(error, duckdb.Error | SqlError | OverflowError) or type(error).__module__.startswith("polars")
    return is_of_an_engine and bool(_REFUSAL.search(str(error)))


def _find(context: RunContext, step: str) -> str | None:
    """The first sentence that a query finds. One whose tables are not made yet finds nothing."""
    with open_warehouse(context) as con:
        for query in PROBES[step]:
            try:
                found = con.execute(query).fetchone()
            except duckdb.Error:
                continue
            if found:
                sentence, *place = found
                return f"{name_place(*place)} {sentence}" if place else sentence
    return None

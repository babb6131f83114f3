"""The lines that a payout is made of, as the pack has them: read from the warehouse of the published run, with shares as exact fractions.

Belongs here: what published tables lack, such as which lines are of the measure, the base and the quantity, and lines of earlier days of a span that another
version credits anew. Does not belong here: what is published of lines (dbt_project/models/marts/payouts).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from assets.runtime.errors import rejection
from assets.transform.book_features import find_share_unit
from models.sql_text import identifier, literal

#: One row per payout, kind of figure and line set. own_first: the first period of the version's windows in the span. part_first, part_last: where terms
#: change within a window, the slots in which the lines of a version count.
_SETS = """
    create temp table line_sets_of_payouts as
    with payouts as (
        select payouts.*, identified.payout_id, benefits.series_key, benefits.agreement_key, benefits.share_measure, benefits.share_line_set_key,
            benefits.measure as over_measure, case when benefits.measure_over is not null then benefits.measure_line_set_key end as over_line_set_key,
            windows.prior_line_set_key, windows.measured_first_period as over_first, windows.measured_last_period as over_last
        from w.calc.payouts as payouts join w.terms.benefits as benefits using (benefit_key)
        join w.terms.windows as windows on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
        join w.intermediate.int_payouts_identified as identified using (payout_key)
        semi join memory.main.detailed_payout as wanted on identified.payout_id = wanted.payout_id
    ),
    spans as (
        select payouts.payout_key, min(earlier.first_period) as span_first,
            min(earlier.first_period) filter (earlier.agreement_key = payouts.agreement_key) as own_first
        from payouts join payouts as earlier
            on payouts.series_key = earlier.series_key and payouts.participant_key = earlier.participant_key
            and earlier.window_start between payouts.span_start and payouts.window_start
        group by payouts.payout_key
    ),
    starts as (
        select payouts.payout_key, max(periods.period_no) as span_period
        from payouts join w.terms.periods as periods on periods.first_day <= payouts.span_start group by payouts.payout_key
    )
    select payouts.payout_id, payouts.participant_key, payouts.over_first, payouts.over_last, payouts.first_period, payouts.last_period,
        starts.span_period, spans.own_first,
        coalesce(parts.first_period, 0) as part_first, coalesce(parts.last_period, payouts.last_period) as part_last,
        figure.name as figure, figure.line_set_key, case figure.name when 'over' then payouts.over_measure else payouts.share_measure end as measure_kind,
        coalesce(payouts.prior_line_set_key, payouts.share_line_set_key) as prior_line_set_key
    from payouts join spans using (payout_key) join starts using (payout_key)
    left join w.terms.window_parts as parts on payouts.benefit_key = parts.benefit_key and payouts.window_no = parts.window_no
    join w.terms.benefits as own on coalesce(parts.part_benefit_key, payouts.benefit_key) = own.benefit_key,
        unnest([
            {'name': 'quantity', 'line_set_key': own.line_set_key},
            {'name': 'measure', 'line_set_key': own.share_line_set_key},
            {'name': 'base', 'line_set_key': own.base_line_set_key},
            {'name': 'measure', 'line_set_key': payouts.prior_line_set_key},
            {'name': 'over', 'line_set_key': payouts.over_line_set_key}
        ]) as figures (figure)
    where figure.line_set_key is not null"""

_LINES = """
    create table {name} as
    with lines as (
        select sets.payout_id, lines.file_no, lines.row_no, lines.transaction_id, lines.line, lines.date, lines.partner_key, lines.product_key,
            lines.source_amount, lines.day_key, lines.share_parts, max(lines.attribute_millionths) as attribute_millionths,
            bool_or(sets.figure = 'measure') as is_in_measure, bool_or(sets.figure = 'base') as is_in_base, bool_or(sets.figure = 'quantity') as is_in_quantity,
            max(case when sets.figure in ('measure', 'over') then case sets.measure_kind
                when 'amount' then lines.amount_millionths * 1000000
                when 'margin' then (lines.amount_millionths - lines.cost_millionths) * 1000000
                when 'quantity' then {quantity_units}
                when 'attribute' then {attribute_units}
                when 'amount_times' then lines.amount_millionths::hugeint * lines.attribute_millionths
                when 'margin_times' then (lines.amount_millionths - lines.cost_millionths)::hugeint * lines.attribute_millionths
                when 'quantity_times' then sign({quantity_units} * lines.attribute_millionths)
                    * ((2 * abs({quantity_units} * lines.attribute_millionths) + 1000000) // 2000000)
                when 'count_times' then lines.attribute_millionths::hugeint * 1000000
                else 1000000000000 end end) as credited_units
        from line_sets_of_payouts as sets join w.intermediate.int_lines_measured as lines
            on sets.line_set_key = lines.line_set_key and sets.participant_key = lines.participant_key and {condition}
        group by all
    )
    select lines.payout_id, lines.transaction_id, lines.line, rows.original_transaction_id, lines.date,
        days.day as counted_date, {counts_as} as counts_as_date, partners.partner_id, products.product_id,
        lines.source_amount as amount, days.from_currency as currency, days.fx_rate, days.inverted_rate, rows.type, rows.quantity, rows.cost,
        cast(cast(lines.attribute_millionths as decimal(38, 0)) * 0.000001::decimal(7, 6) as decimal(38, 12)) as measured_value,
        case when lines.share_parts % ({unit} // 1000000) = 0
            then cast(cast(lines.share_parts // ({unit} // 1000000) as decimal(18, 0)) * 0.000001::decimal(7, 6) as decimal(18, 6))::varchar
            else concat(lines.share_parts // gcd(lines.share_parts, {unit}), '/', {unit} // gcd(lines.share_parts, {unit})) end as share,
        {other_columns} as other_columns, lines.is_in_measure, lines.is_in_base, lines.is_in_quantity,
        cast(cast(lines.credited_units as decimal(38, 0)) * 0.000000000001::decimal(13, 12) as decimal(38, 12)) as credited_measure,
        files.file_name as source_file, files.sha256 as source_sha256, lines.row_no as source_row,
        case when files.lines_before is null then null
            else coalesce(row_lines.line, files.lines_before + (lines.row_no - 1) // files.rows_per_row + 1) end as source_line
    from lines join w.raw.transactions as rows on lines.file_no = rows.file_no and lines.row_no = rows.row_no
    left join w.intermediate.int_days_converted as days on lines.day_key = days.day_key
    left join w.raw.feed_files as files on lines.file_no = files.file_no
    left join w.raw.row_lines as row_lines on lines.file_no = row_lines.file_no and lines.row_no = row_lines.row_no
    left join (select distinct partner_key, partner_id from w.staging.stg_partners) as partners on lines.partner_key = partners.partner_key
    left join (select distinct product_key, product_id from w.staging.stg_products) as products on lines.product_key = products.product_key"""
#: The part of a line's quantity or attribute that its share credits, in 10^-12, a half away from zero (dbt_project/macros/language.sql).
_CREDITED_UNITS = """
    (sign({column}) * ((2 * abs({column}::hugeint) * lines.share_parts * 1000000 + {unit}) // (2 * {unit})))"""
_IN_PART = "sets.figure <> 'over' and lines.is_in_term and lines.period_no between sets.part_first and sets.part_last"
_CONDITIONS = {
    "memory.main.lines_of_windows": f"{_IN_PART} and lines.period_no between sets.first_period and sets.last_period",
    "memory.main.fct_span_line": f"{_IN_PART} and lines.period_no >= sets.span_period and lines.period_no < sets.own_first",
    "memory.main.fct_prior_line": "lines.prior_period_no between sets.span_period and sets.last_period and sets.figure = 'measure' "
    "and sets.line_set_key = sets.prior_line_set_key",
    "memory.main.fct_over_line": "sets.figure = 'over' and lines.is_in_term and lines.period_no between sets.over_first and sets.over_last",
}
_OWN = """
    create table fct_payout_line as
    with shared as (
        select payout_id, source_sha256, source_row, tier, credited_measure, line_payout from published_line where source_row is not null
    )
    select lines.* replace (coalesce(shared.credited_measure, lines.credited_measure) as credited_measure), coalesce(shared.tier, 0) as tier,
        coalesce(shared.line_payout, 0)::decimal(18, 4) as line_payout
    from lines_of_windows as lines left join shared using (payout_id, source_sha256, source_row)
    union all by name
    select payout_id, tier, cast(0 as decimal(38, 12)) as credited_measure, line_payout
    from published_line semi join detailed using (payout_id) anti join lines_of_windows using (payout_id, source_sha256, source_row)"""
_MADE_ALONG = ("lines_of_windows", "detailed_payout")


def add_unpublished(con: duckdb.DuckDBPyConnection, book: Path, run_id: str) -> set[str]:
    """Make the tables of lines, with the rows of the payouts in `detailed`, and return their names.

    The view `published_line` is the table of lines as it is published. Raises InputError where the warehouse is not of the published run.
    """
    try:
        con.execute(f"attach {literal(str(book / 'warehouse.duckdb'))} as w (read_only)")
        (found,) = con.execute("select run_id from w.calc.current_run").fetchone() or ("",)
    except duckdb.Error as error:
        raise rejection("warehouse.duckdb", f"cannot be read ({error}); wait for the run in progress, or `tierledger run` first") from None
    if found != run_id:
        raise rejection("warehouse.duckdb", "is not of the published run; `tierledger run --force` publishes again")
    con.execute("alter view fct_payout_line rename to published_line")
    con.execute("create table detailed_payout as from detailed")
    con.execute("use w")  # its views name tables without the database
    con.execute(_SETS)
    unit = find_share_unit(con)
    shared = {"other_columns": _other_columns(con)} | {
        f"{name}_units": _CREDITED_UNITS.format(column=f"lines.{name}_millionths", unit=unit) for name in ("quantity", "attribute")
    }
    for name, condition in _CONDITIONS.items():
        counts_as = "days.counts_as" if "prior" in name else "days.day"
        con.execute(_LINES.format(name=name, condition=condition, counts_as=counts_as, unit=unit, **shared))
    con.execute("use memory.main")
    con.execute("detach w")
    con.execute(_OWN)
    for name in _MADE_ALONG:
        con.execute(f"drop table {name}")
    return {"fct_payout_line", "fct_span_line", "fct_prior_line", "fct_over_line"}


def _other_columns(con: duckdb.DuckDBPyConnection) -> str:
    """What a line has in the further columns of the transactions that agreements name, as JSON."""
    columns = [name.removeprefix("attribute:") for name, *_ in con.execute("describe w.raw.transactions").fetchall() if name.startswith("attribute:")]
    named = "select name from unnest($1) as columns (name) where exists (from w.terms.benefits where contains(definition, '\"' || name || '\"')) order by all"
    names = [name for (name,) in con.execute(named, [columns]).fetchall()]
    values = ", ".join(f"{literal(name)}, rows.{identifier(f'attribute:{name}')}" for name in names)
    return f"json_object({values})::varchar" if names else "null::varchar"

"""Lines in their order, for curves that look at them: runs of lines in placed pools, and every line where each is paid by itself.

Belongs here: the query. Does not belong here: slices (models/calculation/places/placed_slices.py), what a line is paid (line_payments.py there).
"""

from __future__ import annotations


def _decimal(units: str, decimals: int) -> str:
    return f"cast(cast(sum({units}) as decimal(38, 0)) * cast(0.{'0' * (decimals - 1)}1 as decimal({decimals + 1}, {decimals})) as decimal(38, {decimals}))"


def _credited(column: str) -> str:
    """The part of a line's quantity or attribute that its share credits, in 10^-12; thirds of it are rounded."""
    return f"(sign({column}) * ((2000000 * abs(cast({column} as hugeint)) * share_parts + share_unit) // (2 * share_unit)))"


_QUANTITY = _credited("quantity_millionths")
_FACTOR = "cast(attribute_millionths as hugeint) * 1000000"
_REST = f"{_QUANTITY} * ({_FACTOR} % 1000000000000)"
#: What a line brings to a measured attribute, or to a sum whose lines are multiplied by one, in 10^-12: as macros/language.sql has it.
_ATTRIBUTE = f"""case multiplied
        when 'amount' then cast(amount_millionths as hugeint) * attribute_millionths
        when 'margin' then cast(amount_millionths - cost_millionths as hugeint) * attribute_millionths
        when 'count' then {_FACTOR}
        when 'quantity' then {_QUANTITY} * ({_FACTOR} // 1000000000000)
            + sign({_REST}) * ((abs({_REST}) + 500000000000) // 1000000000000)
        else {_credited("attribute_millionths")} end"""
#: How many parts a line has (book_features.find_share_unit).
_UNIT = """
    select list_reduce(list_prepend(1000000::bigint, coalesce(list(distinct split_part(share, '/', 2)::bigint), [])), lambda x, y: lcm(x, y)) as share_unit
    from (select share from raw.assignments union select share from raw.credits) where contains(share, '/')"""
#: The lines of benefits that pay each of them, with their places in the order of a participant's lines. {table}: the lines.
LINES = f"""
    with line_sets as (
        select distinct line_sets.line_set_key, line_sets.multiplied
        from terms.line_sets as line_sets
        join terms.benefits as benefits on line_sets.line_set_key in (benefits.line_set_key, benefits.measure_line_set_key, benefits.base_line_set_key)
        where benefits.slices = 'by_line' or benefits.method = 'running'
    ),
    lines as (
        select
            lines.*,
            line_sets.multiplied,
            share_unit,
            dense_rank() over (
                partition by participant_key order by lines.date, lines.transaction_id, lines.line, lines.file_no, lines.row_no
            ) as place
        from intermediate.{{table}} as lines
        join line_sets using (line_set_key)
        cross join ({_UNIT})
        where lines.is_in_term
    )
    select
        line_set_key, participant_key, period_no, 2 * place as place, date, file_no, row_no,
        {_decimal("amount_millionths", 6)} as amount,
        {_decimal("cost_millionths", 6)} as cost,
        {_decimal(_QUANTITY, 12)} as quantity,
        {_decimal(_ATTRIBUTE, 12)} as attribute_value,
        count(*) as line_count
    from lines
    group by line_set_key, participant_key, period_no, place, date, file_no, row_no
    order by line_set_key, participant_key, place"""
#: One row per run: lines of one member and period that follow each other. {table}: the lines.
RUNS = f"""
    with line_sets as (
        select distinct line_sets.line_set_key, line_sets.multiplied
        from terms.line_sets as line_sets
        join terms.benefits as benefits on line_sets.line_set_key = benefits.measure_line_set_key
        join terms.agreements as agreements on benefits.agreement_key = agreements.agreement_key
        where pool = 'placed' and method = 'graduated'
    ),
    lines as (
        select
            lines.*,
            line_sets.multiplied,
            share_unit,
            row_number() over (
                partition by line_set_key order by lines.date, lines.transaction_id, lines.line, lines.file_no, lines.row_no, members.partner_id
            ) as place
        from intermediate.{{table}} as lines
        join line_sets using (line_set_key)
        join staging.stg_partner_keys as members on lines.participant_key = members.partner_key
        cross join ({_UNIT})
        where lines.is_in_term
    ),
    numbered as (
        select *, place - row_number() over (partition by line_set_key, participant_key, period_no order by place) as run from lines
    )
    select
        line_set_key, participant_key, period_no, min(place) as place,
        {_decimal("amount_millionths", 6)} as amount,
        {_decimal("cost_millionths", 6)} as cost,
        {_decimal(_QUANTITY, 12)} as quantity,
        {_decimal(_ATTRIBUTE, 12)} as attribute_value,
        count(*) as line_count
    from numbered
    group by line_set_key, participant_key, period_no, run
    order by line_set_key, place"""

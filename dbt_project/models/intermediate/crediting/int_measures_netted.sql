{{ config(tags=["net_of"]) }}
with

-- this year's lines, and those of the prior year in the period that they count into
lines as (
    select
        line_set_key,
        participant_key,
        period_no,
        false as is_prior,
        false as is_after_as_of,
        amount_millionths,
        cost_millionths,
        quantity_millionths,
        attribute_millionths,
        share_parts,
        {{ group_of_sum("") }}
    from {{ ref("int_lines_netted") }}
    where is_in_term
    union all
    select
        lines.line_set_key,
        lines.participant_key,
        lines.prior_period_no,
        true,
        days.is_after_as_of,
        lines.amount_millionths,
        lines.cost_millionths,
        lines.quantity_millionths,
        lines.attribute_millionths,
        lines.share_parts,
        {{ group_of_sum("lines") }}
    from {{ ref("int_lines_netted") }} as lines
    inner join {{ ref("int_days_converted") }} as days on lines.day_key = days.day_key
    where lines.prior_period_no is not null
),

summed as (
    select line_set_key, participant_key, period_no, is_prior, is_after_as_of, group_value, {{ sums_of_lines() }}
    from lines
    group by line_set_key, participant_key, period_no, is_prior, is_after_as_of, group_value
)

select {{ measured_sum() }}
from summed
inner join {{ source("terms", "line_sets") }} as line_sets on summed.line_set_key = line_sets.line_set_key

with

lines as (
    select * from {{ ref("int_lines_credited") }}
),

dated as (
    select basis_key, participant_key, period_no, false as is_prior, amount_millionths, cost_millionths, quantity_millionths, share_millionths
    from lines
    where is_in_term
    union all
    select basis_key, participant_key, prior_period_no, true, amount_millionths, cost_millionths, quantity_millionths, share_millionths
    from lines
    where prior_period_no is not null
)

select
    basis_key,
    participant_key,
    period_no,
    is_prior,
    {{ as_decimal("sum(amount_millionths)", 6) }} as amount,
    {{ as_decimal("sum(cost_millionths)", 6) }} as cost,
    {{ as_decimal("sum(cast(quantity_millionths as hugeint) * share_millionths)", 12) }} as quantity,
    count(*) as line_count,
    count(*) filter (where amount_millionths is null) as missing_rates,
    -- without a rate there is no cost either: that is one thing missing, not two
    count(*) filter (where cost_millionths is null and amount_millionths is not null) as missing_costs,
    count(*) filter (where quantity_millionths is null) as missing_quantities
from dated
group by basis_key, participant_key, period_no, is_prior

with

lines as (
    select * from {{ ref("int_lines_credited") }}
),

dated as (
    select basis_key, participant_key, period_no, false as is_prior, amount, cost, source_quantity, share
    from lines
    where is_in_term
    union all
    select basis_key, participant_key, prior_period_no, true, amount, cost, source_quantity, share
    from lines
    where prior_period_no is not null
)

select
    basis_key,
    participant_key,
    period_no,
    is_prior,
    sum(amount) as amount,
    sum(cost) as cost,
    -- up to 6 decimals each: their product is exact
    sum(source_quantity * share) as quantity,
    count(*) as line_count,
    count(*) filter (where amount is null) as missing_rates,
    -- without a rate there is no cost either: that is one thing missing, not two
    count(*) filter (where cost is null and amount is not null) as missing_costs,
    count(*) filter (where source_quantity is null) as missing_quantities
from dated
group by basis_key, participant_key, period_no, is_prior

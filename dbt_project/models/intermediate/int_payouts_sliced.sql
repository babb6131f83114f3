-- graduated payouts: the parts of the measure axis, counted from where the window begins, and what each pays for a unit of the measure.
-- Below the first threshold (tier 0) nothing. Without an end a slice holds whatever lies beyond.
with

due as (
    select * from {{ ref("int_payouts_due") }}
    where is_graduated and window_measure > 0
),

thresholds as (
    select
        due.payout_key,
        tiers.tier,
        {{ units("case due.by_axis
            when 'attainment' then tiers.from_value * due.target
            when 'growth' then (1 + tiers.from_value) * due.baseline
            when 'growth_amount' then due.baseline + tiers.from_value
            else tiers.from_value
        end - due.span_measure_before") }} as from_units,
        coalesce(tiers.rate, 0) + coalesce(tiers.per_unit, 0) as rate
    from due
    inner join {{ source("terms", "tiers") }} as tiers on due.benefit_key = tiers.benefit_key
),

-- whole numbers in the proportion of the rates, as small as their decimals allow, so that products of them stay in 128 bits
scaled as (
    select payout_key, power(10, max(length(rtrim(split_part(cast(rate as varchar), '.', 2), '0')))) as scale
    from thresholds
    group by payout_key
),

weighing as (
    select thresholds.*, cast(thresholds.rate * cast(scaled.scale as decimal(13, 0)) as hugeint) as weight_per_unit
    from thresholds
    inner join scaled on thresholds.payout_key = scaled.payout_key
),

below as (
    select payout_key, 0 as tier, cast(null as hugeint) as from_units, min(from_units) as to_units, cast(0 as hugeint) as weight_per_unit
    from thresholds
    group by payout_key
)

select
    payout_key,
    tier,
    from_units,
    lead(from_units) over (partition by payout_key order by tier) as to_units,
    weight_per_unit
from weighing
union all
select * from below

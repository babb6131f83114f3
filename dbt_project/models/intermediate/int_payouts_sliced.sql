-- graduated payouts: the parts of the measure axis, counted from where the window begins, and what each pays for a unit of the measure.
-- Below the first threshold (tier 0) nothing. Without an end a slice holds whatever lies beyond.
with

due as (
    select * from {{ ref("int_payouts_due") }}
    where is_graduated and window_measure > 0
),

-- prorated: × days of the window / days of the calendar's whole one
placed as (
    select
        due.payout_key,
        due.by_axis,
        due.target,
        due.baseline,
        due.span_measure_before,
        tiers.tier,
        case when due.has_thresholds_prorated
            then cast({{ round_ratio(
                units("tiers.from_value") ~ " * (windows.window_end - windows.window_start + 1)", "(windows.whole_end - windows.whole_start + 1)"
            ) }} as decimal(38, 0)) * cast(0.000000000001 as decimal(13, 12))
            else tiers.from_value
        end as from_value,
        coalesce(tiers.rate, 0) + coalesce(tiers.per_unit, 0) as rate,
        coalesce(tiers.share, 0) as share
    from due
    inner join {{ source("terms", "tiers") }} as tiers on due.benefit_key = tiers.benefit_key
    inner join {{ source("terms", "windows") }} as windows on due.benefit_key = windows.benefit_key and due.window_no = windows.window_no
),

thresholds as (
    select
        payout_key,
        tier,
        {{ units("case by_axis
            when 'attainment' then from_value * target
            when 'growth' then (1 + from_value) * baseline
            when 'growth_amount' then baseline + from_value
            else from_value
        end - span_measure_before") }} as from_units,
        -- tiers that pay shares of the incentive alone weigh by them
        case when max(rate) over (partition by payout_key) > 0 then rate else share end as rate
    from placed
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

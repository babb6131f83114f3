{% set base_per_measure = round_ratio(units("base") ~ " * cast(100000000000000 as hugeint)", units("measure")) %}
{% set quantity_per_measure = round_ratio(units("quantity") ~ " * cast(100000000000000 as hugeint)", units("measure")) %}
{% set incentive_per_measure = round_ratio(
    units("incentive") ~ " * cast(100000000000000 as hugeint)", units("case by_axis when 'attainment' then target when 'growth' then baseline else 1 end")
) %}
-- graduated payouts: the parts of the measure axis, counted from where the window begins, and what each pays for a unit of the measure.
-- Below the first threshold (tier 0) nothing. Without an end a slice holds whatever lies beyond.
with

payouts as (
    select * from {{ ref("int_payouts_to_allocate") }}
    where is_graduated and window_measure > 0
),

-- prorated: × days of the window / days of the calendar's whole one
placed as (
    select
        payouts.payout_key,
        payouts.by_axis,
        payouts.target,
        payouts.baseline,
        payouts.span_measure_before,
        tiers.tier,
        case when payouts.has_thresholds_prorated
            then cast({{ round_ratio(
                units("tiers.from_value") ~ " * (windows.window_end - windows.window_start + 1)", "(windows.whole_end - windows.whole_start + 1)"
            ) }} as decimal(38, 0)) * cast(0.000000000001 as decimal(13, 12))
            else tiers.from_value
        end as from_value,
        coalesce(tiers.rate, 0) as rate,
        coalesce(tiers.per_unit, 0) as per_unit,
        coalesce(tiers.share, 0) as share,
        payouts.measure,
        payouts.base,
        payouts.quantity,
        payouts.incentive
    from payouts
    inner join {{ source("terms", "tiers") }} as tiers on payouts.benefit_key = tiers.benefit_key
    inner join {{ source("terms", "windows") }} as windows on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
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
        -- one pay form: its values are the proportion
        rate + per_unit + share as value,
        cast(max(rate) over tiers > 0 as integer)
        + cast(max(abs(per_unit)) over tiers > 0 as integer)
        + cast(max(abs(share)) over tiers > 0 as integer) > 1 as is_mixed,
        -- several: what each pays for a unit of the measure, in 10^-26
        case when measure > 0 then
            {{ units("rate") }} * {{ base_per_measure }} + {{ units("per_unit") }} * {{ quantity_per_measure }}
            + coalesce({{ units("share") }} * {{ incentive_per_measure }}, 0)
        else 0 end as paid_per_unit
    from placed
    window tiers as (partition by payout_key)
),

-- whole numbers in that proportion, as small as their decimals allow (one form) or of fourteen digits (several), so that products stay in 128 bits
scaled as (
    select
        payout_key,
        power(10, max(length(rtrim(split_part(cast(value as varchar), '.', 2), '0')))) as scale,
        greatest(max(abs(paid_per_unit)) // cast(100000000000000 as hugeint), 1) as step
    from thresholds
    group by payout_key
),

weighing as (
    select
        thresholds.*,
        case when is_mixed
            then {{ round_ratio("paid_per_unit", "scaled.step") }}
            else cast(thresholds.value * cast(scaled.scale as decimal(13, 0)) as hugeint)
        end as weight_per_unit
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

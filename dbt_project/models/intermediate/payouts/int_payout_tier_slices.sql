-- graduated payouts: the parts of the measure axis, counted from where the window begins, and what each pays for a unit of the measure.
-- Below the first threshold (tier 0) nothing. Without an end a slice holds whatever lies beyond. Where only lump amounts are paid, the measure is the weight.
with

payouts as (
    select
        payout_key,
        benefit_key,
        days,
        of_days,
        by_axis,
        has_thresholds_prorated,
        measure_every,
        window_units,
        {{ units("measure") }} as measure_units,
        {{ units("base") }} as base_units,
        {{ units("quantity") }} as quantity_units,
        {{ units("target") }} as target_units,
        {{ units("baseline") }} as baseline_units,
        {{ units("incentive") }} as incentive_units,
        {{ units("span_measure_before") }} as units_before
    from {{ ref("int_payouts_measured") }}
    where is_graduated
),

-- prorated: × the days that count / days of the calendar's whole window
placed as (
    select
        payouts.*,
        tiers.tier,
        case when payouts.has_thresholds_prorated
            then {{ round_ratio(
                units("tiers.from_value") ~ " * payouts.days", "cast(payouts.of_days as hugeint)"
            ) }}
            else {{ units("tiers.from_value") }}
        end as from_units,
        coalesce(tiers.rate, 0) as rate,
        coalesce(tiers.per_unit, 0) as per_unit,
        coalesce(tiers.share, 0) as share
    from payouts
    inner join {{ source("terms", "tiers") }} as tiers on payouts.benefit_key = tiers.benefit_key
),

thresholds as (
    select
        payout_key,
        tier,
        window_units,
        greatest(abs(measure_units), abs(window_units)) as size_units,
        case by_axis
            when 'attainment' then {{ product_of_units("from_units", "target_units") }}
            when 'growth' then {{ product_of_units("(1000000000000 + from_units)", "baseline_units") }}
            when 'growth_amount' then baseline_units + from_units
            -- lines measure the sum of which multiples are counted
            else case when measure_every is null then from_units else {{ product_of_units("from_units", units("measure_every")) }} end
        end - units_before as from_units,
        -- a threshold without an end is cut after twelve decimals
        case by_axis
            when 'attainment' then from_units * (target_units % 1000000000000) % 1000000000000 <> 0
            when 'growth' then (1000000000000 + from_units) * (baseline_units % 1000000000000) % 1000000000000 <> 0
            else false
        end as is_cut,
        -- one pay form: its values are the proportion
        rate + per_unit + share as value,
        cast(max(rate) over tiers > 0 as integer)
        + cast(max(abs(per_unit)) over tiers > 0 as integer)
        + cast(max(abs(share)) over tiers > 0 as integer) > 1 as is_mixed,
        -- several: what each pays for a unit of the measure, in 10^-26
        case when measure_units > 0 then
            {{ units("rate") }} * {{ weight_of_ratio("base_units", "measure_units") }}
            + {{ units("per_unit") }} * {{ weight_of_ratio("quantity_units", "measure_units") }}
            + coalesce({{ units("share") }} * {{ weight_of_ratio(
                "incentive_units", "(case by_axis when 'attainment' then target_units when 'growth' then baseline_units else 1000000000000 end)"
            ) }}, 0)
        else 0 end as paid_per_unit
    from placed
    window tiers as (partition by payout_key)
),

-- whole numbers in that proportion, as small as their decimals allow
decimals as (
    select payout_key, cast(power(10, 12 - max(length(rtrim(split_part(cast(value as varchar), '.', 2), '0')))) as hugeint) as grain
    from thresholds
    group by payout_key
),

proportional as (
    select thresholds.*, case when is_mixed then paid_per_unit else {{ units("value") }} // decimals.grain end as weight
    from thresholds
    inner join decimals on thresholds.payout_key = decimals.payout_key
),

-- of fourteen digits at most, and the measure in units so coarse that a product stays in 128 bits, however the lines of a window go up and down
scaled as (
    select
        payout_key,
        greatest(max(abs(weight)) // cast(100000000000000 as hugeint), 1) as step,
        cast(power(10, greatest(0, length(cast(max(size_units) as varchar)) + least(15, length(cast(max(abs(weight)) as varchar))) - 35)) as hugeint)
            as coarse_units
    from proportional
    group by payout_key
),

weighing as (
    select
        proportional.payout_key,
        proportional.tier,
        proportional.from_units,
        proportional.window_units,
        {{ round_ratio("proportional.weight", "scaled.step") }} as weight_per_unit,
        scaled.coarse_units,
        proportional.is_mixed,
        not proportional.is_mixed and not proportional.is_cut and scaled.step = 1 and scaled.coarse_units = 1 as has_exact_weight
    from proportional
    inner join scaled on proportional.payout_key = scaled.payout_key
),

slices as (
    select *, lead(from_units) over (partition by payout_key order by tier) as to_units
    from weighing
    union all by name
    select
        payout_key,
        0 as tier,
        min(from_units) as to_units,
        any_value(window_units) as window_units,
        cast(0 as hugeint) as weight_per_unit,
        any_value(coarse_units) as coarse_units,
        any_value(is_mixed) as is_mixed,
        true as has_exact_weight
    from weighing
    group by payout_key
),

-- the weight of all lines of the window together: they go from 0 to its measure
totals as (
    select
        payout_key,
        sum({{ weight_between(clamped("0::hugeint"), clamped("slices.window_units")) }}) as weight_total,
        bool_and(has_exact_weight) as has_exact_weights
    from slices
    group by payout_key
)

select
    slices.payout_key,
    slices.tier,
    slices.from_units,
    slices.to_units,
    case when totals.weight_total > 0 then slices.weight_per_unit else 1 end as weight_per_unit,
    case when totals.weight_total > 0 then slices.coarse_units else 1 end as coarse_units,
    case when totals.weight_total > 0 then totals.weight_total else slices.window_units end as weight_total,
    totals.weight_total > 0 and totals.has_exact_weights as has_exact_weights,
    slices.is_mixed
from slices
inner join totals on slices.payout_key = totals.payout_key

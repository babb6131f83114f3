{#
  Computed once, while it is published: a view. Integers throughout: the payout in minor units, measures in millionths, or in 10^-12
  where a quantity or a threshold needs it.
#}
with

payouts as (
    select * from {{ source("calc", "payouts") }}
    where payout <> 0
),

benefits as (
    select * from {{ source("terms", "benefits") }}
),

agreements as (
    select * from {{ source("terms", "agreements") }}
),

lines as (
    select * from {{ ref("int_lines_credited") }}
    where is_in_term
),

summed as (
    select * from {{ ref("int_measures_summed") }}
    where not is_prior
),

due as (
    select
        payouts.*,
        benefits.basis_key,
        benefits.measure as measure_kind,
        benefits.method = 'graduated' as is_graduated,
        benefits.by_axis,
        cast(payouts.payout * cast(power(10, agreements.minor_units) as decimal(5, 0)) as bigint) as payout_units,
        agreements.minor_units
    from payouts
    inner join benefits on payouts.benefit_key = benefits.benefit_key
    inner join agreements on benefits.agreement_key = agreements.agreement_key
),

-- one row per payout × period: joined to lines and sums by equality
due_periods as (
    select due.payout_key, due.basis_key, due.participant_key, due.measure_kind, due.is_graduated, periods.period_no
    from due
    inner join {{ source("terms", "periods") }} as periods on periods.period_no between due.first_period and due.last_period
),

totals as (
    select
        due_periods.payout_key,
        sum({{ measure_of("due_periods.measure_kind", "summed", "summed.quantity", "summed.line_count") }}) as measure
    from due_periods
    inner join summed
        on due_periods.basis_key = summed.basis_key
        and due_periods.participant_key = summed.participant_key
        and due_periods.period_no = summed.period_no
    group by due_periods.payout_key
),

shareable as (
    select due.*, totals.measure as measure_total
    from due
    inner join totals on due.payout_key = totals.payout_key
    where totals.measure > 0
),

running as (
    select
        due_periods.payout_key,
        due_periods.is_graduated,
        lines.file_no,
        lines.row_no,
        lines.transaction_id,
        lines.line,
        lines.date,
        lines.partner_key,
        lines.product_key,
        lines.source_amount,
        lines.day_key,
        coalesce({{ measure_of("due_periods.measure_kind", "lines", "lines.source_quantity * lines.share", "1") }}, 0) as measure,
        sum({{ measure_of("due_periods.measure_kind", "lines", "lines.source_quantity * lines.share", "1") }}) over (
            partition by due_periods.payout_key
            order by lines.date, lines.transaction_id, lines.line, lines.file_no, lines.row_no
            rows between unbounded preceding and current row
        ) as measure_to_here
    from due_periods
    inner join lines
        on due_periods.basis_key = lines.basis_key
        and due_periods.participant_key = lines.participant_key
        and due_periods.period_no = lines.period_no
    where due_periods.payout_key in (select payout_key from shareable)
),

proportional as (
    select
        running.payout_key,
        running.file_no,
        running.row_no,
        running.transaction_id,
        running.line,
        running.date,
        running.partner_key,
        running.product_key,
        running.source_amount,
        running.day_key,
        shareable.tier,
        running.measure as credited_measure,
        shareable.payout_units,
        shareable.minor_units,
        {{ units("running.measure_to_here") }} as weight_to_here,
        {{ units("running.measure") }} as weight,
        {{ units("shareable.measure_total") }} as weight_total
    from running
    inner join shareable on running.payout_key = shareable.payout_key
    where not running.is_graduated
),

-- graduated: the parts of the measure axis, with what each pays for a unit of the measure; below the first threshold nothing
thresholds as (
    select
        shareable.payout_key,
        shareable.span_measure_before,
        tiers.tier,
        cast(case shareable.by_axis
            when 'attainment' then tiers.from_value * shareable.target
            when 'growth' then (1 + tiers.from_value) * shareable.baseline
            when 'growth_amount' then shareable.baseline + tiers.from_value
            else tiers.from_value
        end as decimal(38, 12)) as from_measure,
        coalesce(tiers.rate, 0) + coalesce(tiers.per_unit, 0) as rate
    from shareable
    inner join {{ source("terms", "tiers") }} as tiers on shareable.benefit_key = tiers.benefit_key
    where shareable.is_graduated
),

slices as (
    select
        payout_key,
        span_measure_before,
        tier,
        from_measure,
        lead(from_measure) over (partition by payout_key order by tier) as to_measure,
        rate
    from thresholds
    union all
    select payout_key, any_value(span_measure_before), 0, null, min(from_measure), 0
    from thresholds
    group by payout_key
),

placed as (
    select
        running.*,
        slices.tier,
        slices.rate,
        {{ clamped("slices.span_measure_before + running.measure_to_here") }}
        - {{ clamped("slices.span_measure_before + running.measure_to_here - running.measure") }} as slice,
        -- a line of measure 0 stands in the slice that the running measure has reached
        running.measure = 0
        and slices.span_measure_before + running.measure_to_here >= coalesce(slices.from_measure, slices.span_measure_before + running.measure_to_here)
        and (slices.to_measure is null or slices.span_measure_before + running.measure_to_here < slices.to_measure) as is_place_of_nothing
    from running
    inner join slices on running.payout_key = slices.payout_key
    where running.is_graduated
),

weighted as (
    select *, slice * rate as weight
    from placed
    where slice <> 0 or is_place_of_nothing
),

weighted_running as (
    select
        *,
        sum(weight) over in_order as weight_to_here,
        sum(slice) over in_order as slices_to_here,
        sum(weight) over whole as weight_total,
        sum(slice) over whole as slices_total
    from weighted
    window
        in_order as (
            partition by payout_key order by date, transaction_id, line, file_no, row_no, tier rows between unbounded preceding and current row
        ),
        whole as (
            partition by payout_key order by date, transaction_id, line, file_no, row_no, tier rows between unbounded preceding and unbounded following
        )
),

graduated as (
    select
        weighted_running.payout_key,
        file_no,
        row_no,
        transaction_id,
        line,
        date,
        partner_key,
        product_key,
        source_amount,
        day_key,
        weighted_running.tier,
        slice as credited_measure,
        shareable.payout_units,
        shareable.minor_units,
        {{ units("case when weight_total > 0 then weight_to_here else slices_to_here end") }} as weight_to_here,
        {{ units("case when weight_total > 0 then weight else slice end") }} as weight,
        {{ units("case when weight_total > 0 then weight_total else slices_total end") }} as weight_total
    from weighted_running
    inner join shareable on weighted_running.payout_key = shareable.payout_key
),

weighed as (
    select * from proportional
    union all
    select * from graduated
),

shared as (
    select
        *,
        {{ round_ratio("(cast(payout_units as hugeint) * weight_to_here)", "weight_total") }}
        - {{ round_ratio("(cast(payout_units as hugeint) * (weight_to_here - weight))", "weight_total") }} as share_units
    from weighed
),

with_lines as (
    select
        shared.payout_key,
        shared.transaction_id,
        shared.line,
        shared.date,
        partners.partner_id,
        products.product_id,
        shared.source_amount as amount,
        days.from_currency as currency,
        days.fx_rate,
        shared.tier,
        shared.credited_measure,
        shared.share_units,
        shared.minor_units,
        files.file_name as source_file,
        files.sha256 as source_sha256,
        shared.row_no as source_row
    from shared
    inner join {{ source("raw", "feed_files") }} as files on shared.file_no = files.file_no
    inner join (select distinct partner_key, partner_id from {{ ref("stg_partners") }}) as partners on shared.partner_key = partners.partner_key
    inner join {{ ref("int_days_converted") }} as days on shared.day_key = days.day_key
    left join {{ ref("stg_products") }} as products on shared.product_key = products.product_key
),

-- nothing to share by: the payout stands alone
without_lines as (
    select
        due.payout_key,
        null as transaction_id,
        null as line,
        null as date,
        null as partner_id,
        null as product_id,
        null as amount,
        null as currency,
        null as fx_rate,
        due.tier,
        coalesce(totals.measure, 0) as credited_measure,
        due.payout_units as share_units,
        due.minor_units,
        null as source_file,
        null as source_sha256,
        null as source_row
    from due
    left join totals on due.payout_key = totals.payout_key
    where coalesce(totals.measure, 0) <= 0
),

payout_lines as (
    select * from with_lines
    union all
    select * from without_lines
)

select
    identified.payout_id,
    payout_lines.transaction_id,
    payout_lines.line,
    payout_lines.date,
    payout_lines.partner_id,
    payout_lines.product_id,
    payout_lines.amount,
    payout_lines.currency,
    payout_lines.fx_rate,
    payout_lines.tier,
    cast(payout_lines.credited_measure as decimal(38, 12)) as credited_measure,
    cast({{ from_minor_units("payout_lines.share_units", "cast(power(10, 6 - payout_lines.minor_units) as bigint)") }} as decimal(18, 4)) as line_payout,
    payout_lines.source_file,
    payout_lines.source_sha256,
    payout_lines.source_row
from payout_lines
inner join {{ ref("int_payouts_identified") }} as identified on payout_lines.payout_key = identified.payout_key

-- what fct_payout_line shares out, and what the lines of its window measure
with

payouts as (
    select * from {{ source("calc", "payouts") }}
    where payout <> 0
),

summed as (
    select * from {{ ref("int_measures_summed") }}
    where not is_prior
    {% if var("book").has_nets %}
    union all
    select * from {{ ref("int_measures_netted") }}
    where not is_prior
    {% endif %}
),

-- what windows bring along from before the book began, each like a line
opened as (
    select agreement, benefit, participant_id, window_start, measure, hash(file_no, row_no, date, measure) as opening_digest
    from {{ ref("stg_balances") }}
    where waits_for is null and measure <> 0
),

to_allocate as (
    select
        payouts.payout_key,
        identified.payout_id,
        identified.agreement_id,
        -- the order in which lines are published: it does not depend on the order of agreements
        cast(row_number() over (order by identified.payout_id) as integer) as payout_no,
        benefits.benefit_key,
        benefits.share_line_set_key as measure_line_set_key,
        payouts.participant_key,
        benefits.share_measure as measure_kind,
        benefits.method = 'graduated' and benefits.measure <> 'distinct' and benefits.each is null and benefits.slices is null
        and agreements.pool <> 'placed' as is_graduated,
        benefits.each is not null as is_of_groups,
        benefits.slices is not null or benefits.method = 'running' as is_by_line,
        benefits.by_axis,
        benefits.measure_every,
        benefits.prorate = 'days' and benefits.by_axis in ('measure', 'growth_amount') as has_thresholds_prorated,
        payouts.days,
        payouts.of_days,
        payouts.measure,
        payouts.base,
        payouts.quantity,
        payouts.target,
        payouts.baseline,
        payouts.incentive,
        payouts.tier,
        payouts.first_period,
        payouts.last_period,
        -- in which file of a large book its lines are published
        concat(periods.fiscal_year, '-Q', (periods.number + 2) // 3) as part,
        payouts.span_measure_before,
        cast(cast(payouts.payout as decimal(38, 4)) * cast(10000 as decimal(5, 0)) as bigint) // agreements.payout_unit as payout_units,
        agreements.payout_unit,
        cast(payouts.exact_numerator as hugeint) as exact_numerator,
        cast(payouts.exact_divisor as hugeint) as exact_divisor,
        -- an agreement that is net of others measures its lines anew when those pay more
        benefits.has_constant_rate and agreements.net_of is null as has_constant_rate,
        cast(coalesce(opened.measure, 0) as decimal(38, 12)) as opening_measure,
        opened.opening_digest
    from payouts
    inner join {{ ref("int_payouts_identified") }} as identified on payouts.payout_key = identified.payout_key
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
    inner join {{ source("terms", "periods") }} as periods on payouts.last_period = periods.period_no
    left join opened
        on identified.agreement_id = opened.agreement
        and identified.benefit_id = opened.benefit
        and identified.participant_id = opened.participant_id
        and payouts.window_start = opened.window_start
),

measured as (
    select
        to_allocate.payout_key,
        -- the wider scale has to be asked for: of two kinds of decimals the engine takes the narrower
        sum(case to_allocate.measure_kind
            when 'amount' then cast(summed.amount as decimal(38, 12))
            when 'margin' then cast(summed.amount - summed.cost as decimal(38, 12))
            when 'quantity' then cast(summed.quantity as decimal(38, 12))
            when 'count' then cast(summed.line_count as decimal(38, 12))
            else cast(summed.attribute_value as decimal(38, 12))
        end) as window_measure,
        cast(sum(summed.line_count) as bigint) as line_count
    from to_allocate
    inner join summed
        on to_allocate.measure_line_set_key = summed.line_set_key
        and to_allocate.participant_key = summed.participant_key
        and summed.period_no between to_allocate.first_period and to_allocate.last_period
    group by to_allocate.payout_key
)

select
    to_allocate.* exclude (opening_measure),
    cast(coalesce(measured.window_measure, 0) + to_allocate.opening_measure as decimal(38, 12)) as window_measure,
    {{ units("(coalesce(measured.window_measure, 0) + to_allocate.opening_measure)") }} as window_units,
    coalesce(measured.line_count, 0) + cast(to_allocate.opening_digest is not null as integer) as line_count,
    -- money and counts have up to 6 decimals
    case when to_allocate.measure_kind in ('amount', 'margin', 'count')
        then {{ units("(coalesce(measured.window_measure, 0) + to_allocate.opening_measure)") }} // 1000000
    end as window_millionths
from to_allocate
left join measured on to_allocate.payout_key = measured.payout_key

-- what fct_payout_line shares out, and what the lines of its window measure
with

payouts as (
    -- the lines of a payout of 0 have 0 each, whatever it was before it was rounded
    select * replace (case when payout <> 0 then exact_numerator end as exact_numerator)
    from {{ source("calc", "payouts") }}
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
        benefits.line_set_key as own_line_set_key,
        benefits.base_line_set_key,
        benefits.share_measure as measure_kind,
        case when benefits.base not in ('measure', 'increment') then benefits.base end as base_kind,
        concat_ws(
            ' × ',
            case split_part(benefits.share_measure, '_', 1)
                when 'amount' then agreements.currency
                when 'margin' then agreements.currency
                when 'quantity' then 'quantity'
                when 'count' then 'lines'
                else benefits.measure_attribute
            end,
            benefits.measure_times
        ) as measure_unit,
        {% if var("book").has_parts %}
        parts.benefit_key is not null as is_in_parts,
        {% else %}
        false as is_in_parts,
        {% endif %}
        payouts.window_no,
        benefits.method = 'graduated' and benefits.measure <> 'distinct' and benefits.each is null and benefits.slices is null
        and agreements.pool <> 'placed' and payouts.status <> 'blocked' and not is_in_parts as is_graduated,
        benefits.slices is not null or benefits.method = 'running' as is_by_line,
        benefits.each is not null or (is_in_parts and not is_by_line) as is_of_groups,
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
        benefits.has_constant_rate and agreements.net_of is null and not is_in_parts as has_constant_rate,
        cast(coalesce(opened.measure, 0) as decimal(38, 12)) as opening_measure,
        opened.opening_digest
    from payouts
    inner join {{ ref("int_payouts_identified") }} as identified on payouts.payout_key = identified.payout_key
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
    inner join {{ source("terms", "periods") }} as periods on payouts.last_period = periods.period_no
    left join opened
        on {{ names_payout("opened") }}
    {% if var("book").has_parts %}
    left join (select distinct benefit_key, window_no from {{ source("terms", "window_parts") }}) as parts
        on payouts.benefit_key = parts.benefit_key and payouts.window_no = parts.window_no
    {% endif %}
),

{% if var("book").has_parts %}
-- the lines that a payout measures: of windows in which several terms hold, those of each version on its days
line_sets as (
    select payout_key, participant_key, measure_kind, measure_line_set_key, own_line_set_key, first_period, last_period
    from to_allocate
    where not is_in_parts
    union all
    select
        to_allocate.payout_key,
        to_allocate.participant_key,
        to_allocate.measure_kind,
        benefits.share_line_set_key as measure_line_set_key,
        benefits.line_set_key as own_line_set_key,
        greatest(to_allocate.first_period, parts.first_period) as first_period,
        least(to_allocate.last_period, parts.last_period) as last_period
    from to_allocate
    inner join {{ source("terms", "window_parts") }} as parts
        on to_allocate.benefit_key = parts.benefit_key and to_allocate.window_no = parts.window_no
    inner join {{ source("terms", "benefits") }} as benefits on parts.part_benefit_key = benefits.benefit_key
),

{% endif %}

measured as (
    select
        line_sets.payout_key,
        -- the wider scale has to be asked for: of two kinds of decimals the engine takes the narrower
        sum(case line_sets.measure_kind
            when 'amount' then cast(summed.amount as decimal(38, 12))
            when 'margin' then cast(summed.amount - summed.cost as decimal(38, 12))
            when 'quantity' then cast(summed.quantity as decimal(38, 12))
            when 'count' then cast(summed.line_count as decimal(38, 12))
            else cast(summed.attribute_value as decimal(38, 12))
        end) as window_measure,
        cast(sum(summed.line_count) as bigint) as line_count
    from {{ 'line_sets' if var('book').has_parts else 'to_allocate' }} as line_sets
    inner join summed
        on line_sets.measure_line_set_key = summed.line_set_key
        and line_sets.participant_key = summed.participant_key
        and summed.period_no between line_sets.first_period and line_sets.last_period
    group by line_sets.payout_key
){% if var("book").has_bases %},

-- lines of the benefit that its measure leaves out are listed too
counted as (
    select line_sets.payout_key, cast(sum(summed.line_count) as bigint) as line_count
    from {{ 'line_sets' if var('book').has_parts else 'to_allocate' }} as line_sets
    inner join summed
        on line_sets.own_line_set_key = summed.line_set_key
        and line_sets.participant_key = summed.participant_key
        and summed.period_no between line_sets.first_period and line_sets.last_period
    group by line_sets.payout_key
){% endif %}

select
    to_allocate.* exclude (opening_measure)
    replace (to_allocate.is_graduated and window_measure > 0 as is_graduated),
    cast(coalesce(measured.window_measure, 0) + to_allocate.opening_measure as decimal(38, 12)) as window_measure,
    {{ units("(coalesce(measured.window_measure, 0) + to_allocate.opening_measure)") }} as window_units,
    coalesce({{ 'counted.line_count, ' if var('book').has_bases }}measured.line_count, 0)
    + cast(to_allocate.opening_digest is not null as integer) as line_count,
    -- money and counts have up to 6 decimals
    case when to_allocate.measure_kind in ('amount', 'margin', 'count')
        then {{ units("(coalesce(measured.window_measure, 0) + to_allocate.opening_measure)") }} // 1000000
    end as window_millionths
from to_allocate
left join measured on to_allocate.payout_key = measured.payout_key
{% if var("book").has_bases %}
left join counted on to_allocate.payout_key = counted.payout_key
{% endif %}

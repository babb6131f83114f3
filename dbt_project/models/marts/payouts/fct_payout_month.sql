{% set kinds = ["accrued", "earned", "settled", "adjusted", "released"] %}
with

payouts as (
    select
        payout_id, agreement_id, benefit_id, participant_id, participant_name, agreement_title, direction, currency, window_start, window_end, status,
        payout, agreement_version_id, benefit_version_id
    from {{ ref("fct_payout") }}
),

periods as (
    select period, period_first_day as first_day, period_last_day as last_day
    from {{ source("terms", "periods") }}
    where is_period_end
),

rates as (
    select * from {{ ref("int_payouts_rated") }}
),

-- in one month of each payout, so that it adds up
projections as (
    select payout_id, period, projected_payout from {{ ref("fct_achievement") }}
    qualify period = max(period) over (partition by payout_id)
),

ended as (
    select payouts.payout_id, periods.period, case when payouts.status in ('final', 'closed') then payouts.payout else 0 end as earned
    from payouts
    inner join periods on payouts.window_end between periods.first_day and periods.last_day
),

-- money of a day outside the calendar stands in the month in which the window ends
moved as (
    select payout_id, cast(null as date) as day, period, 'accrued' as kind, accrual as amount from {{ ref("fct_accrual") }}
    union all
    select payout_id, null as day, period, 'earned' as kind, earned as amount from ended
    where earned <> 0
    union all
    select payout_id, paid_on as day, null as period, 'settled' as kind, amount from {{ ref("fct_payment") }}
    union all
    select identified.payout_id, balances.date as day, null as period, 'settled' as kind, balances.settled as amount
    from {{ ref("stg_balances") }} as balances
    inner join {{ ref("int_payouts_identified") }} as identified
        on {{ names_payout("balances") }}
    where balances.waits_for is null and balances.settled <> 0
    union all
    select payout_id, date as day, null as period, 'adjusted' as kind, amount from {{ ref("fct_adjustment") }}
    where status = 'booked'
    union all
    select payout_id, due_date as day, null as period, 'released' as kind, released as amount from {{ ref("fct_release") }}
    where released <> 0
),

summed as (
    select
        moved.payout_id,
        coalesce(moved.period, periods.period, ended.period) as period,
        {%- for kind in kinds %}
        cast(coalesce(sum(moved.amount) filter (where moved.kind = '{{ kind }}'), 0) as decimal(18, 4)) as {{ kind }}{{ "," if not loop.last }}
        {%- endfor %}
    from moved
    inner join ended on moved.payout_id = ended.payout_id
    left join periods on moved.day between periods.first_day and periods.last_day
    group by all
),

valued as (
    select
        payouts.*,
        summed.* exclude (payout_id),
        periods.last_day as date,
        {%- for kind in kinds %}
        {{ in_reporting("summed." ~ kind) }} as {{ kind }}_converted,
        {%- endfor %}
        projections.projected_payout as projected,
        {{ in_reporting("projections.projected_payout") }} as projected_converted,
        rates.sign
    from summed
    inner join payouts on summed.payout_id = payouts.payout_id
    inner join periods on summed.period = periods.period
    inner join rates on summed.payout_id = rates.payout_id
    left join projections on summed.payout_id = projections.payout_id and summed.period = projections.period
)

select
    payout_id,
    period,
    date,
    agreement_id,
    agreement_title,
    benefit_id,
    participant_id,
    participant_name,
    direction,
    currency,
    window_start,
    window_end,
    status,
    accrued,
    earned,
    settled,
    accrued_converted as accrued_reporting,
    earned_converted as earned_reporting,
    settled_converted as settled_reporting,
    cast(accrued_converted * sign as decimal(18, 4)) as accrued_signed,
    cast(earned_converted * sign as decimal(18, 4)) as earned_signed,
    cast(settled_converted * sign as decimal(18, 4)) as settled_signed,
    agreement_version_id,
    benefit_version_id,
    adjusted,
    released,
    adjusted_converted as adjusted_reporting,
    released_converted as released_reporting,
    cast(adjusted_converted * sign as decimal(18, 4)) as adjusted_signed,
    cast(released_converted * sign as decimal(18, 4)) as released_signed,
    projected,
    projected_converted as projected_reporting,
    cast(projected_converted * sign as decimal(18, 4)) as projected_signed
from valued

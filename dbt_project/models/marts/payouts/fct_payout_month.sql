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

settings as (
    select * from {{ source("terms", "settings") }}
),

fx_rates as (
    select * from {{ ref("int_fx_rates_spanned") }}
),

ended as (
    select payouts.payout_id, periods.period, case when payouts.status in ('final', 'closed') then payouts.payout else 0 end as earned
    from payouts
    inner join periods on payouts.window_end between periods.first_day and periods.last_day
),

paid as (
    select payments.payout_id, coalesce(periods.period, ended.period) as period, payments.amount as settled
    from {{ ref("fct_payment") }} as payments
    inner join ended on payments.payout_id = ended.payout_id
    left join periods on payments.paid_on between periods.first_day and periods.last_day
),

moved as (
    select payout_id, period, accrual as accrued, 0 as earned, 0 as settled from {{ ref("fct_accrual") }}
    union all
    select payout_id, period, 0 as accrued, earned, 0 as settled from ended
    where earned <> 0
    union all
    select payout_id, period, 0 as accrued, 0 as earned, settled from paid
),

summed as (
    select
        payout_id,
        period,
        cast(sum(accrued) as decimal(18, 4)) as accrued,
        cast(sum(earned) as decimal(18, 4)) as earned,
        cast(sum(settled) as decimal(18, 4)) as settled
    from moved
    group by payout_id, period
),

valued as (
    select
        payouts.*,
        summed.* exclude (payout_id),
        periods.last_day as date,
        payouts.currency = settings.currency as is_own_currency,
        fx_rates.rate,
        fx_rates.is_inverse,
        settings.payout_unit as reporting_unit,
        case payouts.direction when 'payable' then -1 else 1 end as sign
    from summed
    inner join payouts on summed.payout_id = payouts.payout_id
    inner join periods on summed.period = periods.period
    cross join settings
    left join fx_rates
        on payouts.currency = fx_rates.from_currency
        and settings.currency = fx_rates.to_currency
        and least(payouts.window_end, settings.as_of) between fx_rates.first_day and fx_rates.last_day
),

converted as (
    select
        *,
        case when is_own_currency then accrued else {{ convert_payout("accrued", "rate", "is_inverse", "reporting_unit") }} end as accrued_converted,
        case when is_own_currency then earned else {{ convert_payout("earned", "rate", "is_inverse", "reporting_unit") }} end as earned_converted,
        case when is_own_currency then settled else {{ convert_payout("settled", "rate", "is_inverse", "reporting_unit") }} end as settled_converted
    from valued
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
    cast(accrued_converted as decimal(18, 4)) as accrued_reporting,
    cast(earned_converted as decimal(18, 4)) as earned_reporting,
    cast(settled_converted as decimal(18, 4)) as settled_reporting,
    cast(accrued_converted * sign as decimal(18, 4)) as accrued_signed,
    cast(earned_converted * sign as decimal(18, 4)) as earned_signed,
    cast(settled_converted * sign as decimal(18, 4)) as settled_signed,
    agreement_version_id,
    benefit_version_id
from converted

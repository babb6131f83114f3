{{ config(materialized="view") }}
{% set subject = ["agreement_id", "benefit_id", "participant_id", "window_start", "direction", "currency"] %}
-- entitlement minus what was posted, for every payout and the period that an accrual belongs to (its origin)
with

computed as (
    select
        identified.payout_id,
        identified.agreement_id,
        identified.benefit_id,
        identified.participant_id,
        identified.window_start,
        agreements.direction,
        agreements.currency,
        periods.period as origin_period,
        periods.period_no = payouts.last_period and first_periods.period <> periods.period as is_end_of_several,
        accruals.accrued_to_date,
        accruals.accrual
    from {{ source("calc", "accruals") }} as accruals
    inner join {{ source("calc", "payouts") }} as payouts on accruals.payout_key = payouts.payout_key
    inner join {{ ref("int_payouts_identified") }} as identified on accruals.payout_key = identified.payout_key
    inner join {{ source("terms", "agreements") }} as agreements on identified.agreement_key = agreements.agreement_key
    inner join {{ source("terms", "periods") }} as periods on accruals.period_no = periods.period_no
    inner join {{ source("terms", "periods") }} as first_periods on payouts.first_period = first_periods.period_no
),

{% if var("book").has_closes %}
periods as (
    select * from {{ ref("int_periods_closed") }} where is_period_end
),

posted as (
    select
        payout_id,
        {{ any_subject(subject) }},
        period,
        origin_period,
        reason,
        -- of the payout and period, so that every row of several reasons shows the same
        arg_max(arg_max(accrued_to_date, sequence), max(sequence)) over (partition by payout_id, period, origin_period) as accrued_to_date,
        cast(sum(accrual) as decimal(18, 4)) as accrual
    from {{ source("ledger", "accruals") }}
    group by payout_id, period, origin_period, reason
),

posted_by_origin as (
    select
        payout_id,
        {{ any_subject(subject) }},
        origin_period,
        sum(accrual) as accrual
    from posted
    group by payout_id, origin_period
),

compared as (
    select
        coalesce(computed.payout_id, posted.payout_id) as payout_id,
        {{ either_subject(subject, "computed", "posted") }},
        coalesce(computed.origin_period, posted.origin_period) as origin_period,
        coalesce(computed.is_end_of_several, false) as is_end_of_several,
        coalesce(computed.accrued_to_date, 0) as accrued_to_date,
        cast(coalesce(computed.accrual, 0) - coalesce(posted.accrual, 0) as decimal(18, 4)) as accrual,
        posted.payout_id is not null as is_restated
    from computed
    full join posted_by_origin as posted
        on computed.payout_id = posted.payout_id and computed.origin_period = posted.origin_period
),

by_cause as (
    select * from {{ source("calc", "differences_by_cause") }}
),

open_rows as (
    select
        compared.* exclude (accrual),
        origins.posting_period as period,
        case when origins.is_closed then coalesce(by_cause.reason, explained.reason) end as reason,
        coalesce(by_cause.accrual, compared.accrual) as accrual,
        by_cause.reason is not null as is_of_several
    from compared
    inner join periods as origins on compared.origin_period = origins.period
    left join {{ ref("int_differences_explained") }} as explained
        on compared.payout_id = explained.payout_id and compared.origin_period = explained.origin_period
    left join by_cause
        on compared.agreement_id = by_cause.agreement_id
        and compared.benefit_id = by_cause.benefit_id
        and compared.participant_id = by_cause.participant_id
        and compared.window_start = by_cause.window_start
        and compared.origin_period = by_cause.origin_period
    where compared.accrual <> 0 or not (origins.is_closed or compared.is_restated)
)

select
    payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, period, origin_period, reason, accrued_to_date, accrual,
    case
        when origin_period <> period or is_restated then 'restatement'
        when is_end_of_several then 'true_up'
        else 'accrual'
    end as kind,
    false as is_posted,
    is_of_several
from open_rows
union all
select
    payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, period, origin_period, reason, accrued_to_date, accrual,
    null as kind,
    true as is_posted,
    false as is_of_several
from posted
{% else %}
-- nothing was ever closed
unposted as (
    select
        payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, origin_period as period, origin_period,
        cast(null as varchar) as reason, accrued_to_date, accrual,
        case when is_end_of_several then 'true_up' else 'accrual' end as kind,
        false as is_posted,
        false as is_of_several
    from computed
)

select * from unposted
{% endif %}

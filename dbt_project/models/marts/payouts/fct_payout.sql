{{ config(materialized="table") }}
with

payouts as (
    select * from {{ source("calc", "payouts") }}
),

identified as (
    select * from {{ ref("int_payouts_identified") }}
),

agreements as (
    select * from {{ source("terms", "agreements") }}
),

benefits as (
    select * from {{ source("terms", "benefits") }}
),

rates as (
    select * from {{ ref("int_payouts_rated") }}
),

paid as (
    select * from {{ ref("int_payouts_paid") }}
),

releases as (
    select
        payout_key,
        sum(released) as released,
        sum(held) as held,
        coalesce(min(due_date) filter (where status <> 'paid'), max(due_date)) as due_date
    from {{ ref("int_payouts_released") }}
    group by payout_key
),

periods as (
    select * from {{ ref("int_periods_closed") }}
),

named_partners as (
    select partner_id, name from {{ ref("int_partners_current") }}
),

closed_payouts as (
    select payout_id, arg_max(payout, sequence) as payout
    from {{ source("ledger", "payouts") }}
    group by payout_id
),

valued as (
    select
        payouts.* exclude (status),
        case when periods.is_closed and payouts.status = 'final' then 'closed' else payouts.status end as status,
        case when periods.is_closed then closed_payouts.payout end as closed_payout,
        paid.adjusted,
        paid.payable,
        paid.settled,
        paid.written_off,
        releases.released,
        releases.held,
        releases.due_date,
        identified.payout_id,
        identified.agreement_id,
        identified.benefit_id,
        identified.participant_id,
        agreements.version as agreement_version,
        agreements.direction,
        agreements.currency,
        agreements.title as agreement_title,
        {{ agreement_version_id() }} as agreement_version_id,
        {{ benefit_version_id() }} as benefit_version_id,
        benefits.clause,
        case when benefits.measure_over is null then payouts.span_start else measured_first.first_day end as measured_from,
        case when benefits.measure_over is null then payouts.window_end else measured_last.last_day end as measured_to,
        named_partners.name as participant_name,
        {{ in_reporting("payouts.payout") }} as payout_reporting
    from payouts
    inner join identified on payouts.payout_key = identified.payout_key
    inner join benefits on payouts.benefit_key = benefits.benefit_key
    inner join agreements on benefits.agreement_key = agreements.agreement_key
    inner join periods on payouts.last_period = periods.period_no
    inner join paid on payouts.payout_key = paid.payout_key
    inner join releases on payouts.payout_key = releases.payout_key
    left join named_partners on identified.participant_id = named_partners.partner_id
    left join closed_payouts on identified.payout_id = closed_payouts.payout_id
    inner join rates on payouts.payout_key = rates.payout_key
    inner join {{ source("terms", "windows") }} as windows on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
    left join {{ source("terms", "periods") }} as measured_first on windows.measured_first_period = measured_first.period_no
    left join {{ source("terms", "periods") }} as measured_last on windows.measured_last_period = measured_last.period_no
)

select
    payout_id,
    agreement_id,
    agreement_version,
    clause,
    benefit_id,
    participant_id,
    direction,
    currency,
    window_start,
    window_end,
    span_start,
    status,
    status_reason,
    measure,
    base,
    quantity,
    target,
    baseline,
    incentive,
    axis_value,
    tier,
    curve_payout,
    multiplier,
    gate_factor,
    earned,
    prior_earned,
    carried,
    payout,
    payout_reporting,
    cast(closed_payout as decimal(18, 4)) as closed_payout,
    settled,
    cast(payable - settled - written_off as decimal(18, 4)) as open_amount,
    due_date,
    (select run_id from {{ source("calc", "current_run") }}) as run_id,
    participant_name,
    agreement_title,
    agreement_version_id,
    benefit_version_id,
    cast(released as decimal(18, 4)) as released,
    cast(payable - released - held as decimal(18, 4)) as waiting,
    written_off,
    pool_measure,
    adjusted,
    payable,
    cast(held as decimal(18, 4)) as held,
    measured_from,
    measured_to
from valued

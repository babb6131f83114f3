{{ config(materialized="view") }}
{% set subject = ["agreement_id", "benefit_id", "participant_id", "window_start", "currency"] %}
-- journal entries that no close has posted: one amount each, positive where we owe more (payable) or are owed more (receivable)
with

periods as (
    select * from {{ ref("int_periods_closed") }} where is_period_end
),

settings as (
    select * from {{ source("terms", "settings") }}
),

accrued as (
    select
        payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, period, origin_period, kind,
        cast(null as date) as dated,
        '' as reference,
        accrual as amount
    from {{ ref("int_accruals_posted") }}
    where not is_posted and accrual <> 0
),

-- whose payments are booked: the payouts of today, and those that a close knew, because money that was paid stays paid when its payout is gone
subjects as (
    select
        identified.agreement_id,
        identified.benefit_id,
        identified.participant_id,
        identified.window_start,
        agreements.currency,
        agreements.direction,
        identified.payout_id
    from {{ ref("int_payouts_identified") }} as identified
    inner join {{ source("terms", "agreements") }} as agreements on identified.agreement_key = agreements.agreement_key
    {%- if var("book").has_closes %}
    union all
    select
        {{ any_subject(subject + ["direction"]) }},
        payout_id
    from {{ source("ledger", "accruals") }}
    where payout_id not in (select payout_id from {{ ref("int_payouts_identified") }})
    group by payout_id
    {%- endif %}
),

payments as (
    select
        subjects.payout_id,
        subjects.agreement_id,
        subjects.benefit_id,
        subjects.participant_id,
        subjects.window_start,
        subjects.direction,
        subjects.currency,
        periods.period as origin_period,
        payments.paid_on,
        -- two payments may have the same values
        concat_ws(chr(31), payments.reference, payments.paid_on, payments.amount, row_number() over (
            partition by subjects.payout_id, payments.reference, payments.paid_on, payments.amount order by payments.file_no, payments.row_no
        )) as reference,
        payments.amount
    from {{ ref("stg_payments") }} as payments
    inner join subjects
        on payments.agreement = subjects.agreement_id
        and payments.benefit = subjects.benefit_id
        and payments.participant_id = subjects.participant_id
        and payments.window_start = subjects.window_start
    inner join periods on payments.paid_on between periods.first_day and periods.last_day
),

{% if var("book").has_closes %}
settled as (
    select
        payout_id,
        {{ any_subject(subject) }},
        origin_period,
        sum(case when account = accounts.cash then debit - credit else 0 end) as cash
    from {{ source("ledger", "journal") }}
    cross join {{ source("terms", "accounts") }} as accounts
    where kind = 'settlement'
    group by payout_id, origin_period
),

-- a payment that is there now and in no close is an entry of its own; what closes have settled of a period is compared as a whole
paid_differences as (
    select
        coalesce(paid.payout_id, settled.payout_id) as payout_id,
        {{ either_subject(subject, "paid", "settled") }},
        settled.origin_period,
        coalesce(paid.amount, 0) as amount,
        settled.cash
    from settled
    left join (
        select
            payout_id,
            {{ any_subject(subject) }},
            origin_period,
            sum(amount) as amount
        from payments
        group by payout_id, origin_period
    ) as paid on settled.payout_id = paid.payout_id and settled.origin_period = paid.origin_period
),

paid as (
    select
        payments.payout_id, payments.agreement_id, payments.benefit_id, payments.participant_id, payments.window_start, payments.direction,
        payments.currency, periods.posting_period as period, payments.origin_period, 'settlement' as kind,
        case when not periods.is_closed then payments.paid_on end as dated,
        payments.reference, payments.amount
    from payments
    inner join periods on payments.origin_period = periods.period
    left join settled on payments.payout_id = settled.payout_id and payments.origin_period = settled.origin_period
    where settled.payout_id is null
    union all
    select
        differences.payout_id, differences.agreement_id, differences.benefit_id, differences.participant_id, differences.window_start,
        subjects.direction, differences.currency, periods.posting_period as period, differences.origin_period, 'settlement' as kind,
        cast(null as date) as dated,
        'difference' as reference,
        -- cash goes out for what we owe and comes in for what is owed to us
        differences.amount - case when subjects.direction = 'payable' then -differences.cash else differences.cash end as amount
    from paid_differences as differences
    inner join periods on differences.origin_period = periods.period
    inner join subjects on differences.payout_id = subjects.payout_id
),
{% else %}
paid as (
    select
        payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, origin_period as period, origin_period,
        'settlement' as kind, paid_on as dated, reference, amount
    from payments
),
{% endif %}

written_off as (
    select
        payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, period, period as origin_period,
        'write_off' as kind, date as dated, sha256 as reference, amount
    from {{ source("ledger", "write_offs") }}
    where date <= (select as_of from settings)
),

entries as (
    select * from accrued
    union all
    select * from paid
    where amount <> 0
    union all
    select * from written_off
),

named as (
    select
        -- a write-off keeps its name; other entries are named after the close that will post them
        {{ entry_id(["kind", "substr(entries.payout_id, 2)", "entries.period", "entries.origin_period", "reference",
            "case when kind = 'write_off' then '' else cast(periods.next_version as varchar) end"]) }} as entry_id,
        -- the last day of its period, or today where that lies ahead
        coalesce(dated, greatest(periods.first_day, least(periods.last_day, settings.as_of))) as date,
        entries.* exclude (dated, reference)
    from entries
    inner join periods on entries.period = periods.period
    cross join settings
)

select * from named
{%- if var("book").has_closes %}
-- entries that were posted before ids began with a letter keep the ids that they were exported with
where
    entry_id not in (select entry_id from {{ source("ledger", "journal") }})
    and substr(entry_id, 2) not in (select entry_id from {{ source("ledger", "journal") }})
{%- endif %}

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
        case when is_of_several then reason else '' end as reference,
        accrual as amount,
        cast(null as varchar) as document_no,
        reason as note
    from {{ ref("int_accruals_posted") }}
    where not is_posted and accrual <> 0
),

-- whose payments and adjustments are booked: the payouts of today, and those that a close knew, because what was booked stays when its payout is gone
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

delivered as (
    select
        'settlement' as kind, agreement, benefit, participant_id, window_start, paid_on as day, amount, cast(null as varchar) as currency,
        concat_ws(chr(31), reference, paid_on, amount) as reference, reference as document_no, cast(null as varchar) as note, file_no, row_no
    from {{ ref("int_payments_converted") }}
    where waits_for is null
    {%- if var("book").has_paid_currencies %}
    union all
    select
        'exchange_difference' as kind, payments.agreement, payments.benefit, payments.participant_id, payments.window_start, payments.paid_on as day,
        {{ exchange_difference("payments") }} as amount, settings.currency,
        concat_ws(chr(31), payments.reference, payments.paid_on, payments.amount) as reference, payments.reference as document_no,
        concat(cast(payments.paid_amount as decimal(18, 4)), ' ', payments.paid_currency) as note, payments.file_no, payments.row_no
    from {{ ref("int_payments_converted") }} as payments
    inner join {{ ref("int_payouts_identified") }} as identified on {{ names_payout("payments") }}
    inner join {{ ref("int_payouts_rated") }} as rates on identified.payout_key = rates.payout_key
    cross join settings
    where payments.waits_for is null and payments.paid_reporting is not null
    {%- endif %}
    union all
    select
        'adjustment' as kind, agreement, benefit, participant_id, window_start, date as day, amount, null as currency,
        concat_ws(chr(31), adjustment_id, date, amount) as reference, adjustment_id as document_no, reason as note, file_no, row_no
    from {{ ref("stg_adjustments") }}
    where waits_for is null
),

moved as (
    select
        subjects.payout_id,
        subjects.agreement_id,
        subjects.benefit_id,
        subjects.participant_id,
        subjects.window_start,
        subjects.direction,
        coalesce(delivered.currency, subjects.currency) as currency,
        periods.period as origin_period,
        delivered.kind,
        delivered.day,
        -- two payments may have the same values
        concat_ws(chr(31), delivered.reference, row_number() over (
            partition by subjects.payout_id, delivered.kind, delivered.reference order by delivered.file_no, delivered.row_no
        )) as reference,
        delivered.amount,
        delivered.document_no,
        delivered.note
    from delivered
    inner join subjects
        on {{ names_payout("delivered", "subjects") }}
    inner join periods on delivered.day between periods.first_day and periods.last_day
),

{% if var("book").has_closes %}
-- what closes have booked, positive as in the feed: cash goes out for what we owe and comes in for what is owed to us
posted as (
    select
        journal.payout_id,
        journal.kind,
        journal.origin_period,
        {%- for column in subject %}
        any_value(journal.{{ column }}) as {{ column }},
        {%- endfor %}
        any_value(subjects.direction) as direction,
        sum(case
            when journal.kind in ('settlement', 'exchange_difference') and journal.account_role = 'cash'
                then case subjects.direction when 'payable' then journal.credit - journal.debit else journal.debit - journal.credit end
            when journal.kind = 'adjustment'
                and journal.account_role = case subjects.direction when 'payable' then 'payable_expense' else 'receivable_asset' end
                then journal.debit - journal.credit
            else 0
        end) as amount
    from {{ ref("int_journal_posted") }} as journal
    inner join subjects on journal.payout_id = subjects.payout_id
    where journal.kind in ('settlement', 'adjustment')
        -- of a payout that is gone nobody knows the rate: what was booked stays
        or journal.kind = 'exchange_difference' and journal.payout_id in (select payout_id from {{ ref("int_payouts_rated") }})
    group by journal.payout_id, journal.kind, journal.origin_period
),

-- a row that is there now and in no close is an entry of its own; what closes have booked of a payout and period is compared as a whole
booked as (
    select
        moved.payout_id, moved.agreement_id, moved.benefit_id, moved.participant_id, moved.window_start, moved.direction,
        moved.currency, periods.posting_period as period, moved.origin_period, moved.kind,
        case when not periods.is_closed then moved.day end as dated,
        moved.reference, moved.amount, moved.document_no, moved.note
    from moved
    inner join periods on moved.origin_period = periods.period
    left join posted
        on moved.payout_id = posted.payout_id and moved.kind = posted.kind and moved.origin_period = posted.origin_period
    where posted.payout_id is null
    union all
    select
        posted.payout_id, posted.agreement_id, posted.benefit_id, posted.participant_id, posted.window_start, posted.direction,
        posted.currency, periods.posting_period as period, posted.origin_period, posted.kind,
        cast(null as date) as dated,
        'difference' as reference,
        coalesce(now.amount, 0) - posted.amount as amount,
        null as document_no,
        null as note
    from posted
    inner join periods on posted.origin_period = periods.period
    left join (
        select payout_id, kind, origin_period, sum(amount) as amount from moved
        group by payout_id, kind, origin_period
    ) as now on posted.payout_id = now.payout_id and posted.kind = now.kind and posted.origin_period = now.origin_period
),
{% else %}
booked as (
    select
        payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, origin_period as period, origin_period,
        kind, day as dated, reference, amount, document_no, note
    from moved
),
{% endif %}

written_off as (
    select
        payout_id, agreement_id, benefit_id, participant_id, window_start, direction, currency, period, period as origin_period,
        'write_off' as kind, date as dated, sha256 as reference, amount, null as document_no, reason as note
    from {{ source("ledger", "write_offs") }}
    where date <= (select as_of from settings)
),

entries as (
    select * from accrued
    union all
    select * from booked
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

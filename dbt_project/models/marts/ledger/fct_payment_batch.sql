{#
  The parts in each payment batch, and what of them has been paid. A payment names the part by its reference; or all parts of the payout in a payment by the
  reference of that payment, and then fills them in their order.
#}
with

payments as (
    select reference, agreement, benefit, participant_id, window_start, sum(amount) as amount, max(paid_on) as paid_on
    from {{ ref("int_payments_converted") }}
    where waits_for is null
    group by reference, agreement, benefit, participant_id, window_start
),

named as (
    select
        lines.*,
        batches.* exclude (batch_no, state),
        batches.state as batch_state,
        coalesce(own.amount, 0) as paid_alone,
        coalesce(shared.amount, 0) as paid_together,
        coalesce(sum(lines.amount) over earlier, 0) as amount_before,
        lead(lines.release_no) over in_order is null as is_last,
        greatest(own.paid_on, shared.paid_on) as paid_on
    from {{ source("ledger", "payment_lines") }} as lines
    inner join {{ source("ledger", "payment_batches") }} as batches on lines.batch_no = batches.batch_no
    {%- for alias, reference in [("own", "reference"), ("shared", "payment_reference")] %}
    left join payments as {{ alias }}
        on lines.{{ reference }} = {{ alias }}.reference
        and {{ names_payout(alias, "lines") }}
    {%- endfor %}
    window
        in_order as (partition by lines.payment_reference, lines.payout_id order by lines.release_no),
        earlier as (partition by lines.payment_reference, lines.payout_id order by lines.release_no rows between unbounded preceding and 1 preceding)
),

confirmed as (
    select
        *,
        paid_alone + case
            when paid_together >= 0 and is_last then greatest(paid_together - amount_before, 0)
            when paid_together >= 0 then least(greatest(paid_together - amount_before, 0), greatest(amount, 0))
            when is_last then least(paid_together - amount_before, 0)
            else greatest(least(paid_together - amount_before, 0), least(amount, 0))
        end as confirmed_amount
    from named
),

stated as (
    select
        *,
        case
            when confirmed_amount >= amount and amount > 0 or confirmed_amount <= amount and amount < 0 then 'confirmed'
            else batch_state
        end as state
    from confirmed
)

select
    batch_no,
    reference,
    payment_reference,
    state,
    payout_id,
    release_no,
    agreement_id,
    benefit_id,
    participant_id,
    window_start,
    due_date,
    currency,
    amount,
    cast(confirmed_amount as decimal(18, 4)) as confirmed_amount,
    cast(case
        when state not in ('proposed', 'approved') then 0
        when amount > 0 then least(amount - confirmed_amount, amount)
        else greatest(amount - confirmed_amount, amount)
    end as decimal(18, 4)) as pending_amount,
    due_by,
    proposed_by,
    proposed_on,
    approved_by,
    approved_on,
    cancelled_by,
    cancelled_on,
    reason,
    case when state = 'confirmed' then paid_on end as confirmed_on
from stated

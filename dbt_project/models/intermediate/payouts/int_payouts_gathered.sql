{{ config(materialized="view") }}
{#
  Payouts of benefits with a minimum wait for those of later windows. Windows are gone through in order: where the sum of what waits reaches the minimum, or
  the window is the last of the term, all of it falls due at that window's end.
#}
with recursive

ended as (
    select
        payouts.payout_key,
        payouts.participant_key,
        payouts.window_end,
        paid.payable,
        benefits.series_key,
        benefits.minimum,
        benefits.lag_days,
        payouts.window_end >= agreements.term_to as is_last,
        row_number() over (partition by benefits.series_key, payouts.participant_key order by payouts.window_end) as place
    from {{ source("calc", "payouts") }} as payouts
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
    inner join {{ ref("int_payouts_paid") }} as paid on payouts.payout_key = paid.payout_key
    cross join {{ source("terms", "settings") }} as settings
    where benefits.minimum is not null and payouts.window_end <= settings.as_of
),

gathered as (
    select
        ended.*,
        cast(payable as decimal(38, 4)) as waiting,
        payable >= minimum or is_last as is_reached
    from ended
    where place = 1
    union all
    select
        ended.*,
        ended.payable + case when before.is_reached then 0 else before.waiting end as waiting,
        ended.payable + case when before.is_reached then 0 else before.waiting end >= ended.minimum or ended.is_last as is_reached
    from gathered as before
    inner join ended
        on before.series_key = ended.series_key and before.participant_key = ended.participant_key and before.place + 1 = ended.place
)

select
    payout_key,
    first_value(case when is_reached then window_end + lag_days end ignore nulls) over later as due_date
from gathered
window later as (partition by series_key, participant_key order by place rows between current row and unbounded following)

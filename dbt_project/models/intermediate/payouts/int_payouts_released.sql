{#
  What is payable in the parts in which it falls due. The parts are running shares of it, rounded, minus the one before. Payments fill them by due date; the last
  part also takes what is paid beyond all of them.
#}
with

settings as (
    select * from {{ source("terms", "settings") }}
),

disputed as (
    select payout_key, sum(to_hold) as to_hold from {{ ref("int_payouts_disputed") }}
    group by payout_key
),

dated as (
    select
        payouts.payout_key,
        paid.payable,
        releases.release_no,
        releases.share,
        cast(case
            when benefits.minimum is not null then gathered.due_date
            when releases.after = 'term' then agreements.term_to + releases.lag_days
            when releases.after = 'year' then windows.year_end + releases.lag_days
            else payouts.window_end + releases.lag_days
        end as date) as due_date,
        agreements.payout_unit,
        cast(cast(paid.payable as decimal(38, 4)) * cast(10000 as decimal(5, 0)) as hugeint) as payable_units,
        -- parts are whole payout units; an adjustment may be finer, and the last part takes it
        case
            when releases.share_to = releases.share_divisor then payable_units
            else {{ round_ratio("(payable_units * releases.share_to)", "(releases.share_divisor * agreements.payout_unit)") }} * agreements.payout_unit
        end as units_to,
        paid.settled,
        coalesce(collected.collected_units, 1) as collected_units,
        coalesce(collected.all_units, 1) as all_units,
        collected.collected,
        case when benefits.holds_disputed then coalesce(disputed.to_hold, 0) else 0 end as to_hold
    from {{ source("calc", "payouts") }} as payouts
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
    inner join {{ source("terms", "releases") }} as releases on payouts.benefit_key = releases.benefit_key
    inner join {{ source("terms", "windows") }} as windows on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
    inner join {{ ref("int_payouts_paid") }} as paid on payouts.payout_key = paid.payout_key
    left join {{ ref("int_payouts_collected") }} as collected on payouts.payout_key = collected.payout_key
    left join disputed on payouts.payout_key = disputed.payout_key
    left join {{ ref("int_payouts_gathered") }} as gathered on payouts.payout_key = gathered.payout_key
),

parts as (
    select
        * exclude (payable_units, units_to),
        units_to - lag(units_to, 1, cast(0 as hugeint)) over (partition by payout_key order by release_no) as units,
        cast({{ as_decimal("units", 4) }} as decimal(18, 4)) as amount
    from dated
),

filled as (
    select
        *,
        coalesce(sum(amount) over earlier, 0) as amount_before,
        -- no part is due before its window has ended; a part that takes money back waits for nobody
        case
            when collected_units < all_units and units > 0
                then least({{ round_ratio("(units * collected_units)", "(all_units * payout_unit)") }} * payout_unit, units)
            else units
        end as units_collected,
        lead(release_no) over in_order is null as is_last,
        due_date <= (select as_of from settings) as is_due
    from parts
    window
        in_order as (partition by payout_key order by due_date, release_no),
        earlier as (partition by payout_key order by due_date, release_no rows between unbounded preceding and 1 preceding)
),

settled as (
    select
        * exclude (settled),
        cast(case when is_due then {{ as_decimal("units_collected", 4) }} else 0 end as decimal(18, 4)) as released,
        case
            when is_last and payable >= 0 then greatest(settled - amount_before, least(settled, 0))
            when is_last then least(settled - amount_before, greatest(settled, 0))
            when payable >= 0 then least(greatest(settled - amount_before, 0), amount)
            else greatest(least(settled - amount_before, 0), amount)
        end as settled
    from filled
),

-- what is disputed is held of what is released and not paid, part by part as they fall due
unpaid as (
    select *, case when amount > 0 then least(greatest(released - settled, 0), released) else 0 end as unpaid
    from settled
),

held as (
    select
        * exclude (released),
        released as collected_amount,
        cast(greatest(least(unpaid, to_hold - coalesce(sum(unpaid) over sooner, 0)), 0) as decimal(18, 4)) as disputed,
        cast(collected_amount - disputed as decimal(18, 4)) as released
    from unpaid
    window sooner as (partition by payout_key order by due_date, release_no rows between unbounded preceding and 1 preceding)
)

select
    payout_key,
    release_no,
    share,
    due_date,
    amount,
    released,
    cast(case when is_due then amount - released else 0 end as decimal(18, 4)) as held,
    cast(settled as decimal(18, 4)) as settled,
    collected,
    disputed,
    case
        when settled = amount then 'paid'
        when not coalesce(is_due, false) then 'waiting'
        when released <> amount and released <= settled then 'held'
        else 'due'
    end as status
from held

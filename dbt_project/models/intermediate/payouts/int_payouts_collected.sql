{#
  How much of each payout customers have paid: the lines' shares of it, each as far as it was collected. Without a benefit that waits for that, the lines
  are not read.
#}
with

{% if var("book").waits_for_collection %}
waiting as (
    select payouts.payout_key, benefits.paid_when
    from {{ source("calc", "payouts") }} as payouts
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    where benefits.paid_when is not null
),

collections as (
    {{ collected_shares() }}
),

lines as (
    select
        waiting.payout_key,
        allocated.share_units,
        {{ collected_part("allocated", "allocated.share_units", "waiting.paid_when") }} as collected
    from {{ ref("int_payout_lines_allocated") }} as allocated
    inner join waiting on allocated.payout_key = waiting.payout_key
    {{ join_collections("allocated") }}
),

summed as (
    select
        payout_key,
        cast(sum(cast(share_units as hugeint) * cast(collected * 1000000 as bigint)) as hugeint) as collected_units,
        cast(sum(cast(share_units as hugeint)) as hugeint) * 1000000 as all_units
    from lines
    group by payout_key
),
{% else %}
summed as (
    select payout_key, cast(0 as hugeint) as collected_units, cast(0 as hugeint) as all_units
    from {{ source("calc", "payouts") }}
    where false
),
{% endif %}

clipped as (
    select payout_key, least(greatest(collected_units, 0), all_units) as collected_units, all_units
    from summed
    where all_units > 0
)

select payout_key, collected_units, all_units, {{ as_decimal(round_ratio("(collected_units * 1000000)", "all_units"), 6) }} as collected
from clipped

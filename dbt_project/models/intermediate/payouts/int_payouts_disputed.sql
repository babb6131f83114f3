{#
  What disputes are about, payout by payout: the amount that is claimed, else what the disputed lines bring, else all that is payable. Without the feed, the
  lines are not read.
#}
with

{% if var("book").feeds.disputes.is_configured %}
disputes as (
    select * from {{ ref("stg_disputes") }}
),

identified as (
    select * from {{ ref("int_payouts_identified") }}
),

collections as (
    {{ collected_shares() }}
),

-- what a line brings, all its tiers together; what it takes back is no money to hold
lines as (
    select
        disputes.file_no,
        disputes.row_no,
        disputes.status = 'open' and disputes.amount is null as holds_lines,
        allocated.payout_key,
        allocated.file_no as line_file_no,
        allocated.row_no as line_row_no,
        greatest(sum(allocated.share_units), 0) as share_units,
        greatest(sum(allocated.share_units * cast(1000000 * case
            when benefits.paid_when is null then 1
            else {{ collected_part("allocated", "allocated.share_units", "benefits.paid_when") }}
        end as bigint)), 0) as millionths
    from {{ ref("int_payout_lines_allocated") }} as allocated
    inner join disputes
        on allocated.transaction_id = disputes.transaction_id and allocated.line = coalesce(disputes.line, allocated.line)
    inner join identified on allocated.payout_key = identified.payout_key
    inner join {{ source("calc", "payouts") }} as payouts on allocated.payout_key = payouts.payout_key
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    {{ join_collections("allocated") }}
    where disputes.agreement is null or ({{ names_payout("disputes") }})
    group by all
),

-- a line that two disputes are about is held once
counted as (
    select
        *,
        holds_lines and row_number() over (
            partition by payout_key, line_file_no, line_row_no, holds_lines order by file_no, row_no
        ) = 1 as is_held
    from lines
),

of_lines as (
    select
        file_no,
        row_no,
        payout_key,
        sum(share_units) as share_units,
        coalesce(sum(millionths) filter (where is_held), 0) as held_millionths
    from counted
    group by file_no, row_no, payout_key
),

touched as (
    select file_no, row_no, payout_key from of_lines
    union
    select disputes.file_no, disputes.row_no, identified.payout_key
    from disputes
    inner join identified on {{ names_payout("disputes") }}
),

valued as (
    select
        touched.*,
        disputes.status = 'open' and disputes.waits_for is null as is_open,
        coalesce(of_lines.share_units, 0) * agreements.payout_unit as line_units,
        {{ round_ratio("cast(coalesce(of_lines.held_millionths, 0) as hugeint)", "cast(1000000 as hugeint)") }} * agreements.payout_unit as held_units,
        case
            when disputes.amount is not null then disputes.amount
            when disputes.transaction_id is null then greatest(paid.payable, 0)
        end as claimed
    from touched
    inner join disputes on touched.file_no = disputes.file_no and touched.row_no = disputes.row_no
    inner join identified on touched.payout_key = identified.payout_key
    inner join {{ source("terms", "agreements") }} as agreements on identified.agreement_key = agreements.agreement_key
    inner join {{ ref("int_payouts_paid") }} as paid on touched.payout_key = paid.payout_key
    left join of_lines
        on touched.file_no = of_lines.file_no and touched.row_no = of_lines.row_no and touched.payout_key = of_lines.payout_key
)

select
    file_no,
    row_no,
    payout_key,
    cast(coalesce(claimed, {{ as_decimal("line_units", 4) }}) as decimal(18, 4)) as disputed,
    cast(case when is_open then coalesce(claimed, {{ as_decimal("held_units", 4) }}) else 0 end as decimal(18, 4)) as to_hold
from valued
{% else %}
nothing as (
    select
        cast(null as integer) as file_no,
        cast(null as bigint) as row_no,
        payout_key,
        cast(0 as decimal(18, 4)) as disputed,
        cast(0 as decimal(18, 4)) as to_hold
    from {{ ref("int_payouts_identified") }}
    where false
)

select * from nothing
{% endif %}

{#
  A view over published tables, never stored. The rule is that of int_payouts_collected: a test compares the two.
#}
with

waiting as (
    select payouts.payout_id, benefits.paid_when
    from {{ ref("fct_payout") }} as payouts
    inner join {{ ref("dim_benefit") }} as benefits on payouts.benefit_version_id = benefits.benefit_version_id
    where benefits.paid_when is not null
),

collections as (
    select transaction_id, line, sum(share) as share, max(collected_on) as collected_on
    from {{ ref("fct_collection") }}
    group by transaction_id, line
),

stated as (
    select
        lines.payout_id,
        lines.transaction_id,
        lines.line,
        lines.tier,
        lines.line_payout,
        waiting.paid_when,
        coalesce(of_line.share, 0) + coalesce(of_all.share, 0) as share,
        greatest(of_line.collected_on, of_all.collected_on) as collected_on,
        lines.source_sha256,
        lines.source_row
    from {{ ref("fct_payout_line") }} as lines
    inner join waiting on lines.payout_id = waiting.payout_id
    left join collections as of_line on lines.transaction_id = of_line.transaction_id and lines.line = of_line.line
    left join collections as of_all on lines.transaction_id = of_all.transaction_id and of_all.line is null
)

select
    payout_id,
    transaction_id,
    line,
    tier,
    line_payout,
    collected_on,
    cast(case
        when transaction_id is null or line_payout <= 0 then 1
        when paid_when = 'fully_collected' and share < 1 then 0
        else least(greatest(share, 0), 1)
    end as decimal(18, 6)) as collected,
    source_sha256,
    source_row
from stated

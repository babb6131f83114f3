{{ config(tags=["net_of"]) }}
-- what the agreements that another one is net of pay on each line, all their benefits, participants and tiers together
with

paid as (
    select
        payouts.agreement_id,
        lines.file_no,
        lines.row_no,
        sum(lines.share_units * payouts.payout_unit) as paid_ten_thousandths
    from {{ ref("int_payout_lines_allocated") }} as lines
    inner join {{ ref("int_payouts_to_allocate") }} as payouts on lines.payout_key = payouts.payout_key
    where lines.row_no is not null
    group by payouts.agreement_id, lines.file_no, lines.row_no
)

select nets.agreement_key, paid.file_no, paid.row_no, cast(sum(paid.paid_ten_thousandths) as hugeint) as paid_ten_thousandths
from {{ source("terms", "nets") }} as nets
inner join paid on nets.agreement_id = paid.agreement_id
group by nets.agreement_key, paid.file_no, paid.row_no

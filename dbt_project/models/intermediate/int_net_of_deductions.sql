{{ config(tags=["net_of"]) }}
-- what the agreements that another one is net of pay on each line, all their benefits, participants and tiers together
with

{{ payout_shares("where agreement_id in (select agreement_id from " ~ source("terms", "nets") ~ ")") }},

paid as (
    select
        due.agreement_id,
        shared.file_no,
        shared.row_no,
        sum(shared.share_units * due.minor_ten_thousandths) as paid_ten_thousandths
    from shared
    inner join due on shared.payout_key = due.payout_key
    where shared.row_no is not null
    group by due.agreement_id, shared.file_no, shared.row_no
)

select nets.agreement_key, paid.file_no, paid.row_no, cast(sum(paid.paid_ten_thousandths) as bigint) as paid_ten_thousandths
from {{ source("terms", "nets") }} as nets
inner join paid on nets.agreement_id = paid.agreement_id
group by nets.agreement_key, paid.file_no, paid.row_no

select
    split.credit_key as credit_no,
    stated.transaction_id,
    stated.line,
    stated.participant_id,
    {{ share_as_decimal("stated.share") }} as share,
    stated.share as share_written
from {{ ref("stg_credits") }} as stated
inner join (select distinct transaction_id, line, credit_key from {{ ref("int_credits_split") }}) as split
    on stated.transaction_id = split.transaction_id and stated.line is not distinct from split.line
order by credit_no, participant_id

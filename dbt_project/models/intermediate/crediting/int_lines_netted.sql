{{ config(tags=["net_of"]) }}
with

-- what other agreements pay on a line is taken off before the line is shared
netted as not materialized (
    select lines.* replace (lines.amount_millionths - coalesce(paid.paid_ten_thousandths, 0) * 100 as amount_millionths)
    from {{ ref("int_lines_to_net") }} as lines
    left join {{ source("calc", "lines_netted") }} as paid
        on lines.agreement_key = paid.agreement_key
        and lines.file_no = paid.file_no
        and lines.row_no = paid.row_no
),

shared as not materialized (
    select
        * exclude (agreement_key, is_netted, share_from, share_to, share_divisor, minor_millionths)
        replace ({{ share_of("amount_millionths") }} as amount_millionths, {{ share_of("cost_millionths") }} as cost_millionths),
        share_to - share_from as share_parts
    from netted
)

select * exclude (is_pool_piece)
from shared
where not is_pool_piece
union all
-- members of one pool who are each assigned a part of a line: one row, the sum of their parts
select {{ pool_pieces_as_one() }}
from shared
where is_pool_piece
group by all

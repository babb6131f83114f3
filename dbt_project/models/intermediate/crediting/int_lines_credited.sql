{{ join_as_written() }}
{{ config(materialized="incremental", pre_hook="{{ delete_where(is_changed('kept')) }}") }}
with

shared as not materialized (
    select
        * exclude (agreement_key, is_netted, share_from, share_to, share_divisor, minor_millionths)
        replace ({{ share_of("amount_millionths") }} as amount_millionths, {{ share_of("cost_millionths") }} as cost_millionths),
        share_to - share_from as share_parts
    from {{ ref("int_lines_matched") }}
    where not is_netted
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

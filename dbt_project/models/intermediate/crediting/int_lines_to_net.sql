{{ join_as_written() }}
{{ config(materialized="incremental", pre_hook="{{ delete_where(is_changed('kept')) }}") }}
select *
from {{ ref("int_lines_matched") }}
where is_netted

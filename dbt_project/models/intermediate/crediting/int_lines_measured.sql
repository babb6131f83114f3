{{ config(materialized="view") }}
select * from {{ ref("int_lines_credited") }}
{% if var("book").has_nets %}
union all
select * from {{ ref("int_lines_netted") }}
{% endif %}

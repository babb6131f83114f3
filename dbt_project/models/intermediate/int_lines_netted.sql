{{ config(tags=["net_of"]) }}
{{ join_as_written() }}
{{ credited_lines(is_netted=true) }}

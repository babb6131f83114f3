{{ join_as_written() }}
{{ credited_lines() }}

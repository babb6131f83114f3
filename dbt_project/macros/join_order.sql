{#
  For queries over all transactions: joined in the order in which they are written, from the lines to small tables on the right.
  The optimizer's guesses about ranges of dates put the lines on the build side, at five times the cost.
#}
{% macro join_as_written() -%}
    {{ config(pre_hook="set disabled_optimizers = 'join_order,build_side_probe_side'", post_hook="reset disabled_optimizers") }}
{%- endmacro %}

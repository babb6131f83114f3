{# Whether a sum is computed anew that a row of a query, called `lines`, is or belongs to. #}
{% macro is_sum_changed(lines, period_no="period_no") -%}
    exists (
        select 1
        from {{ ref("int_measures_changed") }} as changed
        where
            changed.line_set_key = {{ lines }}.line_set_key
            and changed.participant_key = {{ lines }}.participant_key
            and changed.period_no = {{ lines }}.{{ period_no }}
    )
{%- endmacro %}

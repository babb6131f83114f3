{# What a line (or a sum of lines) measures; `line_count` is 1 for a line. #}
{% macro measure_of(measure_kind, rows, quantity, line_count) -%}
    case {{ measure_kind }}
        when 'amount' then {{ rows }}.amount
        when 'margin' then {{ rows }}.amount - {{ rows }}.cost
        when 'quantity' then {{ quantity }}
        else {{ line_count }}
    end
{%- endmacro %}

{# A measure or weight as an integer: its count of 10^-12. #}
{% macro units(value) -%}
    cast(({{ value }}) * cast(1000000000000 as decimal(13, 0)) as hugeint)
{%- endmacro %}

{# The part of a measure that lies below the end of a slice of the axis and above its start; differences of it are what a line takes of the slice. #}
{% macro clamped(measure) -%}
    greatest(
        coalesce(slices.from_measure, least({{ measure }}, slices.to_measure)),
        least({{ measure }}, coalesce(slices.to_measure, {{ measure }}))
    )
{%- endmacro %}

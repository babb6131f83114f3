{# The letter e and 20 hex digits of the hash of what names an entry. #}
{% macro entry_id(parts) -%}
    'e' || substr(sha256(concat_ws(chr(31), {{ parts | join(", ") }})), 1, 20)
{%- endmacro %}

{# What an entry is about, of any of its rows, and of either side of a comparison: all rows of a payout say the same. #}
{% macro any_subject(columns) -%}
    {%- for column in columns %}
    any_value({{ column }}) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro either_subject(columns, left, right) -%}
    {%- for column in columns %}
    coalesce({{ left }}.{{ column }}, {{ right }}.{{ column }}) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

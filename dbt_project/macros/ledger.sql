{# Whether anything was ever closed: books without closes leave the ledger out of their SQL, so that it costs nothing. #}
{% macro has_closes() -%}
    {%- if execute -%}
        {{ return(run_query("select count(*) from " ~ source("ledger", "closes")).columns[0][0] > 0) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{# 20 hex digits of the hash of what names an entry. #}
{% macro entry_id(parts) -%}
    substr(sha256(concat_ws(chr(31), {{ parts | join(", ") }})), 1, 20)
{%- endmacro %}

{#
  Which parts of the language the book's agreements use. What none of them uses is left out of the SQL, so that it costs nothing.
  conditions: (condition_key, condition) of every `where`, attributes: [name, column] of the measured ones that transactions have; the others are flags.
#}
{% macro parts_in_use() -%}
    {%- set parts = {"conditions": [], "attributes": [], "prior_years": false, "originals": false, "claims": false, "nets": false} -%}
    {%- set query -%}
        select 'conditions', condition_key, condition, line_columns from {{ source("terms", "conditions") }}
        union all
        select distinct 'attributes', 0, to_json([attributes.name, attributes.column_name])::varchar, null
        from {{ source("terms", "line_sets") }} as line_sets
        inner join {{ source("raw", "attributes") }} as attributes on attributes.feed = 'transactions' and line_sets.attribute = attributes.name
        union all
        select distinct 'prior_years', 0, null, null from {{ source("terms", "line_sets") }} where needs_prior_year
        union all
        select distinct 'originals', 0, null, null from {{ source("terms", "agreements") }} where returns = 'original'
        union all
        select distinct 'claims', 0, null, null from {{ source("terms", "claims") }}
        union all
        select distinct 'nets', 0, null, null from {{ source("terms", "nets") }}
        order by all
    {%- endset -%}
    {%- if execute -%}
        {%- set found = run_query(query) -%}
        {%- set present = raw_columns("transactions") if found | length else [] -%}
        {%- for kind, key, text, names in found -%}
            {#- a column that is not there is refused by name in assets/transform/invariants.py -#}
            {#- dbt hands lists over as JSON -#}
            {%- set is_known = not names or not fromjson(names) | reject("in", present) | list -%}
            {%- if kind == "conditions" -%}{%- do parts.conditions.append([key | int, text if is_known else "false"]) -%}
            {%- elif kind == "attributes" -%}{%- do parts.attributes.append(fromjson(text)) -%}
            {%- else -%}{%- do parts.update({kind: true}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(parts) }}
{%- endmacro %}

{# Text of a SQL string. #}
{% macro text_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{#
  What is true of a line, as bits by condition_key. Null counts as false. A line for which a condition has no value because of an error is
  refused by name in assets/transform/invariants.py.
#}
{% macro conditions_as_bits(conditions) -%}
    {%- set by_key = dict(conditions) -%}
    cast({% for key in range(by_key.keys() | max + 1) -%}
        {{ " || " if not loop.first }}{% if key in by_key %}case when {{ by_key[key] }} then '1' else '0' end{% else %}'0'{% endif %}
    {%- endfor %} as bit)
{%- endmacro %}

{# A text that is a number with at most 12 digits before and 6 after the point, as its count of millionths; null for any other. #}
{% macro number_in_text(column) -%}
    case when regexp_full_match(cast({{ column }} as varchar), '-?[0-9]{1,12}(\.[0-9]{1,6})?')
        then cast(cast({{ column }} as decimal(18, 6)) * cast(1000000 as decimal(20, 0)) as bigint) end
{%- endmacro %}

{# Attributes of a partners or products feed, [name, column]: all but the record's place and its days. #}
{% macro attributes_of(feed) -%}
    {%- set canonical = {"partners": ["partner_id", "name", "parent_id"], "products": ["product_id", "name"]}[feed] -%}
    {{ return(zip(canonical, canonical) | list + carried_along(feed)) }}
{%- endmacro %}

{# One row per version and attribute that has a value. #}
{% macro attribute_values(feed, key) -%}
{%- set attributes = attributes_of(feed) -%}
select * from (
    select
        versions.{{ key }},
        versions.first_day,
        versions.last_day,
        unnest([{% for name, _ in attributes %}{{ text_literal(name) }}{{ ", " if not loop.last }}{% endfor %}]) as attribute,
        unnest([{% for _, column in attributes %}feed_rows.{{ identifier(column) }}{{ ", " if not loop.last }}{% endfor %}]) as value
    from {{ ref("stg_" ~ feed) }} as versions
    inner join {{ source("raw", feed) }} as feed_rows on versions.file_no = feed_rows.file_no and versions.row_no = feed_rows.row_no
)
where value is not null
{%- endmacro %}

{# JSON text of what a record carries along. Null where there is nothing. #}
{% macro attributes_as_json(feed) -%}
    {%- set attributes = carried_along(feed) -%}
    {%- if attributes -%}{{ json_of(attributes) }}{%- else -%}cast(null as varchar){%- endif -%}
{%- endmacro %}

{# JSON text of columns, [name, column] each. #}
{% macro json_of(columns) -%}
    json_object({% for name, column in columns %}{{ text_literal(name) }}, {{ identifier(column) }}{% if not loop.last %}, {% endif %}{% endfor %})::varchar
{%- endmacro %}

{#
  JSON text of a whole row of raw.<feed>, called feed_rows, under the names that people know; its place comes last, where the file has no columns of
  such names.
#}
{% macro row_as_json(feed) -%}
    {%- set carried = carried_along(feed) -%}
    {%- set held = carried | map("last") | list -%}
    {%- set names = carried | map("first") | list -%}
    {%- set place = ["file_no", "row_no"] -%}
    cast(json_object(
        {%- for column in raw_columns(feed) if column not in held and column not in place %}
        {{ text_literal(column) }}, cast(feed_rows.{{ identifier(column) }} as varchar),
        {%- endfor %}
        {%- for name, column in carried %}
        {{ text_literal(name) }}, feed_rows.{{ identifier(column) }},
        {%- endfor %}
        {%- for column in place if column not in names %}
        '{{ column }}', feed_rows.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    ) as varchar)
{%- endmacro %}

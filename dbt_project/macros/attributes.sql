{# Attributes of a partners or products feed: its columns that are neither the record's place nor its days. #}
{% macro attribute_columns(feed) -%}
    {{ return(raw_columns(feed) | reject("in", ["file_no", "row_no", "from", "to"]) | list) }}
{%- endmacro %}

{# JSON text of a record's attributes, ids and names apart. Null where there are none. #}
{% macro attributes_as_json(feed, canonical) -%}
    {%- set names = attribute_columns(feed) | reject("in", canonical) | list -%}
    {%- if names -%}
    json_object({% for name in names %}'{{ name | replace("'", "''") }}', {{ adapter.quote(name) }}{% if not loop.last %}, {% endif %}{% endfor %})::varchar
    {%- else -%}
    cast(null as varchar)
    {%- endif -%}
{%- endmacro %}

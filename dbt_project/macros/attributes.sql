{# Attributes of partners and products: canonical columns first, then the columns that the feed carries along. #}

{# JSON text of what a row of raw.<feed> carries along; null where the feed carries nothing. #}
{% macro carried_as_json(feed) -%}
    {%- set carried = var("book").feeds[feed].carried -%}
    {%- if carried -%}
    cast(json_object(
        {%- for name, column in carried %}{{ text_literal(name) }}, {{ feed }}.{{ identifier(column) }}{{ ", " if not loop.last }}{% endfor -%}
    ) as varchar)
    {%- else -%}
    cast(null as varchar)
    {%- endif -%}
{%- endmacro %}

{#
  JSON text of a whole row of raw.<feed>, called feed_rows, under the names that people know; its place comes last, unless the file has columns of
  those names.
#}
{% macro row_as_json(feed) -%}
    {%- set carried = var("book").feeds[feed].carried -%}
    {%- set names = carried | map("first") | list -%}
    {%- set place = ["file_no", "row_no"] | reject("in", names) | list -%}
    cast(json_object(
        {%- for column in var("book").feeds[feed].columns %}
        {{ text_literal(column) }}, cast(feed_rows.{{ identifier(column) }} as varchar){{ "," if not loop.last or carried or place }}
        {%- endfor %}
        {%- for name, column in carried %}
        {{ text_literal(name) }}, feed_rows.{{ identifier(column) }}{{ "," if not loop.last or place }}
        {%- endfor %}
        {%- for column in place %}
        '{{ column }}', feed_rows.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    ) as varchar)
{%- endmacro %}

{# List of the names of a feed's attributes, and list of their values: of the staging table `versions` and its rows of raw.<feed>, `feed_rows`. #}
{% macro attribute_names(feed, canonical) -%}
    [{{ text_literals(canonical + var("book").feeds[feed].carried | map("first") | list) }}]
{%- endmacro %}

{% macro attribute_values(feed, canonical) -%}
    [
        {%- for column in canonical %}versions.{{ column }}{{ ", " if not loop.last }}{% endfor -%}
        {%- for _, column in var("book").feeds[feed].carried %}, feed_rows.{{ identifier(column) }}{% endfor -%}
    ]
{%- endmacro %}

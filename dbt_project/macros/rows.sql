{# Whether a row of raw.<feed>, called <feed> in the query, counts: no later row of the same business key replaced it. #}
{% macro is_current(feed) -%}
    not exists (
        select 1
        from {{ ref("int_rows_replaced") }} as replaced
        where replaced.feed = '{{ feed }}' and replaced.file_no = {{ feed }}.file_no and replaced.row_no = {{ feed }}.row_no
    )
{%- endmacro %}

{# Whether book.yaml has the feed. #}
{% macro is_configured(feed) -%}
    {{ var("book").feeds[feed].is_configured | lower }}
{%- endmacro %}

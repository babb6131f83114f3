{# The rows of a feed that no later row of the same business key replaced. `rows` names them in the query around it. #}
{% macro current_rows(feed) -%}
    (
        select feed_rows.*
        from {{ source("raw", feed) }} as feed_rows
        where not exists (
            select 1
            from {{ ref("int_rows_replaced") }} as replaced
            where replaced.feed = '{{ feed }}' and replaced.file_no = feed_rows.file_no and replaced.row_no = feed_rows.row_no
        )
    )
{%- endmacro %}

{#
  Current transactions with the keys of partner and product that hold on their date. Null: not known; product_key 0: a line without product.
  `stg_transactions` takes those that are known, `int_rows_unresolved` the others. In the order in which it is to be joined, see int_lines_credited.
#}
{% macro keyed_transactions() -%}
    (
        select
            transactions.*,
            partners.partner_key,
            case when transactions.product_id is null then 0 else products.product_key end as product_key
        from {{ current_rows("transactions") }} as transactions
        left join {{ ref("stg_partners") }} as partners
            on transactions.partner_id = partners.partner_id
            and transactions.date between partners.first_day and partners.last_day
        left join {{ ref("stg_products") }} as products
            on transactions.product_id = products.product_id
            and transactions.date between products.first_day and products.last_day
    )
{%- endmacro %}

{# Columns of raw.<feed> as the warehouse has them now: canonical ones, then those that hold what this book carries along. #}
{% macro raw_columns(feed) -%}
    {%- if not execute %}{{ return([]) }}{% endif -%}
    {{ return(adapter.get_columns_in_relation(source("raw", feed)) | map(attribute="name") | list) }}
{%- endmacro %}

{#
  What a feed carries along: [name in the file, column of raw.<feed>], in order. Only through this list does a file's name get into SQL: as a text,
  never as the name of a column. One JSON text: dbt would take a name such as 1 or null for a value.
#}
{% macro carried_along(feed) -%}
    {%- if not execute %}{{ return([]) }}{% endif -%}
    {%- set query -%}
        select coalesce(to_json(list([name, column_name] order by position))::varchar, '[]') from {{ source("raw", "attributes") }} where feed = '{{ feed }}'
    {%- endset -%}
    {{ return(fromjson(run_query(query).columns[0][0])) }}
{%- endmacro %}

{# A name in SQL. #}
{% macro identifier(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}

{# Business keys that the book declares: feed to the list of its columns. #}
{% macro business_keys() -%}
    {%- set keys = {} -%}
    {%- if execute -%}
        {%- for row in run_query("select feed, column_name from " ~ source("raw", "feed_keys") ~ " order by feed, position") -%}
            {%- do keys.setdefault(row[0], []).append(row[1]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(keys) }}
{%- endmacro %}

{# Feeds whose newest file says all there is. #}
{% macro snapshot_feeds() -%}
    {%- if not execute %}{{ return([]) }}{% endif -%}
    {{ return(run_query("select feed from " ~ source("raw", "feed_snapshots") ~ " order by feed").columns[0].values() | list) }}
{%- endmacro %}

{# "a", "b" for a list of names, each with an optional prefix. #}
{% macro quoted(names, prefix="") -%}
    {%- for name in names %}{{ prefix }}{{ identifier(name) }}{% if not loop.last %}, {% endif %}{% endfor -%}
{%- endmacro %}

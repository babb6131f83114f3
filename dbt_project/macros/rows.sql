{# Whether a row of raw.<feed>, called <feed> in the query, counts: no later row of the same business key replaced it. #}
{% macro is_current(feed) -%}
    not exists (
        select 1
        from {{ ref("int_rows_replaced") }} as replaced
        where replaced.feed = '{{ feed }}' and replaced.file_no = {{ feed }}.file_no and replaced.row_no = {{ feed }}.row_no
    )
{%- endmacro %}

{# A person's name, to compare with another. #}
{% macro as_name(column) -%}
    lower(nfc_normalize(trim(regexp_replace({{ column }}, '\s+', ' ', 'g'))))
{%- endmacro %}

{# Whether book.yaml has the feed. #}
{% macro is_configured(feed) -%}
    {{ var("book").feeds[feed].is_configured | lower }}
{%- endmacro %}

{# Rows of raw.transactions with the keys of their partner and product on their date, null where there is none. The rows are current ones of `rows`. #}
{% macro with_keys(rows) -%}
    select
        lines.*,
        partners.partner_key,
        case when lines.product_id is null then 0 else products.product_key end as product_key
    from (
        select *
        from {{ rows }} as transactions
        where {{ is_current("transactions") }}
    ) as lines
    left join {{ ref("stg_partners") }} as partners
        on lines.partner_id = partners.partner_id
        and lines.date between partners.first_day and partners.last_day
    left join {{ ref("stg_products") }} as products
        on lines.product_id = products.product_id
        and lines.date between products.first_day and products.last_day
{%- endmacro %}

{# Whether a row of stg_transactions_keyed counts: partner and product are known on its date, and its day has come. #}
{% macro line_counts(rows) -%}
    {{ rows }}.partner_key is not null
    and {{ rows }}.product_key is not null
    and {{ rows }}.date <= (select as_of from {{ source("terms", "settings") }})
{%- endmacro %}

{# Whether a row of a query, called `rows`, is a transaction line that this run computes anew. #}
{% macro is_changed(rows) -%}
    exists (
        select 1
        from {{ source("changes", "lines") }} as changed
        where changed.file_no = {{ rows }}.file_no and changed.row_no = {{ rows }}.row_no
    )
{%- endmacro %}

{#
  The rows of a feed that can be replaced or replace others in this run. Only the keys of new transactions can make a difference, unless files say what
  is gone. The other feeds are small.
#}
{% macro rows_to_compare(feed) -%}
    {%- if compares_new_keys(feed) -%}
    (select rows.* from {{ source("raw", feed) }} as rows where {{ is_compared("rows") }})
    {%- else -%}
    {{ source("raw", feed) }}
    {%- endif -%}
{%- endmacro %}

{% macro compares_new_keys(feed) -%}
    {%- set made_of = var("book").feeds[feed] -%}
    {{- return(is_incremental() and feed == "transactions" and not (made_of.snapshot_per or made_of.replaces_files or made_of.loses_corrections)) -}}
{%- endmacro %}

{# Whether a row of a query, called `rows`, has the key of a new one, or is new itself. #}
{% macro is_compared(rows) -%}
    exists (
        select 1
        from {{ source("changes", "compared_lines") }} as compared
        where compared.file_no = {{ rows }}.file_no and compared.row_no = {{ rows }}.row_no
    )
{%- endmacro %}

{# Whether a row of int_rows_replaced, called `kept`, is computed anew. #}
{% macro is_replaced_anew() -%}
    {%- if compares_new_keys("transactions") -%}
    kept.feed <> 'transactions' or {{ is_compared("kept") }}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{# The same for int_rows_unresolved: other feeds are looked up whole. #}
{% macro is_unresolved_anew() -%}
    kept.feed <> 'transactions' or {{ is_changed("kept") }}
{%- endmacro %}

{#
  Whether rows are wanted of a file: of those between two numbers while a connection has set the variables, of all files otherwise
  (assets/publishing/transaction_parts.py).
#}
{% macro is_in_chosen_files(file_no) -%}
    {{ file_no }} between coalesce(getvariable('first_file'), 0) and coalesce(getvariable('last_file'), 2147483647)
{%- endmacro %}

{#
  Names as numbers: enums rebuilt for fct_payout_line, which sorts many of them. Before the model, as its pre-hook.
#}
{% macro make_name_types() -%}
    {%- for name, query in {
        "payout_ids": "select payout_id from " ~ ref("int_payouts_to_allocate"),
        "measure_units": "select measure_unit from " ~ ref("int_payouts_to_allocate"),
        "partner_ids": "select partner_id from " ~ ref("stg_partners"),
        "product_ids": "select product_id from " ~ ref("stg_products") ~ " where product_id is not null",
        "currency_codes": "select currency from " ~ source("terms", "currencies"),
        "file_names": "select file_name from " ~ source("raw", "feed_files"),
        "file_hashes": "select sha256 from " ~ source("raw", "feed_files"),
    }.items() %}
    drop type if exists {{ name_type(name) }};
    create type {{ name_type(name) }} as enum (select distinct * from ({{ query }}) order by all);
    {%- endfor %}
{%- endmacro %}

{% macro name_type(name) -%}
    intermediate.{{ name }}
{%- endmacro %}

{{ config(materialized="table") }}
-- depends_on: {{ ref('int_rows_replaced') }}
with

{% if "partners" in var("feeds") %}
versions as (
    select
        partner_id,
        name,
        parent_id,
        coalesce("from", date '0001-01-01') as first_day,
        coalesce("to", date '9999-12-31') as last_day,
        {{ attributes_as_json("partners") }} as attributes,
        file_no,
        row_no
    from {{ current_rows("partners") }} as partners
),
{% else %}
-- the book has no partners feed: who is named somewhere is a partner
named as (
    select partner_id from {{ source("raw", "transactions") }}
    union
    select partner_id from {{ source("raw", "assignments") }}
    union
    select participant_id from {{ source("raw", "assignments") }}
    union
    select payee_id from {{ source("terms", "agreements") }}
    union
    select value from {{ source("terms", "participant_rules") }} where attribute = 'partner_id'
),

versions as (
    select
        partner_id,
        cast(null as varchar) as name,
        cast(null as varchar) as parent_id,
        date '0001-01-01' as first_day,
        date '9999-12-31' as last_day,
        cast(null as varchar) as attributes,
        cast(null as integer) as file_no,
        cast(null as bigint) as row_no
    from named
    where partner_id is not null
),
{% endif %}

numbered as (
    select cast(dense_rank() over (order by partner_id) as integer) as partner_key, *
    from versions
)

select * from numbered

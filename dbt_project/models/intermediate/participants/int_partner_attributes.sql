{{ config(materialized="view") }}
with

attributes as (
    select
        versions.partner_key,
        versions.first_day,
        versions.last_day,
        unnest({{ attribute_names("partners", ["partner_id", "name", "parent_id"]) }}) as attribute,
        unnest({{ attribute_values("partners", ["partner_id", "name", "parent_id"]) }}) as value
    from {{ ref("stg_partners") }} as versions
    left join {{ source("raw", "partners") }} as feed_rows on versions.file_no = feed_rows.file_no and versions.row_no = feed_rows.row_no
)

select * from attributes
where value is not null

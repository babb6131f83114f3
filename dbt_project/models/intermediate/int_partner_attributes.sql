{{ config(materialized="view") }}
{% if "partners" in var("feeds") %}
{% for attribute in attribute_columns("partners") %}
select
    partners.partner_key,
    partners.first_day,
    partners.last_day,
    '{{ attribute | replace("'", "''") }}' as attribute,
    feed_rows.{{ adapter.quote(attribute) }} as value
from {{ ref("stg_partners") }} as partners
inner join {{ source("raw", "partners") }} as feed_rows on partners.file_no = feed_rows.file_no and partners.row_no = feed_rows.row_no
where feed_rows.{{ adapter.quote(attribute) }} is not null
{{ "union all" if not loop.last }}
{% endfor %}
{% endif %}
{% if not execute or "partners" not in var("feeds") %}
select partner_key, first_day, last_day, 'partner_id' as attribute, partner_id as value from {{ ref("stg_partners") }}
{% endif %}

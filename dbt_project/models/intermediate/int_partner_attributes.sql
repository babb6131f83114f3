{{ config(materialized="view") }}
{% if "partners" in var("feeds") %}
{{ attribute_values("partners", "partner_key") }}
{% else %}
select partner_key, first_day, last_day, 'partner_id' as attribute, partner_id as value from {{ ref("stg_partners") }}
{% endif %}

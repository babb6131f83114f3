{{ config(materialized="table") }}
{% set kinds = ["amount", "released", "held", "settled"] %}
select
    identified.payout_id,
    releases.release_no,
    releases.share,
    releases.due_date,
    releases.amount,
    releases.released,
    releases.settled,
    releases.status,
    releases.held,
    cast(releases.collected as decimal(38, 12)) as collected,
    rates.currency,
    {%- for kind in kinds %}
    {{ in_reporting("releases." ~ kind) }} as {{ kind }}_reporting,
    {%- endfor %}
    {%- for kind in kinds %}
    cast({{ in_reporting("releases." ~ kind) }} * rates.sign as decimal(18, 4)) as {{ kind }}_signed,
    {%- endfor %}
    releases.disputed
from {{ ref("int_payouts_released") }} as releases
inner join {{ ref("int_payouts_identified") }} as identified on releases.payout_key = identified.payout_key
inner join {{ ref("int_payouts_rated") }} as rates on releases.payout_key = rates.payout_key

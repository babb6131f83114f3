{{ config(materialized="view") }}
{#
  Accounts that are not the book's own. What a close has booked of a payout stays under its accounts, so that they clear; otherwise the most specific
  mapping decides, by the attributes that the participant has today. Cash, write-offs and exchange differences belong to no payout: today's mapping holds.
#}
with

rules as (
    select * from {{ source("terms", "account_rules") }}
),

conditions as (
    select * from {{ source("terms", "account_conditions") }}
),

needed as (
    select condition_no, count(distinct attribute) as attribute_count
    from conditions
    group by condition_no
),

attributes as (
    select partners.partner_id, attributes.attribute, attributes.value
    from {{ ref("int_partners_current") }} as partners
    inner join {{ ref("stg_partner_keys") }} as keys on partners.partner_id = keys.partner_id
    inner join {{ ref("int_partner_attributes") }} as attributes
        on keys.partner_key = attributes.partner_key
        and partners.first_day = attributes.first_day
        and partners.last_day = attributes.last_day
),

matched as (
    select conditions.condition_no, attributes.partner_id
    from conditions
    inner join attributes on conditions.attribute = attributes.attribute and conditions.value = attributes.value
    inner join needed on conditions.condition_no = needed.condition_no
    group by conditions.condition_no, attributes.partner_id, needed.attribute_count
    having count(distinct attributes.attribute) = needed.attribute_count
),

mapped as (
    select identified.payout_id, rules.account_role, arg_min(rules.account, rules.place) as account
    from {{ ref("int_payouts_identified") }} as identified
    inner join {{ source("calc", "payouts") }} as payouts on identified.payout_key = payouts.payout_key
    inner join rules on payouts.benefit_key = rules.benefit_key
    left join matched on rules.condition_no = matched.condition_no and identified.participant_id = matched.partner_id
    where rules.condition_no is null or matched.condition_no is not null
    group by identified.payout_id, rules.account_role
){% if var("book").has_closes %},

booked as (
    select payout_id, account_role, arg_max(account, sequence) as account
    from {{ ref("int_journal_posted") }}
    where account_role not in ('cash', 'write_off', 'exchange_difference')
    group by payout_id, account_role
    union all
    select payout_id, 'cost_centre' as account_role, arg_max(cost_centre, sequence) as account
    from {{ ref("int_journal_posted") }}
    where account_role in ('payable_expense', 'receivable_income') and cost_centre is not null
    group by payout_id
)

select * from booked
union all
select mapped.*
from mapped
left join booked on mapped.payout_id = booked.payout_id and mapped.account_role = booked.account_role
where booked.payout_id is null
{%- else %}

select * from mapped
{%- endif %}

with

agreements as (
    select * from {{ source("terms", "agreements") }}
),

partners as (
    select distinct partner_key, partner_id from {{ ref("stg_partners") }}
),

each_participant as (
    select distinct agreements.agreement_key, participations.partner_key as participant_key
    from agreements
    inner join {{ ref("int_participations") }} as participations on agreements.agreement_key = participations.agreement_key
    where agreements.pool <> 'together' and participations.is_in_term
),

payees as (
    select agreements.agreement_key, partners.partner_key as participant_key
    from agreements
    inner join partners on agreements.payee_id = partners.partner_id
    where agreements.pool = 'together'
),

participants as (
    select * from each_participant
    union all
    select * from payees
)

select participants.agreement_key, participants.participant_key, partners.partner_id as participant_id
from participants
inner join partners on participants.participant_key = partners.partner_key

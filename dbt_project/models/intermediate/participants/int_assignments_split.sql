-- a partner's days are cut wherever an assignment begins or ends; in each piece the shares run in order of participant id
with

assignments as (
    select * from {{ ref("stg_assignments") }}
),

partners as (
    select distinct partner_key, partner_id from {{ ref("stg_partners") }}
),

bounds as (
    select partner_id, first_day as piece_start from assignments
    union
    select partner_id, last_day + 1 from assignments
),

pieces as (
    select partner_id, piece_start, lead(piece_start) over (partition by partner_id order by piece_start) - 1 as piece_end
    from bounds
),

shared as (
    select
        assignments.partner_id,
        assignments.participant_id,
        pieces.piece_start as first_day,
        pieces.piece_end as last_day,
        assignments.share_parts,
        sum(assignments.share_parts) over (
            partition by assignments.partner_id, pieces.piece_start order by assignments.participant_id
            rows between unbounded preceding and current row
        ) as share_to
    from assignments
    inner join pieces
        on assignments.partner_id = pieces.partner_id
        and pieces.piece_start between assignments.first_day and assignments.last_day
)

select
    partners.partner_key,
    participants.partner_key as participant_key,
    shared.first_day,
    shared.last_day,
    cast(shared.share_to - shared.share_parts as bigint) as share_from,
    cast(shared.share_to as bigint) as share_to
from shared
inner join partners on shared.partner_id = partners.partner_id
inner join partners as participants on shared.participant_id = participants.partner_id

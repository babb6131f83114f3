with

stated as (
    select
        file_no,
        row_no,
        agreement,
        participant_id,
        "from" as first_day,
        coalesce("to", date '9999-12-31') as last_day
    from {{ source("raw", "participations") }} as participations
    where {{ is_current("participations") }}
)

select file_no, row_no, agreement, participant_id
from stated
where exists (
    select 1
    from stated as earlier
    where
        earlier.agreement = stated.agreement
        and earlier.participant_id = stated.participant_id
        and earlier.first_day <= stated.last_day
        and stated.first_day <= earlier.last_day
        and (earlier.first_day, earlier.file_no, earlier.row_no) < (stated.first_day, stated.file_no, stated.row_no)
)

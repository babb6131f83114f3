select
    file_no,
    row_no,
    agreement,
    participant_id,
    "from" as first_day,
    coalesce("to", date '9999-12-31') as last_day,
    factor
from {{ source("raw", "participations") }} as participations
where
    {{ is_current("participations") }}
    and not exists (
        select 1
        from {{ ref("stg_participations_overlapping") }} as overlapping
        where overlapping.file_no = participations.file_no and overlapping.row_no = participations.row_no
    )

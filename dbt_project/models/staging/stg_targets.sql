select
    file_no,
    row_no,
    agreement,
    benefit,
    participant_id,
    window_start,
    target,
    incentive,
    baseline
from {{ source("raw", "targets") }} as targets
where {{ is_current("targets") }}

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
from {{ current_rows("targets") }} as targets

select
    agreement as agreement_id,
    benefit as benefit_id,
    participant_id,
    window_start,
    target,
    incentive,
    baseline
from {{ ref("stg_targets") }}

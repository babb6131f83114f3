select
    run_id,
    started_at,
    finished_at,
    as_of,
    code_version,
    agreements_sha256,
    inputs_sha256,
    settings_sha256,
    engine_versions,
    rows,
    payouts,
    payout_total,
    status
from {{ source("calc", "runs") }}

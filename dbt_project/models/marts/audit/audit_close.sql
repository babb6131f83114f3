select
    period,
    version,
    kind,
    sequence,
    is_in_force,
    closed_at,
    closed_by,
    approved_by,
    reason,
    overrides,
    content_sha256,
    previous_sha256,
    chain_sha256,
    code_version
from {{ source("ledger", "closes") }}

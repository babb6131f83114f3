select
    agreements.agreement_id,
    agreements.version as agreement_version,
    benefits.benefit_id,
    tiers.tier,
    tiers.from_value,
    tiers.rate,
    tiers.per_unit,
    tiers.amount,
    tiers.share,
    {{ benefit_version_id() }} as benefit_version_id,
    {{ benefit_version_id() }} || '/' || tiers.tier as tier_id
from {{ source("terms", "tiers") }} as tiers
inner join {{ source("terms", "benefits") }} as benefits on tiers.benefit_key = benefits.benefit_key
inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key

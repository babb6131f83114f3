select
    agreements.agreement_id,
    agreements.version as agreement_version,
    benefits.benefit_id,
    tiers.tier,
    axes.axis,
    axes.rank_of,
    axes.metric,
    axes.ratio_of,
    axes.ratio_to,
    parts.of_benefit,
    parts.figure,
    multipliers.method,
    multipliers.boundary,
    multipliers.above,
    tiers.from_value,
    tiers.factor
from {{ source("terms", "multiplier_tiers") }} as tiers
inner join {{ source("terms", "multipliers") }} as multipliers on tiers.benefit_key = multipliers.benefit_key
inner join {{ source("terms", "axes") }} as axes on tiers.benefit_key = axes.benefit_key and axes.slot = 2
left join {{ source("terms", "axis_parts") }} as parts
    on axes.benefit_key = parts.benefit_key and axes.slot = parts.slot and axes.axis = 'benefit'
inner join {{ source("terms", "benefits") }} as benefits on axes.benefit_key = benefits.benefit_key
inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key

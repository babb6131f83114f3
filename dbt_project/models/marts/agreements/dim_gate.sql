select
    agreements.agreement_id,
    agreements.version as agreement_version,
    benefits.benefit_id,
    gates.slot - 2 as gate_no,
    axes.axis,
    axes.rank_of,
    axes.metric,
    axes.ratio_of,
    axes.ratio_to,
    parts.of_benefit,
    parts.figure,
    gates.at_least,
    gates.above,
    gates.at_most,
    gates.below,
    gates.otherwise
from {{ source("terms", "gates") }} as gates
inner join {{ source("terms", "axes") }} as axes on gates.benefit_key = axes.benefit_key and gates.slot = axes.slot
left join {{ source("terms", "axis_parts") }} as parts
    on axes.benefit_key = parts.benefit_key and axes.slot = parts.slot and axes.axis = 'benefit'
inner join {{ source("terms", "benefits") }} as benefits on axes.benefit_key = benefits.benefit_key
inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key

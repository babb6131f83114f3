with

-- the lines of a benefit, of its measure and its base may have scopes of their own; an agreement of an exclusive group claims by its own
asked as (
    select benefits.agreement_key, benefits.benefit_key, benefits.benefit_id, line_sets.scope_key, min(line_sets.counts_from) as sees_from
    from {{ source("terms", "benefits") }} as benefits
    inner join {{ source("terms", "line_sets") }} as line_sets
        on line_sets.line_set_key in (benefits.line_set_key, benefits.measure_line_set_key, benefits.base_line_set_key)
    group by benefits.agreement_key, benefits.benefit_key, benefits.benefit_id, line_sets.scope_key
    union all
    select agreement_key, null as benefit_key, null as benefit_id, scope_key, null as sees_from from {{ source("terms", "claims") }}
),

-- the days of windows that have begun, and of the spans that they measure; of windows in which several terms hold, those of the version
days as (
    select benefit_key, min(first_day) as counts_from, max(last_day) as counts_to
    from (
        select windows.benefit_key, windows.span_start as first_day, windows.window_end as last_day
        from {{ source("terms", "windows") }} as windows
        left join {{ source("terms", "window_parts") }} as parts on windows.benefit_key = parts.benefit_key and windows.window_no = parts.window_no
        where parts.benefit_key is null
        union all
        select part_benefit_key as benefit_key, first_day, last_day from {{ source("terms", "window_parts") }}
    ) as counted
    group by benefit_key
),

rules as (
    select scope_key, string_agg(rule, '; ' order by rule) as products
    from (
        select scope_key, kind || ' ' || attribute || ': ' || string_agg(coalesce(value, '(none)'), ', ' order by value) as rule
        from {{ source("terms", "scope_rules") }}
        group by scope_key, kind, attribute
    ) as by_attribute
    group by scope_key
)

select
    agreements.agreement_id,
    agreements.version as agreement_version,
    asked.benefit_id,
    asked.scope_key as scope_no,
    asked.benefit_id is null as is_claim,
    case when asked.benefit_id is null then agreements.valid_from else least(days.counts_from, coalesce(asked.sees_from, days.counts_from)) end as counts_from,
    case when asked.benefit_id is null then agreements.valid_to else days.counts_to end as counts_to,
    scopes.counts_sale,
    scopes.counts_return,
    scopes.counts_credit,
    scopes.counts_adjustment,
    rules.products,
    scopes.condition_key as condition_no,
    conditions.written as condition
from asked
inner join {{ source("terms", "agreements") }} as agreements on asked.agreement_key = agreements.agreement_key
inner join {{ source("terms", "scopes") }} as scopes on asked.scope_key = scopes.scope_key
left join days on asked.benefit_key = days.benefit_key
left join rules on asked.scope_key = rules.scope_key
left join {{ source("terms", "conditions") }} as conditions on scopes.condition_key = conditions.condition_key

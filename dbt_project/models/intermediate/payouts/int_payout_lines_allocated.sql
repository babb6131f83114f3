{{ config(materialized="view") }}
{#
  Integers throughout: the payout in payout units, money and counts in millionths, quantities and slices in 10^-12. One scan of the lines per kind of
  number: a common table of all lines would be in memory whole.
#}
{% set read = "measure_kind, is_graduated, is_of_groups, is_by_line, money_millionths, quantity_units" %}
{% set book = var("book") %}
{% set has_groups = book.has_groups or book.has_parts %}
{% set read = read ~ ", group_value" if has_groups else read %}
{% set is_plain = "not lines.is_graduated and not lines.is_of_groups and not lines.is_by_line" %}
{% set money_kinds = is_plain ~ " and lines.measure_kind in ('amount', 'margin', 'count')" %}
{% set quantity_kinds = is_plain ~ " and lines.measure_kind not in ('amount', 'margin', 'count')" %}
with

payouts as not materialized (
    select * from {{ ref("int_payouts_to_allocate") }}
    where {{ is_in_chosen_part("part") }}
),

-- one row per payout × period: joined to lines by equality
payout_periods as not materialized (
    select
        payouts.payout_key,
        {% if book.has_parts %}
        case when payouts.is_in_parts then of_part.share_line_set_key else payouts.measure_line_set_key end as measure_line_set_key,
        case when payouts.is_in_parts then of_part.line_set_key else payouts.own_line_set_key end as own_line_set_key,
        case when payouts.is_in_parts then of_part.base_line_set_key else payouts.base_line_set_key end as base_line_set_key,
        cast(parts.part_no as varchar) as part_value,
        {% else %}
        payouts.measure_line_set_key,
        payouts.own_line_set_key,
        payouts.base_line_set_key,
        {% endif %}
        payouts.participant_key,
        payouts.base_kind,
        payouts.measure_kind,
        payouts.is_graduated,
        payouts.is_of_groups,
        payouts.is_by_line,
        periods.period_no
    from payouts
    inner join {{ source("terms", "periods") }} as periods on periods.period_no between payouts.first_period and payouts.last_period
    {% if book.has_parts %}
    left join {{ source("terms", "window_parts") }} as parts
        on payouts.benefit_key = parts.benefit_key and payouts.window_no = parts.window_no
        and periods.period_no between parts.first_period and parts.last_period
    left join {{ source("terms", "benefits") }} as of_part on parts.part_benefit_key = of_part.benefit_key
    {% endif %}
),

{% if book.has_bases %}
-- what a rate multiplies, where that is of other lines than the measure
base_lines as not materialized (
    select payout_periods.payout_key, measured.file_no, measured.row_no, {{ figure_of_line("payout_periods.base_kind", "measured") }} as base_units
    from {{ ref("int_lines_measured") }} as measured
    inner join payout_periods
        on measured.line_set_key = payout_periods.base_line_set_key
        and measured.participant_key = payout_periods.participant_key
        and measured.period_no = payout_periods.period_no
    where measured.is_in_term and payout_periods.base_kind is not null
        and payout_periods.base_line_set_key <> payout_periods.measure_line_set_key
),

{% endif %}
lines as not materialized (
    select
        payout_periods.payout_key,
        payout_periods.measure_kind,
        payout_periods.is_graduated,
        payout_periods.is_of_groups,
        payout_periods.is_by_line,
        {% if book.has_parts and book.has_groups %}
        coalesce(payout_periods.part_value, measured.group_value) as group_value,
        {% elif has_groups %}
        {{ "measured.group_value" if book.has_groups else "payout_periods.part_value as group_value" }},
        {% endif %}
        measured.file_no,
        measured.row_no,
        measured.transaction_id,
        measured.line,
        measured.date,
        measured.partner_key,
        measured.product_key,
        measured.source_amount,
        measured.day_key,
        {{ shown_of_line("measured") }},
        {% if book.has_bases %}
        case
            when payout_periods.base_kind is null then null
            when payout_periods.base_line_set_key = payout_periods.measure_line_set_key then {{ figure_of_line("payout_periods.base_kind", "measured") }}
            -- a line that lacks what the base adds up has no figure; a line of the measure alone has 0
            when base_lines.row_no is null then 0
            else base_lines.base_units
        end as base_units,
        {% endif %}
        {{ money_of_line("payout_periods.measure_kind", "measured") }} as money_millionths,
        {{ units_of_line("payout_periods.measure_kind", "measured") }} as quantity_units
    from {{ ref("int_lines_measured") }} as measured
    inner join payout_periods
        on measured.line_set_key = payout_periods.measure_line_set_key
        and measured.participant_key = payout_periods.participant_key
        and measured.period_no = payout_periods.period_no
    {% if book.has_bases %}
    left join base_lines
        on payout_periods.payout_key = base_lines.payout_key and measured.file_no = base_lines.file_no and measured.row_no = base_lines.row_no
    {% endif %}
    where measured.is_in_term
    union all by name
    -- an opening balance is a line without a transaction, the first on its day
    select
        payouts.payout_key,
        payouts.measure_kind,
        payouts.is_graduated,
        payouts.is_of_groups,
        payouts.is_by_line,
        balances.file_no,
        balances.row_no,
        '' as transaction_id,
        balances.date,
        case when payouts.measure_kind in ('amount', 'margin') then balances.measure end as source_amount,
        {{ millionths("balances.quantity") }} as source_quantity,
        {% if book.has_bases %}
        case when payouts.base_kind is not null then {{ units("balances.base") }} end as base_units,
        {% endif %}
        case when payouts.measure_kind in ('amount', 'margin', 'count') then {{ millionths("balances.measure") }} else 0 end as money_millionths,
        case when payouts.measure_kind in ('amount', 'margin', 'count') then 0 else {{ units("balances.measure") }} end as quantity_units
    from payouts
    inner join {{ ref("int_payouts_identified") }} as identified on payouts.payout_key = identified.payout_key
    inner join {{ ref("stg_balances") }} as balances
        on {{ names_payout("balances") }}
    where balances.waits_for is null and balances.measure <> 0
),

money_lines as (
    select
        lines.* exclude ({{ read }}),
        lines.money_millionths is null as lacks_measure,
        coalesce(lines.money_millionths, 0) as measure,
        sum(coalesce(lines.money_millionths, 0)) over in_order as measure_to_here
    from lines
    where {{ money_kinds }}
    window in_order as (
        partition by payout_key order by date, transaction_id, line, file_no, row_no rows between unbounded preceding and current row
    )
),

money_shared as (
    select
        lines.* exclude (lacks_measure, measure, measure_to_here),
        payouts.tier,
        case when not lines.lacks_measure then lines.measure * cast(1000000 as hugeint) end as credited_units,
        case
            when greatest(abs(lines.measure_to_here), abs(lines.measure_to_here - lines.measure)) <= payouts.narrow_limit
                then {{ round_ratio("(payouts.narrow_numerator * cast(lines.measure_to_here as bigint))", "payouts.narrow_divisor") }}
                - {{ round_ratio("(payouts.narrow_numerator * cast(lines.measure_to_here - lines.measure as bigint))", "payouts.narrow_divisor") }}
            else {{ share_between("(lines.measure_to_here - lines.measure)", "lines.measure_to_here") }}
        end as share_units
    from money_lines as lines
    inner join payouts on lines.payout_key = payouts.payout_key
),

quantity_lines as (
    select
        lines.* exclude ({{ read }}),
        lines.quantity_units is null as lacks_measure,
        coalesce(lines.quantity_units, 0) as measure,
        sum(coalesce(lines.quantity_units, 0)) over in_order as measure_to_here
    from lines
    where {{ quantity_kinds }}
    window in_order as (
        partition by payout_key order by date, transaction_id, line, file_no, row_no rows between unbounded preceding and current row
    )
),

quantity_shared as (
    select
        lines.* exclude (lacks_measure, measure, measure_to_here),
        payouts.tier,
        case when not lines.lacks_measure then lines.measure end as credited_units,
        {{ share_between("(lines.measure_to_here - lines.measure)", "lines.measure_to_here") }} as share_units
    from quantity_lines as lines
    inner join payouts on lines.payout_key = payouts.payout_key
),

{# several kinds of number in one unit #}
{% set in_units -%}
coalesce(case when measure_kind in ('amount', 'margin', 'count') then cast(1000000 as hugeint) * money_millionths else quantity_units end, 0)
{%- endset %}
graduated_measures as (
    select
        lines.* exclude ({{ read }}),
        {{ in_units }} as measure
    from lines
    where is_graduated
),

graduated_lines as (
    select *, sum(measure) over in_order as measure_to_here
    from graduated_measures
    window in_order as (
        partition by payout_key order by date, transaction_id, line, file_no, row_no rows between unbounded preceding and current row
    )
),

placed as (
    select
        lines.* exclude (measure, measure_to_here),
        slices.tier,
        slices.weight_per_unit,
        slices.coarse_units,
        {{ clamped("lines.measure_to_here") }} as slice_end,
        {{ clamped("(lines.measure_to_here - lines.measure)") }} as slice_start,
        slice_end - slice_start as slice_units,
        -- a line of measure 0 belongs to the slice that the running measure has reached
        lines.measure = 0
        and coalesce(lines.measure_to_here >= slices.from_units, true)
        and coalesce(lines.measure_to_here < slices.to_units, true) as is_place_of_nothing
    from graduated_lines as lines
    inner join {{ ref("int_payout_tier_slices") }} as slices on lines.payout_key = slices.payout_key
),

weighed as (
    select *, {{ weight_between("slice_start", "slice_end") }} as weight
    from placed
    where slice_units <> 0 or is_place_of_nothing
),

weighed_to_here as (
    select *, sum(weight) over in_order as weight_to_here
    from weighed
    window in_order as (
        partition by payout_key order by date, transaction_id, line, file_no, row_no, tier rows between unbounded preceding and current row
    )
),

graduated_shared as (
    select
        lines.* exclude (
            tier, weight_per_unit, coarse_units, slice_start, slice_end, slice_units, is_place_of_nothing, weight, weight_to_here
        ),
        lines.tier,
        lines.slice_units as credited_units,
        {{ share_between("(lines.weight_to_here - lines.weight)", "lines.weight_to_here") }} as share_units
    from weighed_to_here as lines
    inner join payouts on lines.payout_key = payouts.payout_key
)

{%- if has_groups -%}
,

-- a line takes its part of what its group earns, or the version in force on its day, and the last line of a group that measures nothing takes all of it
grouped_measures as (
    select
        lines.* exclude (measure_kind, is_graduated, is_of_groups, is_by_line, money_millionths, quantity_units),
        {{ in_units }} as measure
    from lines
    where is_of_groups
),

grouped_lines as (
    select
        *,
        sum(measure) over in_order as measure_to_here,
        sum(measure) over (partition by payout_key, group_value) as group_measure,
        lead(row_no) over in_order is null as is_last
    from grouped_measures
    window in_order as (
        partition by payout_key, group_value order by date, transaction_id, line, file_no, row_no rows between unbounded preceding and current row
    )
),

grouped_weights as (
    select
        lines.* exclude (group_value, measure_to_here, group_measure, is_last),
        groups.tier,
        {{ units("groups.pays") }} as earned_units,
        case
            when lines.group_measure > 0
                then {{ part_of("earned_units", "lines.measure_to_here", "lines.group_measure") }}
                - {{ part_of("earned_units", "(lines.measure_to_here - lines.measure)", "lines.group_measure") }}
            when lines.is_last then earned_units
            else 0
        end as weight
    from grouped_lines as lines
    inner join {{ source("calc", "payout_groups") }} as groups
        on lines.payout_key = groups.payout_key and lines.group_value is not distinct from groups.group_value
),

grouped_to_here as (
    select *, sum(weight) over in_order as weight_to_here
    from grouped_weights
    window in_order as (
        partition by payout_key order by date, transaction_id, line, file_no, row_no rows between unbounded preceding and current row
    )
),

grouped_shared as (
    select
        lines.* exclude (measure, tier, earned_units, weight, weight_to_here),
        lines.tier,
        lines.measure as credited_units,
        {{ share_between("(lines.weight_to_here - lines.weight)", "lines.weight_to_here") }} as share_units
    from grouped_to_here as lines
    inner join payouts on lines.payout_key = payouts.payout_key
)
{%- endif %}
{% if book.pays_lines -%}
,

-- a line takes what the tiers pay that it lies in
pieces_to_here as (
    select
        lines.* exclude ({{ read }}),
        pieces.tier,
        {{ units("pieces.measure") }} as credited_units,
        {{ units("pieces.weight") }} as weight,
        sum({{ units("pieces.weight") }}) over in_order as weight_to_here
    from lines
    inner join {{ source("calc", "payout_pieces") }} as pieces
        on lines.payout_key = pieces.payout_key and lines.file_no = pieces.file_no and lines.row_no = pieces.row_no
    where lines.is_by_line
    window in_order as (
        partition by lines.payout_key
        order by lines.date, lines.transaction_id, lines.line, lines.file_no, lines.row_no, pieces.tier
        rows between unbounded preceding and current row
    )
),

pieces_shared as (
    select
        lines.* exclude (tier, credited_units, weight, weight_to_here),
        lines.tier,
        lines.credited_units,
        {{ share_between("(lines.weight_to_here - lines.weight)", "lines.weight_to_here") }} as share_units
    from pieces_to_here as lines
    inner join payouts on lines.payout_key = payouts.payout_key
)
{%- endif %}

{% if book.has_bases %}
,

-- lines of the benefit that its measure leaves out
unmeasured as (
    select
        payout_periods.payout_key,
        payouts.tier,
        measured.file_no,
        measured.row_no,
        measured.transaction_id,
        measured.line,
        measured.date,
        measured.partner_key,
        measured.product_key,
        measured.source_amount,
        measured.day_key,
        {{ shown_of_line("measured") }},
        case when payout_periods.base_kind is not null then case when base_lines.row_no is null then 0 else base_lines.base_units end end as base_units,
        cast(0 as hugeint) as credited_units,
        0 as share_units
    from {{ ref("int_lines_measured") }} as measured
    inner join payout_periods
        on measured.line_set_key = payout_periods.own_line_set_key
        and measured.participant_key = payout_periods.participant_key
        and measured.period_no = payout_periods.period_no
    inner join payouts on payout_periods.payout_key = payouts.payout_key
    left join base_lines
        on payout_periods.payout_key = base_lines.payout_key and measured.file_no = base_lines.file_no and measured.row_no = base_lines.row_no
    where measured.is_in_term and payout_periods.own_line_set_key <> payout_periods.measure_line_set_key
        and not exists (
            select 1
            from {{ ref("int_lines_measured") }} as counted
            where counted.line_set_key = payout_periods.measure_line_set_key and counted.participant_key = measured.participant_key
                and counted.file_no = measured.file_no and counted.row_no = measured.row_no and counted.is_in_term
        )
)
{%- endif %}

select * from money_shared
union all
select * from quantity_shared
union all
select * from graduated_shared
{% if has_groups %}
union all
select * from grouped_shared
{% endif %}
{% if book.pays_lines %}
union all
select * from pieces_shared
{% endif %}
{% if book.has_bases %}
union all by name
select * from unmeasured
{% endif %}
union all by name
-- nothing to share by: the payout has a row of its own
select payout_key, tier, cast(0 as hugeint) as credited_units, payout_units as share_units
from payouts
where is_unshared

{#
  The lines of payouts with the part that each takes, in minor units: `due`, …, `shared`. `condition`: which payouts.
#}
{% macro payout_shares(condition="") -%}
{%- set measured = measured_lines() -%}
{%- set money -%}
    coalesce(case due_periods.measure_kind
        when 'amount' then lines.amount_millionths
        when 'margin' then lines.amount_millionths - lines.cost_millionths
        else 1000000
    end, 0)
{%- endset %}
{%- set counted = "case when due_periods.measure_kind = 'attribute' then lines.attribute_millionths else lines.quantity_millionths end" -%}
{%- set quantity = "coalesce(cast(" ~ counted ~ " as hugeint) * lines.share_millionths, 0)" -%}
due as not materialized (
    select * from {{ ref("int_payouts_to_allocate") }}
    {{ condition }}
),

-- one row per payout × period: joined to lines by equality
due_periods as not materialized (
    select due.payout_key, due.measure_line_set_key, due.participant_key, due.measure_kind, due.is_graduated, periods.period_no
    from due
    inner join {{ source("terms", "periods") }} as periods on periods.period_no between due.first_period and due.last_period
    where due.window_units > 0
),

money_lines as (
    {{ running_lines(measured, "not due_periods.is_graduated and due_periods.measure_kind not in ('quantity', 'attribute')", money) }}
),

money_shared as (
    select
        {{ shown_columns("lines") }}
        due.tier,
        lines.measure * cast(1000000 as hugeint) as credited_units,
        case
            when greatest(abs(lines.to_here), abs(lines.to_here - lines.measure), due.window_millionths) <= due.narrow_limit
                then {{ round_ratio("(due.payout_units * lines.to_here)", "due.window_millionths") }}
                - {{ round_ratio("(due.payout_units * (lines.to_here - lines.measure))", "due.window_millionths") }}
            else {{ part_of_payout("lines.to_here", "lines.measure", "cast(due.window_millionths as hugeint)") }}
        end as share_units
    from (select *, cast(measure_to_here as bigint) as to_here from money_lines) as lines
    inner join due on lines.payout_key = due.payout_key
),

quantity_lines as (
    {{ running_lines(measured, "not due_periods.is_graduated and due_periods.measure_kind in ('quantity', 'attribute')", quantity) }}
),

quantity_shared as (
    select
        {{ shown_columns("lines") }}
        due.tier,
        lines.measure as credited_units,
        {{ part_of_payout("lines.measure_to_here", "lines.measure", "due.window_units") }} as share_units
    from quantity_lines as lines
    inner join due on lines.payout_key = due.payout_key
),

graduated_lines as (
    {{ running_lines(
        measured,
        "due_periods.is_graduated",
        "case when due_periods.measure_kind in ('quantity', 'attribute') then " ~ quantity ~ " else cast(1000000 as hugeint) * " ~ money ~ " end"
    ) }}
),

placed as (
    select
        {{ shown_columns("lines") }}
        slices.tier,
        slices.weight_per_unit,
        {{ clamped("lines.measure_to_here") }} - {{ clamped("(lines.measure_to_here - lines.measure)") }} as slice_units,
        -- a line of measure 0 stands in the slice that the running measure has reached
        lines.measure = 0
        and coalesce(lines.measure_to_here >= slices.from_units, true)
        and coalesce(lines.measure_to_here < slices.to_units, true) as is_place_of_nothing
    from graduated_lines as lines
    inner join {{ ref("int_payout_tier_slices") }} as slices on lines.payout_key = slices.payout_key
),

weighed as (
    select *, slice_units * weight_per_unit as weight
    from placed
    where slice_units <> 0 or is_place_of_nothing
),

weighed_to_here as (
    select
        *,
        sum(weight) over in_order as weight_to_here,
        sum(slice_units) over in_order as slices_to_here,
        sum(weight) over whole as weight_total
    from weighed
    window
        in_order as (
            partition by payout_key order by date, transaction_id, line, file_no, row_no, tier rows between unbounded preceding and current row
        ),
        whole as (
            partition by payout_key order by date, transaction_id, line, file_no, row_no, tier
            rows between unbounded preceding and unbounded following
        )
),

graduated_shared as (
    select
        {{ shown_columns("lines") }}
        lines.tier,
        lines.slice_units as credited_units,
        -- tiers that pay amounts alone weigh nothing: then the measure decides
        case when lines.weight_total > 0
            then {{ part_of_payout("lines.weight_to_here", "lines.weight", "lines.weight_total") }}
            else {{ part_of_payout("lines.slices_to_here", "lines.slice_units", "due.window_units") }}
        end as share_units
    from weighed_to_here as lines
    inner join due on lines.payout_key = due.payout_key
),

shared as (
    select * from money_shared
    union all
    select * from quantity_shared
    union all
    select * from graduated_shared
    union all
    -- nothing to share by: the payout stands alone
    select payout_key, null, null, null, null, null, null, null, null, null, tier, window_units, payout_units
    from due
    where window_units <= 0
)
{%- endmacro %}

{#
  The lines of each payout with their running measure, in the order in which a payout is shared. One scan per kind of number: a common table
  of all lines would stand in memory whole.
#}
{% macro running_lines(lines, condition, measure) %}
    select
        due_periods.payout_key,
        lines.file_no,
        lines.row_no,
        lines.transaction_id,
        lines.line,
        lines.date,
        lines.partner_key,
        lines.product_key,
        lines.source_amount,
        lines.day_key,
        {{ measure }} as measure,
        sum({{ measure }}) over (
            partition by due_periods.payout_key
            order by lines.date, lines.transaction_id, lines.line, lines.file_no, lines.row_no
            rows between unbounded preceding and current row
        ) as measure_to_here
    from {{ lines }} as lines
    inner join due_periods
        on lines.line_set_key = due_periods.measure_line_set_key
        and lines.participant_key = due_periods.participant_key
        and lines.period_no = due_periods.period_no
    where lines.is_in_term and {{ condition }}
{% endmacro %}

{# The columns of a line that a payout line shows. #}
{% macro shown_columns(rows) -%}
    {%- for column in ["payout_key", "file_no", "row_no", "transaction_id", "line", "date", "partner_key", "product_key", "source_amount", "day_key"] %}
    {{ rows }}.{{ column }},
    {%- endfor %}
{%- endmacro %}

{# An exact number of payout grain as an integer: its count of 10^-12. #}
{% macro units(value) -%}
    cast(cast({{ value }} as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint)
{%- endmacro %}

{#
  The part of payout_units that lies between two places of a running weight: both ends rounded, so that the parts add up.
  A product that could pass 128 bits is taken from weights a million times coarser; the ends of the whole stay exact.
#}
{% macro part_of_payout(weight_to_here, weight, weight_total) -%}
    ({{ place_in_payout(weight_to_here, weight_total) }} - {{ place_in_payout("(" ~ weight_to_here ~ " - " ~ weight ~ ")", weight_total) }})
{%- endmacro %}

{% macro place_in_payout(place, total) -%}
    case
        when abs(cast(due.payout_units as double)) * abs(cast({{ place }} as double)) < 5e37
            then {{ round_ratio("cast(due.payout_units as hugeint) * " ~ place, total) }}
        else {{ round_ratio("cast(due.payout_units as hugeint) * (" ~ place ~ " // 1000000)", "(" ~ total ~ " // 1000000)") }}
    end
{%- endmacro %}

{# A measure brought inside a slice of the axis; differences of it are what a line takes of the slice. #}
{% macro clamped(measure) -%}
    greatest(
        coalesce(slices.from_units, least({{ measure }}, slices.to_units)),
        least({{ measure }}, coalesce(slices.to_units, {{ measure }}))
    )
{%- endmacro %}

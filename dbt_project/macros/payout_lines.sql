{#
  The lines of each payout with their running measure, in the order in which a payout is shared. One scan per kind of number: a common table
  of all lines would stand in memory whole.
#}
{% macro running_lines(condition, measure) %}
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
    from {{ ref("int_lines_credited") }} as lines
    inner join due_periods
        on lines.basis_key = due_periods.basis_key
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

{# Expressions over payouts and the running measure of their lines. #}

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
        when abs(cast(payouts.payout_units as double)) * abs(cast({{ place }} as double)) < 5e37
            then {{ round_ratio("cast(payouts.payout_units as hugeint) * " ~ place, total) }}
        else {{ round_ratio("cast(payouts.payout_units as hugeint) * (" ~ place ~ " // 1000000)", "(" ~ total ~ " // 1000000)") }}
    end
{%- endmacro %}

{# A measure brought inside a slice of the axis; differences of it are what a line takes of the slice. #}
{% macro clamped(measure) -%}
    greatest(
        coalesce(slices.from_units, least({{ measure }}, slices.to_units)),
        least({{ measure }}, coalesce(slices.to_units, {{ measure }}))
    )
{%- endmacro %}

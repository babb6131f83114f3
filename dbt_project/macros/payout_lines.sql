{# Expressions over payouts and the running measure of their lines. #}

{#
  Whether lines are wanted of a payout: those of one part while a connection has set the variable, of all payouts otherwise. It has to be asked before
  the windows over lines, which the engine computes whole below any later filter.
#}
{% macro is_in_chosen_part(part) -%}
    {{ part }} = coalesce(getvariable('payout_part'), {{ part }})
{%- endmacro %}

{# An exact number of payout grain as an integer: its count of 10^-12. Its digits without the point, because a product of decimals has 14 before it. #}
{% macro units(value) -%}
    cast(replace(cast(cast({{ value }} as decimal(38, 12)) as varchar), '.', '') as hugeint)
{%- endmacro %}

{#
  The units of a payout that lie between two places of a running measure or weight: both ends rounded, so that the parts add up.
  `payouts` has the fraction share_numerator / share_divisor of int_payouts_to_allocate.
#}
{% macro share_between(from_place, to_place) -%}
    ({{ allocated_up_to(to_place) }} - {{ allocated_up_to(from_place) }})
{%- endmacro %}

{# A product that could pass 128 bits is taken of places and a divisor as much coarser as it needs. #}
{% macro allocated_up_to(place) -%}
    {%- set product = "abs(cast(payouts.share_numerator as double)) * abs(cast(" ~ place ~ " as double))" -%}
    {%- set coarser = "cast(power(10, ceil(log10(" ~ product ~ ")) - 37) as hugeint)" -%}
    case
        when {{ product }} < 5e37 then {{ round_ratio("(payouts.share_numerator * " ~ place ~ ")", "payouts.share_divisor") }}
        else {{ round_ratio("(payouts.share_numerator * (" ~ place ~ " // " ~ coarser ~ "))", "greatest(payouts.share_divisor // " ~ coarser ~ ", 1)") }}
    end
{%- endmacro %}

{# whole × part / total (positive), rounded. Where the product could pass 128 bits, part and total are as much coarser as it needs. #}
{% macro part_of(whole, part, total) -%}
    {%- set product = "abs(cast(" ~ whole ~ " as double)) * greatest(abs(cast(" ~ part ~ " as double)), cast(" ~ total ~ " as double))" -%}
    {%- set coarser = "cast(power(10, ceil(log10(" ~ product ~ ")) - 37) as hugeint)" -%}
    case
        when {{ product }} <= 5e37 then {{ round_ratio("(" ~ whole ~ " * " ~ part ~ ")", total) }}
        else {{ round_ratio("(" ~ whole ~ " * (" ~ part ~ " // " ~ coarser ~ "))", "greatest(" ~ total ~ " // " ~ coarser ~ ", 1)") }}
    end
{%- endmacro %}

{# numerator / denominator (positive; both in 10^-12) as a weight, in 10^-14. Where a product could pass 128 bits, nine digits fewer count. #}
{% macro weight_of_ratio(numerator, denominator) -%}
    (({{ numerator }} // {{ denominator }}) * cast(100000000000000 as hugeint)
    + case
        when {{ denominator }} < cast(500000000000000000000000 as hugeint)
            then {{ round_ratio("(" ~ numerator ~ " % " ~ denominator ~ ") * cast(100000000000000 as hugeint)", denominator) }}
        else {{ round_ratio(
            "(" ~ numerator ~ " % " ~ denominator ~ ") // 1000000000 * cast(100000000000000 as hugeint)", "(" ~ denominator ~ " // 1000000000)"
        ) }}
    end)
{%- endmacro %}

{# The product of two numbers in 10^-12, in 10^-12: rounded, and within 128 bits where the result is. #}
{% macro product_of_units(left, right) -%}
    {%- set rest = left ~ " * (" ~ right ~ " % 1000000000000)" -%}
    ({{ left }} * ({{ right }} // 1000000000000) + sign({{ rest }}) * ((abs({{ rest }}) + 500000000000) // 1000000000000))
{%- endmacro %}

{# A measure brought inside a slice of the axis; differences of it are what a line takes of the slice. #}
{% macro clamped(measure) -%}
    greatest(
        coalesce(slices.from_units, least({{ measure }}, slices.to_units)),
        least({{ measure }}, coalesce(slices.to_units, {{ measure }}))
    )
{%- endmacro %}

{# The weight of a slice between two places in it. #}
{% macro weight_between(slice_start, slice_end) -%}
    case
        when coarse_units = 1 then {{ slice_end }} - {{ slice_start }}
        else {{ slice_end }} // coarse_units - {{ slice_start }} // coarse_units
    end * weight_per_unit
{%- endmacro %}

{# What is shown of a line besides what it brings: of the whole line, as the file has it. Columns of int_lines_measured. #}
{% macro shown_of_line(lines) -%}
    {{ lines }}.type_no,
    {{ lines }}.source_cost,
    {{ lines }}.quantity_millionths as source_quantity,
    {{ lines }}.attribute_millionths as source_attribute,
    {{ lines }}.share_parts
{%- endmacro %}

{# What a line brings to a figure of any kind, in 10^-12; null where it lacks it. #}
{% macro figure_of_line(kind, lines) -%}
    coalesce({{ money_of_line(kind, lines) }} * cast(1000000 as hugeint), {{ units_of_line(kind, lines) }})
{%- endmacro %}

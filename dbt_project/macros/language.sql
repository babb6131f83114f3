{# What agreements ask of a line. Parts of the language that no agreement of the book uses are left out, so that they cost nothing. #}

{#
  Which conditions hold for a line, as bits by condition_key. Null counts as false. A line for which a condition has no value because of an error is
  rejected by name in assets/transform/invariants.py.
#}
{% macro conditions_as_bits() -%}
    {%- set by_key = dict(var("book").conditions) -%}
    {%- if by_key -%}
    cast({% for key in range(by_key.keys() | max + 1) -%}
        {{ " || " if not loop.first }}{% if key in by_key %}case when {{ by_key[key] }} then '1' else '0' end{% else %}'0'{% endif %}
    {%- endfor %} as bit)
    {%- else -%}
    cast(null as bit)
    {%- endif -%}
{%- endmacro %}

{# The number in the attribute that a membership measures, in millionths; the line has one column per measured attribute. #}
{% macro measured_attribute() -%}
    {%- if var("book").measured -%}
    case memberships.attribute
        {%- for name, _ in var("book").measured %}
        when {{ text_literal(name) }} then lines.measured_{{ loop.index0 }}
        {%- endfor %}
    end
    {%- else -%}
    cast(null as bigint)
    {%- endif -%}
{%- endmacro %}

{# The day that decides what a line counts for: its own, or its original's where the agreement says so. #}
{% macro counted_date() -%}
    {% if var("book").has_originals %}case when spans.counts_originals then lines.original_date else lines.date end{% else %}lines.date{% endif %}
{%- endmacro %}

{# A text that is a number with at most 12 digits before and 6 after the point, as its count of millionths; null for any other. #}
{% macro number_in_text(column) -%}
    case when regexp_full_match(cast({{ column }} as varchar), '-?[0-9]{1,12}(\.[0-9]{1,6})?')
        then cast(cast({{ column }} as decimal(18, 6)) * cast(1000000 as decimal(20, 0)) as bigint) end
{%- endmacro %}

{# Sums over `lines`, and what is missing in them. Quantities and attributes are those of the whole line, times the share that is credited. #}
{% macro sums_of_lines() -%}
    {{ as_decimal("sum(lines.amount_millionths)", 6) }} as amount,
    {{ as_decimal("sum(lines.cost_millionths)", 6) }} as cost,
    {{ as_decimal("sum(cast(lines.quantity_millionths as hugeint) * lines.share_millionths)", 12) }} as quantity,
    {{ as_decimal("sum(cast(lines.attribute_millionths as hugeint) * lines.share_millionths)", 12) }} as attribute_value,
    count(*) as line_count,
    count(*) filter (where lines.amount_millionths is null) as missing_rates,
    -- without a rate there is no cost either: that is one thing missing, not two
    count(*) filter (where lines.cost_millionths is null and lines.amount_millionths is not null) as missing_costs,
    count(*) filter (where lines.quantity_millionths is null) as missing_quantities,
    count(*) filter (where lines.attribute_millionths is null) as missing_attributes
{%- endmacro %}

{# The columns of a line that several members of a pool have a part of: their parts added up. Group by all. #}
{% macro pool_pieces_as_one() -%}
    * exclude (is_pool_piece, amount_millionths, cost_millionths, quantity_millionths, attribute_millionths, share_millionths),
    sum(amount_millionths) as amount_millionths,
    sum(cost_millionths) as cost_millionths,
    any_value(quantity_millionths) as quantity_millionths,
    any_value(attribute_millionths) as attribute_millionths,
    cast(sum(share_millionths) as bigint) as share_millionths
{%- endmacro %}

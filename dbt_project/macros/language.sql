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
        {%- if var("book").has_factors %}
        else factors.millionths
        {%- endif %}
    end
    {%- elif var("book").has_factors -%}
    factors.millionths
    {%- else -%}
    cast(null as bigint)
    {%- endif -%}
{%- endmacro %}

{# The value of the attribute that a membership groups lines by, as text; null: the line has none. #}
{% macro group_of_line() -%}
    nullif(
        case memberships.grouped_by
            when 'original_transaction_id or transaction_id' then coalesce(nullif(lines.original_transaction_id, ''), lines.transaction_id)
            {%- for name, column in var("book").groups %}
            when {{ text_literal(name) }} then cast(lines.{{ identifier(column) }} as varchar)
            {%- endfor %}
            else groups.value
        end
    , '')
{%- endmacro %}

{# The day that decides what a line counts for: its own, or its original's where the agreement says so. #}
{% macro counted_date() -%}
    {% if var("book").has_originals %}case when spans.counts_originals then lines.original_date else lines.date end{% else %}lines.date{% endif %}
{%- endmacro %}

{# And whether what is held on it takes part then; a line of the prior year on the day that it counts as. #}
{% macro takes_part(day) -%}
    {%- if var("book").has_participations -%}
    {{ day }} between held.counts_from and held.counts_to
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#
  The key of the credits that hold for a row of `transactions`, and the joins that find it: those of the line itself come first, then those of its
  transaction, of its original's line, of its original. Conditions of agreements name columns of a line, so nothing joined has such a name.
#}
{% macro credit_of_line() -%}
    coalesce(of_line.credit_key, of_transaction.credit_key, of_original_line.credit_key, of_original.credit_key)
{%- endmacro %}

{% macro join_credits(credits) -%}
    left join {{ credits }} as of_line on transactions.transaction_id = of_line.credited_transaction and transactions.line = of_line.credited_line
    left join {{ credits }} as of_transaction
        on transactions.transaction_id = of_transaction.credited_transaction and of_transaction.credited_line is null
    left join {{ credits }} as of_original_line
        on transactions.original_transaction_id = of_original_line.credited_transaction and transactions.line = of_original_line.credited_line
    left join {{ credits }} as of_original
        on transactions.original_transaction_id = of_original.credited_transaction and of_original.credited_line is null
{%- endmacro %}

{% macro credits_to_join() -%}
    select distinct transaction_id as credited_transaction, line as credited_line, credit_key from {{ ref("int_credits_split") }}
{%- endmacro %}

{# A text that is a number with at most 12 digits before and 6 after the point, as its count of millionths; null for any other. #}
{% macro number_in_text(column) -%}
    case when regexp_full_match(cast({{ column }} as varchar), '-?[0-9]{1,12}(\.[0-9]{1,6})?')
        then cast(cast({{ column }} as decimal(18, 6)) * cast(1000000 as decimal(20, 0)) as bigint) end
{%- endmacro %}

{# A quantity or attribute of a line of `lines` in 10^-12: that of the whole line times the share that is credited. Thirds of it are rounded. #}
{% macro credited_units(column, lines="lines") -%}
    {%- set unit = var("book").share_unit -%}
    {%- if unit == 1000000 -%}
    (cast({{ lines }}.{{ column }} as hugeint) * {{ lines }}.share_parts)
    {%- else -%}
    {{ round_ratio("(cast(" ~ lines ~ "." ~ column ~ " as hugeint) * " ~ lines ~ ".share_parts * 1000000)", "cast(" ~ unit ~ " as hugeint)") }}
    {%- endif -%}
{%- endmacro %}

{# The amount, margin or quantity of one of `lines` times its attribute, in 10^-12. Exact but for a quantity that is shared: that is rounded. #}
{% macro multiplied_units(name, lines="lines") -%}
    {%- if name == "quantity" -%}
    {%- set quantity = credited_units("quantity_millionths", lines) -%}
    {{ product_of_units(quantity, "(cast(" ~ lines ~ ".attribute_millionths as hugeint) * 1000000)") }}
    {%- else -%}
    cast({{ lines }}.amount_millionths{{ " - " ~ lines ~ ".cost_millionths" if name == "margin" }} as hugeint) * {{ lines }}.attribute_millionths
    {%- endif -%}
{%- endmacro %}

{# What a measure of `line_sets` adds up where lines are multiplied: of the sums of sums_of_lines, which of them is the measure's. #}
{% macro measured_sum() -%}
    summed.* {%- if var("book").has_multiplied %} exclude (amount_times, margin_times, quantity_times, count_times){% endif %}
    replace (
        {%- if var("book").has_multiplied %}
        case line_sets.multiplied
            when 'amount' then summed.amount_times
            when 'margin' then summed.margin_times
            when 'quantity' then summed.quantity_times
            when 'count' then summed.count_times
            else summed.attribute_value
        end as attribute_value,
        {%- endif %}
        case when line_sets.attribute is null then 0 else summed.missing_attributes end as missing_attributes
    )
{%- endmacro %}

{# By what value sums of `lines` are kept apart; null where the line set has no groups. #}
{% macro group_of_sum(lines) -%}
    {% if var("book").has_groups %}{{ lines ~ "." if lines }}group_value{% else %}cast(null as varchar) as group_value{% endif %}
{%- endmacro %}

{# Sums over `lines`, and what is missing in them. Quantities and attributes are those of the whole line, times the share that is credited. #}
{% macro sums_of_lines() -%}
    {{ as_decimal("sum(lines.amount_millionths)", 6) }} as amount,
    {{ as_decimal("sum(lines.cost_millionths)", 6) }} as cost,
    {{ as_decimal("sum(" ~ credited_units("quantity_millionths") ~ ")", 12) }} as quantity,
    {{ as_decimal("sum(" ~ credited_units("attribute_millionths") ~ ")", 12) }} as attribute_value,
    {%- if var("book").has_multiplied %}
    {{ as_decimal("sum(" ~ multiplied_units("amount") ~ ")", 12) }} as amount_times,
    {{ as_decimal("sum(" ~ multiplied_units("margin") ~ ")", 12) }} as margin_times,
    {{ as_decimal("sum(" ~ multiplied_units("quantity") ~ ")", 12) }} as quantity_times,
    {{ as_decimal("sum(lines.attribute_millionths * cast(1000000 as hugeint))", 12) }} as count_times,
    {%- endif %}
    count(*) as line_count,
    count(*) filter (where lines.amount_millionths is null) as missing_rates,
    -- without a rate there is no cost either: that is one thing missing, not two
    count(*) filter (where lines.cost_millionths is null and lines.amount_millionths is not null) as missing_costs,
    count(*) filter (where lines.quantity_millionths is null) as missing_quantities,
    count(*) filter (where lines.attribute_millionths is null) as missing_attributes
{%- endmacro %}

{# The columns of a line that several members of a pool have a part of: their parts added up. Group by all. #}
{% macro pool_pieces_as_one() -%}
    * exclude (is_pool_piece, amount_millionths, cost_millionths, quantity_millionths, attribute_millionths, share_parts),
    sum(amount_millionths) as amount_millionths,
    sum(cost_millionths) as cost_millionths,
    any_value(quantity_millionths) as quantity_millionths,
    any_value(attribute_millionths) as attribute_millionths,
    cast(sum(share_parts) as bigint) as share_parts
{%- endmacro %}

{# The type of a line as a small number, which is quicker to sort than text, and back. #}
{% macro number_of_type(type) -%}
    cast(list_position(['sale', 'return', 'credit', 'adjustment'], {{ type }}) as integer)
{%- endmacro %}

{% macro type_of_number(number) -%}
    ['sale', 'return', 'credit', 'adjustment'][{{ number }}]
{%- endmacro %}

{#
  What one of `lines` brings to a figure of a kind (share_measure or base of terms.benefits), in millionths of money or lines, and in 10^-12 of all else.
  Null where the line lacks it.
#}
{% macro money_of_line(kind, lines) -%}
    case {{ kind }}
        when 'amount' then {{ lines }}.amount_millionths
        when 'margin' then {{ lines }}.amount_millionths - {{ lines }}.cost_millionths
        when 'count' then 1000000
    end
{%- endmacro %}

{% macro units_of_line(kind, lines) -%}
    case {{ kind }}
        {%- if var("book").has_multiplied %}
        when 'amount_times' then {{ multiplied_units("amount", lines) }}
        when 'margin_times' then {{ multiplied_units("margin", lines) }}
        when 'quantity_times' then {{ multiplied_units("quantity", lines) }}
        when 'count_times' then cast({{ lines }}.attribute_millionths as hugeint) * 1000000
        {%- endif %}
        when 'attribute' then {{ credited_units("attribute_millionths", lines) }}
        when 'quantity' then {{ credited_units("quantity_millionths", lines) }}
    end
{%- endmacro %}

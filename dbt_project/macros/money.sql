{#
  The SQL twin of models/money.py: the only places where SQL makes an amount of a ratio. Tests hold the two equal.
  At transaction grain everything is integers: money and quantities count millionths (they have up to 6 decimals), rates 10^-12. What a column of a
  feed holds fits 64 bits, products and sums of it need 128.
#}

{# numerator / denominator to the nearest integer (BIGINT or HUGEINT; denominator > 0), a half as the book's `rounding` says. #}
{% macro round_ratio(numerator, denominator) -%}
    {%- if var("rounding") == "half_even" -%}
    {#- the size is rounded and the sign put back, so that a half goes to even on either side of 0 -#}
    (sign({{ numerator }}) * (
        (2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }})
        - case when (2 * abs({{ numerator }}) + {{ denominator }}) % (2 * {{ denominator }}) = 0
            then ((2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }})) % 2 else 0 end))
    {%- else -%}
    (sign({{ numerator }}) * ((2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }})))
    {%- endif -%}
{%- endmacro %}

{#
  DECIMAL(18, up to 6) as its count of millionths. A product of decimals keeps 18 digits, so it is taken of small numbers and of fractions
  alone; 38 digits would take fifty times as long.
#}
{% macro millionths(amount) -%}
    case
        when abs({{ amount }}) < 999999 then cast({{ amount }} * cast(1000000 as decimal(7, 0)) as bigint)
        else cast(floor({{ amount }}) as bigint) * 1000000 + cast(({{ amount }} - floor({{ amount }})) * cast(1000000 as decimal(7, 0)) as bigint)
    end
{%- endmacro %}

{# Integers that count 10^-`decimals`, as DECIMAL(38, decimals). #}
{% macro as_decimal(units, decimals) -%}
    cast(cast({{ units }} as decimal(38, 0)) * cast(0.{{ "0" * (decimals - 1) }}1 as decimal({{ decimals + 1 }}, {{ decimals }})) as decimal(38, {{ decimals }}))
{%- endmacro %}

{#
  An amount of `lines` (in millionths) in the agreement's currency: as it is where it is in that currency already, null without a rate, else
  rounded once to the minor unit. `days` says up to which amount the product fits 64 bits: there it is a tenth of the work.
#}
{% macro convert_amount(amount) -%}
    case
        when lines.has_own_currency then {{ amount }}
        when abs({{ amount }}) <= lines.narrow_limit
            then {{ round_ratio("(" ~ amount ~ " * lines.narrow_rate)", "lines.share_divisor") }} * lines.minor_millionths
        else {{ rounded_product(amount, "lines.wide_rate", "lines.wide_divisor") }} * lines.minor_millionths
    end
{%- endmacro %}

{#
  amount (up to 10^20) × rate / divisor (up to 10^18), rounded. The rate is split, so that every product fits 128 bits if the result does: into an even
  number of divisors, which multiplies the amount exactly and changes no tie, and the rest.
#}
{% macro rounded_product(amount, rate, divisor) -%}
    {%- set wide = "cast(" ~ amount ~ " as hugeint)" -%}
    ({{ wide }} * ({{ rate }} // (2 * {{ divisor }})) * 2 + {{ round_ratio("(" ~ wide ~ " * (" ~ rate ~ " % (2 * " ~ divisor ~ ")))", divisor) }})
{%- endmacro %}

{#
  The part of an amount (in millionths) from one running share to the next: the running shares are rounded to the minor unit, so that all
  parts add up. A line that is not split is taken as it is. What times a share stays below 4 × 10^18 fits 64 bits.
#}
{% macro share_of(amount) -%}
    {%- set unit = var("book").share_unit -%}
    {%- set divisor = "share_divisor" if unit == 1000000 else "(share_divisor * " ~ unit // 1000000 ~ ")" -%}
    case
        when share_to - share_from = {{ unit }} then {{ amount }}
        when abs({{ amount }}) <= {{ 4000000000000000000 // unit }} and share_to <= {{ unit }}
            then ({{ round_ratio("(cast(" ~ amount ~ " as bigint) * share_to)", divisor) }}
                - {{ round_ratio("(cast(" ~ amount ~ " as bigint) * share_from)", divisor) }}) * minor_millionths
        else ({{ round_ratio("(cast(" ~ amount ~ " as hugeint) * share_to)", divisor) }}
            - {{ round_ratio("(cast(" ~ amount ~ " as hugeint) * share_from)", divisor) }}) * minor_millionths
    end
{%- endmacro %}

{# A share, written as a decimal or as a fraction, as its count of parts: of the least unit that all shares of the book are whole numbers of. #}
{% macro share_in_parts(share) -%}
    {%- set unit = var("book").share_unit -%}
    case
        when contains({{ share }}, '/')
            then cast(split_part({{ share }}, '/', 1) as bigint) * ({{ unit }} // cast(split_part({{ share }}, '/', 2) as bigint))
        else cast(cast({{ share }} as decimal(18, 6)) * cast(1000000 as decimal(20, 0)) as bigint) * {{ unit // 1000000 }}
    end
{%- endmacro %}

{# The same as a decimal of six digits, for people to read. #}
{% macro share_as_decimal(share) -%}
    case
        when contains({{ share }}, '/')
            then cast(cast(split_part({{ share }}, '/', 1) as double) / cast(split_part({{ share }}, '/', 2) as double) as decimal(18, 6))
        else cast({{ share }} as decimal(18, 6))
    end
{%- endmacro %}

{# A number of those parts as the share that it is. What has no end is cut after twelve decimals. #}
{% macro share_of_parts(parts) -%}
    {%- set grain = 1000000000000 // var("book").share_unit -%}
    {%- set exact = var("book").share_unit * grain == 1000000000000 -%}
    cast(
        {%- if exact %} {{ as_decimal("cast(" ~ parts ~ " as hugeint) * " ~ grain, 12) }}
        {%- else %} {{ as_decimal("cast(" ~ parts ~ " as hugeint) * 1000000000000 // " ~ var("book").share_unit, 12) }}{% endif %} as decimal(18, 12)
    )
{%- endmacro %}

{#
  Money of a payout in the reporting currency, at the rate of `rates` (int_payouts_rated); null where there is none. `narrow_limit` says up to which
  amount its count of ten-thousandths times the rate fits 64 bits: there it is a tenth of the work.
#}
{% macro in_reporting(amount, is_own_currency="rates.is_own_currency") -%}
    {%- set count = "cast(cast(" ~ amount ~ " as decimal(13, 4)) * cast(10000 as decimal(5, 0)) as bigint)" -%}
    {%- set rounded = round_ratio("(" ~ count ~ " * rates.narrow_rate)", "rates.narrow_divisor") ~ " * rates.reporting_unit" -%}
    case
        when {{ is_own_currency }} then cast({{ amount }} as decimal(18, 4))
        when abs({{ amount }}) <= rates.narrow_limit
            then cast(cast({{ rounded }} as decimal(13, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4))
        else cast({{ convert_payout(amount, "rates.rate", "rates.is_inverse", "rates.reporting_unit") }} as decimal(18, 4))
    end
{%- endmacro %}

{#
  Columns of a rate for in_reporting. A rate of up to 6 decimals is narrow: a count of ten-thousandths up to its limit, times the rate, stays below
  4 × 10^18, and what comes of it below 10^13.
#}
{% macro narrow_rate(rate, is_inverse, unit) -%}
    {%- set is_narrow = "not " ~ is_inverse ~ " and " ~ rate ~ " between 0.000001 and 1000000 and " ~ rate ~ " = round(" ~ rate ~ ", 6)" -%}
    {%- set millionths = "cast(" ~ rate ~ " * cast(1000000 as decimal(7, 0)) as bigint)" -%}
    case when {{ is_narrow }} then {{ millionths }} end as narrow_rate,
    cast(1000000 as bigint) * {{ unit }} as narrow_divisor,
    case when {{ is_narrow }} then cast(least(400000000000000 // {{ millionths }}, 100000000) as decimal(13, 4)) end as narrow_limit
{%- endmacro %}

{# A payout × rate (÷ rate where `is_inverse`), rounded to `unit` ten-thousandths; null without a rate. #}
{% macro convert_payout(payout, rate, is_inverse, unit) -%}
    {{ as_decimal(rounded_product(
        "(cast(" ~ payout ~ " as decimal(38, 6)) * cast(1000000 as decimal(7, 0)))",
        "case when " ~ is_inverse ~ " then 1000000000000::hugeint else " ~ units(rate) ~ " end",
        "(100::hugeint * " ~ unit ~ " * case when " ~ is_inverse ~ " then " ~ units(rate) ~ " else 1000000000000::hugeint end)"
    ) ~ " * (100::bigint * " ~ unit ~ ")", 6) }}
{%- endmacro %}

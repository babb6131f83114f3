{#
  The SQL twin of models/money.py: the only places where SQL makes an amount of a ratio. Tests hold the two equal.
  Everything is integers: an amount of up to 6 decimals is its count of millionths, a rate of up to 12 its count of 10^-12.
#}

{# numerator / denominator to the nearest integer (HUGEINT or BIGINT; denominator > 0), a half as the book's `rounding` says. #}
{% macro round_ratio(numerator, denominator) -%}
    {%- if var("rounding") == "half_even" -%}
    {#- floor division needs a numerator that is not negative: the sign is put back after, a half goes to even on either side -#}
    (sign({{ numerator }}) * (
        (2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }})
        - case when (2 * abs({{ numerator }}) + {{ denominator }}) % (2 * {{ denominator }}) = 0
            then ((2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }})) % 2 else 0 end))
    {%- else -%}
    (sign({{ numerator }}) * ((2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }})))
    {%- endif -%}
{%- endmacro %}

{# DECIMAL(s, 6) as its count of millionths. #}
{% macro millionths(amount, kind="hugeint") -%}
    cast({{ amount }} * cast(1000000 as decimal(7, 0)) as {{ kind }})
{%- endmacro %}

{#
  An amount of `lines` in the agreement's currency: as it is where it is in that currency already, null without a rate, else rounded once.
  `days` says up to which amount the product fits 64 bits: there it is a tenth of the work.
#}
{% macro convert_amount(amount) -%}
    case
        when days.from_currency = days.to_currency then {{ amount }}
        when abs({{ amount }}) <= days.narrow_limit
            then {{ from_minor_units(round_ratio(millionths(amount, "bigint") ~ " * days.narrow_rate", "days.share_divisor"), "days.minor_millionths") }}
        else {{ from_minor_units(round_ratio(millionths(amount) ~ " * days.wide_rate", "days.wide_divisor"), "days.minor_millionths") }}
    end
{%- endmacro %}

{#
  The part of an amount from one running share to the next: the running shares are rounded, so that all parts add up.
  A line that is not split is taken as it is. Four millions × 10^12 fit 64 bits.
#}
{% macro share_of(amount) -%}
    case
        when share_from = 0 and share_to = 1 then {{ amount }}
        {%- for kind, condition in (("bigint", "when abs(" ~ amount ~ ") <= 4000000 then"), ("hugeint", "else")) %}
        {{ condition }} {{ from_minor_units(
            round_ratio(millionths(amount, kind) ~ " * " ~ millionths("share_to", kind), "share_divisor") ~ " - "
            ~ round_ratio(millionths(amount, kind) ~ " * " ~ millionths("share_from", kind), "share_divisor"), "minor_millionths") }}
        {%- endfor %}
    end
{%- endmacro %}

{# A count of minor units as DECIMAL(18, 6). #}
{% macro from_minor_units(units, minor_millionths) -%}
    cast(cast(({{ units }}) * {{ minor_millionths }} as decimal(18, 0)) * 0.000001 as decimal(18, 6))
{%- endmacro %}

{# amount (up to 6 decimals) × rate, rounded to `minor_units` decimals; null without a rate. For the few rows of payouts. #}
{% macro convert_to_units(amount, rate, minor_units) -%}
    cast(cast({{ round_ratio(
        millionths(amount) ~ " * " ~ "cast(" ~ rate ~ " * cast(1000000000000 as decimal(13, 0)) as hugeint)",
        "cast(power(10, 18 - " ~ minor_units ~ ") as hugeint)"
    ) }} * cast(power(10, 6 - {{ minor_units }}) as bigint) as decimal(38, 0)) * 0.000001 as decimal(18, 6))
{%- endmacro %}

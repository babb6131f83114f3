{# Rows of feeds that are about payouts. #}

{# Whether a row of a feed names the payout: by agreement, benefit, participant and window. #}
{% macro names_payout(rows, payouts="identified") -%}
    {{ rows }}.agreement = {{ payouts }}.agreement_id
    and {{ rows }}.benefit = {{ payouts }}.benefit_id
    and {{ rows }}.participant_id = {{ payouts }}.participant_id
    and {{ rows }}.window_start = {{ payouts }}.window_start
{%- endmacro %}

{# Whether an amount has more decimals than the currency of its agreement. #}
{% macro is_too_fine(amount, minor_units="decimals.minor_units") -%}
    {{ millionths(amount) }} % cast(10 ** (6 - {{ minor_units }}) as bigint) <> 0
{%- endmacro %}

{% macro says_too_fine(rows) -%}
    cast({{ rows }}.amount as varchar) || ' has more than the ' || {{ rows }}.minor_units || ' decimals of the agreement''s currency'
{%- endmacro %}

{# The decimals of each agreement's currency. #}
{% macro decimals_of_agreements() -%}
    select agreements.agreement_id, any_value(conversions.minor_units) as minor_units
    from {{ source("terms", "agreements") }} as agreements
    inner join {{ source("terms", "conversions") }} as conversions on agreements.conversion_key = conversions.conversion_key
    group by agreements.agreement_id
{%- endmacro %}

{# The currency of each agreement. #}
{% macro currencies_of_agreements() -%}
    select agreement_id, any_value(currency) as currency from {{ source("terms", "agreements") }}
    group by agreement_id
{%- endmacro %}

{# What goes with the current rows of a feed about payouts: their file, the currency of the agreement, and the payout, null where there is none. #}
{% macro join_payouts(rows) -%}
    inner join {{ source("raw", "feed_files") }} as files on {{ rows }}.file_no = files.file_no
    left join ({{ currencies_of_agreements() }}) as currencies on {{ rows }}.agreement = currencies.agreement_id
    left join {{ ref("int_payouts_identified") }} as identified on {{ names_payout(rows) }}
{%- endmacro %}

{#
  What a payment is worth more (less: negative) in the reporting currency than what it settles at the rate of payout_reporting; null where it names no currency
  or a rate is missing. `rates`: int_payouts_rated of its payout.
#}
{% macro exchange_difference(payments) -%}
    cast({{ payments }}.paid_reporting - {{ in_reporting(payments ~ ".amount") }} as decimal(18, 4))
{%- endmacro %}

{#
  What customers have paid of a line: its share of `collected` for the line itself and for all lines of its transaction. What no transaction carries, and
  what takes money back, waits for nobody.
#}
{% macro collected_part(lines, paid, paid_when) -%}
    {%- set share = "coalesce(of_line.share, 0) + coalesce(of_all.share, 0)" -%}
    case
        when coalesce({{ lines }}.transaction_id, '') = '' or {{ paid }} <= 0 then 1
        when {{ paid_when }} = 'fully_collected' and {{ share }} < 1 then 0
        else least(greatest({{ share }}, 0), 1)
    end
{%- endmacro %}

{# What customers have paid of transactions and lines, row by row of the feed together: the CTE `collections` of join_collections. #}
{% macro collected_shares() -%}
    select transaction_id, line, sum(share) as share
    from {{ ref("stg_collections") }}
    group by transaction_id, line
{%- endmacro %}

{% macro join_collections(lines) -%}
    left join collections as of_line on {{ lines }}.transaction_id = of_line.transaction_id and {{ lines }}.line = of_line.line
    left join collections as of_all on {{ lines }}.transaction_id = of_all.transaction_id and of_all.line is null
{%- endmacro %}

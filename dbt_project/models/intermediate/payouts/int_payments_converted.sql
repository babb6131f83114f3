{{ config(materialized="view") }}
{#
  What payments settle. One that names its currency settles what it is worth in the agreement's currency on its day, rounded as payouts are; what it is worth in
  the reporting currency goes along, because what it settles was booked at another rate.
#}
with

payments as (
    select * from {{ ref("stg_payments") }}
),

{% if var("book").has_paid_currencies %}
agreements as (
    select agreement_id, any_value(currency) as currency, any_value(payout_unit) as payout_unit
    from {{ source("terms", "agreements") }}
    group by agreement_id
),

fx_rates as (
    select * from {{ ref("int_fx_rates_spanned") }}
),

converted as (
    select
        payments.* exclude (amount, currency),
        case
            when coalesce(payments.currency = agreements.currency, payments.currency is null) then payments.amount
            else {{ convert_payout("payments.amount", "to_agreement.rate", "to_agreement.is_inverse", "agreements.payout_unit") }}
        end as amount,
        payments.amount as paid_amount,
        coalesce(payments.currency, agreements.currency) as paid_currency,
        case
            when payments.currency = settings.currency then payments.amount
            else {{ convert_payout("payments.amount", "to_book.rate", "to_book.is_inverse", "settings.payout_unit") }}
        end as paid_reporting
    from payments
    cross join {{ source("terms", "settings") }} as settings
    left join agreements on payments.agreement = agreements.agreement_id
    {%- for rates, currency in [("to_agreement", "agreements.currency"), ("to_book", "settings.currency")] %}
    left join fx_rates as {{ rates }}
        on payments.currency = {{ rates }}.from_currency
        and {{ currency }} = {{ rates }}.to_currency
        and payments.paid_on between {{ rates }}.first_day and {{ rates }}.last_day
    {%- endfor %}
)
{% else %}
converted as (
    select
        * exclude (currency),
        amount as paid_amount,
        cast(null as varchar) as paid_currency,
        cast(null as decimal(18, 4)) as paid_reporting
    from payments
)
{% endif %}

select *, case when amount is null then 'no_rate' end as waits_for
from converted

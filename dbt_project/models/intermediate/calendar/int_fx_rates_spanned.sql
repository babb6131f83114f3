with

direct as (
    select
        from_currency,
        to_currency,
        date as first_day,
        coalesce(
            lead(date) over (partition by from_currency, to_currency order by date) - 1,
            date '9999-12-31'
        ) as last_day,
        rate
    from {{ ref("stg_fx_rates") }}
)

select *, false as is_inverse from direct
{% if var("book").has_inverse_rates %}
union all

-- the reverse pair's rates, up to the day before the first direct one
select
    reverse.to_currency as from_currency,
    reverse.from_currency as to_currency,
    reverse.first_day,
    least(reverse.last_day, coalesce(first_direct.first_day - 1, reverse.last_day)) as last_day,
    reverse.rate,
    true as is_inverse
from direct as reverse
left join (select from_currency, to_currency, min(first_day) as first_day from direct group by from_currency, to_currency) as first_direct
    on reverse.to_currency = first_direct.from_currency
    and reverse.from_currency = first_direct.to_currency
where reverse.first_day < coalesce(first_direct.first_day, date '9999-12-31')
{% endif %}

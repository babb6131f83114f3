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

select date, from_currency, to_currency, rate
from {{ ref("stg_fx_rates") }}

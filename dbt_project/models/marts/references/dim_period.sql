select
    period,
    fiscal_year,
    number as period_number,
    first_day,
    last_day
from {{ source("terms", "periods") }}

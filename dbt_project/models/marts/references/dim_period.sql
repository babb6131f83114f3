select
    period,
    fiscal_year,
    number as period_number,
    period_first_day as first_day,
    period_last_day as last_day
from {{ source("terms", "periods") }}
where is_period_end

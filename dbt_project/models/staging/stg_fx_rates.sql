select
    file_no,
    row_no,
    date,
    from_currency,
    to_currency,
    rate
from {{ source("raw", "fx_rates") }} as fx_rates
where {{ is_current("fx_rates") }}
    and date <= (select as_of from {{ source("terms", "settings") }})

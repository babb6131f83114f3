select
    file_no,
    row_no,
    date,
    from_currency,
    to_currency,
    rate
from {{ current_rows("fx_rates") }} as fx_rates
where date <= (select as_of from {{ source("terms", "settings") }})

select
    file_no,
    row_no,
    date,
    from_currency,
    to_currency,
    rate
from {{ current_rows("fx_rates") }} as fx_rates

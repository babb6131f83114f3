-- small enough to be joined by equality at transaction grain: the range join with the rates' spans happens here, once per day
with

days as (
    select days.*, periods.period_last_day as period_end
    from {{ source("terms", "days") }} as days
    inner join {{ source("terms", "periods") }} as periods on days.period_no = periods.period_no
    where days.day <= (select as_of from {{ source("terms", "settings") }})
),

fx_rates as (
    select * from {{ ref("int_fx_rates_spanned") }}
),

from_currencies as (
    select distinct currency as from_currency from {{ source("raw", "transactions") }}
),

conversions as (
    select * from {{ source("terms", "conversions") }}
),

converted as (
    select
        days.day,
        from_currencies.from_currency,
        conversions.conversion_key,
        conversions.to_currency,
        conversions.minor_units,
        days.period_no,
        days.prior_period_no,
        days.counts_as,
        case
            when from_currencies.from_currency = conversions.to_currency then 1
            when conversions.rate_on = 'fixed' then fixed_rates.rate
            else fx_rates.rate
        end as fx_rate,
        from_currencies.from_currency <> conversions.to_currency
        and conversions.rate_on <> 'fixed'
        and coalesce(fx_rates.is_inverse, false) as is_inverse
    from days
    cross join from_currencies
    cross join conversions
    left join fx_rates
        on from_currencies.from_currency = fx_rates.from_currency
        and conversions.to_currency = fx_rates.to_currency
        and case when conversions.rate_on = 'period_end' then days.period_end else days.day end between fx_rates.first_day and fx_rates.last_day
    left join {{ source("terms", "fixed_rates") }} as fixed_rates
        on conversions.conversion_key = fixed_rates.conversion_key
        and from_currencies.from_currency = fixed_rates.from_currency
)

-- what macros/money.sql multiplies and divides by, once per row of this small table: amount × rate has 18 decimals, with a narrow
-- rate (of up to 6 decimals) 12, like amount × share. An inverse rate is divided by: amount × 10^12 / rate is exact, 1 / rate is not
select
    cast(row_number() over (order by day, from_currency, conversion_key) as integer) as day_key,
    day,
    from_currency,
    conversion_key,
    to_currency,
    period_no,
    prior_period_no,
    counts_as,
    counts_as > (select as_of from {{ source("terms", "settings") }}) as is_after_as_of,
    case
        when is_inverse then {{ as_decimal(round_ratio("1000000000000000000000000::hugeint", "rate_units"), 12) }}
        else cast(fx_rate as decimal(38, 12))
    end as fx_rate,
    case when is_inverse then cast(fx_rate as decimal(38, 12)) end as inverted_rate,
    case when is_inverse then cast(power(10, 6 + minor_units) as hugeint) else rate_units end as wide_rate,
    case when is_inverse then rate_units else cast(power(10, 18 - minor_units) as hugeint) end as wide_divisor,
    case when is_narrow then cast(fx_rate * cast(1000000 as decimal(7, 0)) as bigint) end as narrow_rate,
    case when is_narrow then 4000000000000000000 // cast(fx_rate * cast(1000000 as decimal(7, 0)) as bigint) end as narrow_limit,
    cast(power(10, 12 - minor_units) as bigint) as share_divisor,
    cast(power(10, 6 - minor_units) as bigint) as minor_millionths
from (
    select
        *,
        {{ units("fx_rate") }} as rate_units,
        not is_inverse and fx_rate between 0.000001 and 1000000 and fx_rate = round(fx_rate, 6) as is_narrow
    from converted
) as narrowed

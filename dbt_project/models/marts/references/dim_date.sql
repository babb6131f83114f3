with

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as date, period, fiscal_year, number
    from {{ source("terms", "periods") }}
)

select
    days.date,
    cast(year(days.date) as integer) as calendar_year,
    strftime(days.date, '%Y') || '-Q' || quarter(days.date) as calendar_quarter,
    strftime(days.date, '%Y-%m') as calendar_month,
    cast(month(days.date) as integer) as month_number,
    monthname(days.date) as month_name,
    cast(day(days.date) as integer) as day_of_month,
    cast(isodow(days.date) as integer) as weekday_number,
    dayname(days.date) as weekday_name,
    strftime(days.date, '%G-W%V') as iso_week,
    days.period,
    days.fiscal_year,
    days.number as period_number,
    days.date <= settings.as_of as is_past
from days
cross join {{ source("terms", "settings") }} as settings

-- a period is closed up to the last close that was not reopened; what belongs to a closed one is posted in the first open one after it
with

periods as (
    select * from {{ source("terms", "periods") }}
),

closed as (
    select max(period) as last_period
    from {{ source("ledger", "closes") }}
    where is_in_force
),

posted as (
    select period, count(*) as closes
    from {{ source("ledger", "closes") }}
    where kind = 'close'
    group by period
),

marked as (
    select periods.*, coalesce(periods.period <= closed.last_period, false) as is_closed
    from periods
    cross join closed
),

first_open as (
    select min(period) as period
    from marked
    where not is_closed
)

select
    marked.period_no,
    marked.period,
    marked.period_first_day as first_day,
    marked.period_last_day as last_day,
    marked.is_period_end,
    marked.is_closed,
    case when marked.is_closed then first_open.period else marked.period end as posting_period,
    -- names the entries that its next close will post
    coalesce(posted.closes, 0) + 1 as next_version
from marked
cross join first_open
left join posted on marked.period = posted.period

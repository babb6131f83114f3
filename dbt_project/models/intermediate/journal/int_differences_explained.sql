{#
  Why a closed period's accrual has changed since the last close; the first reason that applies. Empty for books that never closed anything.
#}
with

known as (
    select max(sequence) as sequence
    from {{ source("ledger", "closes") }}
    where kind = 'close'
),

known_arrivals as (
    select arrivals.feed, arrivals.arrival_no
    from {{ source("ledger", "arrivals") }} as arrivals
    inner join known on arrivals.sequence = known.sequence
),

known_agreements as (
    select agreements.agreement_id, agreements.version, agreements.content_sha256
    from {{ source("ledger", "agreements") }} as agreements
    inner join known on agreements.sequence = known.sequence
),

posted as (
    select payout_id, agreement_id, origin_period, sum(accrual) as accrual
    from {{ source("ledger", "accruals") }}
    group by payout_id, agreement_id, origin_period
),

computed as (
    select identified.payout_id, identified.agreement_id, periods.period as origin_period, accruals.accrual
    from {{ source("calc", "accruals") }} as accruals
    inner join {{ ref("int_payouts_identified") }} as identified on accruals.payout_key = identified.payout_key
    inner join {{ source("terms", "periods") }} as periods on accruals.period_no = periods.period_no
),

changed as (
    select
        coalesce(computed.payout_id, posted.payout_id) as payout_id,
        coalesce(computed.agreement_id, posted.agreement_id) as agreement_id,
        coalesce(computed.origin_period, posted.origin_period) as origin_period
    from computed
    full join posted on computed.payout_id = posted.payout_id and computed.origin_period = posted.origin_period
    inner join {{ ref("int_periods_closed") }} as periods on coalesce(computed.origin_period, posted.origin_period) = periods.period and periods.is_period_end
    -- without a close nothing has changed: the lines are not read
    where {{ var("book").has_closes | lower }} and periods.is_closed and coalesce(computed.accrual, 0) <> coalesce(posted.accrual, 0)
),

-- any version whose text the close did not know, or knew otherwise; a version that is gone
amended as (
    select coalesce(agreements.agreement_id, known_agreements.agreement_id) as agreement_id
    from {{ source("terms", "agreements") }} as agreements
    full join known_agreements
        on agreements.agreement_id = known_agreements.agreement_id and agreements.version = known_agreements.version
    where agreements.content_sha256 is distinct from known_agreements.content_sha256
    group by all
),

new_files as (
    select files.file_no, files.feed
    from {{ source("raw", "feed_files") }} as files
    left join known_arrivals on files.feed = known_arrivals.feed
    where files.status = 'loaded' and files.arrival_no > coalesce(known_arrivals.arrival_no, 0)
),

benefits as (
    select * from {{ source("terms", "benefits") }}
),

draws as (
    select draws.*, benefits.agreement_key, benefits.benefit_id
    from {{ source("terms", "draws") }} as draws
    inner join benefits on draws.benefit_key = benefits.benefit_key
),

-- a draw hangs on all lines of what it is against, also before it and in agreements whose balance it goes on with
read_lines as (
    select benefit_key, line_set_key, measure_line_set_key, base_line_set_key, false as is_from_the_first
    from benefits
    union all
    select distinct draws.benefit_key, others.line_set_key, others.measure_line_set_key, others.base_line_set_key, true as is_from_the_first
    from draws
    inner join draws as earlier on draws.first_agreement_id = earlier.first_agreement_id and draws.benefit_id = earlier.benefit_id
    inner join benefits as others on earlier.agreement_key = others.agreement_key and list_contains(earlier.against, others.benefit_id)
),

-- what changed payouts measure, from the start of their span on: of each version on its days, where terms change within a window
measured as (
    select
        changed.payout_id,
        changed.origin_period,
        lines.file_no,
        lines.row_no,
        days.from_currency <> days.to_currency as is_converted
    from changed
    inner join {{ ref("int_payouts_identified") }} as identified on changed.payout_id = identified.payout_id
    inner join {{ source("calc", "payouts") }} as payouts on identified.payout_key = payouts.payout_key
    inner join {{ source("terms", "windows") }} as windows
        on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
    left join {{ source("terms", "window_parts") }} as parts
        on payouts.benefit_key = parts.benefit_key and payouts.window_no = parts.window_no
    inner join read_lines on coalesce(parts.part_benefit_key, payouts.benefit_key) = read_lines.benefit_key
    inner join {{ source("terms", "periods") }} as periods on changed.origin_period = periods.period and periods.is_period_end
    inner join {{ ref("int_lines_measured") }} as lines
        on lines.line_set_key in (read_lines.line_set_key, read_lines.measure_line_set_key, read_lines.base_line_set_key)
        and payouts.participant_key = lines.participant_key
        and lines.is_in_term
        and lines.period_no <= least(windows.last_period, periods.period_no)
        and (lines.period_no >= windows.span_first_period or read_lines.is_from_the_first)
        and (read_lines.is_from_the_first or lines.period_no between coalesce(parts.first_period, 0) and coalesce(parts.last_period, lines.period_no))
    inner join {{ ref("int_days_converted") }} as days on lines.day_key = days.day_key
),

described as (
    select
        measured.payout_id,
        measured.origin_period,
        bool_or(new_files.file_no is not null) as has_new_lines,
        bool_and(transactions.type = 'return') filter (where new_files.file_no is not null) as are_returns,
        bool_or(measured.is_converted) as has_conversions
    from measured
    left join new_files on measured.file_no = new_files.file_no
    left join {{ source("raw", "transactions") }} as transactions
        on new_files.file_no = transactions.file_no and measured.row_no = transactions.row_no
    group by measured.payout_id, measured.origin_period
)

select
    changed.payout_id,
    changed.origin_period,
    case
        when changed.agreement_id in (select agreement_id from amended) then 'amendment'
        when described.has_new_lines then case when described.are_returns then 'return' else 'late' end
        when described.has_conversions and exists (select 1 from new_files where feed = 'fx_rates') then 'fx'
        else 'reference'
    end as reason
from changed
left join described on changed.payout_id = described.payout_id and changed.origin_period = described.origin_period

{#
  Compact on purpose: once per benefit however many windows see a line, and nothing that fct_transaction has. fct_prior_line puts both together.
#}
with

-- which lines windows see besides their own
seen as (
    select
        'prior' as counts_for,
        benefits.benefit_key,
        coalesce(windows.prior_line_set_key, benefits.measure_line_set_key) as line_set_key,
        case when windows.prior_line_set_key is not null then windows.window_start end as window_start,
        min(windows.span_first_period) as first_period,
        max(windows.last_period) as last_period
    from {{ source("terms", "benefits") }} as benefits
    inner join {{ source("terms", "windows") }} as windows on benefits.benefit_key = windows.benefit_key
    where 'prior' in (benefits.target_source, benefits.baseline_source)
    group by all
    union all
    select
        'measure',
        benefits.benefit_key,
        benefits.measure_line_set_key,
        null,
        min(windows.measured_first_period),
        max(windows.measured_last_period)
    from {{ source("terms", "benefits") }} as benefits
    inner join {{ source("terms", "windows") }} as windows on benefits.benefit_key = windows.benefit_key
    where benefits.measure_over is not null
    group by all
),

named as (
    select
        seen.*,
        {{ benefit_version_id() }} as benefit_version_id,
        benefits.agreement_key,
        benefits.measure as measure_kind,
        row_number() over (order by agreements.agreement_id, agreements.version, benefits.benefit_id, seen.counts_for, seen.window_start) as place
    from seen
    inner join {{ source("terms", "benefits") }} as benefits on seen.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
),

lines as (
    select named.*, measured.* exclude (line_set_key)
    from {{ ref("int_lines_measured") }} as measured
    inner join named on measured.line_set_key = named.line_set_key and measured.prior_period_no between named.first_period and named.last_period
    where named.counts_for = 'prior'
    union all
    select named.*, measured.* exclude (line_set_key)
    from {{ ref("int_lines_measured") }} as measured
    inner join named on measured.line_set_key = named.line_set_key and measured.period_no between named.first_period and named.last_period
    where named.counts_for = 'measure' and measured.is_in_term
)

select
    lines.benefit_version_id,
    participants.participant_id,
    lines.counts_for,
    lines.window_start,
    days.day as counted_date,
    case lines.counts_for when 'prior' then days.counts_as else days.day end as counts_as_date,
    days.fx_rate,
    days.inverted_rate,
    {{ share_of_parts("lines.share_parts") }} as share,
    cast({{ as_decimal("lines.attribute_millionths", 6) }} as decimal(18, 6)) as measured_value,
    {{ as_decimal(figure_of_line("lines.measure_kind", "lines"), 12) }} as credited_measure,
    files.sha256 as source_sha256,
    lines.row_no as source_row
from lines
inner join {{ ref("int_participants") }} as participants
    on lines.agreement_key = participants.agreement_key and lines.participant_key = participants.participant_key
left join {{ ref("int_days_converted") }} as days on lines.day_key = days.day_key
left join {{ source("raw", "feed_files") }} as files on lines.file_no = files.file_no
-- equal content is published as equal bytes
order by lines.place, lines.participant_key, lines.file_no, lines.row_no

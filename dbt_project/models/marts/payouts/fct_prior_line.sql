-- lines of the year before that a target or baseline adds up, of the whole span up to the window's end
with

payouts as (
    select
        identified.payout_id,
        payouts.participant_key,
        benefits.measure as measure_kind,
        coalesce(windows.prior_line_set_key, benefits.measure_line_set_key) as line_set_key,
        unnest(range(windows.span_first_period, payouts.last_period + 1)) as period_no
    from {{ source("calc", "payouts") }} as payouts
    inner join {{ ref("int_payouts_identified") }} as identified on payouts.payout_key = identified.payout_key
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "windows") }} as windows
        on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
    where 'prior' in (benefits.target_source, benefits.baseline_source)
),

partners as (
    select distinct partner_key, partner_id from {{ ref("stg_partners") }}
),

products as (
    select product_key, product_id from {{ ref("stg_products") }}
)

select
    payouts.payout_id,
    nullif(lines.transaction_id, '') as transaction_id,
    lines.line,
    lines.date,
    days.day as counted_date,
    days.counts_as as counts_as_date,
    partners.partner_id,
    products.product_id,
    {{ type_of_number("lines.type_no") }} as type,
    cast({{ as_decimal("lines.quantity_millionths", 6) }} as decimal(18, 6)) as quantity,
    lines.source_amount as amount,
    lines.source_cost as cost,
    days.from_currency as currency,
    days.fx_rate,
    days.inverted_rate,
    {{ share_of_parts("lines.share_parts") }} as share,
    cast({{ as_decimal("lines.attribute_millionths", 6) }} as decimal(18, 6)) as measured_value,
    {{ as_decimal(figure_of_line("payouts.measure_kind", "lines"), 12) }} as credited_measure,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    lines.row_no as source_row,
    raw.line_of_row(lines.row_no, files.rows_per_row, files.lines_before, row_lines.line) as source_line
from payouts
inner join {{ ref("int_lines_measured") }} as lines
    on payouts.line_set_key = lines.line_set_key
    and payouts.participant_key = lines.participant_key
    and payouts.period_no = lines.prior_period_no
left join {{ ref("int_days_converted") }} as days on lines.day_key = days.day_key
left join {{ source("raw", "feed_files") }} as files on lines.file_no = files.file_no
left join {{ source("raw", "row_lines") }} as row_lines on lines.file_no = row_lines.file_no and lines.row_no = row_lines.row_no
left join partners on lines.partner_key = partners.partner_key
left join products on lines.product_key = products.product_key

{#
  A view: computed once, while it is published. Names travel through the sort as numbers (enums) and become text after it: half of the time went into
  moving text.
#}
{{ config(pre_hook="{{ make_name_types() }}") }}
with

payouts as (
    select
        payout_key,
        payout_no,
        payout_unit,
        cast(payout_id as {{ name_type("payout_ids") }}) as payout_id,
        cast(measure_unit as {{ name_type("measure_units") }}) as measure_unit
    from {{ ref("int_payouts_to_allocate") }}
),

days as (
    select day_key, day, fx_rate, inverted_rate, cast(from_currency as {{ name_type("currency_codes") }}) as currency from {{ ref("int_days_converted") }}
),

files as (
    select
        file_no,
        rows_per_row,
        lines_before,
        cast(file_name as {{ name_type("file_names") }}) as file_name,
        cast(sha256 as {{ name_type("file_hashes") }}) as sha256
    from {{ source("raw", "feed_files") }}
),

row_lines as (
    select file_no, row_no, line from {{ source("raw", "row_lines") }}
),

partners as (
    select distinct partner_key, cast(partner_id as {{ name_type("partner_ids") }}) as partner_id from {{ ref("stg_partners") }}
),

products as (
    select product_key, cast(product_id as {{ name_type("product_ids") }}) as product_id from {{ ref("stg_products") }}
),

-- equal content is published as equal bytes, with the lines of a payout one after the other
in_order as (
    select
        payouts.payout_id,
        payouts.payout_unit,
        payouts.measure_unit,
        lines.*,
        partners.partner_id,
        products.product_id,
        days.day as counted_date,
        days.currency,
        days.fx_rate,
        days.inverted_rate,
        files.file_name,
        files.sha256,
        raw.line_of_row(lines.row_no, files.rows_per_row, files.lines_before, row_lines.line) as source_line
    from {{ ref("int_payout_lines_allocated") }} as lines
    inner join payouts on lines.payout_key = payouts.payout_key
    left join days on lines.day_key = days.day_key
    left join files on lines.file_no = files.file_no
    left join row_lines on lines.file_no = row_lines.file_no and lines.row_no = row_lines.row_no
    left join partners on lines.partner_key = partners.partner_key
    left join products on lines.product_key = products.product_key
    order by payouts.payout_no, lines.date, lines.transaction_id, lines.line, lines.file_no, lines.row_no, lines.tier
)

select
    cast(payout_id as varchar) as payout_id,
    nullif(transaction_id, '') as transaction_id,
    line,
    date,
    cast(partner_id as varchar) as partner_id,
    cast(product_id as varchar) as product_id,
    source_amount as amount,
    cast(currency as varchar) as currency,
    fx_rate,
    inverted_rate,
    tier,
    {{ as_decimal("credited_units", 12) }} as credited_measure,
    -- a payout's part in the fourth decimal, which no currency goes beyond
    cast(cast(cast(share_units as bigint) * payout_unit as decimal(18, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4)) as line_payout,
    cast(file_name as varchar) as source_file,
    cast(sha256 as varchar) as source_sha256,
    row_no as source_row,
    source_line,
    counted_date,
    {{ type_of_number("type_no") }} as type,
    cast({{ as_decimal("source_quantity", 6) }} as decimal(18, 6)) as quantity,
    source_cost as cost,
    {{ share_of_parts("share_parts") }} as share,
    cast({{ as_decimal("source_attribute", 6) }} as decimal(18, 6)) as measured_value,
    cast(measure_unit as varchar) as measure_unit,
    {% if var("book").has_bases %}{{ as_decimal("base_units", 12) }}{% else %}cast(null as decimal(38, 12)){% endif %} as credited_base
from in_order

{#
  A view: computed once, while it is published. Integers throughout: the payout in minor units, money and counts in millionths, quantities
  and slices in 10^-12. Names travel through the sort as numbers (enums) and become text after it: half of the time went into moving text.
#}
{{ config(pre_hook="{{ make_name_types() }}") }}
{% set money -%}
    coalesce(case due_periods.measure_kind
        when 'amount' then lines.amount_millionths
        when 'margin' then lines.amount_millionths - lines.cost_millionths
        else 1000000
    end, 0)
{%- endset %}
{% set quantity = "coalesce(cast(lines.quantity_millionths as hugeint) * lines.share_millionths, 0)" %}
with

due as not materialized (
    select * from {{ ref("int_payouts_due") }}
),

-- one row per payout × period: joined to lines by equality
due_periods as not materialized (
    select due.payout_key, due.basis_key, due.participant_key, due.measure_kind, due.is_graduated, periods.period_no
    from {{ ref("int_payouts_due") }} as due
    inner join {{ source("terms", "periods") }} as periods on periods.period_no between due.first_period and due.last_period
    where due.window_units > 0
),

money_lines as (
    {{ running_lines("not due_periods.is_graduated and due_periods.measure_kind <> 'quantity'", money) }}
),

money_shared as (
    select
        {{ shown_columns("lines") }}
        due.tier,
        lines.measure * cast(1000000 as hugeint) as credited_units,
        case
            when greatest(abs(lines.to_here), abs(lines.to_here - lines.measure), due.window_millionths) <= due.narrow_limit
                then {{ round_ratio("(due.payout_units * lines.to_here)", "due.window_millionths") }}
                - {{ round_ratio("(due.payout_units * (lines.to_here - lines.measure))", "due.window_millionths") }}
            else {{ part_of_payout("lines.to_here", "lines.measure", "cast(due.window_millionths as hugeint)") }}
        end as share_units
    from (select *, cast(measure_to_here as bigint) as to_here from money_lines) as lines
    inner join due on lines.payout_key = due.payout_key
),

quantity_lines as (
    {{ running_lines("not due_periods.is_graduated and due_periods.measure_kind = 'quantity'", quantity) }}
),

quantity_shared as (
    select
        {{ shown_columns("lines") }}
        due.tier,
        lines.measure as credited_units,
        {{ part_of_payout("lines.measure_to_here", "lines.measure", "due.window_units") }} as share_units
    from quantity_lines as lines
    inner join due on lines.payout_key = due.payout_key
),

graduated_lines as (
    {{ running_lines(
        "due_periods.is_graduated",
        "case when due_periods.measure_kind = 'quantity' then " ~ quantity ~ " else cast(1000000 as hugeint) * " ~ money ~ " end"
    ) }}
),

placed as (
    select
        {{ shown_columns("lines") }}
        slices.tier,
        slices.weight_per_unit,
        {{ clamped("lines.measure_to_here") }} - {{ clamped("(lines.measure_to_here - lines.measure)") }} as slice_units,
        -- a line of measure 0 stands in the slice that the running measure has reached
        lines.measure = 0
        and coalesce(lines.measure_to_here >= slices.from_units, true)
        and coalesce(lines.measure_to_here < slices.to_units, true) as is_place_of_nothing
    from graduated_lines as lines
    inner join {{ ref("int_payouts_sliced") }} as slices on lines.payout_key = slices.payout_key
),

weighed as (
    select *, slice_units * weight_per_unit as weight
    from placed
    where slice_units <> 0 or is_place_of_nothing
),

weighed_to_here as (
    select
        *,
        sum(weight) over in_order as weight_to_here,
        sum(slice_units) over in_order as slices_to_here,
        sum(weight) over whole as weight_total
    from weighed
    window
        in_order as (
            partition by payout_key order by date, transaction_id, line, file_no, row_no, tier rows between unbounded preceding and current row
        ),
        whole as (
            partition by payout_key order by date, transaction_id, line, file_no, row_no, tier
            rows between unbounded preceding and unbounded following
        )
),

graduated_shared as (
    select
        {{ shown_columns("lines") }}
        lines.tier,
        lines.slice_units as credited_units,
        -- tiers that pay amounts alone weigh nothing: then the measure decides
        case when lines.weight_total > 0
            then {{ part_of_payout("lines.weight_to_here", "lines.weight", "lines.weight_total") }}
            else {{ part_of_payout("lines.slices_to_here", "lines.slice_units", "due.window_units") }}
        end as share_units
    from weighed_to_here as lines
    inner join due on lines.payout_key = due.payout_key
),

shared as (
    select * from money_shared
    union all
    select * from quantity_shared
    union all
    select * from graduated_shared
    union all
    -- nothing to share by: the payout stands alone
    select payout_key, null, null, null, null, null, null, null, null, null, tier, window_units, payout_units
    from due
    where window_units <= 0
),

named_due as (
    select payout_key, payout_no, minor_ten_thousandths, cast(payout_id as {{ name_type("payout_ids") }}) as payout_id from due
),

days as (
    select day_key, fx_rate, cast(from_currency as {{ name_type("currency_codes") }}) as currency from {{ ref("int_days_converted") }}
),

files as (
    select file_no, cast(file_name as {{ name_type("file_names") }}) as file_name, cast(sha256 as {{ name_type("file_hashes") }}) as sha256
    from {{ source("raw", "feed_files") }}
),

partners as (
    select distinct partner_key, cast(partner_id as {{ name_type("partner_ids") }}) as partner_id from {{ ref("stg_partners") }}
),

products as (
    select product_key, cast(product_id as {{ name_type("product_ids") }}) as product_id from {{ ref("stg_products") }}
),

-- equal content is published as equal bytes, and the lines of a payout stand together
in_order as (
    select
        named_due.payout_id,
        named_due.minor_ten_thousandths,
        shared.*,
        partners.partner_id,
        products.product_id,
        days.currency,
        days.fx_rate,
        files.file_name,
        files.sha256
    from shared
    inner join named_due on shared.payout_key = named_due.payout_key
    left join days on shared.day_key = days.day_key
    left join files on shared.file_no = files.file_no
    left join partners on shared.partner_key = partners.partner_key
    left join products on shared.product_key = products.product_key
    order by named_due.payout_no, shared.date, shared.transaction_id, shared.line, shared.file_no, shared.row_no, shared.tier
)

select
    cast(payout_id as varchar) as payout_id,
    transaction_id,
    line,
    date,
    cast(partner_id as varchar) as partner_id,
    cast(product_id as varchar) as product_id,
    source_amount as amount,
    cast(currency as varchar) as currency,
    fx_rate,
    tier,
    {{ as_decimal("credited_units", 12) }} as credited_measure,
    -- a payout's part in the fourth decimal, which no currency goes beyond
    cast(cast(cast(share_units as bigint) * minor_ten_thousandths as decimal(18, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4)) as line_payout,
    cast(file_name as varchar) as source_file,
    cast(sha256 as varchar) as source_sha256,
    row_no as source_row
from in_order

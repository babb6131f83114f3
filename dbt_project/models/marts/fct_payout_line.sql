{#
  A view: computed once, while it is published. Integers throughout: the payout in minor units, money and counts in millionths, quantities
  and slices in 10^-12.
#}
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
)

select
    due.payout_id,
    shared.transaction_id,
    shared.line,
    shared.date,
    partners.partner_id,
    products.product_id,
    shared.source_amount as amount,
    days.from_currency as currency,
    days.fx_rate,
    shared.tier,
    {{ as_decimal("shared.credited_units", 12) }} as credited_measure,
    -- a payout's part in the fourth decimal, which no currency goes beyond
    cast(cast(cast(shared.share_units as bigint) * due.minor_ten_thousandths as decimal(18, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4))
        as line_payout,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    shared.row_no as source_row
from shared
inner join due on shared.payout_key = due.payout_key
left join {{ ref("int_days_converted") }} as days on shared.day_key = days.day_key
left join {{ source("raw", "feed_files") }} as files on shared.file_no = files.file_no
left join (select distinct partner_key, partner_id from {{ ref("stg_partners") }}) as partners on shared.partner_key = partners.partner_key
left join {{ ref("stg_products") }} as products on shared.product_key = products.product_key
-- equal content is published as equal bytes, and the lines of a payout stand together
order by due.payout_no, shared.date, shared.transaction_id, shared.line, shared.file_no, shared.row_no, shared.tier

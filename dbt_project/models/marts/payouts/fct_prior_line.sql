{#
  A view over published tables, never stored: most lines of the year before are seen by several windows of a span.
#}
with

seen as (
    select
        payouts.payout_id,
        earlier.*
    from {{ ref("fct_payout") }} as payouts
    inner join {{ ref("fct_earlier_line") }} as earlier
        on payouts.benefit_version_id = earlier.benefit_version_id
        and payouts.participant_id = earlier.participant_id
        and payouts.window_start = coalesce(earlier.window_start, payouts.window_start)
        and (
            (earlier.counts_for = 'prior' and earlier.counts_as_date between payouts.span_start and payouts.window_end)
            or (earlier.counts_for = 'measure' and earlier.counts_as_date between payouts.measured_from and payouts.measured_to)
        )
)

select
    seen.payout_id,
    seen.counts_for,
    lines.transaction_id,
    lines.line,
    lines.date,
    seen.counted_date,
    seen.counts_as_date,
    lines.partner_id,
    lines.product_id,
    lines.type,
    lines.quantity,
    lines.amount,
    lines.cost,
    lines.currency,
    seen.fx_rate,
    seen.inverted_rate,
    seen.share,
    seen.measured_value,
    seen.credited_measure,
    lines.source_file,
    seen.source_sha256,
    seen.source_row,
    lines.source_line
from seen
inner join {{ ref("fct_transaction") }} as lines
    on seen.source_sha256 = lines.source_sha256 and seen.source_row = lines.source_row

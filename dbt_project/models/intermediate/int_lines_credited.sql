{{ join_as_written() }}
{#
  Every line meets every membership of its partner, seven times as many rows as are credited: they carry keys alone until the scope is decided.
#}
{% set matched %}
    select
        memberships.basis_key,
        memberships.participant_key,
        lines.file_no,
        lines.row_no,
        lines.transaction_id,
        lines.line,
        lines.date,
        lines.partner_key,
        lines.product_key,
        lines.amount as source_amount,
        lines.quantity as source_quantity,
        days.day_key,
        days.minor_millionths,
        days.share_divisor,
        days.period_no,
        case when memberships.looks_back and days.counts_as between memberships.term_from and memberships.term_to then days.prior_period_no end
            as prior_period_no,
        lines.date between memberships.term_from and memberships.term_to as is_in_term,
        {{ convert_amount("lines.amount") }} as amount,
        {{ convert_amount("lines.cost") }} as cost,
        memberships.share_from,
        memberships.share_to
    from lines
    inner join spans
        on lines.partner_key = spans.partner_key
        and lines.date between spans.first_day and spans.last_day
    inner join scopes on spans.scope_key = scopes.scope_key
    inner join memberships on spans.membership_key = memberships.membership_key
    inner join days on lines.date = days.day and lines.currency = days.from_currency and memberships.currency = days.to_currency
    where get_bit(scopes.products, lines.product_key) = 1
        and case lines.type
            when 'sale' then scopes.counts_sale
            when 'return' then scopes.counts_return
            when 'credit' then scopes.counts_credit
            else scopes.counts_adjustment
        end
{% endset %}
{% set shared %}
    select
        * exclude (amount, cost, share_from, share_to, minor_millionths, share_divisor),
        {{ share_of("amount") }} as amount,
        {{ share_of("cost") }} as cost,
        share_to - share_from as share
{% endset %}

with

lines as not materialized (
    select * from {{ ref("stg_transactions") }}
),

memberships as not materialized (
    select * from {{ ref("int_memberships") }}
),

whole_spans as (
    select membership_key, scope_key, partner_key, first_day, last_day
    from {{ ref("int_memberships") }}
    where not is_pool_piece
),

piece_spans as (
    select membership_key, scope_key, partner_key, first_day, last_day
    from {{ ref("int_memberships") }}
    where is_pool_piece
),

scopes as not materialized (
    select * from {{ ref("int_scopes_packed") }}
),

days as not materialized (
    select * from {{ ref("int_days_converted") }}
),

matched as (
    {{ matched | replace("inner join spans", "inner join whole_spans as spans") }}
),

matched_pieces as (
    {{ matched | replace("inner join spans", "inner join piece_spans as spans") }}
),

shared as (
    {{ shared }}
    from matched
),

shared_pieces as (
    {{ shared }}
    from matched_pieces
),

-- members of one pool who are each assigned a part of a line: one row, the sum of their parts
pooled as (
    select * exclude (amount, cost, share), sum(amount) as amount, sum(cost) as cost, sum(share) as share
    from shared_pieces
    group by all
),

credited as (
    select * from shared
    union all by name
    select * from pooled
)

select
    basis_key,
    participant_key,
    file_no,
    row_no,
    transaction_id,
    line,
    date,
    partner_key,
    product_key,
    source_amount,
    day_key,
    period_no,
    prior_period_no,
    is_in_term,
    cast(amount as decimal(18, 6)) as amount,
    cast(cost as decimal(18, 6)) as cost,
    source_quantity,
    cast(share as decimal(18, 6)) as share
from credited
where is_in_term or prior_period_no is not null

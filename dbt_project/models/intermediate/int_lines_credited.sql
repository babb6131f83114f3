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
        lines.cost as source_cost,
        lines.quantity as source_quantity,
        days.day_key,
        days.from_currency = days.to_currency as has_own_currency,
        days.narrow_limit,
        days.narrow_rate,
        days.wide_rate,
        days.wide_divisor,
        days.share_divisor,
        days.minor_millionths,
        days.period_no,
        case when memberships.looks_back and days.counts_as between memberships.term_from and memberships.term_to then days.prior_period_no end
            as prior_period_no,
        lines.date between memberships.term_from and memberships.term_to as is_in_term,
        memberships.share_from,
        memberships.share_to
    from lines
    inner join products on lines.product_key = products.product_key
    inner join spans
        on lines.partner_key = spans.partner_key
        and lines.date between spans.first_day and spans.last_day
        and get_bit(products.scopes, spans.scope_key) = 1
    inner join memberships on spans.membership_key = memberships.membership_key
    inner join days on lines.date = days.day and lines.currency = days.from_currency and memberships.currency = days.to_currency
    where case lines.type
            when 'sale' then memberships.counts_sale
            when 'return' then memberships.counts_return
            when 'credit' then memberships.counts_credit
            else memberships.counts_adjustment
        end
{% endset %}
{% set line_columns = [
    "basis_key", "participant_key", "file_no", "row_no", "transaction_id", "line", "date", "partner_key", "product_key", "source_amount", "day_key",
    "period_no", "prior_period_no", "is_in_term",
] %}
{# as written, in the agreement's currency, in the participant's share: each step once per line #}
{% set share_lines %}
    select
        {{ line_columns | join(", ") }},
        {{ share_of("amount_millionths") }} as amount_millionths,
        {{ share_of("cost_millionths") }} as cost_millionths,
        quantity_millionths,
        share_to - share_from as share_millionths
    from (
        select
            * exclude (amount_millionths, cost_millionths, share_from, share_to),
            {{ convert_amount("lines.amount_millionths") }} as amount_millionths,
            {{ convert_amount("lines.cost_millionths") }} as cost_millionths,
            {{ millionths("lines.share_from") }} as share_from,
            {{ millionths("lines.share_to") }} as share_to
        from (
            select
                *,
                {{ millionths("source_amount") }} as amount_millionths,
                {{ millionths("source_cost") }} as cost_millionths,
                {{ millionths("source_quantity") }} as quantity_millionths
            from matched
        ) as lines
    )
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

products as not materialized (
    select * from {{ ref("int_products_packed") }}
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
    {{ share_lines }}
),

-- members of one pool who are each assigned a part of a line: one row, the sum of their parts
pooled as (
    select
        {{ line_columns | join(", ") }},
        cast(sum(amount_millionths) as bigint) as amount_millionths,
        cast(sum(cost_millionths) as bigint) as cost_millionths,
        any_value(quantity_millionths) as quantity_millionths,
        cast(sum(share_millionths) as bigint) as share_millionths
    from ({{ share_lines | replace("from matched", "from matched_pieces") }})
    group by {{ line_columns | join(", ") }}
)

select * from shared
where is_in_term or prior_period_no is not null
union all
select * from pooled
where is_in_term or prior_period_no is not null
